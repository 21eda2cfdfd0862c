-- name: ConversationLock :one
SELECT * FROM conversations WHERE account_id = @account_id AND id = @id FOR UPDATE;

-- name: ConversationDescribe :exec
-- What its client says of it. Nothing waits for these, so its version stays.
UPDATE conversations SET tags = @tags, attributes = @attributes, priority = @priority WHERE id = @id;

-- name: ConversationSetUnread :exec
UPDATE conversations SET unread_count = @unread_count WHERE id = @id;

-- name: ConversationSetReadReceipt :exec
UPDATE conversations SET read_receipt_for = @external_id::text WHERE id = @id;

-- name: ConversationListByContact :many
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name, t.name AS team_name, o.name AS offered_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
LEFT JOIN teams t ON t.id = c.team_id
LEFT JOIN agents o ON o.id = c.offered_to
WHERE c.account_id = @account_id AND c.contact_id = @contact_id AND c.id < @before_id
ORDER BY c.id DESC LIMIT @row_limit;

-- name: TagList :many
-- Of the latest tagged conversations, so that it takes no longer for an account with a million of them. Tags that differ in case only
-- are one, in its most frequent spelling.
SELECT mode() WITHIN GROUP (ORDER BY t.tag)::text AS name, count(*) AS conversations
FROM (SELECT c.tags FROM conversations c
      WHERE c.account_id = @account_id AND c.tags <> '{}' ORDER BY c.id DESC LIMIT @looked_at) AS latest
CROSS JOIN LATERAL unnest(latest.tags) AS t(tag)
GROUP BY lower(t.tag) ORDER BY count(*) DESC, lower(t.tag) LIMIT @row_limit;

-- name: MessageLatestOfContact :one
-- The contact's latest message that WhatsApp knows. Seen from the end, so it is one step in the index nearly always.
SELECT m.external_id::text AS external_id FROM messages m
WHERE m.conversation_id = @conversation_id AND m.direction = 'inbound' AND m.author_type = 'contact' AND m.external_id IS NOT NULL
  AND m.type <> 'reaction' AND m.seq IS NOT NULL
ORDER BY m.seq DESC LIMIT 1;

-- name: MessageListRetries :many
SELECT * FROM messages WHERE account_id = @account_id AND retry_of = @retry_of ORDER BY id;

-- name: MessageInsertRetry :one
-- The no-op update returns the row that a request with the same Idempotency-Key has made.
INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, author_id, author_name, type, text, content,
    media_id, reply_to, retry_of, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, 'outbound', @author_type, @author_id, @author_name, @type, @text, @content,
    @media_id, @reply_to, @retry_of, @created_at)
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING *;

-- name: DeliveryInsertAside :exec
-- A call that keeps nothing waiting: it is tried as any other, and whatever stands behind it goes before it while it fails.
INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, contact_id, conversation_id, event_id, event_type, webhook_id, path, body, state,
    next_attempt_at, created_at, bypassed)
VALUES (@id, @account_id, @endpoint_id, @inbox_id, @contact_id, @conversation_id, @event_id, @event_type, @webhook_id, @path, @body, @state,
    @next_attempt_at, @created_at, true);
