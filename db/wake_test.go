package db_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// shift lets time pass for the sweep.
func shift(t *testing.T, w *fixture.World, by time.Duration) {
	t.Helper()
	w.Exec(t, "UPDATE wakes SET next_signal_at = next_signal_at - $1::interval", by)
}

func sweep(t *testing.T, database db.DB) []dbsqlc.WakeSweepRow {
	t.Helper()
	rows, err := dbsqlc.New(database).WakeSweep(t.Context(), 500)
	require.NoError(t, err)
	return rows
}

func TestAFlagThatNobodySignalledIsFoundAfterTwoSeconds(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	wake := w.Accept(t, w.Body(john, "hello"), time.Now()).Wakes[0]
	require.Empty(t, sweep(t, w.DB), "the process that accepted it signals by itself")
	shift(t, w, 2*time.Second)
	found := sweep(t, w.DB)
	require.Len(t, found, 1)
	require.Equal(t, dbsqlc.WakeSweepRow{InboxID: wake.InboxID, ContactID: wake.ContactID, AccountID: wake.AccountID}, found[0])
	require.Empty(t, sweep(t, w.DB), "who found it has it for a while")
	shift(t, w, 4*time.Second)
	require.Len(t, sweep(t, w.DB), 1, "and if he died, the next one finds it")
}

func TestAFlagThatWasSignalledIsLeftAloneForLongerEachTime(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	wake := w.Accept(t, w.Body(john, "hello"), time.Now()).Wakes[0]
	params := dbsqlc.WakeSignalledParams{InboxIds: []handoff.ID{wake.InboxID}, ContactIds: []handoff.ID{wake.ContactID}}
	for _, seconds := range []int{4, 8, 16, 32, 64, 128, 256, 512, 600, 600, 600, 600, 600} {
		require.NoError(t, dbsqlc.New(w.DB).WakeSignalled(t.Context(), params))
		require.Empty(t, sweep(t, w.DB))
		require.Equal(t, 1, w.Count(t, "wakes", "next_signal_at - now() BETWEEN $1 - interval '1 second' AND $1",
			time.Duration(seconds)*time.Second), "after %d seconds", seconds)
	}
	w.Accept(t, w.Body(john, "hello?"), time.Now())
	require.Equal(t, 1, w.Count(t, "wakes", "signals = 13"), "a flag that is up stays as it is")
	shift(t, w, 10*time.Minute)
	require.Len(t, sweep(t, w.DB), 1)
}

func TestALoweredFlagIsNotNoted(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	wake := w.Accept(t, w.Body(john, "hello"), time.Now()).Wakes[0]
	apply(t, w, wake)
	params := dbsqlc.WakeSignalledParams{InboxIds: []handoff.ID{wake.InboxID}, ContactIds: []handoff.ID{wake.ContactID}}
	require.NoError(t, dbsqlc.New(w.DB).WakeSignalled(t.Context(), params))
	require.Equal(t, 1, w.Count(t, "wakes", "NOT raised AND signals = 0 AND next_signal_at IS NULL"))
	require.Len(t, w.Accept(t, w.Body(john, "hello?"), time.Now()).Wakes, 1)
}

func apply(t *testing.T, w *fixture.World, wake db.Wake) {
	t.Helper()
	_, err := w.Activities(t, time.Now).ApplyInbound(t.Context(), activities.ApplyInboundInput{Now: time.Now(), Ref: activities.Ref{
		AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID,
	}})
	require.NoError(t, err)
}

func TestTwoSweepsNeverTakeTheSameFlag(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	var messages []said
	for i := range 300 {
		messages = append(messages, said{phone: fmt.Sprintf("4477009%05d", i), name: "N", id: fmt.Sprintf("wamid.%d", i)})
	}
	w.Accept(t, batch(w, messages...), time.Now())
	shift(t, w, time.Minute)

	tx, err := w.DB.Begin(t.Context())
	require.NoError(t, err)
	first, err := dbsqlc.New(tx).WakeSweep(t.Context(), 100)
	require.NoError(t, err)
	require.Len(t, first, 100)
	second, err := dbsqlc.New(w.DB).WakeSweep(t.Context(), 100)
	require.NoError(t, err)
	require.Len(t, second, 100, "it neither waits nor takes the same ones")
	require.NoError(t, tx.Commit(t.Context()))

	var mu sync.Mutex
	taken := map[handoff.ID]int{}
	for _, row := range append(first, second...) {
		taken[row.ContactID]++
	}
	requireNone(t, inParallel(8, func(int) error {
		rows, err := dbsqlc.New(w.DB).WakeSweep(t.Context(), 30)
		mu.Lock()
		defer mu.Unlock()
		for _, row := range rows {
			taken[row.ContactID]++
		}
		return err
	}))
	for _, row := range sweep(t, w.DB) { // what the eight left to each other
		taken[row.ContactID]++
	}
	require.Len(t, taken, 300)
	for _, n := range taken {
		require.Equal(t, 1, n)
	}
}

