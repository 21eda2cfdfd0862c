-- +goose Up

-- Readers of events go by the transaction that wrote them. A dump that is restored elsewhere brings events of transactions that the new
-- cluster has still to reach: they would be shown after years, and everything new would seem older than what clients have read. What is
-- written here counts on from there; handoff migrate sets the offset where it finds such events.
-- It is STABLE because plans would keep the value of an IMMUTABLE one: those that inline it are made anew when it is replaced.
CREATE FUNCTION feed_offset() RETURNS bigint LANGUAGE sql STABLE RETURN 0::bigint;
CREATE FUNCTION feed_txid() RETURNS xid8 LANGUAGE sql STABLE RETURN (pg_current_xact_id()::text::bigint + feed_offset())::text::xid8;
-- What is before it is complete: no transaction that still runs can add to it.
CREATE FUNCTION feed_horizon() RETURNS xid8 LANGUAGE sql STABLE RETURN (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + feed_offset())::text::xid8;
-- The first transaction that has not begun yet.
CREATE FUNCTION feed_begun() RETURNS xid8 LANGUAGE sql STABLE RETURN (pg_snapshot_xmax(pg_current_snapshot())::text::bigint + feed_offset())::text::xid8;
ALTER TABLE events ALTER COLUMN txid SET DEFAULT feed_txid();

-- Are there events that this cluster cannot have written?
CREATE FUNCTION feed_behind() RETURNS boolean LANGUAGE sql STABLE RETURN EXISTS (
    SELECT FROM accounts a CROSS JOIN LATERAL (
        SELECT e.txid FROM events e WHERE e.account_id = a.id ORDER BY e.txid DESC, e.position DESC LIMIT 1
    ) latest WHERE latest.txid >= feed_begun());

-- Lets what is written from now on follow the events that are there. It tells whether that took a new offset.
-- +goose StatementBegin
CREATE FUNCTION feed_continue() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('feed_continue'));
    IF NOT feed_behind() THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE OR REPLACE FUNCTION feed_offset() RETURNS bigint LANGUAGE sql STABLE RETURN %s::bigint',
        (SELECT max(txid)::text::bigint + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint FROM events));
    RETURN true;
END $$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE events ALTER COLUMN txid SET DEFAULT pg_current_xact_id();
DROP FUNCTION feed_continue, feed_behind, feed_begun, feed_horizon, feed_txid, feed_offset;
