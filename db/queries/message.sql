-- name: MessageInsert :batchone
-- The no-op update returns the row that is already there: a repeated message finds itself.
INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, type, text, content, media_id, external_id,
    reply_to, opens, shadow, history, sent_at, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @direction, @author_type, @type, @text, @content, @media_id, @external_id,
    @reply_to, @opens, @shadow, @history, @sent_at, @created_at)
ON CONFLICT (inbox_id, external_id) WHERE external_id IS NOT NULL DO UPDATE SET external_id = excluded.external_id
RETURNING id, (xmax <> 0)::boolean AS duplicate;

-- name: MessageInsertHistory :batchexec
INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, seq, direction, author_type, type, text, content,
    external_id, sent_at, created_at, applied_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, @conversation_id, @seq, @direction, @author_type, @type, @text, @content,
    @external_id, @sent_at, @created_at, @created_at);

-- name: MessageListShadow :many
-- What was said to the bot since the last conversation, the latest first. What is on its way into a conversation comes by itself.
SELECT * FROM messages m
WHERE m.inbox_id = @inbox_id AND m.contact_id = @contact_id AND m.shadow
  AND NOT EXISTS (SELECT FROM receipt_items i WHERE i.inbox_id = @inbox_id AND i.contact_id = @contact_id AND i.outcome = 'accepted'
      AND i.message_id = m.id)
ORDER BY m.created_at DESC, m.id DESC LIMIT @row_limit;

-- name: MessageForgetShadow :exec
-- What is too long ago to be shown stays where it is.
UPDATE messages SET shadow = false WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND shadow AND created_at < @before;

-- name: MessageListByExternalIDs :many
SELECT * FROM messages WHERE inbox_id = @inbox_id AND external_id = ANY(@external_ids::text[]);

-- name: MessageHasOpen :one
-- Does the contact have an open conversation, or an offload on its way to open one?
SELECT (EXISTS (SELECT FROM conversations c WHERE c.inbox_id = @inbox_id AND c.contact_id = @contact_id AND c.status <> 'ended')
    OR EXISTS (SELECT FROM receipt_items i WHERE i.inbox_id = @inbox_id AND i.contact_id = @contact_id AND i.outcome = 'accepted'
        AND i.kind = 'offload'))::boolean AS has_open;

-- name: MessageSetEchoKeys :exec
UPDATE messages SET echo_keys = @echo_keys WHERE id = @id;

-- name: MessageFindEcho :one
-- The message whose echo was taken with this external id.
SELECT id FROM messages
WHERE inbox_id = @inbox_id AND contact_id = @contact_id AND echo_keys @> ARRAY['seen ' || @external_id::text];

-- name: MessageTakeEcho :one
-- The oldest of our own sends of late that the vendor now reports as the bot's. Each part of a send is reported once, and leaves the id
-- of its report in the place of its key.
UPDATE messages SET echo_keys = taken.keys
FROM (
    SELECT m.id, m.echo_keys[:p.place - 1] || ARRAY['seen ' || @external_id::text] || m.echo_keys[p.place + 1:] AS keys
    FROM messages m, array_position(m.echo_keys, @echo_key::text) AS p(place)
    WHERE m.inbox_id = @inbox_id AND m.contact_id = @contact_id AND m.echo_keys @> ARRAY[@echo_key::text]
      -- A message may have waited for hours before it left; one that has not left has no echo.
      AND EXISTS (SELECT FROM deliveries d JOIN delivery_attempts t ON t.delivery_id = d.id
          WHERE d.message_id = m.id AND t.started_at > @since::timestamptz)
    ORDER BY m.created_at, m.id LIMIT 1) AS taken
WHERE messages.id = taken.id
RETURNING messages.id;

-- name: MessageInsertOutbound :one
INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, author_id, author_name, type, text, content,
    media_id, reply_to, callback_data, created_at)
VALUES (@id, @account_id, @inbox_id, @contact_id, 'outbound', @author_type, @author_id, @author_name, @type, @text, @content,
    @media_id, @reply_to, @callback_data, @created_at)
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
SELECT id, inbox_id, contact_id, external_id, status, callback_data FROM messages
WHERE account_id = @account_id AND direction = 'outbound'
  AND ((inbox_id = ANY(@inbox_ids::uuid[]) AND external_id = ANY(@external_ids::text[])) OR id = ANY(@ids::uuid[])
    OR (inbox_id = ANY(@inbox_ids::uuid[]) AND callback_data = ANY(@callback_data::text[])));

-- name: MessageApply :batchexec
UPDATE messages SET conversation_id = @conversation_id, seq = @seq, applied_at = @applied_at, history = NULL, shadow = false,
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
