-- name: EndpointSetSecret :one
UPDATE endpoints SET secret = @secret, updated_at = now() WHERE account_id = @account_id AND id = @id AND deleted_at IS NULL
RETURNING *;

-- name: EndpointSecretInsert :exec
INSERT INTO endpoint_secrets (id, account_id, endpoint_id, secret, created_at, expires_at)
VALUES (@id, @account_id, @endpoint_id, @secret, @created_at, @expires_at);

-- name: EndpointSecretList :many
-- Those that webhooks of these endpoints are still signed with beside the current one, the newest of each first.
SELECT * FROM endpoint_secrets WHERE endpoint_id = ANY(@endpoint_ids::uuid[]) AND expires_at > @now::timestamptz
ORDER BY endpoint_id, created_at DESC, id DESC;

-- name: EndpointSecretDelete :exec
DELETE FROM endpoint_secrets WHERE id = @id;

-- name: EndpointSecretExpire :execrows
-- Nothing is signed with them any more.
DELETE FROM endpoint_secrets WHERE id IN (
    SELECT s.id FROM endpoint_secrets s WHERE s.expires_at <= @now::timestamptz ORDER BY s.expires_at LIMIT @row_limit);
