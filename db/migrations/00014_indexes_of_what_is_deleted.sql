-- +goose NO TRANSACTION
-- +goose Up

-- What is deleted must not be looked for in whole tables. These tables are big: their indexes are built while they are written to. A build
-- that was cut short leaves an index that nothing uses, so that each is begun anew.
DROP INDEX CONCURRENTLY IF EXISTS deliveries_conversation_idx;
CREATE INDEX CONCURRENTLY deliveries_conversation_idx ON deliveries (conversation_id) WHERE conversation_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS deliveries_contact_idx;
CREATE INDEX CONCURRENTLY deliveries_contact_idx ON deliveries (contact_id) WHERE conversation_id IS NULL AND contact_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS messages_contact_idx;
CREATE INDEX CONCURRENTLY messages_contact_idx ON messages (contact_id);
DROP INDEX CONCURRENTLY IF EXISTS media_contact_idx;
CREATE INDEX CONCURRENTLY media_contact_idx ON media (contact_id) WHERE contact_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS wakes_contact_idx;
CREATE INDEX CONCURRENTLY wakes_contact_idx ON wakes (contact_id);
DROP INDEX CONCURRENTLY IF EXISTS receipts_account_idx;
CREATE INDEX CONCURRENTLY receipts_account_idx ON receipts (account_id, id);
DROP INDEX CONCURRENTLY IF EXISTS conversations_previous_idx;
CREATE INDEX CONCURRENTLY conversations_previous_idx ON conversations (previous_id) WHERE previous_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS conversations_retention_idx;
CREATE INDEX CONCURRENTLY conversations_retention_idx ON conversations (inbox_id, ended_at) WHERE ended_at IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS scheduled_messages_message_idx;
CREATE INDEX CONCURRENTLY scheduled_messages_message_idx ON scheduled_messages (message_id) WHERE message_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS scheduled_messages_otherwise_idx;
CREATE INDEX CONCURRENTLY scheduled_messages_otherwise_idx ON scheduled_messages (otherwise_id) WHERE otherwise_id IS NOT NULL;

-- +goose Down
DROP INDEX deliveries_conversation_idx, deliveries_contact_idx, messages_contact_idx,
    media_contact_idx, wakes_contact_idx, receipts_account_idx,
    conversations_previous_idx, conversations_retention_idx, scheduled_messages_message_idx,
    scheduled_messages_otherwise_idx;
