-- name: WakeInsert :exec
INSERT INTO wakes (inbox_id, contact_id, account_id, erasing)
VALUES (@inbox_id, @contact_id, @account_id,
    EXISTS (SELECT FROM contacts c WHERE c.account_id = @account_id AND c.id = @contact_id AND c.erasing_at IS NOT NULL))
ON CONFLICT DO NOTHING;

-- name: WakeLock :one
SELECT * FROM wakes WHERE inbox_id = @inbox_id AND contact_id = @contact_id FOR UPDATE;

-- name: WakeLockFor :one
-- The same, with who may answer in the inbox, and what operators call it.
SELECT sqlc.embed(w), i.replies, i.name AS inbox_name, i.protocol FROM wakes w JOIN inboxes i ON i.id = w.inbox_id
WHERE w.inbox_id = @inbox_id AND w.contact_id = @contact_id FOR UPDATE OF w;

-- name: WakeRaiseByConversation :execrows
UPDATE wakes SET raised = true,
    signals = CASE WHEN raised THEN signals ELSE 0 END,
    next_signal_at = CASE WHEN raised THEN next_signal_at ELSE now() + interval '2 seconds' END
WHERE wakes.inbox_id = @inbox_id AND wakes.contact_id = @contact_id;

-- name: WakeRaiseIfLow :execrows
-- A row that somebody has locked is at work: whoever holds it looks for itself, or the next round does.
UPDATE wakes SET raised = true, signals = 0, next_signal_at = now() + interval '2 seconds'
WHERE (wakes.inbox_id, wakes.contact_id) IN (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE w.inbox_id = @inbox_id AND w.contact_id = @contact_id AND NOT w.raised FOR UPDATE SKIP LOCKED);

-- name: WakeLower :exec
UPDATE wakes SET raised = false, signals = 0, next_signal_at = NULL
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND raised;

-- name: WakeSignalled :exec
-- What was signalled is left to its workflow for a while: 4 s, then twice as long each time, ten minutes at most.
UPDATE wakes SET signals = signals + 1,
    next_signal_at = now() + least(interval '10 minutes', interval '4 seconds' * power(2, least(signals, 10)))
-- A row that intake holds is left to the sweep: waiting for several rows here could deadlock with intake.
WHERE (wakes.inbox_id, wakes.contact_id) IN (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    JOIN (SELECT unnest(@inbox_ids::uuid[]) AS inbox_id, unnest(@contact_ids::uuid[]) AS contact_id) AS signalled
      ON w.inbox_id = signalled.inbox_id AND w.contact_id = signalled.contact_id
    WHERE w.raised FOR UPDATE OF w SKIP LOCKED);

-- name: WakeSweep :many
-- Flags that nobody has signalled, or whose signal did nothing. The lease keeps two sweeps from signalling the same one.
UPDATE wakes SET next_signal_at = now() + interval '4 seconds'
WHERE (inbox_id, contact_id) IN (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE w.raised AND w.next_signal_at <= now()
    ORDER BY w.next_signal_at
    LIMIT @row_limit
    FOR UPDATE SKIP LOCKED)
RETURNING inbox_id, contact_id, account_id;

-- name: WakeRaiseOverdue :execrows
-- What should have happened and did not has lost its run: a Temporal store that was restored from an older copy, or replaced.
UPDATE wakes SET raised = true, signals = 0, next_signal_at = now()
WHERE (wakes.inbox_id, wakes.contact_id) IN (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE NOT w.raised AND (w.inbox_id, w.contact_id) IN (
        SELECT c.inbox_id, c.contact_id FROM conversations c
        WHERE c.status <> 'ended' AND c.inactive_at < now() - interval '1 minute'
        UNION
        SELECT c.inbox_id, c.contact_id FROM conversations c
        WHERE c.status <> 'ended' AND c.due_at < now() - interval '1 minute'
        UNION
        SELECT d.inbox_id, d.contact_id FROM deliveries d
        WHERE d.state = 'pending' AND d.contact_id IS NOT NULL AND d.next_attempt_at < now() - interval '30 seconds'
          -- One that was never tried is missed sooner: a command wrote it, and its run died before it knew.
          AND (d.attempts = 0 OR d.next_attempt_at < now() - interval '16 minutes')
          -- Nor is what waits because its endpoint takes nothing, or no more for the moment, or for another contact's delivery, in whose
          -- lane it is seen to.
          AND NOT EXISTS (
            SELECT FROM endpoints e
            WHERE e.id = d.endpoint_id AND (e.paused_until > now() OR e.open_until > now() - interval '30 seconds'))
          AND (d.slot_at IS NULL OR d.slot_at < now() - interval '30 seconds')
          AND NOT EXISTS (
            SELECT FROM deliveries h JOIN deliveries o ON o.id = h.after_id AND o.state = 'pending'
            WHERE h.inbox_id = d.inbox_id AND h.contact_id = d.contact_id AND h.endpoint_id = d.endpoint_id
              AND h.state = 'pending' AND h.position <= d.position)
          -- What waits behind a delivery that is in its back-off is not overdue.
          AND NOT EXISTS (
            SELECT FROM deliveries h
            WHERE h.inbox_id = d.inbox_id AND h.contact_id = d.contact_id AND h.endpoint_id = d.endpoint_id
              AND h.state = 'pending' AND NOT h.bypassed AND h.position < d.position
              AND h.next_attempt_at >= now() - interval '16 minutes'))
    LIMIT @row_limit
    FOR UPDATE SKIP LOCKED);

-- name: WakeListRaised :many
-- Which of these flags are still up.
SELECT w.inbox_id, w.contact_id FROM wakes w
JOIN (SELECT unnest(@inbox_ids::uuid[]) AS inbox_id, unnest(@contact_ids::uuid[]) AS contact_id) AS asked
  ON w.inbox_id = asked.inbox_id AND w.contact_id = asked.contact_id
WHERE w.raised;

-- name: WakeMediaCount :exec
-- How many files are still to be fetched. What was said to the bot is fetched when a conversation takes it in.
UPDATE wakes SET media_pending = (
    SELECT count(*) FROM media d JOIN messages m ON m.media_id = d.id
    WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.state = 'pending' AND NOT m.shadow)
WHERE wakes.inbox_id = @inbox_id AND wakes.contact_id = @contact_id;

-- name: WakeMediaList :many
-- Files of a contact's messages that are still to be fetched, of applied messages only: that a file is there is told after its message.
SELECT d.id FROM media d JOIN messages m ON m.media_id = d.id
WHERE d.inbox_id = @inbox_id AND d.contact_id = @contact_id AND d.state = 'pending' AND m.applied_at IS NOT NULL
ORDER BY d.id LIMIT @row_limit;
