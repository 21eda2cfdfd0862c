-- Deleting what is somebody's: the same statements for a contact that is erased and for conversations past their time.

-- name: ErasureWakeLock :many
-- The rows that intake locks, in its order.
SELECT w.inbox_id FROM wakes w WHERE w.account_id = @account_id AND w.contact_id = @contact_id ORDER BY w.inbox_id, w.contact_id FOR UPDATE;

-- name: ErasureMarkWakes :exec
UPDATE wakes SET erasing = true WHERE account_id = @account_id AND contact_id = @contact_id AND NOT erasing;

-- name: ErasureMarkContact :one
UPDATE contacts SET erasing_at = coalesce(erasing_at, @now::timestamptz) WHERE account_id = @account_id AND id = @id RETURNING *;

-- name: ErasureDetach :many
DELETE FROM contact_identities WHERE account_id = @account_id AND contact_id = @contact_id RETURNING *;

-- name: ErasureInsert :one
INSERT INTO erasures (id, account_id, contact_id, actor_type, actor_id, actor_name, requested_at, subject)
VALUES (@id, @account_id, @contact_id, @actor_type, @actor_id, @actor_name, @requested_at, @subject)
ON CONFLICT (account_id, contact_id) DO NOTHING
RETURNING *;

-- name: ErasureOfContact :one
SELECT * FROM erasures WHERE account_id = @account_id AND contact_id = @contact_id;

-- name: ErasureGet :one
SELECT * FROM erasures WHERE account_id = @account_id AND id = @id;

-- name: ErasureLock :one
SELECT * FROM erasures WHERE id = @id FOR UPDATE;

-- name: ErasureList :many
-- The newest first.
SELECT * FROM erasures WHERE account_id = @account_id AND id < @before_id ORDER BY id DESC LIMIT @row_limit;

-- name: ErasureRunning :many
SELECT id, account_id, contact_id FROM erasures WHERE state = 'running' AND id <> ALL(@asked::uuid[]) ORDER BY id LIMIT @row_limit;

-- name: ErasureSetSubject :exec
UPDATE erasures SET subject = @subject WHERE id = @id AND state = 'running';

-- name: ErasureSetCounts :exec
UPDATE erasures SET counts = @counts WHERE id = @id AND state = 'running';

-- name: ErasureFinish :exec
UPDATE erasures SET state = 'finished', finished_at = @finished_at, certificate = @certificate, sha256 = @sha256, subject = NULL,
    counts = @counts
WHERE id = @id AND state = 'running';

-- name: ErasureWakes :many
SELECT inbox_id FROM wakes WHERE account_id = @account_id AND contact_id = @contact_id ORDER BY inbox_id;

-- name: ErasureOpen :many
-- What keeps the contact's runs busy: conversations that are open.
SELECT id, inbox_id FROM conversations WHERE account_id = @account_id AND contact_id = @contact_id AND status <> 'ended' ORDER BY id;

-- name: ErasurePending :one
-- What is on its way to somebody, but for bytes that name other contacts too: ErasureShared waits for these, and not for ever.
SELECT count(*) FROM deliveries d
WHERE d.account_id = @account_id AND d.contact_id = @contact_id AND d.inbox_id = ANY(@inbox_ids::uuid[]) AND d.state = 'pending'
  AND d.after_id IS NULL AND NOT EXISTS (SELECT FROM deliveries m WHERE m.after_id = d.id);

-- name: ErasureDropDeliveries :execrows
-- Nothing that is on its way to somebody leaves any more. Bytes that name other contacts too are left to ErasureShared.
UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, manual_at = NULL, manual_count = 0, gap_told = true, failure = 'erased',
    finished_at = @now::timestamptz
WHERE deliveries.account_id = @account_id AND deliveries.contact_id = @contact_id AND deliveries.inbox_id = ANY(@inbox_ids::uuid[])
  AND (deliveries.state IN ('pending', 'held') OR deliveries.manual_at IS NOT NULL) AND deliveries.after_id IS NULL
  AND NOT EXISTS (SELECT FROM deliveries m WHERE m.after_id = deliveries.id);

