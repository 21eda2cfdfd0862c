-- name: LedgerMark :one
SELECT * FROM ledger_marks WHERE name = @name;

-- name: LedgerMarkSet :exec
-- Of two that look at once, the one that is ahead stays so.
INSERT INTO ledger_marks (name, through, looked_at) VALUES (@name, @through, @looked_at)
ON CONFLICT (name) DO UPDATE SET through = greatest(ledger_marks.through, excluded.through), looked_at = excluded.looked_at;

-- name: LedgerThrough :many
-- The last of the next events: none where there are none.
SELECT n.id, n.place FROM (
    SELECT e.id, row_number() OVER (ORDER BY e.id) AS place FROM events e
    WHERE e.id > @after AND e.id <= @until ORDER BY e.id LIMIT @row_limit) n
ORDER BY n.place DESC LIMIT 1;

-- In each of these queries: what is being deleted, of a contact that is erased or past the time that its inbox keeps it, goes in several
-- transactions. What is missing of it meanwhile is no gap.

-- name: LedgerEventMissing :many
-- Events whose predecessor in their conversation is not there: one index look-up for each event.
SELECT e.account_id, c.inbox_id, c.contact_id, c.id AS conversation_id, (e.seq - 1)::bigint AS seq
FROM events e JOIN conversations c ON c.id = e.conversation_id AND c.last_seq >= e.seq
WHERE e.id > @after AND e.id <= @through AND e.seq > 1
  AND NOT EXISTS (SELECT FROM events p WHERE p.conversation_id = e.conversation_id AND p.seq = e.seq - 1)
  AND NOT EXISTS (SELECT FROM contacts g WHERE g.id = c.contact_id AND g.erasing_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inboxes k WHERE k.id = c.inbox_id AND c.ended_at < now() - make_interval(days => k.retention_days))
ORDER BY e.id LIMIT @row_limit;

-- name: LedgerSequenceWrong :many
-- Conversations whose row counts other events than there are, or that have ended with another event than the end: one index look-up for
-- each conversation of the range.
SELECT c.account_id, c.inbox_id, c.contact_id, c.id, c.last_seq, c.status, coalesce(last.seq, 0)::bigint AS seq, coalesce(last.type, '')::text AS type
FROM (SELECT DISTINCT e.conversation_id FROM events e WHERE e.id > @after AND e.id <= @through AND e.conversation_id IS NOT NULL) s
JOIN conversations c ON c.id = s.conversation_id
LEFT JOIN LATERAL (
    SELECT l.seq, l.type FROM events l WHERE l.conversation_id = c.id AND l.seq IS NOT NULL ORDER BY l.seq DESC LIMIT 1) last ON true
WHERE (coalesce(last.seq, 0) <> c.last_seq OR (c.status = 'ended' AND last.type <> 'conversation.ended'))
  AND NOT EXISTS (SELECT FROM contacts g WHERE g.id = c.contact_id AND g.erasing_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inboxes k WHERE k.id = c.inbox_id AND c.ended_at < now() - make_interval(days => k.retention_days))
ORDER BY c.id LIMIT @row_limit;

-- name: LedgerMessageWithoutEvent :many
-- Messages that stand in a conversation at a number at which no event tells of them.
SELECT m.account_id, m.inbox_id, m.contact_id, m.conversation_id, m.seq, m.id FROM messages m
JOIN conversations c ON c.id = m.conversation_id
WHERE m.id > @after AND m.id <= @through AND m.conversation_id IS NOT NULL AND m.seq IS NOT NULL
  AND NOT EXISTS (SELECT FROM events e WHERE e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.message_id = m.id)
  AND NOT EXISTS (SELECT FROM contacts g WHERE g.id = c.contact_id AND g.erasing_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inboxes k WHERE k.id = c.inbox_id AND c.ended_at < now() - make_interval(days => k.retention_days))
ORDER BY m.id LIMIT @row_limit;

-- name: LedgerMessageUnsent :many
-- Agents' messages that are queued, and that nothing takes out.
SELECT e.account_id, m.inbox_id, m.contact_id, e.conversation_id, e.id AS event_id, m.id AS message_id FROM events e
JOIN messages m ON m.id = e.message_id
JOIN conversations c ON c.id = e.conversation_id
WHERE e.id > @after AND e.id <= @through AND e.type = 'message.queued' AND m.status = 'queued'
  AND NOT EXISTS (SELECT FROM deliveries d WHERE d.message_id = m.id)
  AND NOT EXISTS (SELECT FROM contacts g WHERE g.id = c.contact_id AND g.erasing_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inboxes k WHERE k.id = c.inbox_id AND c.ended_at < now() - make_interval(days => k.retention_days))
ORDER BY e.id LIMIT @row_limit;

