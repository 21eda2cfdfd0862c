package activities_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/protocol/hitlchat"
)

// impatient connects to a scene's database; whoever waits there for a lock fails.
func impatient(t *testing.T) (*scene, db.DB) {
	t.Helper()
	url := dbtest.URL(t)
	pool, err := db.Open(context.Background(), url, 5)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	other, err := db.Open(context.Background(), url+"&lock_timeout=100ms", 5)
	require.NoError(t, err)
	t.Cleanup(other.Close)
	return newSceneIn(t, pool), other
}

func accept(t *testing.T, w *fixture.World, in db.DB, body []byte) (db.Accepted, error) {
	t.Helper()
	parsed, err := hitlchat.Parse(body)
	require.NoError(t, err)
	return db.Accept(context.Background(), in, db.NewReceipt{
		AccountID: w.Account.ID, Protocol: handoff.ProtocolHitlChat, Body: body, Items: parsed.Items,
	})
}

// A wake-up would be lost if intake could commit between ApplyInbound's reading and its lowering of the flag: the item would be
// there with no flag for it. The contact's lock makes intake wait, and the flag that it then raises is a new one.
func TestIntakeWaitsForApplyInboundSoThatNoWakeUpIsLost(t *testing.T) {
	t.Parallel()
	s, other := impatient(t)
	tx, err := s.World.DB.Begin(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	inTx := *s.Activities
	inTx.DB = tx
	_, err = inTx.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.NoError(t, err)

	body := s.Body(john, "hello?")
	_, err = accept(t, s.World, other, body)
	require.ErrorContains(t, err, "lock timeout", "intake must wait until what is applied is committed")
	require.NoError(t, tx.Commit(context.Background()))

	accepted, err := accept(t, s.World, other, body)
	require.NoError(t, err)
	require.Len(t, accepted.Wakes, 1, "the flag was lowered, so this one is new and wants a signal")
	require.Equal(t, 1, s.Count(t, "wakes", "raised"))
	require.Equal(t, 1, s.unapplied())
	s.apply()
	require.Zero(t, s.unapplied())
}

// The other way round: what intake has written and not committed must not be passed by with the flag lowered.
func TestApplyInboundWaitsForIntake(t *testing.T) {
	t.Parallel()
	s, other := impatient(t)
	s.apply()
	tx, err := s.World.DB.Begin(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = accept(t, s.World, tx, s.Body(john, "hello?"))
	require.NoError(t, err)

	elsewhere := *s.Activities
	elsewhere.DB = other
	_, err = elsewhere.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.Error(t, err)
	require.NoError(t, tx.Commit(context.Background()))
	require.Equal(t, 1, s.unapplied())
	s.apply()
	require.Zero(t, s.unapplied())
	require.Zero(t, s.Count(t, "wakes", "raised"))
}

// Even a body that only repeats what is known locks: it must not overtake the one that it repeats.
func TestIntakeLocksWhetherOrNotItHasSomethingNew(t *testing.T) {
	t.Parallel()
	s, other := impatient(t)
	body := s.Body(john, "hello?")
	_, err := accept(t, s.World, s.World.DB, body)
	require.NoError(t, err)
	tx, err := s.World.DB.Begin(context.Background())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	inTx := *s.Activities
	inTx.DB = tx
	_, err = inTx.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.NoError(t, err)
	_, err = accept(t, s.World, other, body)
	require.ErrorContains(t, err, "lock timeout")
}
