-- name: SavedViewInsert :one
INSERT INTO saved_views (id, account_id, agent_id, name, filters, sort) VALUES (@id, @account_id, @agent_id, @name, @filters, @sort)
RETURNING *;

-- name: SavedViewList :many
-- The account's, and an agent's own.
SELECT * FROM saved_views
WHERE account_id = @account_id AND (agent_id IS NULL OR agent_id = sqlc.narg('agent_id')) AND id > @after_id
ORDER BY id LIMIT @row_limit;

-- name: SavedViewGet :one
SELECT * FROM saved_views
WHERE account_id = @account_id AND id = @id AND (agent_id IS NULL OR agent_id = sqlc.narg('agent_id'));

-- name: SavedViewUpdate :one
UPDATE saved_views
SET name = coalesce(sqlc.narg('name'), name), filters = coalesce(sqlc.narg('filters'), filters), sort = coalesce(sqlc.narg('sort'), sort),
    updated_at = now()
WHERE account_id = @account_id AND id = @id
RETURNING *;

-- name: SavedViewDelete :exec
DELETE FROM saved_views WHERE account_id = @account_id AND id = @id;
