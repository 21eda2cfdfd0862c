package db_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// migrated gives a world in a database of its own, and what moves its schema.
func migrated(t *testing.T) (*fixture.World, *goose.Provider) {
	t.Helper()
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), url, 3)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	provider, closeDB, err := db.MigrationProvider(url)
	require.NoError(t, err)
	t.Cleanup(closeDB)
	return fixture.New(t, pool), provider
}

// Attempts and a request for one attempt more go down to the schema before and up again.
func TestDeliveriesSurviveTheWayToTheSchemaOfTheirHealth(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, provider := migrated(t)
	delivery := handoff.NewID()
	w.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, event_type, webhook_id, body, state, attempts, manual_at, manual_count, created_at)
		VALUES ($1, $2, $3, $4, 'message.received', 'msg_1', '{}', 'pending', 2, now(), 3, now())`, delivery, w.Account.ID, w.Endpoint.ID, w.Inbox.ID)
	w.Exec(t, `INSERT INTO delivery_attempts (delivery_id, endpoint_id, n, trigger, started_at, status)
		VALUES ($1, $2, 1, 'schedule', now(), 500), ($1, $2, 2, 'recovery', now(), 200)`, delivery, w.Endpoint.ID)

	_, err := provider.DownTo(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, 2, w.Count(t, "delivery_attempts", "trigger = 'schedule'"), "the schema before knows no recovery")
	_, err = provider.Up(ctx)
	require.NoError(t, err)

	require.Equal(t, 2, w.Count(t, "delivery_attempts", "endpoint_id = $1 AND NOT response_truncated", w.Endpoint.ID))
	require.Equal(t, 1, w.Count(t, "deliveries", "id = $1 AND manual_count = 1 AND NOT hastened", delivery))
	require.Equal(t, 1, w.Count(t, "endpoints", "ordering = 'strict' AND max_in_flight = 10 AND failures = 0 AND rate_limit IS NULL"))
}

// The address may hold settings of the pool, which the connections that migrate know nothing of.
func TestAnAddressWithSettingsOfThePoolIsMigrated(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	mark := "?"
	if strings.Contains(url, "?") {
		mark = "&"
	}
	url += mark + "pool_max_conns=3&pool_min_conns=1&pool_max_conn_lifetime=1h"
	applied, err := db.Migrate(t.Context(), url)
	require.NoError(t, err)
	require.Zero(t, applied, "it is new")
	current, err := db.Migrated(t.Context(), url)
	require.NoError(t, err)
	require.True(t, current)
	pool, err := db.Open(t.Context(), url, 0)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	require.EqualValues(t, 3, pool.Config().MaxConns)
	conn, err := db.Connect(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

// What was deleted under the schema that erases leaves references behind that the one before does not take: they go on the way down.
func TestErasedRowsSurviveTheWayToTheSchemaBeforeThem(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, provider := migrated(t)
	delivery := handoff.NewID()
	w.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, event_id, event_type, webhook_id, body, state, created_at)
		VALUES ($1, $2, $3, $4, $1, 'message.received', 'msg_1', '{}', 'delivered', now())`, delivery, w.Account.ID, w.Endpoint.ID, w.Inbox.ID)
	w.Exec(t, "INSERT INTO commands (id, conversation_id, created_at) VALUES ('gone', $1, now())", handoff.NewID())
	w.Exec(t, "UPDATE inboxes SET retention_days = 30")

	_, err := provider.DownTo(ctx, 8)
	require.NoError(t, err)
	require.Equal(t, 0, w.Count(t, "commands", "id = 'gone'"))
	require.Equal(t, 1, w.Count(t, "deliveries", "id = $1 AND event_id IS NULL", delivery))
	_, err = provider.Up(ctx)
	require.NoError(t, err)
	require.Equal(t, 1, w.Count(t, "inboxes", "retention_days IS NULL"))
}

// An index of a big table takes minutes to build. Meanwhile others write, and where the build is cut short it is begun anew.
func TestIndexesAreBuiltWhileTheirTablesAreWrittenTo(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	w, provider := migrated(t)
	_, err := provider.DownTo(ctx, 13)
	require.NoError(t, err)

	const writes = "UPDATE receipts SET id = id WHERE false"
	older, err := w.DB.Begin(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { _ = older.Rollback(context.WithoutCancel(ctx)) })
	_, err = older.Exec(ctx, writes)
	require.NoError(t, err)
	building := func() bool {
		return w.Count(t, "pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'CREATE INDEX% receipts_account_idx%'") == 1
	}
	cut, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { _, err := provider.Up(cut); ended <- err }()
	require.Eventually(t, building, 30*time.Second, 10*time.Millisecond)
	w.Exec(t, writes)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.Equal(t, 1, w.Count(t, "pg_index", "NOT indisvalid"))

	require.NoError(t, older.Commit(ctx))
	_, err = provider.Up(ctx)
	require.NoError(t, err)
	require.Equal(t, 0, w.Count(t, "pg_index", "NOT indisvalid"))
	require.Equal(t, 1, w.Count(t, "pg_indexes", "indexname = 'scheduled_messages_otherwise_idx'"), "the last one")
}
