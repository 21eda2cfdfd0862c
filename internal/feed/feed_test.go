package feed_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/feed"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// patience allows for a busy machine, and for transactions of other tests on the same server: they hold events back.
const patience = time.Minute

// scene is a database with an account, and a hub over it.
type scene struct {
	pool    *pgxpool.Pool
	hub     *feed.Hub
	account handoff.ID
}

// newScene makes a hub that looks at the database once an hour unless it is told to: tests of it would otherwise pass without it.
func newScene(t *testing.T) *scene {
	t.Helper()
	pool, err := db.Open(t.Context(), dbtest.URL(t), 12)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	s := &scene{pool: pool, hub: feed.New(pool, feed.Dial(pool), slog.New(slog.DiscardHandler))}
	s.hub.Poll = time.Hour
	s.hub.Render = func(_ context.Context, rows []dbsqlc.Event) ([][]byte, error) {
		bodies := make([][]byte, 0, len(rows))
		for _, row := range rows {
			bodies = append(bodies, []byte(row.ID.String()))
		}
		return bodies, nil
	}
	s.account = s.newAccount(t)
	return s
}

func (s *scene) newAccount(t require.TestingT) handoff.ID {
	row, err := dbsqlc.New(s.pool).AccountInsert(context.Background(), dbsqlc.AccountInsertParams{ID: handoff.NewID(), Name: "Acme"})
	require.NoError(t, err)
	return row.ID
}

// run starts the hub, which is stopped at the end of the test and has then ended every subscription.
func (s *scene) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

// insert writes an event of an account.
func insert(t require.TestingT, on dbsqlc.DBTX, account handoff.ID, eventType handoff.EventType) string {
	id := handoff.NewID()
	err := db.ExecBatch(dbsqlc.New(on).EventInsert(context.Background(), []dbsqlc.EventInsertParams{{
		ID: id, AccountID: account, Type: eventType, ActorType: handoff.AuthorSystem, Data: []byte("{}"), OccurredAt: time.Now(),
	}}))
	require.NoError(t, err)
	return id.String()
}

func (s *scene) insert(t *testing.T) string {
	t.Helper()
	return insert(t, s.pool, s.account, handoff.EventClaimed)
}

func (s *scene) begin(t *testing.T) pgx.Tx {
	t.Helper()
	tx, err := s.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	return tx
}

func (s *scene) subscribe(t *testing.T, after *feed.Position) *feed.Subscription {
	t.Helper()
	sub, err := s.hub.Subscribe(t.Context(), feed.Request{AccountID: s.account, KeyID: s.newKey(t), After: after})
	require.NoError(t, err)
	t.Cleanup(sub.Close)
	return sub
}

// newKey makes a key that is good.
func (s *scene) newKey(t require.TestingT) handoff.ID {
	id := handoff.NewID()
	_, err := dbsqlc.New(s.pool).APIKeyInsert(context.Background(), dbsqlc.APIKeyInsertParams{
		ID: id, AccountID: s.account, Name: "k", Scope: handoff.ScopeAdmin, Prefix: id.String(), Hash: id[:],
	})
	require.NoError(t, err)
	return id
}

// receive waits for n events.
func receive(t *testing.T, sub *feed.Subscription, n int) []string {
	t.Helper()
	var got []string
	deadline := time.After(patience)
	for len(got) < n {
		events, more := sub.Next()
		for _, e := range events {
			got = append(got, string(e.Body))
		}
		if more == nil {
			require.NoError(t, sub.Context().Err())
			continue
		}
		select {
		case <-more:
		case <-deadline:
			require.FailNow(t, "events are missing", "%d of %d came", len(got), n)
		}
	}
	return got
}

func TestALaterPositionThatIsCommittedFirst(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	sub := s.subscribe(t, nil)
	one, two := s.begin(t), s.begin(t)
	// one is the older transaction, and two gets the earlier position.
	_, err := one.Exec(t.Context(), "SELECT pg_current_xact_id()")
	require.NoError(t, err)
	early := insert(t, two, s.account, handoff.EventClaimed)
	late := insert(t, one, s.account, handoff.EventReleased)
	require.NoError(t, two.Commit(t.Context()))
	rows, _, err := feed.List(t.Context(), s.pool, s.account, feed.Filter{}, feed.Position{}, 10)
	require.NoError(t, err)
	require.Empty(t, rows, "an older transaction may still commit what comes before")
	require.NoError(t, one.Commit(t.Context()))
	last := s.insert(t)
	require.Equal(t, []string{late, early, last}, receive(t, sub, 3))
	require.Equal(t, []string{late, early, last}, receive(t, s.subscribe(t, &feed.Position{}), 3), "from the database")
}