-- name: ErasureShared :many
-- Forwarded bytes that name several contacts, in the contact's lanes or awaited in them, without those that are blank already.
SELECT d.id, d.state FROM deliveries d
WHERE d.account_id = @account_id AND d.conversation_id IS NULL AND (octet_length(d.body) > 0 OR d.state IN ('pending', 'held')) AND (
    d.contact_id = @contact_id AND d.after_id IS NULL AND EXISTS (SELECT FROM deliveries m WHERE m.after_id = d.id)
    OR d.id IN (SELECT m.after_id FROM deliveries m WHERE m.contact_id = @contact_id AND m.conversation_id IS NULL AND m.after_id IS NOT NULL))
ORDER BY d.id LIMIT @row_limit;

-- name: ErasureForwarded :many
-- Forwarded bytes of these receipts in lanes of other contacts. Once they have arrived no mark leads to them. What only has the same names in
-- it may be a new contact's, or have nothing to do with the contact: while it is on its way it is left alone.
SELECT DISTINCT d.id FROM receipts r
JOIN receipt_items i ON i.receipt_id = r.id
JOIN deliveries d ON d.contact_id = i.contact_id AND d.conversation_id IS NULL AND d.inbox_id = r.inbox_id AND d.created_at = r.received_at
WHERE r.id = ANY(@receipt_ids::uuid[]) AND r.inbox_id IS NOT NULL AND d.account_id = r.account_id AND d.message_id IS NULL
  AND octet_length(d.body) > 0 AND d.body = r.body
  AND (r.received_at <= @named_until::timestamptz AND d.state NOT IN ('pending', 'held')
    OR EXISTS (SELECT FROM receipt_items o WHERE o.receipt_id = r.id AND o.contact_id = @contact_id::uuid))
ORDER BY d.id;

-- name: ErasureBlankDeliveries :execrows
WITH attempts AS (
    UPDATE delivery_attempts SET response_excerpt = NULL, response_headers = NULL WHERE delivery_id = ANY(@ids::uuid[]))
UPDATE deliveries SET body = '', headers = NULL, failure = CASE WHEN state = 'delivered' THEN failure ELSE 'erased' END,
    state = CASE WHEN state = 'delivered' THEN state ELSE 'failed' END, finished_at = coalesce(finished_at, @now::timestamptz),
    next_attempt_at = NULL, manual_at = NULL, manual_count = 0
WHERE deliveries.id = ANY(@ids::uuid[]);

-- name: ErasureTrace :many
-- By what stored answers are known to be the contact's: the ids of conversations and of files that were sent.
SELECT c.id FROM conversations c WHERE c.account_id = @account_id AND c.contact_id = @contact_id
UNION ALL
SELECT m.media_id::uuid FROM messages m WHERE m.account_id = @account_id AND m.contact_id = @contact_id AND m.media_id IS NOT NULL;

-- name: ErasureConversations :many
SELECT id, inbox_id, contact_id, last_seq FROM conversations
WHERE account_id = @account_id AND contact_id = @contact_id ORDER BY id LIMIT @row_limit;

-- name: RetentionInboxes :many
-- Inboxes that are deleted too: what they were told stays only as long.
SELECT id, account_id, retention_days::integer AS retention_days FROM inboxes WHERE retention_days IS NOT NULL ORDER BY id;

-- name: RetentionConversations :many
-- Those whose end is long ago and that have nothing on its way: what is held for a disabled endpoint goes with them.
SELECT c.id, c.inbox_id, c.contact_id, c.last_seq FROM conversations c
WHERE c.inbox_id = @inbox_id AND c.ended_at < @before::timestamptz
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.conversation_id = c.id AND d.state = 'pending')
ORDER BY c.ended_at, c.id LIMIT @row_limit;

-- name: RetentionStill :many
-- Asked under the locks of the contacts' rows: somebody may have rated a conversation, or asked for a webhook again, since it was listed.
SELECT c.id FROM conversations c
WHERE c.id = ANY(@ids::uuid[]) AND c.ended_at < @before::timestamptz
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.conversation_id = c.id AND d.state = 'pending')
ORDER BY c.id;

-- name: RetentionStillLoose :many
-- What was said to a bot may be a conversation's since it was listed.
SELECT m.id, m.media_id FROM messages m WHERE m.id = ANY(@ids::uuid[]) AND m.conversation_id IS NULL ORDER BY m.id FOR UPDATE;

