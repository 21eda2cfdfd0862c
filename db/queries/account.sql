-- name: AccountInsert :one
INSERT INTO accounts (id, name) VALUES (@id, @name) RETURNING *;

-- name: AccountGet :one
SELECT * FROM accounts WHERE id = @id;

-- name: AccountList :many
SELECT * FROM accounts ORDER BY id;