-- name: LedgerDeliveryMissing :many
-- Events and the endpoints that asked for them and got no delivery. A delivery is made with its event, so their ids are near each other,
-- and no index by event is needed. An endpoint that was changed since may have asked for something else then, and one that buffers has one
-- delivery for several events. vendors are 'protocol/type/name' of the vendors' events.
SELECT e.account_id, c.inbox_id, c.contact_id, c.id AS conversation_id, e.id AS event_id, e.message_id, p.id AS endpoint_id
FROM events e JOIN conversations c ON c.id = e.conversation_id
JOIN inboxes i ON i.id = c.inbox_id
JOIN endpoints p ON p.inbox_id = c.inbox_id
WHERE e.id > @after AND e.id <= @through
  AND p.transport = 'webhook' AND p.payload = 'events' AND p.deleted_at IS NULL AND p.created_at < e.at - interval '1 minute' AND p.updated_at < e.at - interval '1 minute' AND p.buffer_seconds IS NULL
  AND ((e.type = ANY(@told::text[])
        AND p.event_types && ARRAY[e.type, '*', split_part(e.type, '.', 1) || '.*'])
    OR EXISTS (SELECT FROM unnest(p.event_types) t(name) WHERE i.protocol || '/' || e.type || '/' || t.name = ANY(@vendors::text[])))
  -- NOT IN is looked up in a hash, whatever the planner expects. As NOT EXISTS it read the range's deliveries anew for each event.
  AND (e.id, p.id) NOT IN (
    SELECT d.event_id, d.endpoint_id FROM deliveries d WHERE d.event_id IS NOT NULL AND d.id >= @deliveries_from AND d.id <= @deliveries_until)
  AND NOT EXISTS (SELECT FROM contacts g WHERE g.id = c.contact_id AND g.erasing_at IS NOT NULL)
  AND NOT EXISTS (SELECT FROM inboxes k WHERE k.id = c.inbox_id AND c.ended_at < now() - make_interval(days => k.retention_days))
ORDER BY e.id LIMIT @row_limit;

-- name: LedgerRoom :exec
-- Room for that hash: a minute of 2,000 deliveries a second takes 20 MB. Without room for what it expects the planner makes none.
SELECT set_config('work_mem', '64MB', true);

-- name: LedgerUnwoken :many
-- Contacts for whom something is accepted and not applied, and whose flag is down: nobody comes. What is accepted has an index of its own.
SELECT i.account_id, w.inbox_id, w.contact_id, i.receipt_id, i.n, i.message_id
FROM receipt_items i JOIN wakes w ON w.inbox_id = i.inbox_id AND w.contact_id = i.contact_id
WHERE i.outcome = 'accepted' AND NOT w.raised AND i.receipt_id < @before
ORDER BY i.receipt_id, i.n LIMIT @row_limit;

-- name: LedgerTimerOverdue :many
-- Conversations one of whose timers is long past, and nobody is on the way to them.
SELECT c.account_id, c.inbox_id, c.contact_id, c.id, least(c.inactive_at, c.due_at)::timestamptz AS due_at FROM conversations c
JOIN wakes w ON w.inbox_id = c.inbox_id AND w.contact_id = c.contact_id
WHERE NOT w.raised AND c.id IN (
    SELECT a.id FROM conversations a WHERE a.status <> 'ended' AND a.inactive_at < @before::timestamptz
    UNION
    SELECT b.id FROM conversations b WHERE b.status <> 'ended' AND b.due_at < @before)
ORDER BY c.id LIMIT @row_limit;

-- name: LedgerDeliveryOverdue :many
-- Deliveries that head their lane, were due long ago, and whose contact nobody wakes; nor waits their endpoint.
SELECT d.account_id, d.inbox_id, d.contact_id, d.conversation_id, d.id, d.endpoint_id, d.message_id, d.event_id
FROM deliveries d JOIN wakes w ON w.inbox_id = d.inbox_id AND w.contact_id = d.contact_id
JOIN endpoints e ON e.id = d.endpoint_id
WHERE d.state = 'pending' AND NOT d.bypassed AND d.next_attempt_at < @before::timestamptz AND NOT w.raised AND d.after_id IS NULL
  AND (d.slot_at IS NULL OR d.slot_at < @before) AND (e.paused_until IS NULL OR e.paused_until < @before) AND (e.open_until IS NULL OR e.open_until < @before)
  AND NOT EXISTS (
    SELECT FROM deliveries h WHERE h.inbox_id = d.inbox_id AND h.contact_id = d.contact_id AND h.endpoint_id = d.endpoint_id
      AND h.state = 'pending' AND h.position < d.position)
ORDER BY d.next_attempt_at LIMIT @row_limit;

-- name: LedgerGapInsert :one
-- No row for a gap that is known and open. One that comes again is open again.
INSERT INTO ledger_gaps (id, account_id, kind, subject, inbox_id, contact_id, conversation_id, seq, event_id, message_id, endpoint_id, delivery_id,
    found_at, repaired_at, note)