-- name: PrivacyWakeLock :exec
-- The contacts' rows come before anything of theirs, in the order that everybody follows.
SELECT FROM wakes w
WHERE (w.inbox_id, w.contact_id) IN (SELECT c.inbox_id, c.contact_id FROM conversations c WHERE c.id = ANY(@conversation_ids::uuid[]))
ORDER BY w.inbox_id, w.contact_id FOR UPDATE;

-- name: PrivacyConversationLock :many
-- Only what has ended: an open conversation is never touched.
SELECT c.id FROM conversations c WHERE c.id = ANY(@ids::uuid[]) AND c.status = 'ended' ORDER BY c.id FOR UPDATE;

-- name: PrivacyDeleteDeliveries :execrows
WITH gone AS (SELECT d.id FROM deliveries d WHERE d.conversation_id = ANY(@conversation_ids::uuid[]) LIMIT @row_limit),
attempts AS (DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT g.id FROM gone g))
DELETE FROM deliveries WHERE deliveries.id IN (SELECT g.id FROM gone g);

-- name: PrivacyDeleteEvents :execrows
DELETE FROM events WHERE events.id IN (
    SELECT e.id FROM events e WHERE e.conversation_id = ANY(@conversation_ids::uuid[]) LIMIT @row_limit);

-- name: PrivacyDeleteScheduled :execrows
DELETE FROM scheduled_messages WHERE conversation_id = ANY(@conversation_ids::uuid[]);

-- name: PrivacyDeleteNotes :execrows
WITH mentioned AS (
    DELETE FROM mentions WHERE note_id IN (SELECT n.id FROM notes n WHERE n.conversation_id = ANY(@conversation_ids::uuid[])))
DELETE FROM notes WHERE notes.conversation_id = ANY(@conversation_ids::uuid[]);

-- name: PrivacyDeleteRatings :execrows
DELETE FROM ratings WHERE conversation_id = ANY(@conversation_ids::uuid[]);

-- name: PrivacyDeleteCommands :execrows
DELETE FROM commands WHERE conversation_id = ANY(@conversation_ids::uuid[]);

-- name: PrivacyDeleteGaps :execrows
DELETE FROM ledger_gaps WHERE conversation_id = ANY(@conversation_ids::uuid[]);

-- name: ErasureDeleteGaps :execrows
DELETE FROM ledger_gaps WHERE account_id = @account_id AND contact_id = @contact_id::uuid;

-- name: PrivacyDeleteDocuments :execrows
DELETE FROM search_documents WHERE conversation_id = ANY(@conversation_ids::uuid[]);

-- name: PrivacyMessages :many
-- Messages of conversations that go, and the files that they have.
SELECT m.id, m.media_id FROM messages m WHERE m.conversation_id = ANY(@conversation_ids::uuid[]) LIMIT @row_limit;

-- name: PrivacyLooseMessages :many
-- Messages that no conversation has taken in: shadows, echoes, what was passed through, what was refused.
SELECT m.id, m.media_id FROM messages m WHERE m.contact_id = @contact_id AND m.account_id = @account_id AND m.conversation_id IS NULL
LIMIT @row_limit;

-- name: RetentionLooseMessages :many
-- The same, of an inbox and past their time. A scheduled message and one that is to be applied are not loose.
SELECT m.id, m.media_id, m.contact_id FROM messages m
WHERE m.inbox_id = @inbox_id AND m.id > @after_id AND m.id < @before_id AND m.conversation_id IS NULL AND m.created_at < @before::timestamptz
  AND NOT EXISTS (SELECT FROM scheduled_messages s WHERE s.message_id = m.id OR s.otherwise_id = m.id)
  AND NOT EXISTS (SELECT FROM receipt_items i WHERE i.inbox_id = m.inbox_id AND i.contact_id = m.contact_id AND i.outcome = 'accepted')
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.message_id = m.id AND d.state = 'pending')
ORDER BY m.id LIMIT @row_limit;

-- name: RetentionEndpoints :many
-- Those that are deleted too: what they were sent is still there.
SELECT id FROM endpoints WHERE account_id = @account_id AND inbox_id = @inbox_id ORDER BY id;

-- name: RetentionDeliveries :many
-- What an endpoint was sent or is held for it, the oldest first: loose is what belongs to no conversation and to no message, as forwarded
-- bytes do, and what nobody wants sent again.
SELECT d.id, d.position, d.created_at, (d.conversation_id IS NULL AND d.message_id IS NULL AND d.manual_at IS NULL)::boolean AS loose
FROM deliveries d
WHERE d.endpoint_id = @endpoint_id AND d.state = @state AND d.position > @after_position
ORDER BY d.position LIMIT @row_limit;

