-- name: ContactGet :one
SELECT * FROM contacts WHERE account_id = @account_id AND id = @id AND erasing_at IS NULL;

-- name: ContactLock :one
SELECT * FROM contacts WHERE account_id = @account_id AND id = @id AND erasing_at IS NULL FOR UPDATE;

-- name: ContactUpdate :exec
UPDATE contacts SET name = @name, named = @named, attributes = @attributes WHERE account_id = @account_id AND id = @id;

-- name: ContactSearch :many
-- The newest first.
SELECT c.* FROM contacts c
WHERE c.account_id = @account_id AND c.id < @before_id AND c.erasing_at IS NULL
  AND (sqlc.narg('q')::text IS NULL OR c.name ILIKE sqlc.narg('q') OR EXISTS (
        SELECT FROM contact_identities i WHERE i.contact_id = c.id AND i.account_id = c.account_id AND i.value ILIKE sqlc.narg('q')))
ORDER BY c.id DESC LIMIT @row_limit;
