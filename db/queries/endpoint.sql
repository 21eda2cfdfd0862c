-- name: EndpointInsert :one
INSERT INTO endpoints (id, account_id, inbox_id, url, transport, secret, vendor_secret, payload, payload_version, retry, buffer_seconds,
    buffer_size, buffer_events, inactivity_minutes, event_types, headers, ordering, rate_limit, max_in_flight)
VALUES (@id, @account_id, @inbox_id, @url, @transport, @secret, @vendor_secret, @payload, @payload_version, @retry, @buffer_seconds,
    @buffer_size, @buffer_events, @inactivity_minutes, @event_types, @headers, @ordering, @rate_limit, @max_in_flight)
RETURNING *;

-- name: EndpointUpdate :one
UPDATE endpoints SET url = @url, vendor_secret = @vendor_secret, payload = @payload, payload_version = @payload_version, retry = @retry,
    buffer_seconds = @buffer_seconds, buffer_size = @buffer_size, buffer_events = @buffer_events, inactivity_minutes = @inactivity_minutes,
    event_types = @event_types, headers = @headers, ordering = @ordering, rate_limit = @rate_limit, max_in_flight = @max_in_flight,
    state = @state, disabled_reason = @disabled_reason, updated_at = now()
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: EndpointGet :one
SELECT * FROM endpoints WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: EndpointLock :one
-- Whoever changes an endpoint reads it so: two who change it at once, or one and a lane that disables it, take turns. Deliveries can be
-- made for it meanwhile.
SELECT * FROM endpoints WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: EndpointListByInbox :many
SELECT * FROM endpoints WHERE account_id = @account_id AND inbox_id = @inbox_id AND deleted_at IS NULL ORDER BY id;

-- name: EndpointDelete :execrows
UPDATE endpoints SET deleted_at = now(), state = 'disabled', disabled_reason = 'deleted'
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: EndpointDisable :execrows
-- What was said at another address than it has now says nothing of it.
UPDATE endpoints SET state = 'disabled', disabled_reason = @reason::text, updated_at = now()
WHERE id = @id AND state = 'enabled' AND url = @url;

-- name: EndpointListRaw :many
-- Those that get Meta's webhooks as they came.
SELECT * FROM endpoints WHERE inbox_id = ANY(@inbox_ids::uuid[]) AND payload = 'meta' AND deleted_at IS NULL ORDER BY id;

-- name: EndpointPause :exec
UPDATE endpoints SET paused_until = greatest(paused_until, @until::timestamptz) WHERE id = @id AND url = @url;

-- name: EndpointUnpause :exec
-- What asked for the pause was another token.
UPDATE endpoints SET paused_until = NULL WHERE id = @id;

-- name: EndpointCountEnable :one
-- The minute begins with the first request to enable it after the minute before.
UPDATE endpoints SET enables = CASE WHEN enables_since > @minute_ago::timestamptz THEN enables + 1 ELSE 1 END,
    enables_since = CASE WHEN enables_since > @minute_ago THEN enables_since ELSE @now::timestamptz END
WHERE id = @id
RETURNING enables, enables_since::timestamptz AS enables_since;

-- name: EndpointStartAfresh :exec
-- What was learned of it says nothing of what it is now. Attempts that are still under way began before, and are no evidence either.
UPDATE endpoints SET failing_since = NULL, failures = 0, open_until = NULL, paused_until = NULL, judged_from = @now::timestamptz
WHERE id = @id;

-- name: EndpointHasten :exec
-- The lanes that wait for it are woken, as after its recovery: all of them, or those that have tried nothing since untried_since.
UPDATE endpoints SET recovered_at = coalesce(recovered_at, @now::timestamptz),
    recovered_from = CASE WHEN recovered_at IS NULL THEN sqlc.narg('untried_since')::timestamptz ELSE recovered_from END
WHERE id = @id;

-- name: EndpointForgetSlots :exec
-- The places under a rate limit that is no more.
WITH places AS (UPDATE deliveries SET slot_at = NULL WHERE deliveries.endpoint_id = @id AND deliveries.state = 'pending' AND deliveries.slot_at IS NOT NULL)
UPDATE endpoints SET slot_at = NULL WHERE endpoints.id = @id;

-- name: EndpointBacklog :many
-- What has not reached the endpoints of an inbox.
SELECT d.endpoint_id, count(*) AS undelivered, min(d.created_at)::timestamptz AS oldest_at
FROM endpoints e JOIN deliveries d ON d.endpoint_id = e.id
WHERE e.account_id = @account_id AND e.inbox_id = @inbox_id AND e.deleted_at IS NULL
  AND d.state IN ('pending', 'held') AND d.after_id IS NULL
GROUP BY d.endpoint_id;
