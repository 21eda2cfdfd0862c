-- name: DeliveryReplayFrom :one
-- Where a range of time begins, as a position: found from the newest backwards, because the rows before it are many and have no index by time.
SELECT coalesce((
    SELECT d.position FROM deliveries d
    WHERE d.account_id = @account_id AND d.endpoint_id = @endpoint_id AND d.state = ANY(@states::text[]) AND d.created_at < @before::timestamptz
    ORDER BY d.position DESC LIMIT 1), 0)::bigint AS position;

-- name: DeliveryListReplay :many
-- What may be sent again. A mark, and what was never made because it could not be, have no bytes to send.
SELECT id, contact_id, position FROM deliveries
WHERE account_id = @account_id AND endpoint_id = @endpoint_id AND state = ANY(@states::text[]) AND after_id IS NULL AND octet_length(body) > 0
  AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR created_at <= sqlc.narg('until'))
  AND (sqlc.narg('failed_since')::timestamptz IS NULL OR finished_at >= sqlc.narg('failed_since'))
  AND (cardinality(@event_types::text[]) = 0 OR event_type = ANY(@event_types::text[]))
  AND NOT (@unless_asked::boolean AND manual_at IS NOT NULL)
  AND position > @after_position
ORDER BY position LIMIT @row_limit;

-- name: DeliveryReplay :execrows
-- The rows are locked in the order that everybody follows who asks for several.
WITH asked AS (SELECT d.id FROM deliveries d WHERE d.id = ANY(@ids::uuid[]) ORDER BY d.position FOR UPDATE)
UPDATE deliveries SET manual_at = @now, manual_count = manual_count + 1 FROM asked WHERE deliveries.id = asked.id;

-- name: EndpointRevive :execrows
-- Somebody says that it is well. What was noted of it before is no evidence any more, and all that waits for it is tried now, also what failed
-- while it took others.
UPDATE endpoints SET paused_until = NULL, open_until = NULL, judged_from = @now::timestamptz, recovered_at = @now, recovered_from = NULL
WHERE account_id = @account_id AND id = @id AND state = 'enabled' AND deleted_at IS NULL;