VALUES (@id, @account_id, @kind, @subject, @inbox_id, @contact_id, @conversation_id, @seq, @event_id, @message_id, @endpoint_id, @delivery_id,
    @found_at, @repaired_at, @note)
ON CONFLICT (kind, subject) DO UPDATE SET found_at = excluded.found_at, repaired_at = excluded.repaired_at, note = excluded.note,
    delivery_id = excluded.delivery_id
WHERE ledger_gaps.repaired_at IS NOT NULL
RETURNING *;

-- name: LedgerGapListOpen :many
SELECT * FROM ledger_gaps WHERE repaired_at IS NULL AND id > @after ORDER BY id LIMIT @row_limit;

-- name: LedgerGapGone :one
-- Is an open gap still there? It is by what its kind looks at; a conversation that was erased has none.
SELECT (CASE @kind::text
    WHEN 'event_missing' THEN EXISTS (SELECT FROM events e WHERE e.conversation_id = @conversation_id AND e.seq = @seq)
    WHEN 'message_without_event' THEN EXISTS (
        SELECT FROM events e JOIN messages m ON m.id = e.message_id
        WHERE m.id = sqlc.narg('message_id') AND e.conversation_id = m.conversation_id AND e.seq = m.seq)
    WHEN 'sequence_wrong' THEN EXISTS (
        SELECT FROM conversations c
        WHERE c.id = @conversation_id AND c.last_seq = (SELECT coalesce(max(e.seq), 0) FROM events e WHERE e.conversation_id = c.id))
    WHEN 'end_not_last' THEN EXISTS (
        SELECT FROM conversations c JOIN events e ON e.conversation_id = c.id AND e.seq = c.last_seq
        WHERE c.id = @conversation_id AND (c.status <> 'ended' OR e.type = 'conversation.ended'))
    WHEN 'delivery_missing' THEN EXISTS (SELECT FROM endpoints p WHERE p.id = sqlc.narg('endpoint_id') AND p.deleted_at IS NOT NULL)
        OR EXISTS (SELECT FROM deliveries d WHERE d.conversation_id = @conversation_id AND d.event_id = sqlc.narg('event_id') AND d.endpoint_id = sqlc.narg('endpoint_id'))
    WHEN 'message_unsent' THEN EXISTS (SELECT FROM messages m WHERE m.id = sqlc.narg('message_id') AND m.status <> 'queued')
        OR EXISTS (SELECT FROM deliveries d WHERE d.message_id = sqlc.narg('message_id'))
    ELSE false END
    OR (@conversation_id::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM conversations g WHERE g.id = @conversation_id)))::boolean AS gone;

-- name: LedgerGapClose :execrows
UPDATE ledger_gaps SET repaired_at = @repaired_at, note = @note WHERE id = @id AND repaired_at IS NULL;

-- name: LedgerGapList :many
-- An account's gaps, the newest first.
SELECT * FROM ledger_gaps
WHERE account_id = @account_id AND (sqlc.narg('open')::boolean IS NULL OR (repaired_at IS NULL) = sqlc.narg('open')) AND id < @before
ORDER BY id DESC LIMIT @row_limit;

-- name: LedgerGapCounts :many
-- Open gaps, and those that were repaired since.
SELECT g.kind, (g.repaired_at IS NOT NULL)::boolean AS repaired, count(*) AS gaps FROM ledger_gaps g
WHERE g.repaired_at IS NULL OR g.repaired_at > @since::timestamptz
GROUP BY 1, 2;

-- name: LedgerEvent :one
SELECT * FROM events WHERE account_id = @account_id AND id = @id;

-- name: LedgerGapKnown :one
-- Was it repaired already, by a run that was cut short?
SELECT EXISTS (SELECT FROM ledger_gaps WHERE kind = @kind AND subject = @subject)::boolean;

-- name: LedgerForgotten :one
-- Is what a gap is of being forgotten, or forgotten since it was looked for? Erasure and retention delete in several transactions, between
-- which something is always missing. A conversation counts from when retention may take it.
SELECT (NOT EXISTS (SELECT FROM wakes w JOIN contacts p ON p.id = w.contact_id
            WHERE w.inbox_id = @inbox_id AND w.contact_id = @contact_id AND NOT w.erasing AND p.erasing_at IS NULL)
    OR (sqlc.narg('conversation_id')::uuid IS NOT NULL AND NOT EXISTS (
            SELECT FROM conversations c JOIN inboxes i ON i.id = c.inbox_id
            WHERE c.id = sqlc.narg('conversation_id') AND c.contact_id = @contact_id
              AND (c.ended_at IS NULL OR i.retention_days IS NULL OR c.ended_at + i.retention_days * interval '1 day' >= @now::timestamptz))))::boolean AS forgotten;
