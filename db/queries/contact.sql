-- name: ContactInsert :exec
INSERT INTO contacts (id, account_id, name) VALUES (@id, @account_id, @name);

-- name: ContactSetName :exec
-- What contacts call themselves. A name that an agent chose stays.
UPDATE contacts SET name = @name WHERE account_id = @account_id AND id = @id AND name <> @name AND NOT named;

-- name: ContactList :many
SELECT * FROM contacts WHERE account_id = @account_id AND id = ANY(@ids::uuid[]);

-- name: ContactIdentityLookup :many
SELECT i.kind, i.value, i.contact_id, c.name,
    -- Is the contact known by nothing but usernames?
    (i.kind = 'username' AND NOT EXISTS (
        SELECT FROM contact_identities o
        WHERE o.account_id = i.account_id AND o.contact_id = i.contact_id AND o.kind <> 'username'
    ))::boolean AS only_username,
    -- Has the contact a newer one of this kind?
    EXISTS (
        SELECT FROM contact_identities o
        WHERE o.account_id = i.account_id AND o.contact_id = i.contact_id AND o.kind = i.kind AND o.created_at > i.created_at
    ) AS older,
    EXISTS (
        SELECT FROM contact_identities o
        WHERE o.account_id = i.account_id AND o.contact_id = i.contact_id AND o.kind = 'bsuid'
    ) AS has_bsuid
FROM (SELECT DISTINCT unnest(@kinds::text[]) AS kind, unnest(@identity_values::text[]) AS value) AS asked
JOIN contact_identities i ON i.account_id = @account_id AND i.kind = asked.kind AND i.value = asked.value
JOIN contacts c ON c.account_id = i.account_id AND c.id = i.contact_id;

-- name: ContactIdentityLock :exec
-- Everybody takes these locks in the same order, that of the keys.
SELECT pg_advisory_xact_lock(sorted.key) FROM (SELECT unnest(@keys::bigint[]) AS key ORDER BY key) AS sorted;

-- name: ContactIdentityInsert :exec
INSERT INTO contact_identities (account_id, kind, value, contact_id) VALUES (@account_id, @kind, @value, @contact_id);

-- name: ContactIdentityMove :exec
-- It becomes its contact's newest, and changes nothing if somebody else has moved it since we looked.
UPDATE contact_identities SET contact_id = @contact_id, created_at = now()
WHERE account_id = @account_id AND kind = @kind AND value = @value AND contact_id = @former_contact_id;

-- name: ContactIdentityRewrite :exec
-- A number in the form in which WhatsApp writes it.
UPDATE contact_identities SET value = @new_value
WHERE account_id = @account_id AND kind = @kind AND value = @value AND contact_id = @contact_id;

-- name: ContactIdentityList :many
-- The newest come first: a message goes to the first number of a contact, and a number that it has given up reaches nobody.
SELECT * FROM contact_identities WHERE account_id = @account_id AND contact_id = ANY(@contact_ids::uuid[])
ORDER BY contact_id, created_at DESC, kind, value;

-- name: ContactFacts :many
-- A contact and its identities, the newest first; one row without an identity where it has none.
SELECT c.name, coalesce(i.kind, '')::text AS kind, coalesce(i.value, '')::text AS value
FROM contacts c LEFT JOIN contact_identities i ON i.contact_id = c.id AND i.account_id = c.account_id
WHERE c.account_id = @account_id AND c.id = @contact_id
ORDER BY i.created_at DESC, i.kind, i.value;
