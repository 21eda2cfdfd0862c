-- name: AgentInsert :one
INSERT INTO agents (id, account_id, name, email, capacity, skills)
VALUES (@id, @account_id, @name, @email, @capacity, coalesce(sqlc.narg('skills')::text[], '{}'))
RETURNING *;

-- name: AgentUpdate :one
-- Presence is changed by AgentSetPresence alone.
UPDATE agents SET name = @name, email = @email, disabled_at = @disabled_at, capacity = @capacity, skills = @skills
WHERE account_id = @account_id AND id = @id RETURNING *;

-- name: AgentGet :one
SELECT * FROM agents WHERE account_id = @account_id AND id = @id;

-- name: AgentLock :one
-- Changes of one agent take turns. Conversations that name the agent need not wait.
SELECT * FROM agents WHERE account_id = @account_id AND id = @id FOR NO KEY UPDATE;

-- name: AgentSetPresence :one
UPDATE agents SET presence = @presence, presence_until = @presence_until, presence_since = @presence_since WHERE id = @id RETURNING *;

-- name: AgentList :many
SELECT * FROM agents WHERE account_id = @account_id AND id > @after_id ORDER BY id LIMIT @row_limit;