func raiseOverdue(t *testing.T, w *fixture.World) int {
	t.Helper()
	n, err := dbsqlc.New(w.DB).WakeRaiseOverdue(t.Context(), 500)
	require.NoError(t, err)
	return int(n)
}

// A snooze, an offer, a response: whatever is due has lost its run if nothing has come of it.
func TestAConversationWhoseTimerIsOverdueIsWoken(t *testing.T) {
	t.Parallel()
	for _, timer := range []string{
		"snoozed_until", "offer_expires_at", "resolve_at", "scheduled_at", "silent_at", "response_notice_at", "window_notice_at",
	} {
		t.Run(timer, func(t *testing.T) {
			t.Parallel()
			w := crowded(t)
			apply(t, w, w.Accept(t, w.Body(john, "hello"), time.Now()).Wakes[0])
			w.Exec(t, "UPDATE conversations SET "+timer+" = now() - interval '30 seconds'")
			require.Zero(t, raiseOverdue(t, w), "its workflow is about it")
			w.Exec(t, "UPDATE conversations SET "+timer+" = now() - interval '2 minutes'")
			require.Equal(t, 1, raiseOverdue(t, w))
			w.Exec(t, "UPDATE wakes SET raised = false")
			w.Exec(t, "UPDATE conversations SET status = 'ended', end_reason = 'admin', ended_at = now()")
			require.Zero(t, raiseOverdue(t, w))
		})
	}
}

func TestAConversationThatShouldHaveEndedIsWoken(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	apply(t, w, w.Accept(t, w.Body(john, "hello"), time.Now()).Wakes[0])
	require.Zero(t, raiseOverdue(t, w))
	w.Exec(t, "UPDATE conversations SET inactive_at = now() - interval '50 seconds'")
	require.Zero(t, raiseOverdue(t, w), "its run may be just about to end it")
	w.Exec(t, "UPDATE conversations SET inactive_at = now() - interval '2 minutes'")
	require.Equal(t, 1, raiseOverdue(t, w))
	require.Zero(t, raiseOverdue(t, w), "a flag that is up is up")
	require.Len(t, sweep(t, w.DB), 1)
}

func TestADeliveryThatShouldHaveLeftWakesItsLane(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	w.Exec(t, "UPDATE endpoints SET event_types = '{message.received}'")
	apply(t, w, w.Accept(t, w.Body(john, "one", "two", "three"), time.Now()).Wakes[0])
	require.Equal(t, 3, w.Count(t, "deliveries", "state = 'pending'"))
	w.Exec(t, "UPDATE deliveries SET next_attempt_at = now() - interval '1 hour'")
	w.Exec(t, "UPDATE deliveries SET next_attempt_at = now() + interval '2 hours' WHERE position = 1")
	require.Zero(t, raiseOverdue(t, w), "what waits behind a back-off is not overdue")
	w.Exec(t, "UPDATE deliveries SET bypassed = true WHERE position = 1")
	require.Equal(t, 1, raiseOverdue(t, w), "what was let pass is")
	apply(t, w, db.Wake{AccountID: w.Account.ID, InboxID: w.Inbox.ID, ContactID: contact(t, w)})
	w.Exec(t, "UPDATE deliveries SET bypassed = false, next_attempt_at = now() - interval '1 hour'")
	require.Equal(t, 1, raiseOverdue(t, w))
}

func contact(t *testing.T, w *fixture.World) (id handoff.ID) {
	t.Helper()
	require.NoError(t, w.DB.QueryRow(t.Context(), "SELECT id FROM contacts").Scan(&id))
	return id
}
