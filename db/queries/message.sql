-- name: MessageInsert :batchone
-- The no-op update returns the row that is already there: a repeated message finds itself.
INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, type, text, content, media, external_id,
    reply_to, opens, history, sent_at, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @direction, @author_type, @type, @text, @content, @media, @external_id,
    @reply_to, @opens, @history, @sent_at, @created_at)
ON CONFLICT (inbox_id, external_id) WHERE external_id IS NOT NULL DO UPDATE SET external_id = excluded.external_id
RETURNING id, (xmax <> 0)::boolean AS duplicate;

-- name: MessageInsertHistory :batchexec
INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, seq, direction, author_type, type, text, content,
    sent_at, created_at, applied_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @conversation_id, @seq, @direction, @author_type, 'text', @text, @content,
    @sent_at, @created_at, @created_at);

-- name: MessageInsertOutbound :one
INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, author_id, author_name, type, text, content,
    reply_to, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, 'outbound', @author_type, @author_id, @author_name, @type, @text, @content,
    @reply_to, @created_at)
ON CONFLICT (id) DO UPDATE SET id = excluded.id
RETURNING *;

-- name: MessageDeleteUnapplied :exec
DELETE FROM messages WHERE account_id = @account_id AND id = @id AND applied_at IS NULL AND direction = 'outbound';

-- name: MessageGet :one
SELECT * FROM messages WHERE account_id = @account_id AND id = @id;

-- name: MessageLock :one
SELECT * FROM messages WHERE id = @id FOR UPDATE;

-- name: MessageListByIDs :many
SELECT * FROM messages WHERE account_id = @account_id AND id = ANY(@ids::uuid[]);

-- name: MessageLookupOutbound :many
-- The messages that statuses are about, by wamid or by our own id that Meta echoes.
SELECT id, inbox_id, contact_id, external_id, status FROM messages
WHERE account_id = @account_id AND direction = 'outbound'
  AND ((inbox_id = ANY(@inbox_ids::uuid[]) AND external_id = ANY(@external_ids::text[])) OR id = ANY(@ids::uuid[]));

-- name: MessageApply :batchexec
UPDATE messages SET conversation_id = @conversation_id, seq = @seq, applied_at = @applied_at, history = NULL,
    status = coalesce(@status, status)
WHERE id = @id;

-- name: MessageSetStatus :exec
UPDATE messages SET status = @status, failure_code = @failure_code, failure_reason = @failure_reason WHERE id = @id;

-- name: MessageSetExternalID :execrows
-- A wamid that another message of the inbox already has stays there.
UPDATE messages m SET external_id = @external_id::text
WHERE m.id = @id AND m.external_id IS NULL
  AND NOT EXISTS (SELECT FROM messages o WHERE o.inbox_id = m.inbox_id AND o.external_id = @external_id::text);

-- name: MessageListByConversation :many
SELECT * FROM messages
WHERE account_id = @account_id AND conversation_id = @conversation_id AND seq > @after_seq
ORDER BY seq LIMIT @row_limit;

-- name: MessageListByConversationBefore :many
SELECT * FROM messages
WHERE account_id = @account_id AND conversation_id = @conversation_id AND seq < @before_seq
ORDER BY seq DESC LIMIT @row_limit;

-- name: NoteInsert :one
INSERT INTO notes (id, account_id, conversation_id, agent_id, text, created_at)
VALUES (@id, @account_id, @conversation_id, @agent_id, @text, @created_at)
RETURNING *;

-- name: NoteList :many
SELECT n.*, a.name AS agent_name FROM notes n LEFT JOIN agents a ON a.id = n.agent_id
WHERE n.account_id = @account_id AND n.conversation_id = @conversation_id AND n.id > @after_id
ORDER BY n.id LIMIT @row_limit;
