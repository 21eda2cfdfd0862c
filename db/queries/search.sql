-- name: SearchCursorsAdd :exec
-- New accounts, and all of them after the table was made.
INSERT INTO search_cursors (account_id)
SELECT a.id FROM accounts a WHERE NOT EXISTS (SELECT FROM search_cursors s WHERE s.account_id = a.id)
ON CONFLICT DO NOTHING;

-- name: SearchPending :many
-- The accounts that have events to index.
SELECT s.account_id FROM search_cursors s
WHERE EXISTS (
    SELECT FROM events e WHERE e.account_id = s.account_id AND (e.txid, e.position) > (s.txid, s.position)
      AND e.txid < feed_horizon())
ORDER BY s.updated_at;

-- name: SearchCursorTake :one
-- One indexer at a time works for an account; the others go on with the next.
SELECT txid, position FROM search_cursors WHERE account_id = @account_id FOR UPDATE SKIP LOCKED;

-- name: SearchCursorHold :exec
-- No document of the account is written until the transaction ends: whoever erases takes this before the sources, and then the documents.
SELECT FROM search_cursors WHERE account_id = @account_id FOR UPDATE;

-- name: SearchCursorMove :exec
UPDATE search_cursors SET txid = @txid, position = @position, updated_at = now() WHERE account_id = @account_id;

-- name: SearchEvents :many
-- Nothing at or after the oldest transaction still running: it may yet commit an event that belongs before.
SELECT e.txid, e.position, e.type, e.inbox_id, e.conversation_id, e.message_id, e.data
FROM events e
WHERE e.account_id = @account_id AND (e.txid, e.position) > (@after_txid, @after_position)
  AND e.txid < feed_horizon()
ORDER BY e.txid, e.position LIMIT @row_limit;

-- name: SearchMessages :many
-- What of messages can be found. Those that have a document have it for good: messages do not change.
SELECT m.id, m.inbox_id, m.contact_id, m.conversation_id::uuid AS conversation_id, m.created_at, m.text, f.filename
FROM messages m LEFT JOIN media f ON f.id = m.media_id
WHERE m.account_id = @account_id AND m.id = ANY(@ids::uuid[]) AND m.conversation_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM search_documents d WHERE d.ref_id = m.id AND d.inbox_id = m.inbox_id);

-- name: SearchNotes :many
SELECT n.id, c.inbox_id, c.contact_id, n.conversation_id, n.created_at, n.text
FROM notes n JOIN conversations c ON c.id = n.conversation_id
WHERE n.account_id = @account_id AND n.id = ANY(@ids::uuid[]);

-- name: SearchContacts :many
-- Contacts with their latest conversation in each inbox.
SELECT DISTINCT ON (c.contact_id, c.inbox_id) c.contact_id, c.inbox_id, c.id AS conversation_id, c.opened_at, ct.name
FROM conversations c JOIN contacts ct ON ct.id = c.contact_id
WHERE c.account_id = @account_id
  AND (c.contact_id = ANY(@contact_ids::uuid[]) OR c.contact_id IN (SELECT k.contact_id FROM conversations k WHERE k.id = ANY(@conversation_ids::uuid[])))
ORDER BY c.contact_id, c.inbox_id, c.opened_at DESC, c.id DESC;

-- name: SearchDocumentPut :batchexec
INSERT INTO search_documents AS d (account_id, kind, ref_id, inbox_id, contact_id, conversation_id, at, text, grams)
VALUES (@account_id, @kind, @ref_id, @inbox_id, @contact_id, @conversation_id, @occurred_at, @text, @grams)
ON CONFLICT (ref_id, inbox_id) DO UPDATE
SET conversation_id = excluded.conversation_id, contact_id = excluded.contact_id, at = excluded.at, text = excluded.text, grams = excluded.grams
WHERE (d.conversation_id, d.contact_id, d.at, d.text) IS DISTINCT FROM (excluded.conversation_id, excluded.contact_id, excluded.at, excluded.text);

-- name: SearchDocumentEraseContact :execrows
DELETE FROM search_documents d WHERE d.account_id = @account_id AND d.contact_id = @contact_id;

-- name: SearchByIndex :exec
-- Until the end of the transaction tables are read by their indexes: a plan that reads all documents is never the better one, and the
-- statistics of hashes sometimes say so.
SELECT set_config('enable_seqscan', 'off', true);

