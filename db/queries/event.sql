-- name: EventInsert :batchexec
INSERT INTO events (id, account_id, inbox_id, conversation_id, seq, type, actor_type, actor_id, message_id, data, at)
VALUES (@id, @account_id, @inbox_id, @conversation_id, @seq, @type, @actor_type, @actor_id, @message_id, @data, @occurred_at);

-- name: EventListByConversation :many
SELECT * FROM events
WHERE account_id = @account_id AND conversation_id = @conversation_id AND (txid, position) > (@after_txid, @after_position)
  AND txid < feed_horizon()
ORDER BY txid, position LIMIT @row_limit;
