-- name: ReceiptInsert :exec
-- The end of an acceptance in one round trip: the bytes, what became of each item, and the raised flags. A zero id, an empty text and
-- the epoch stand for NULL, which arrays cannot carry here.
WITH receipt AS (
    INSERT INTO receipts (id, account_id, inbox_id, protocol, body, sha256, received_at)
    VALUES (@id, @account_id, @inbox_id, @protocol, @body, @sha256, @received_at)),
raised AS (
    UPDATE wakes SET last_intake = w.last_intake, last_inbound_at = greatest(wakes.last_inbound_at, nullif(w.last_inbound_at, 'epoch')),
        raised = true, media_pending = wakes.media_pending + w.media,
        session = coalesce(nullif(w.session, ''), wakes.session),
        signals = CASE WHEN wakes.raised THEN wakes.signals ELSE 0 END,
        next_signal_at = CASE WHEN wakes.raised THEN wakes.next_signal_at ELSE @next_signal_at::timestamptz END
    FROM (SELECT unnest(@raise_inbox_ids::uuid[]) AS inbox_id, unnest(@raise_contact_ids::uuid[]) AS contact_id,
            unnest(@last_intakes::bigint[]) AS last_intake, unnest(@last_inbounds::timestamptz[]) AS last_inbound_at,
            unnest(@media::integer[]) AS media, unnest(@sessions::text[]) AS session) AS w
    WHERE wakes.inbox_id = w.inbox_id AND wakes.contact_id = w.contact_id)
INSERT INTO receipt_items (receipt_id, account_id, n, kind, location, inbox_id, contact_id, intake, external_id, message_id,
    duplicate, outcome, reason, status)
SELECT @id, @account_id, i.n, i.kind, i.location, nullif(i.inbox_id, '00000000-0000-0000-0000-000000000000'),
    nullif(i.contact_id, '00000000-0000-0000-0000-000000000000'), nullif(i.intake, 0), nullif(i.external_id, ''),
    nullif(i.message_id, '00000000-0000-0000-0000-000000000000'), i.duplicate, i.outcome, nullif(i.reason, ''),
    nullif(i.status, '')::jsonb
FROM (SELECT unnest(@ns::integer[]) AS n, unnest(@kinds::text[]) AS kind, unnest(@locations::text[]) AS location,
        unnest(@inbox_ids::uuid[]) AS inbox_id, unnest(@contact_ids::uuid[]) AS contact_id, unnest(@intakes::bigint[]) AS intake,
        unnest(@external_ids::text[]) AS external_id, unnest(@message_ids::uuid[]) AS message_id,
        unnest(@duplicates::boolean[]) AS duplicate, unnest(@outcomes::text[]) AS outcome, unnest(@reasons::text[]) AS reason,
        unnest(@statuses::text[]) AS status) AS i;

-- name: ReceiptGet :one
SELECT * FROM receipts WHERE account_id = @account_id AND id = @id;

-- name: ReceiptItemList :many
SELECT i.*, m.conversation_id, m.seq AS message_seq
FROM receipt_items i LEFT JOIN messages m ON m.id = i.message_id
WHERE i.account_id = @account_id AND i.receipt_id = @receipt_id ORDER BY i.n;

-- name: ReceiptItemListUnapplied :many
SELECT i.kind, i.intake, i.external_id, i.status, sqlc.embed(m)
FROM receipt_items i JOIN messages m ON m.id = i.message_id
WHERE i.inbox_id = @inbox_id AND i.contact_id = @contact_id AND i.outcome = 'accepted'
ORDER BY i.intake LIMIT @row_limit;

-- name: ReceiptItemApply :exec
UPDATE receipt_items SET outcome = 'applied'
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND outcome = 'accepted' AND intake <= @through_intake;

-- name: ParkedStatusInsert :execrows
INSERT INTO parked_statuses (inbox_id, external_id, status, at, failure, parked_at)
VALUES (@inbox_id, @external_id, @status, @occurred_at, @failure, @parked_at)
ON CONFLICT DO NOTHING;

-- name: ParkedStatusTake :many
DELETE FROM parked_statuses WHERE inbox_id = @inbox_id AND external_id = @external_id RETURNING *;

-- name: ParkedStatusExpire :execrows
DELETE FROM parked_statuses WHERE (inbox_id, external_id, status) IN (
    SELECT p.inbox_id, p.external_id, p.status FROM parked_statuses p WHERE p.parked_at < @before::timestamptz ORDER BY p.parked_at LIMIT @row_limit);

-- name: ExternalIDLock :exec
-- A status that looks for its message and a message that learns its wamid must see each other.
SELECT pg_advisory_xact_lock(hashtextextended(@lock_name, 0));

-- name: ReceiptForwarded :one
-- Have these very bytes been forwarded? Meta repeats a webhook whose answer it has not seen.
SELECT EXISTS (SELECT FROM receipts WHERE inbox_id = @inbox_id AND sha256 = @sha256)::boolean;