-- name: SearchRecent :many
-- Looks through the newest documents for what is common: the index over the grams would have to sort all that have them.
SELECT w.kind, w.ref_id, w.inbox_id, w.contact_id, w.conversation_id, w.at
FROM (
    SELECT * FROM search_documents d
    WHERE d.account_id = @account_id
      AND (sqlc.narg('before_at')::timestamptz IS NULL OR (d.at, d.ref_id, d.inbox_id) <
           (sqlc.narg('before_at')::timestamptz, sqlc.narg('before_ref')::uuid, sqlc.narg('before_inbox')::uuid))
      AND (sqlc.narg('before')::timestamptz IS NULL OR d.at < sqlc.narg('before')::timestamptz)
      AND (sqlc.narg('after')::timestamptz IS NULL OR d.at >= sqlc.narg('after')::timestamptz)
    ORDER BY d.at DESC, d.ref_id DESC, d.inbox_id DESC LIMIT @look_through) AS w
WHERE w.text LIKE ALL(@patterns::text[])
  AND (cardinality(@kinds::text[]) = 0 OR w.kind = ANY(@kinds::text[]))
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR w.inbox_id = sqlc.narg('inbox_id')::uuid)
ORDER BY w.at DESC, w.ref_id DESC, w.inbox_id DESC LIMIT @row_limit;

-- name: SearchIndexed :many
WITH found AS MATERIALIZED (
    SELECT d.kind, d.ref_id, d.inbox_id, d.contact_id, d.conversation_id, d.at
    FROM search_documents d
    WHERE d.grams @> @grams::integer[] AND d.account_id = @account_id AND d.text LIKE ALL(@patterns::text[])
      AND (cardinality(@kinds::text[]) = 0 OR d.kind = ANY(@kinds::text[]))
      AND (sqlc.narg('inbox_id')::uuid IS NULL OR d.inbox_id = sqlc.narg('inbox_id')::uuid)
      AND (sqlc.narg('before_at')::timestamptz IS NULL OR (d.at, d.ref_id, d.inbox_id) <
           (sqlc.narg('before_at')::timestamptz, sqlc.narg('before_ref')::uuid, sqlc.narg('before_inbox')::uuid))
      AND (sqlc.narg('before')::timestamptz IS NULL OR d.at < sqlc.narg('before')::timestamptz)
      AND (sqlc.narg('after')::timestamptz IS NULL OR d.at >= sqlc.narg('after')::timestamptz))
SELECT * FROM found ORDER BY at DESC, ref_id DESC, inbox_id DESC LIMIT @row_limit;

-- name: SearchConversation :many
-- In one conversation, which is looked through.
SELECT d.kind, d.ref_id, d.inbox_id, d.contact_id, d.conversation_id, d.at
FROM search_documents d
WHERE d.conversation_id = @conversation_id AND d.account_id = @account_id AND d.text LIKE ALL(@patterns::text[])
  AND (cardinality(@kinds::text[]) = 0 OR d.kind = ANY(@kinds::text[]))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (d.at, d.ref_id, d.inbox_id) <
       (sqlc.narg('before_at')::timestamptz, sqlc.narg('before_ref')::uuid, sqlc.narg('before_inbox')::uuid))
  AND (sqlc.narg('before')::timestamptz IS NULL OR d.at < sqlc.narg('before')::timestamptz)
  AND (sqlc.narg('after')::timestamptz IS NULL OR d.at >= sqlc.narg('after')::timestamptz)
ORDER BY d.at DESC, d.ref_id DESC, d.inbox_id DESC LIMIT @row_limit;

-- name: SearchAny :many
-- Where a query matches, in no order: it stops at the limit, which says that the query is common.
SELECT d.kind, d.contact_id, d.conversation_id FROM search_documents d
WHERE d.grams @> @grams::integer[] AND d.account_id = @account_id AND d.text LIKE ALL(@patterns::text[])
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR d.inbox_id = sqlc.narg('inbox_id')::uuid)
LIMIT @row_limit;

-- name: SearchMessageTexts :many
SELECT m.id, m.text, f.filename FROM messages m LEFT JOIN media f ON f.id = m.media_id
WHERE m.account_id = @account_id AND m.id = ANY(@ids::uuid[]);

-- name: SearchNoteTexts :many
SELECT n.id, n.text FROM notes n WHERE n.account_id = @account_id AND n.id = ANY(@ids::uuid[]);

-- name: SearchConversationDetails :many
SELECT sqlc.embed(c), ct.name AS contact_name
FROM conversations c JOIN contacts ct ON ct.id = c.contact_id
WHERE c.account_id = @account_id AND c.id = ANY(@ids::uuid[]);

-- name: SearchIdentity :many
-- The contacts that are known by an identity in full.
SELECT i.contact_id FROM contact_identities i
WHERE i.account_id = @account_id AND i.kind = ANY(ARRAY['bsuid', 'phone', 'username', 'session']) AND i.value = ANY(@identities::text[]);
