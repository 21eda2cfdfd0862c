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

-- Where transaction ids come from: a cluster, and its timeline. One that was brought back to an earlier point has lost ids that it had
-- given, as a dump has those that came after it. Where a provider keeps this to itself, all clusters are the same.
-- +goose StatementBegin
CREATE FUNCTION feed_cluster() RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system()) || '/' || left(pg_walfile_name(pg_current_wal_lsn()), 8);
EXCEPTION WHEN insufficient_privilege OR undefined_function OR feature_not_supported THEN
    RETURN 'unknown';
END $$;
-- +goose StatementEnd

-- The clusters that events were written in, and the first id of each.
CREATE TABLE feed_clusters (
    first_txid xid8 PRIMARY KEY,
    cluster    text NOT NULL
);
INSERT INTO feed_clusters (first_txid, cluster) SELECT '0', feed_cluster();

CREATE FUNCTION feed_latest() RETURNS xid8 LANGUAGE sql STABLE RETURN (
    SELECT max(latest.txid) FROM accounts a CROSS JOIN LATERAL (
        SELECT e.txid FROM events e WHERE e.account_id = a.id ORDER BY e.txid DESC, e.position DESC LIMIT 1
    ) latest);

-- Are there events that this cluster cannot have written?
CREATE FUNCTION feed_behind() RETURNS boolean LANGUAGE sql STABLE RETURN coalesce(feed_latest() >= feed_begun(), false);

-- Does the database live elsewhere than where events were last let go on?
CREATE FUNCTION feed_moved() RETURNS boolean LANGUAGE sql STABLE RETURN coalesce((
    SELECT cluster <> feed_cluster() FROM feed_clusters ORDER BY first_txid DESC LIMIT 1), true);

-- Lets what is written from now on follow the events that are there, and the cursors of events that were lost: clients have read on
-- after the dump, and have horizons for cursors, which go on without events. A jump of 2^40 is beyond them all: that is 34 years of a
-- thousand transactions a second, and can be made eight million times. It tells whether that took a new offset.
-- +goose StatementBegin
CREATE FUNCTION feed_continue() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    first bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('feed_continue'));
    IF NOT feed_moved() AND NOT feed_behind() THEN
        RETURN false;
    END IF;
    -- What writes at this moment has the offset before, and must not be committed behind a horizon of the new one.
    LOCK TABLE events IN SHARE MODE;
    first := greatest(feed_latest(), feed_begun(), (SELECT max(first_txid) FROM feed_clusters))::text::bigint + (1::bigint << 40);
    EXECUTE format('CREATE OR REPLACE FUNCTION feed_offset() RETURNS bigint LANGUAGE sql STABLE RETURN %s::bigint',
        first - pg_snapshot_xmin(pg_current_snapshot())::text::bigint);
    INSERT INTO feed_clusters (first_txid, cluster) VALUES (first::text::xid8, feed_cluster());
    RETURN true;
END $$;
-- +goose StatementEnd

-- +goose Down
ALTER TABLE events ALTER COLUMN txid SET DEFAULT pg_current_xact_id();
DROP FUNCTION feed_continue, feed_moved;
DROP TABLE feed_clusters;
DROP FUNCTION feed_behind, feed_latest, feed_cluster, feed_begun, feed_horizon, feed_txid, feed_offset;
