-- +goose Up
-- Tells every API server that there are events to read. PostgreSQL commits transactions that notify one after the other, in the whole
-- cluster, each waiting for its own flush to disk: with 32 writers at once that cost three quarters of their rate. So only one transaction
-- at a time notifies. A transaction that keeps quiet was under way while that one was, and readers go on reading until all of those have
-- ended. What is missed (the one that notifies can be rolled back), they find a second later.
-- +goose StatementBegin
CREATE FUNCTION notify_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_xact_lock(7526754016282964) THEN
        NOTIFY handoff_events;
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER events_notify AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION notify_events();

-- +goose Down
DROP TRIGGER events_notify ON events;
DROP FUNCTION notify_events();