// Only one transaction at a time tells of its events. Those that keep quiet meanwhile come all the same.
func TestEventsOfWhichNobodyTells(t *testing.T) {
	t.Parallel()
	for _, ends := range []struct {
		name string
		end  func(pgx.Tx) error
		poll time.Duration
	}{
		{"the one that tells commits", func(tx pgx.Tx) error { return tx.Commit(t.Context()) }, time.Hour},
		{"it is rolled back", func(tx pgx.Tx) error { return tx.Rollback(t.Context()) }, 50 * time.Millisecond},
	} {
		t.Run(ends.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.hub.Poll = ends.poll
			s.run(t)
			sub := s.subscribe(t, nil)
			teller, quiet, still := s.begin(t), s.begin(t), s.begin(t)
			insert(t, teller, s.account, handoff.EventClaimed)
			first, second := insert(t, quiet, s.account, handoff.EventClaimed), insert(t, still, s.account, handoff.EventClaimed)
			require.NoError(t, quiet.Commit(t.Context()))
			require.NoError(t, ends.end(teller))
			want := []string{first}
			if ends.poll == time.Hour {
				require.NotEmpty(t, receive(t, sub, 2)[0])
			} else {
				require.Equal(t, want, receive(t, sub, 1))
			}
			require.NoError(t, still.Commit(t.Context()))
			require.Equal(t, []string{second}, receive(t, sub, 1))
		})
	}
}

func TestEventsComeWithoutAnnouncements(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hub.Poll = 100 * time.Millisecond
	s.hub.Connect = func(context.Context) (*pgx.Conn, error) { return nil, errors.New("a pooler refuses it") }
	s.run(t)
	sub := s.subscribe(t, nil)
	require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
	require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
}

func TestALostConnectionIsMadeAgain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.run(t)
	sub := s.subscribe(t, nil)
	require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
	kill := "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND query IN ('LISTEN handoff_events', 'NOTIFY handoff_events')"
	for range 2 {
		var killed int
		require.Eventually(t, func() bool {
			require.NoError(t, s.pool.QueryRow(t.Context(), kill).Scan(&killed))
			return killed == 1
		}, patience, 20*time.Millisecond)
		require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
	}
}

func TestAnAccountHasSoManySubscriptions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hub.Limit = 1
	s.run(t)
	sub := s.subscribe(t, nil)
	request := feed.Request{AccountID: s.account, KeyID: handoff.NewID()}
	_, err := s.hub.Subscribe(t.Context(), request)
	require.ErrorContains(t, err, "too many streams")
	other, err := s.hub.Subscribe(t.Context(), feed.Request{AccountID: s.newAccount(t), KeyID: handoff.NewID()})
	require.NoError(t, err)
	other.Close()
	sub.Close()
	sub.Close()
	again, err := s.hub.Subscribe(t.Context(), request)
	require.NoError(t, err)
	again.Close()
}

func TestAStoppedHubEndsItsSubscriptions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.hub.Run(ctx) }()
	sub := s.subscribe(t, nil)
	require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
	cancel()
	require.NoError(t, <-done)
	require.ErrorIs(t, context.Cause(sub.Context()), feed.ErrClosed)
	events, more := sub.Next()
	require.Empty(t, events)
	require.Nil(t, more)
	_, err := s.hub.Subscribe(t.Context(), feed.Request{AccountID: s.account})
	require.ErrorContains(t, err, "stopping")
}

// A standby that was promoted gives numbers again that clients have read already: their cursors would skip what is new.
func TestEventsGoOnAfterAFailover(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	snapshot, err := dbsqlc.New(s.pool).FeedHorizon(t.Context())
	require.NoError(t, err)
	_, err = s.pool.Exec(t.Context(), "UPDATE feed_clusters SET cluster = 'the one before'")
	require.NoError(t, err)
	s.run(t)
	require.Eventually(t, func() bool {
		moved, err := dbsqlc.New(s.pool).FeedMoved(t.Context())
		return err == nil && !moved
	}, patience, 10*time.Millisecond)

	sub := s.subscribe(t, &feed.Position{TxID: snapshot.Begun + 1_000_000})
	require.Equal(t, []string{s.insert(t)}, receive(t, sub, 1))
}