-- name: RetentionDeleteDeliveries :execrows
-- Somebody may have asked for another attempt since.
WITH gone AS (SELECT d.id FROM deliveries d WHERE d.id = ANY(@ids::uuid[]) AND d.state <> 'pending' AND d.manual_at IS NULL FOR UPDATE),
attempts AS (DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT g.id FROM gone g))
DELETE FROM deliveries WHERE deliveries.id IN (SELECT g.id FROM gone g);

-- name: PrivacyDeleteMessages :execrows
WITH retried AS (
    UPDATE messages SET retry_of = NULL WHERE messages.retry_of = ANY(@ids::uuid[]) AND NOT messages.id = ANY(@ids::uuid[])),
otherwise AS (
    DELETE FROM scheduled_messages WHERE message_id = ANY(@ids::uuid[]) OR otherwise_id = ANY(@ids::uuid[]))
DELETE FROM messages WHERE messages.id = ANY(@ids::uuid[]);

-- name: PrivacyDeleteMessageDeliveries :execrows
-- Deliveries of messages that belong to no conversation: calls of a passthrough inbox.
WITH gone AS (SELECT d.id FROM deliveries d WHERE d.message_id = ANY(@message_ids::uuid[])),
attempts AS (DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT g.id FROM gone g))
DELETE FROM deliveries WHERE deliveries.id IN (SELECT g.id FROM gone g);

-- name: ErasureDeleteDeliveries :execrows
-- What is left of a contact's deliveries: those of no conversation.
WITH gone AS (SELECT d.id FROM deliveries d WHERE d.contact_id = @contact_id AND d.conversation_id IS NULL AND d.account_id = @account_id LIMIT @row_limit),
attempts AS (DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT g.id FROM gone g))
DELETE FROM deliveries WHERE deliveries.id IN (SELECT g.id FROM gone g);

-- name: ErasureDeleteEvents :execrows
-- Events of no conversation that tell of the contact, or of its messages: every event of the account is looked at.
DELETE FROM events WHERE events.account_id = @account_id AND events.conversation_id IS NULL AND (
    events.type = 'contact.updated' AND events.data->>'contact_id' = @contact_text::text
    OR events.message_id IN (SELECT m.id FROM messages m WHERE m.contact_id = @contact_id));

-- name: PrivacyFilesUnused :many
-- Of these files those that no message has any more.
SELECT d.id, d.account_id FROM media d
WHERE d.id = ANY(@ids::uuid[]) AND NOT EXISTS (SELECT FROM messages m WHERE m.media_id = d.id) ORDER BY d.id FOR UPDATE;

-- name: ErasureFiles :many
SELECT d.id, d.account_id FROM media d
WHERE d.account_id = @account_id AND d.contact_id = @contact_id AND NOT EXISTS (SELECT FROM messages m WHERE m.media_id = d.id)
ORDER BY d.id LIMIT @row_limit FOR UPDATE;

-- name: PrivacyDeleteFiles :execrows
DELETE FROM media WHERE id = ANY(@ids::uuid[]);

-- name: PrivacyUnlinkConversations :exec
UPDATE conversations SET previous_id = NULL WHERE previous_id = ANY(@ids::uuid[]);

-- name: PrivacyDeleteConversations :execrows
DELETE FROM conversations WHERE id = ANY(@ids::uuid[]);

-- name: PrivacyLeftOfConversations :one
-- Is there anything left that is deleted in batches?
SELECT (EXISTS (SELECT FROM events e WHERE e.conversation_id = ANY(@ids::uuid[]))
    OR EXISTS (SELECT FROM deliveries d WHERE d.conversation_id = ANY(@ids::uuid[]))
    OR EXISTS (SELECT FROM messages m WHERE m.conversation_id = ANY(@ids::uuid[])))::boolean AS something;

-- name: ReceiptScan :many
-- A page of the account's receipts: whether they have an item of the contact, and whether their bytes name it. What came later with the
-- same names is a new contact's.
SELECT r.id, EXISTS (SELECT FROM receipt_items i WHERE i.receipt_id = r.id AND i.contact_id = @contact_id::uuid)::boolean AS listed,
    (r.received_at <= @named_until::timestamptz
        AND EXISTS (SELECT FROM unnest(@patterns::bytea[]) AS p WHERE position(p IN r.body) > 0))::boolean AS named
