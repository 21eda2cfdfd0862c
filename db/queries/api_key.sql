-- name: APIKeyInsert :one
INSERT INTO api_keys (id, account_id, name, scope, prefix, hash, inbox_id, agent_id, expires_at)
VALUES (@id, @account_id, @name, @scope, @prefix, @hash, @inbox_id, @agent_id, @expires_at)
RETURNING *;

-- name: APIKeyGetByPrefix :one
SELECT sqlc.embed(k), a.name AS agent_name, a.disabled_at AS agent_disabled_at
FROM api_keys k LEFT JOIN agents a ON a.id = k.agent_id
WHERE k.prefix = @prefix;

-- name: APIKeyList :many
SELECT * FROM api_keys WHERE account_id = @account_id AND id > @after_id ORDER BY id LIMIT @row_limit;

-- name: APIKeyRevoke :execrows
UPDATE api_keys SET revoked_at = now() WHERE account_id = @account_id AND id = @id AND revoked_at IS NULL;

-- name: APIKeyTouch :exec
-- At most one write a minute for a busy key.
UPDATE api_keys SET last_used_at = @used_at WHERE id = @id AND (last_used_at IS NULL OR last_used_at < @unless_after);

-- name: APIKeyLock :one
SELECT * FROM api_keys WHERE account_id = @account_id AND id = @id FOR NO KEY UPDATE;

-- name: APIKeyReplace :exec
-- An earlier end stays.
UPDATE api_keys SET replaced_by = @replaced_by, expires_at = least(expires_at, @expires_at) WHERE account_id = @account_id AND id = @id;
