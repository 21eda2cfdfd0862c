-- name: ConversationOwner :one
-- Who holds a conversation, in one statement: whatever was committed before it began is seen, an offload that was accepted and not
-- applied yet as well, and what the contact wrote that may open a conversation. The epoch stands for none.
SELECT c.id, c.status::text AS status, c.control_since, c.control_reason, c.opened_at, c.assignee_id, a.name AS assignee_name, c.team_id,
    coalesce((SELECT min(m.created_at) FROM receipt_items i JOIN messages m ON m.id = i.message_id
     WHERE i.inbox_id = c.inbox_id AND i.contact_id = c.contact_id AND i.outcome = 'accepted' AND i.kind = 'offload'), 'epoch')::timestamptz AS asked_at,
    coalesce((SELECT min(m.created_at) FROM receipt_items i JOIN messages m ON m.id = i.message_id
     WHERE i.inbox_id = c.inbox_id AND i.contact_id = c.contact_id AND i.outcome = 'accepted' AND i.kind = 'message' AND m.opens), 'epoch')::timestamptz AS wrote_at
FROM conversations c LEFT JOIN agents a ON a.id = c.assignee_id
WHERE c.account_id = @account_id AND c.id = @id;

-- name: ContactOwner :one
-- The same for a contact in an inbox, who may have no conversation yet; else their open one counts, or the last.
SELECT c.id, coalesce(c.status, '')::text AS status, c.control_since, c.control_reason, c.opened_at, c.assignee_id, a.name AS assignee_name, c.team_id,
    coalesce((SELECT min(m.created_at) FROM receipt_items i JOIN messages m ON m.id = i.message_id
     WHERE i.inbox_id = w.inbox_id AND i.contact_id = w.contact_id AND i.outcome = 'accepted' AND i.kind = 'offload'), 'epoch')::timestamptz AS asked_at,
    coalesce((SELECT min(m.created_at) FROM receipt_items i JOIN messages m ON m.id = i.message_id
     WHERE i.inbox_id = w.inbox_id AND i.contact_id = w.contact_id AND i.outcome = 'accepted' AND i.kind = 'message' AND m.opens), 'epoch')::timestamptz AS wrote_at
FROM contact_identities ci
JOIN wakes w ON w.inbox_id = @inbox_id AND w.contact_id = ci.contact_id
LEFT JOIN conversations c ON c.id = (
    SELECT l.id FROM conversations l WHERE l.inbox_id = w.inbox_id AND l.contact_id = w.contact_id
    ORDER BY (l.status <> 'ended') DESC, l.opened_at DESC, l.id DESC LIMIT 1)
LEFT JOIN agents a ON a.id = c.assignee_id
WHERE ci.account_id = @account_id AND ci.value = ANY(@names::text[]) AND (@kind::text = '' OR ci.kind = @kind::text)
ORDER BY (c.status IS DISTINCT FROM 'ended') DESC, c.opened_at DESC NULLS LAST LIMIT 1;
