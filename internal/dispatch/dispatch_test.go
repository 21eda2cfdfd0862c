package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// running starts a dispatcher whose signals go to the returned channel; answer says how each ends.
func running(t *testing.T, w *fixture.World, answer func(n int) error) (*Dispatcher, chan db.Wake) {
	t.Helper()
	signals, calls := make(chan db.Wake, 100), make(chan int, 1)
	calls <- 0
	d := New(w.DB, func(_ context.Context, wake db.Wake) error {
		n := <-calls + 1
		calls <- n
		defer func() { signals <- wake }()
		return answer(n)
	}, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done, "it ends when it is told to") })
	return d, signals
}

func always(int) error { return nil }

func next(t *testing.T, signals chan db.Wake) db.Wake {
	t.Helper()
	select {
	case w := <-signals:
		return w
	case <-time.After(time.Minute):
		require.Fail(t, "no signal came")
		return db.Wake{}
	}
}

func accepted(t *testing.T, w *fixture.World, phone string) db.Wake {
	t.Helper()
	return w.Accept(t, w.Body(phone, "hello"), time.Now()).Wakes[0]
}

func TestAWakeIsSignalledWithWhatWasAccepted(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	d, signals := running(t, w, always)
	wake := accepted(t, w, "447700900123")
	d.Wake(wake)
	require.Equal(t, wake, next(t, signals))
	require.Len(t, wake.Items, 1)
}

func TestAWakeThatWasNeverAskedForIsFound(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	wake := accepted(t, w, "447700900123") // and the process dies before it can ask for a signal
	w.Exec(t, "UPDATE wakes SET next_signal_at = now()")
	_, signals := running(t, w, always)
	found := next(t, signals)
	require.Equal(t, wake.ContactID, found.ContactID)
	require.Equal(t, wake.InboxID, found.InboxID)
	require.Equal(t, wake.AccountID, found.AccountID)
}

func TestASignalThatFailsIsSentAgain(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	d, signals := running(t, w, func(n int) error {
		if n == 1 {
			return errors.New("temporal is away")
		}
		return nil
	})
	wake := accepted(t, w, "447700900123")
	d.Wake(wake)
	next(t, signals)
	w.Exec(t, "UPDATE wakes SET next_signal_at = now()")
	require.Equal(t, wake.ContactID, next(t, signals).ContactID)
}

func TestWhatIsOverdueIsWoken(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	wake := accepted(t, w, "447700900123")
	apply(t, w, wake)
	w.Exec(t, "UPDATE conversations SET inactive_at = now() - interval '1 hour'")
	_, signals := running(t, w, always)
	require.Equal(t, wake.ContactID, next(t, signals).ContactID)
}

// A delivery can be made as held by a transaction that read its endpoint just before somebody enabled it.
func TestADeliveryHeldForAnEnabledEndpointGoesOut(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t), "message.received")
	wake := accepted(t, w, "447700900123")
	apply(t, w, wake)
	w.Exec(t, "UPDATE deliveries SET state = 'held', next_attempt_at = NULL")
	_, signals := running(t, w, always)
	require.Equal(t, wake.ContactID, next(t, signals).ContactID)
	require.Equal(t, 1, w.Count(t, "deliveries", "state = 'pending'"))
}

func apply(t *testing.T, w *fixture.World, wake db.Wake) {
	t.Helper()
	_, err := w.Activities(t, time.Now).ApplyInbound(t.Context(), activities.ApplyInboundInput{Now: time.Now(), Ref: activities.Ref{
		AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID,
	}})
	require.NoError(t, err)
}

// An acceptance must never wait for a signal.
func TestWakeNeverBlocks(t *testing.T) {
	t.Parallel()
	d := New(nil, nil, slog.New(slog.DiscardHandler))
	for range 2 * queueLength {
		d.Wake(db.Wake{ContactID: handoff.NewID()})
	}
	require.Len(t, d.queue.wakes, queueLength)
}