FROM (SELECT s.id, s.body, s.received_at FROM receipts s WHERE s.account_id = @account_id AND s.id > @after_id ORDER BY s.id LIMIT @row_limit) AS r
ORDER BY r.id;

-- name: ReceiptParked :many
SELECT i.receipt_id, i.n, i.inbox_id, i.external_id FROM receipt_items i
WHERE i.receipt_id = ANY(@receipt_ids::uuid[]) AND i.outcome = 'parked' AND i.external_id IS NOT NULL;

-- name: ParkedStatusDelete :execrows
DELETE FROM parked_statuses WHERE inbox_id = @inbox_id AND external_id = @external_id;

-- name: ReceiptBlank :execrows
-- Hash and time stay: they prove that something came, and what.
UPDATE receipts SET body = '' WHERE id = ANY(@ids::uuid[]) AND body <> '';

-- name: ReceiptItemBlank :execrows
UPDATE receipt_items SET contact_id = NULL, external_id = NULL, message_id = NULL, status = NULL, intake = NULL,
    reason = 'erased', outcome = CASE WHEN outcome = 'accepted' THEN 'ignored' ELSE outcome END
WHERE receipt_id = ANY(@receipt_ids::uuid[]) AND (contact_id = @contact_id::uuid
    -- What has no contact may be of this one: a repetition, a status of a message that is not known.
    OR contact_id IS NULL AND outcome <> 'accepted' AND (external_id IS NOT NULL OR status IS NOT NULL));

-- name: ReceiptItemDrop :execrows
-- What was accepted of a contact that is being erased is never applied.
UPDATE receipt_items SET outcome = 'ignored', reason = 'erased'
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND outcome = 'accepted';

-- name: RetentionLeast :one
-- Nothing that is younger is past its time in any inbox of the account.
SELECT coalesce(min(retention_days), 0)::integer FROM inboxes WHERE account_id = @account_id;

-- name: RetentionReceipts :many
-- A page of the account's receipts: due are those past their time. Each inbox that one is of would have forgotten it, and of one that is
-- of none the given time decides. A page has an end though nothing is due: a statement may take seconds only.
SELECT r.id, ((r.received_at < @before::timestamptz OR EXISTS (SELECT FROM receipt_items i WHERE i.receipt_id = r.id AND i.inbox_id IS NOT NULL))
    AND NOT EXISTS (
        SELECT FROM receipt_items i LEFT JOIN inboxes x ON x.id = i.inbox_id
        WHERE i.receipt_id = r.id AND (i.outcome = 'accepted' OR i.inbox_id IS NOT NULL AND (x.retention_days IS NULL
            OR r.received_at + x.retention_days * interval '1 day' >= @as_of::timestamptz))))::boolean AS due
FROM (SELECT s.id, s.received_at FROM receipts s WHERE s.account_id = @account_id AND s.id > @after_id AND s.id < @before_id ORDER BY s.id LIMIT @row_limit) AS r
ORDER BY r.id;

-- name: RetentionDeleteReceipts :execrows
WITH items AS (DELETE FROM receipt_items WHERE receipt_id = ANY(@ids::uuid[]))
DELETE FROM receipts WHERE receipts.id = ANY(@ids::uuid[]);

-- name: RetentionContacts :many
-- A page of the contacts that the inbox knows: due are those that have nothing left, here or anywhere.
SELECT w.contact_id, (c.created_at < @before::timestamptz AND c.erasing_at IS NULL
    AND NOT EXISTS (SELECT FROM conversations v WHERE v.contact_id = w.contact_id)
    AND NOT EXISTS (SELECT FROM messages m WHERE m.contact_id = w.contact_id)
    AND NOT EXISTS (SELECT FROM media d WHERE d.contact_id = w.contact_id)
    AND NOT EXISTS (SELECT FROM deliveries l WHERE l.contact_id = w.contact_id AND l.conversation_id IS NULL)
    AND NOT EXISTS (SELECT FROM wakes o WHERE o.contact_id = w.contact_id AND (o.raised OR o.last_inbound_at >= @before::timestamptz)))::boolean AS due
