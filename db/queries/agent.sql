-- name: AgentInsert :one
INSERT INTO agents (id, account_id, name, email) VALUES (@id, @account_id, @name, @email) RETURNING *;

-- name: AgentUpdate :one
UPDATE agents SET name = @name, email = @email, disabled_at = @disabled_at WHERE account_id = @account_id AND id = @id RETURNING *;

-- name: AgentGet :one
SELECT * FROM agents WHERE account_id = @account_id AND id = @id;

-- name: AgentList :many
SELECT * FROM agents WHERE account_id = @account_id AND id > @after_id ORDER BY id LIMIT @row_limit;
