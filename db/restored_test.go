package db_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// A dump that is restored in a new cluster brings events of transactions far in its future. They stay readable, what comes then comes
// after them, and the cursors that clients kept still work.
func TestEventsGoOnAfterADumpWasRestored(t *testing.T) {
	t.Parallel()
	ctx, url := t.Context(), dbtest.URL(t)
	pool, err := db.Open(ctx, url, 2)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w, q := fixture.New(t, pool), dbsqlc.New(pool)
	tell := func(kind string) {
		w.Exec(t, `INSERT INTO events (id, account_id, type, actor_type, at) VALUES (gen_random_uuid(), $1, $2, 'system', now())`, w.Account.ID, kind)
	}
	all := []string{"one", "two", "three", "four", "five"}
	read := func(after dbsqlc.Event) (kinds []string, last dbsqlc.Event) {
		snapshot, err := q.FeedHorizon(ctx)
		require.NoError(t, err)
		events, err := q.FeedListByAccount(ctx, dbsqlc.FeedListByAccountParams{
			AccountID: w.Account.ID, AfterTxid: after.Txid, AfterPosition: uint64(after.Position), Horizon: snapshot.Horizon, Types: all, RowLimit: 100,
		})
		require.NoError(t, err)
		for _, e := range events {
			kinds, last = append(kinds, string(e.Type)), e
		}
		return kinds, last
	}
	// Transactions of other tests hold the horizon back for a moment.
	reads := func(after dbsqlc.Event, expected ...string) (last dbsqlc.Event) {
		require.Eventually(t, func() bool {
			kinds, e := read(after)
			last = e
			return slices.Equal(expected, kinds)
		}, time.Minute, 20*time.Millisecond)
		return last
	}
	tell("one")
	w.Exec(t, "UPDATE events SET txid = (txid::text::bigint + 5000000000)::text::xid8")
	current, err := db.Migrated(ctx, url)
	require.NoError(t, err)
	require.False(t, current, "whoever starts it without handoff migrate is told")
	kinds, _ := read(dbsqlc.Event{})
	require.Empty(t, kinds, "this is what happened: nothing could be read for five billion transactions")

	for range 2 { // a second time changes nothing
		_, err = db.Migrate(ctx, url)
		require.NoError(t, err)
	}
	kept := reads(dbsqlc.Event{}, "one")
	tell("two")
	tell("three")
	reads(kept, "two", "three")

	w.Exec(t, "UPDATE events SET txid = (txid::text::bigint + 7000000000)::text::xid8") // and once more
	_, err = db.Migrate(ctx, url)
	require.NoError(t, err)
	tell("four")
	reads(dbsqlc.Event{}, all[:4]...)

	// Clients have read on after the dump, and the new cluster is ahead of its events: nothing tells but that it is another one.
	snapshot, err := q.FeedHorizon(ctx)
	require.NoError(t, err)
	ahead := dbsqlc.Event{Txid: snapshot.Begun + 9_000_000}
	w.Exec(t, "UPDATE feed_clusters SET cluster = 'lost'")
	for range 2 {
		_, err = db.Migrate(ctx, url)
		require.NoError(t, err)
	}
	tell("five")
	reads(ahead, "five")
	require.Equal(t, 1, w.Count(t, "feed_clusters", "cluster = feed_cluster()"), "a second time changes nothing")
	current, err = db.Migrated(ctx, url)
	require.NoError(t, err)
	require.True(t, current)
}