func TestAConversationWaitsForItsSignalOnce(t *testing.T) {
	t.Parallel()
	d := New(nil, nil, slog.New(slog.DiscardHandler))
	wake := db.Wake{ContactID: handoff.NewID()}
	for range 10 {
		d.Wake(wake)
	}
	require.Len(t, d.queue.wakes, 1)
	d.queue.taken(<-d.queue.wakes)
	d.Wake(wake)
	require.Len(t, d.queue.wakes, 1, "a later wake is another one")
}

func TestFewConversationsAreAwakeAtOnce(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	o := newOutstanding(w.DB)
	var wakes []db.Wake
	for i := range maxOutstanding + 1 {
		wakes = append(wakes, accepted(t, w, fmt.Sprintf("4477009001%02d", i)))
	}
	for _, wake := range wakes[:maxOutstanding] {
		require.True(t, o.take(wake))
		require.True(t, o.take(wake), "one conversation, one place")
	}
	late := wakes[maxOutstanding]
	require.False(t, o.take(late))
	o.waiting.Add(1)
	require.NoError(t, o.look(t.Context()))
	require.False(t, o.take(late), "all flags are up")
	apply(t, w, wakes[3])
	require.NoError(t, o.look(t.Context()))
	require.True(t, o.take(late))

	age := func(by time.Duration) {
		for key := range o.since {
			o.since[key] = time.Now().Add(-by)
		}
		require.NoError(t, o.look(t.Context()))
	}
	o.moved = time.Now().Add(time.Minute)
	age(outstandingFor / 2)
	require.False(t, o.take(wakes[3]), "others get on, and so will these")
	age(outstandingFor)
	require.True(t, o.take(wakes[3]), "wake-ups that did nothing lose their places")
}

func TestWhereNothingMovesPlacesAreGivenUpSooner(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	o := newOutstanding(w.DB)
	for i := range maxOutstanding {
		require.True(t, o.take(accepted(t, w, fmt.Sprintf("4477009001%02d", i))))
	}
	late := accepted(t, w, "447700900199")
	o.waiting.Add(1)
	for key := range o.since {
		o.since[key] = time.Now().Add(-stuckFor)
	}
	require.NoError(t, o.look(t.Context()))
	require.True(t, o.take(late))
	require.Len(t, o.since, 1)
}

func TestWhatHasServedItsTimeIsForgotten(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	apply(t, w, accepted(t, w, "447700900123"))
	w.Accept(t, w.StatusBody("wamid.old", "sent"), time.Now().Add(-parkedFor-time.Minute))
	w.Accept(t, w.StatusBody("wamid.new", "sent"), time.Now().Add(-parkedFor+time.Minute))
	w.Exec(t, `INSERT INTO commands (id, conversation_id, created_at)
		SELECT n, id, now() - interval '8 days' + n * interval '1 minute' FROM conversations, generate_series(-1, 1, 2) AS n`)
	w.Exec(t, `INSERT INTO idempotency_keys (account_id, route, key, request_hash, command_id, created_at)
		SELECT $1, 'r', n, '', $1, now() - interval '8 days' + n * interval '1 minute' FROM generate_series(-1, 1, 2) AS n`, w.Account.ID)
	w.Exec(t, `INSERT INTO endpoint_secrets (id, account_id, endpoint_id, secret, created_at, expires_at)
		SELECT gen_random_uuid(), $1, $2, '', now(), now() + n * interval '1 minute' FROM generate_series(-1, 1, 2) AS n`, w.Account.ID, w.Endpoint.ID)
	w.Exec(t, `INSERT INTO commands (id, conversation_id, created_at)
		SELECT 'old ' || n, id, now() - interval '9 days' FROM conversations, generate_series(1, $1) AS n`, 2*expireLimit) // more than one batch
	require.NoError(t, New(w.DB, nil, slog.New(slog.DiscardHandler)).expire(t.Context()))
	require.Equal(t, 1, w.Count(t, "parked_statuses", "true"))
	require.Equal(t, 1, w.Count(t, "commands", "true"))
	require.Equal(t, 1, w.Count(t, "idempotency_keys", "true"))
	require.Equal(t, 1, w.Count(t, "endpoint_secrets", "expires_at > now()"))
	require.Equal(t, 1, w.Count(t, "endpoint_secrets", "true"))
}
