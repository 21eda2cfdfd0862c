-- name: ContactInsert :exec
INSERT INTO contacts (id, account_id, name) VALUES (@id, @account_id, @name);

-- name: ContactDelete :exec
DELETE FROM contacts WHERE id = @id;

-- name: ContactSetName :exec
UPDATE contacts SET name = @name WHERE account_id = @account_id AND id = @id AND name <> @name;

-- name: ContactIdentityLookup :many
SELECT i.kind, i.value, i.contact_id, c.name
FROM (SELECT unnest(@kinds::text[]) AS kind, unnest(@identity_values::text[]) AS value) AS asked
JOIN contact_identities i ON i.account_id = @account_id AND i.kind = asked.kind AND i.value = asked.value
JOIN contacts c ON c.id = i.contact_id;

-- name: ContactIdentityInsert :execrows
-- No row means that another transaction has just made this contact.
INSERT INTO contact_identities (account_id, kind, value, contact_id) VALUES (@account_id, @kind, @value, @contact_id)
ON CONFLICT DO NOTHING;

-- name: ContactList :many
SELECT * FROM contacts WHERE account_id = @account_id AND id = ANY(@ids::uuid[]);

-- name: ContactIdentityList :many
SELECT * FROM contact_identities WHERE account_id = @account_id AND contact_id = ANY(@contact_ids::uuid[])
ORDER BY contact_id, created_at, kind, value;
