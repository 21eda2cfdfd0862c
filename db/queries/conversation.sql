-- name: ConversationInsert :exec
INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, opened_at, last_activity_at, inactive_at, notice_at, source, windowed)
VALUES (@id, @account_id, @inbox_id, @contact_id, @status, @opened_at, @opened_at, @inactive_at, @notice_at, @source, @windowed);

-- name: ConversationGet :one
SELECT * FROM conversations WHERE account_id = @account_id AND id = @id;

-- name: ConversationLockLatest :one
-- The open conversation of a contact, or else the last one.
SELECT * FROM conversations WHERE inbox_id = @inbox_id AND contact_id = @contact_id
ORDER BY (status <> 'ended') DESC, opened_at DESC, id DESC LIMIT 1
FOR UPDATE;

-- name: ConversationUpdate :exec
UPDATE conversations SET status = @status, end_reason = @end_reason, assignee_id = @assignee_id, version = @version,
    last_seq = @last_seq, unread_count = @unread_count, last_message_id = @last_message_id,
    window_expires_at = @window_expires_at, last_activity_at = @last_activity_at, inactive_at = @inactive_at,
    ended_at = @ended_at, disposition = @disposition, notice_at = @notice_at, source = @source, offload = @offload
WHERE id = @id;

-- name: ConversationNextSeq :one
-- A number for an event outside the workflow's own writes. An ended conversation gives none: its end is its last event.
UPDATE conversations SET last_seq = last_seq + 1 WHERE id = @id AND status <> 'ended' RETURNING last_seq;

-- name: ConversationSetSeq :exec
-- For events that change nothing else, under the row's lock.
UPDATE conversations SET last_seq = @last_seq WHERE id = @id;

-- name: ConversationDetail :one
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
WHERE c.account_id = @account_id AND c.id = @id;

-- name: ConversationList :many
SELECT sqlc.embed(c), ct.name AS contact_name, a.name AS assignee_name
FROM conversations c
JOIN contacts ct ON ct.id = c.contact_id
LEFT JOIN agents a ON a.id = c.assignee_id
WHERE c.account_id = @account_id
  AND (cardinality(@statuses::text[]) = 0 OR c.status = ANY(@statuses::text[]))
  AND (sqlc.narg('inbox_id')::uuid IS NULL OR c.inbox_id = sqlc.narg('inbox_id'))
  AND (sqlc.narg('assignee_id')::uuid IS NULL OR c.assignee_id = sqlc.narg('assignee_id'))
  AND (sqlc.narg('contact_id')::uuid IS NULL OR c.contact_id = sqlc.narg('contact_id'))
  AND (sqlc.narg('q')::text IS NULL OR ct.name ILIKE sqlc.narg('q') OR EXISTS (
        SELECT FROM contact_identities ci WHERE ci.contact_id = ct.id AND ci.value ILIKE sqlc.narg('q')))
  AND (sqlc.narg('before_at')::timestamptz IS NULL
       OR (c.last_activity_at, c.id) < (sqlc.narg('before_at')::timestamptz, sqlc.narg('before_id')::uuid))
ORDER BY c.last_activity_at DESC, c.id DESC
LIMIT @row_limit;

-- name: ConversationStats :one
-- What Kapso's events say of a conversation.
SELECT count(*) AS messages,
    coalesce(max(coalesce(m.sent_at, m.created_at)) FILTER (WHERE m.direction = 'inbound'), 'epoch')::timestamptz AS last_inbound_at,
    coalesce(max(coalesce(m.sent_at, m.created_at)) FILTER (WHERE m.direction = 'outbound'), 'epoch')::timestamptz AS last_outbound_at
FROM messages m WHERE m.conversation_id = @conversation_id;
