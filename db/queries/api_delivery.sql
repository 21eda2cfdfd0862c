-- name: DeliveryListBrief :many
-- A page without the bodies, which nobody is shown: a hundred of them may be 4 MiB each.
SELECT id, position, webhook_id, endpoint_id, inbox_id, event_type, event_id, conversation_id, message_id, seq, state, failure, next_attempt_at,
    created_at, finished_at, contact_id
FROM deliveries
WHERE account_id = @account_id AND after_id IS NULL
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state'))
  AND (sqlc.narg('endpoint_id')::uuid IS NULL OR endpoint_id = sqlc.narg('endpoint_id'))
  AND (sqlc.narg('conversation_id')::uuid IS NULL OR conversation_id = sqlc.narg('conversation_id'))
  AND position < @before_position
ORDER BY position DESC LIMIT @row_limit;

-- name: AttemptListBrief :many
-- Without most of the answers, for the same reason: a thousand attempts may have 64 KiB each.
SELECT delivery_id, n, trigger, started_at, duration_ms, status, error, error_class, next_attempt_at, response_headers,
    coalesce(left(response_excerpt, 1024), '')::text AS response_excerpt,
    (response_truncated OR coalesce(length(response_excerpt), 0) > 1024)::boolean AS response_truncated
FROM delivery_attempts WHERE delivery_id = ANY(@delivery_ids::uuid[]) ORDER BY delivery_id, n;