FROM (SELECT k.contact_id FROM wakes k WHERE k.inbox_id = @inbox_id AND k.contact_id > @after_id ORDER BY k.contact_id LIMIT @row_limit) AS w
JOIN contacts c ON c.id = w.contact_id
ORDER BY w.contact_id;

-- name: PrivacyContactUsed :one
-- Asked under the locks of the contact's rows.
SELECT (EXISTS (SELECT FROM conversations v WHERE v.contact_id = @contact_id)
    OR EXISTS (SELECT FROM messages m WHERE m.contact_id = @contact_id)
    OR EXISTS (SELECT FROM media d WHERE d.contact_id = @contact_id)
    OR EXISTS (SELECT FROM deliveries l WHERE l.contact_id = @contact_id::uuid AND l.conversation_id IS NULL)
    OR EXISTS (SELECT FROM wakes w WHERE w.contact_id = @contact_id AND w.raised))::boolean AS used;

-- name: PrivacyDeleteWakes :execrows
DELETE FROM wakes WHERE account_id = @account_id AND contact_id = @contact_id;

-- name: PrivacyDeleteContact :execrows
-- Whatever refers to the contact keeps it from going.
DELETE FROM contacts WHERE account_id = @account_id AND id = @id;

-- name: AnswerScan :many
-- Answers that are kept for their Idempotency-Key, a page of them.
SELECT * FROM idempotency_keys
WHERE account_id = @account_id AND (route, key) > (@after_route::text, @after_key::text)
ORDER BY route, key LIMIT @row_limit;

-- name: AnswerErase :execrows
-- The key keeps its one effect, and has no answer any more.
UPDATE idempotency_keys SET status = 409, body = NULL WHERE account_id = @account_id AND route = @route AND key = @key;

-- name: AnswerDelete :execrows
DELETE FROM idempotency_keys WHERE account_id = @account_id AND route = @route AND key = @key;

-- name: PrivacyVerify :one
-- What is left that refers to the contact. It names every table that has a column for one.
SELECT (SELECT count(*) FROM contact_identities i WHERE i.contact_id = @contact_id AND i.account_id = @account_id) AS identities,
    (SELECT count(*) FROM wakes w WHERE w.contact_id = @contact_id) AS wakes,
    (SELECT count(*) FROM conversations c WHERE c.contact_id = @contact_id) AS conversations,
    (SELECT count(*) FROM messages m WHERE m.contact_id = @contact_id) AS messages,
    (SELECT count(*) FROM media d WHERE d.contact_id = @contact_id) AS files,
    (SELECT count(*) FROM deliveries l WHERE l.contact_id = @contact_id AND l.conversation_id IS NULL) AS deliveries,
    (SELECT count(*) FROM search_documents s WHERE s.contact_id = @contact_id) AS documents;

-- name: ContactExportMessages :many
SELECT * FROM messages m WHERE m.account_id = @account_id AND m.contact_id = @contact_id AND m.id > @after_id ORDER BY m.id LIMIT @row_limit;

-- name: ContactExportNotes :many
SELECT n.*, a.name AS agent_name, ARRAY(SELECT m.agent_id FROM mentions m WHERE m.note_id = n.id ORDER BY m.agent_id)::uuid[] AS mentions
FROM notes n JOIN conversations c ON c.id = n.conversation_id LEFT JOIN agents a ON a.id = n.agent_id
WHERE n.account_id = @account_id AND c.contact_id = @contact_id AND n.id > @after_id
ORDER BY n.id LIMIT @row_limit;

-- name: ContactExportRatings :many
SELECT sqlc.embed(r), a.name AS agent_name
FROM ratings r JOIN conversations c ON c.id = r.conversation_id LEFT JOIN agents a ON a.id = r.agent_id
WHERE r.account_id = @account_id AND c.contact_id = @contact_id AND r.conversation_id > @after_id
ORDER BY r.conversation_id LIMIT @row_limit;

-- name: ContactExportFiles :many
-- Files that are there, of messages in either direction.
SELECT * FROM media d
WHERE d.account_id = @account_id AND d.state = 'ready' AND d.id > @after_id
  AND d.id IN (SELECT m.media_id FROM messages m WHERE m.contact_id = @contact_id AND m.media_id IS NOT NULL)
ORDER BY d.id LIMIT @row_limit;
