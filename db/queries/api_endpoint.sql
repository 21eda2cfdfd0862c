-- name: WakeRaiseByEndpoint :many
-- The contacts for whom something is held for an endpoint. Their rows are locked in the order that everybody follows.
WITH held AS (
    SELECT w.inbox_id, w.contact_id FROM wakes w
    WHERE (w.inbox_id, w.contact_id) IN (
        SELECT d.inbox_id, d.contact_id FROM deliveries d WHERE d.endpoint_id = @endpoint_id AND d.state = 'held')
    ORDER BY w.inbox_id, w.contact_id
    FOR UPDATE)
UPDATE wakes SET raised = true,
    signals = CASE WHEN raised THEN signals ELSE 0 END,
    next_signal_at = CASE WHEN raised THEN next_signal_at ELSE now() + interval '2 seconds' END
FROM held
WHERE wakes.inbox_id = held.inbox_id AND wakes.contact_id = held.contact_id
RETURNING wakes.account_id, wakes.inbox_id, wakes.contact_id;
