-- name: MessageLookupQuoted :many
-- The messages that others quote by their external id.
SELECT id, inbox_id, external_id FROM messages
WHERE account_id = @account_id AND inbox_id = ANY(@inbox_ids::uuid[]) AND external_id = ANY(@external_ids::text[]);
