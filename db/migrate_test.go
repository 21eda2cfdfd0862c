package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// Attempts and a request for one attempt more go down to the schema before and up again.
func TestDeliveriesSurviveTheWayToTheSchemaOfTheirHealth(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), dbtest.URL(t)
	pool, err := db.Open(ctx, url, 2)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w := fixture.New(t, pool)
	delivery := handoff.NewID()
	w.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, event_type, webhook_id, body, state, attempts, manual_at, manual_count, created_at)
		VALUES ($1, $2, $3, $4, 'message.received', 'msg_1', '{}', 'pending', 2, now(), 3, now())`, delivery, w.Account.ID, w.Endpoint.ID, w.Inbox.ID)
	w.Exec(t, `INSERT INTO delivery_attempts (delivery_id, endpoint_id, n, trigger, started_at, status)
		VALUES ($1, $2, 1, 'schedule', now(), 500), ($1, $2, 2, 'recovery', now(), 200)`, delivery, w.Endpoint.ID)

	provider, closeDB, err := db.MigrationProvider(url)
	require.NoError(t, err)
	t.Cleanup(closeDB)
	_, err = provider.DownTo(ctx, 1)
	require.NoError(t, err)
	require.Equal(t, 2, w.Count(t, "delivery_attempts", "trigger = 'schedule'"), "the schema before knows no recovery")
	_, err = provider.Up(ctx)
	require.NoError(t, err)

	require.Equal(t, 2, w.Count(t, "delivery_attempts", "endpoint_id = $1 AND NOT response_truncated", w.Endpoint.ID))
	require.Equal(t, 1, w.Count(t, "deliveries", "id = $1 AND manual_count = 1 AND NOT hastened", delivery))
	require.Equal(t, 1, w.Count(t, "endpoints", "ordering = 'strict' AND max_in_flight = 10 AND failures = 0 AND rate_limit IS NULL"))
}
