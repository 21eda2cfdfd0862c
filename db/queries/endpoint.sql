-- name: EndpointInsert :one
INSERT INTO endpoints (id, account_id, inbox_id, url, transport, secret, vendor_secret, payload, payload_version, retry, buffer_seconds,
    buffer_size, buffer_events, inactivity_minutes, event_types, headers)
VALUES (@id, @account_id, @inbox_id, @url, @transport, @secret, @vendor_secret, @payload, @payload_version, @retry, @buffer_seconds,
    @buffer_size, @buffer_events, @inactivity_minutes, @event_types, @headers)
RETURNING *;

-- name: EndpointUpdate :one
UPDATE endpoints SET url = @url, vendor_secret = @vendor_secret, payload = @payload, payload_version = @payload_version, retry = @retry,
    buffer_seconds = @buffer_seconds, buffer_size = @buffer_size, buffer_events = @buffer_events, inactivity_minutes = @inactivity_minutes,
    event_types = @event_types, headers = @headers, state = @state, disabled_reason = @disabled_reason, updated_at = now()
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: EndpointGet :one
SELECT * FROM endpoints WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: EndpointListByInbox :many
SELECT * FROM endpoints WHERE account_id = @account_id AND inbox_id = @inbox_id AND deleted_at IS NULL ORDER BY id;

-- name: EndpointDelete :execrows
UPDATE endpoints SET deleted_at = now(), state = 'disabled', disabled_reason = 'deleted'
WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL;

-- name: EndpointDisable :execrows
UPDATE endpoints SET state = 'disabled', disabled_reason = @reason::text, updated_at = now()
WHERE id = @id AND state = 'enabled';

-- name: EndpointListRaw :many
-- Those that get Meta's webhooks as they came.
SELECT * FROM endpoints WHERE inbox_id = ANY(@inbox_ids::uuid[]) AND payload = 'meta' AND deleted_at IS NULL ORDER BY id;

-- name: EndpointPause :exec
UPDATE endpoints SET paused_until = greatest(paused_until, @until::timestamptz) WHERE id = @id;

-- name: EndpointUnpause :exec
-- What asked for the pause was another token.
UPDATE endpoints SET paused_until = NULL WHERE id = @id;

-- name: EndpointBacklog :many
-- What has not reached the endpoints of an inbox.
SELECT d.endpoint_id, count(*) AS undelivered, min(d.created_at)::timestamptz AS oldest_at
FROM endpoints e JOIN deliveries d ON d.endpoint_id = e.id
WHERE e.account_id = @account_id AND e.inbox_id = @inbox_id AND e.deleted_at IS NULL
  AND d.state IN ('pending', 'held') AND d.after_id IS NULL
GROUP BY d.endpoint_id;
