-- name: CommandDone :one
SELECT EXISTS (SELECT FROM commands WHERE id = @id);

-- name: CommandConversation :one
SELECT conversation_id FROM commands WHERE id = @id;

-- name: CommandInsert :exec
INSERT INTO commands (id, conversation_id, created_at) VALUES (@id, @conversation_id, @created_at);

-- name: CommandExpire :execrows
DELETE FROM commands WHERE id IN (SELECT c.id FROM commands c WHERE c.created_at < @before::timestamptz ORDER BY c.created_at LIMIT @row_limit);

-- name: IdempotencyKeyInsert :one
-- The first request makes the row; every later one gets what the first one put there.
INSERT INTO idempotency_keys (account_id, route, key, request_hash, command_id, created_at)
VALUES (@account_id, @route, @key, @request_hash, @command_id, @created_at)
ON CONFLICT (account_id, route, key) DO UPDATE SET key = excluded.key
RETURNING *;

-- name: IdempotencyKeyFinish :exec
UPDATE idempotency_keys SET status = @status, body = @body WHERE account_id = @account_id AND route = @route AND key = @key;

-- name: IdempotencyKeyForget :exec
-- A request that was refused may be tried again with the same key.
DELETE FROM idempotency_keys WHERE account_id = @account_id AND route = @route AND key = @key AND status IS NULL;

-- name: IdempotencyKeyExpire :execrows
DELETE FROM idempotency_keys WHERE (account_id, route, key) IN (
    SELECT k.account_id, k.route, k.key FROM idempotency_keys k WHERE k.created_at < @before::timestamptz ORDER BY k.created_at LIMIT @row_limit);
