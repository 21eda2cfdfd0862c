package db_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// inParallel runs f n times at once and gives the errors.
func inParallel(n int, f func(i int) error) []error {
	errs := make([]error, n)
	var start, all sync.WaitGroup
	start.Add(1)
	for i := range n {
		all.Go(func() { start.Wait(); errs[i] = f(i) })
	}
	start.Done()
	all.Wait()
	return errs
}

func requireNone(t *testing.T, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestFiftyFirstMessagesOfANewContactMakeOneContactAndOneConversation(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	var mu sync.Mutex
	var wakes []db.Wake
	requireNone(t, inParallel(50, func(int) error {
		accepted, err := accept(w, w.DB, w.Body(john, "I need to speak to a human"))
		mu.Lock()
		defer mu.Unlock()
		wakes = append(wakes, accepted.Wakes...)
		return err
	}))
	require.Len(t, wakes, 1, "one signal for all of them")
	require.Equal(t, 1, w.Count(t, "contacts", "true"))
	require.Equal(t, 1, w.Count(t, "wakes", "raised AND last_intake = 50"))

	a := w.Activities(t, time.Now)
	requireNone(t, inParallel(10, func(int) error { // and of many workers that apply, one does
		_, err := a.ApplyInbound(context.Background(), activities.ApplyInboundInput{Now: time.Now(), Ref: activities.Ref{
			AccountID: w.Account.ID, InboxID: wakes[0].InboxID, ContactID: wakes[0].ContactID,
		}})
		return err
	}))
	require.Equal(t, 1, w.Count(t, "conversations", "true"))
	require.Equal(t, 50, w.Count(t, "messages", "conversation_id IS NOT NULL"))
	require.Equal(t, 51, w.Count(t, "events", "true"))
	require.Equal(t, 0, w.Count(t, "wakes", "raised"))
}

func TestBatchesOverTheSameContactsNeitherDeadlockNorSkipANumber(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	const contacts, bodies, each = 12, 64, 6
	random := rand.New(rand.NewPCG(1, 2))
	all := make([][]byte, bodies)
	for i := range all {
		var messages []said
		for n := range each {
			who := random.IntN(contacts)
			m := said{phone: fmt.Sprintf("44770090%04d", who), name: fmt.Sprintf("Name %d", random.IntN(3)), id: fmt.Sprintf("wamid.%d.%d", i, n)}
			if random.IntN(2) == 0 { // the same person, by a stronger name
				m.bsuid = fmt.Sprintf("GB.%d", who)
			}
			messages = append(messages, m)
		}
		all[i] = batch(w, messages...)
	}
	requireNone(t, inParallel(bodies, func(i int) error { _, err := accept(w, w.DB, all[i]); return err }))

	require.Equal(t, bodies*each, w.Count(t, "messages", "true"))
	require.Equal(t, bodies, w.Count(t, "receipts", "true"))
	require.Equal(t, bodies*each, w.Count(t, "receipt_items", "outcome = 'accepted'"))
	// Unique by an index; so the sum of the last numbers tells whether one was skipped.
	require.Equal(t, bodies*each, w.Sum(t, "wakes", "last_intake"))
	require.Zero(t, w.Count(t, "contacts", "NOT EXISTS (SELECT FROM contact_identities i WHERE i.contact_id = contacts.id)"))

	before := w.Dump(t)
	requireNone(t, inParallel(bodies, func(i int) error {
		accepted, err := accept(w, w.DB, all[i])
		if err == nil && len(accepted.Wakes) > 0 {
			return fmt.Errorf("body %d raised a flag again", i)
		}
		for _, item := range accepted.Items {
			if !item.Duplicate || item.MessageID == nil {
				return fmt.Errorf("body %d: %s is new", i, item.ExternalID)
			}
		}
		return err
	}))
	w.RequireUnchanged(t, before) // the same bodies change nothing
	require.Equal(t, 2*bodies, w.Count(t, "receipts", "true"), "but they are kept: they were accepted")
}

func TestStatusesOfOneMessageInManyBodiesDoNotDeadlock(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	first, err := accept(w, w.DB, w.Body(john, "hello"))
	require.NoError(t, err)
	q := dbsqlc.New(w.DB)
	for n := range 5 {
		wamid, text, queued := "wamid."+strconv.Itoa(n), "Hi", handoff.MessageQueued
		row, err := q.MessageInsertOutbound(t.Context(), dbsqlc.MessageInsertOutboundParams{
			ID: handoff.NewID(), AccountID: w.Account.ID, InboxID: first.Wakes[0].InboxID, ContactID: first.Wakes[0].ContactID,
			AuthorType: handoff.AuthorAgent, Type: "text", Text: &text, Content: []byte(`{}`), CreatedAt: time.Now(),
		})
		require.NoError(t, err)
		require.NoError(t, q.MessageSetStatus(t.Context(), dbsqlc.MessageSetStatusParams{ID: row.ID, Status: &queued}))
		_, err = q.MessageSetExternalID(t.Context(), dbsqlc.MessageSetExternalIDParams{ID: row.ID, ExternalID: wamid})
		require.NoError(t, err)
	}
	requireNone(t, inParallel(60, func(i int) error {
		var statuses []any
		for n := range 8 { // three of them unknown
			statuses = append(statuses, map[string]string{
				"id": "wamid." + strconv.Itoa((n+i)%8), "status": []string{"sent", "delivered", "read"}[i%3], "timestamp": "1733670000",
			})
		}
		_, err := accept(w, w.DB, w.Envelope(map[string]any{"statuses": statuses}))
		return err
	}))
	require.Equal(t, 9, w.Count(t, "parked_statuses", "true"), "three messages, three statuses, each once")
	require.Equal(t, 1+60*5, w.Count(t, "receipt_items", "outcome = 'accepted'"))
}

// Somebody who writes to two inboxes of an account is one contact, but what waits for one inbox must not wait for the other.
func TestIntakeHoldsNoLockOfAnotherInbox(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), url, 4)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	impatient, err := db.Open(t.Context(), url+"&lock_timeout=100ms", 4)
	require.NoError(t, err)
	t.Cleanup(impatient.Close)
	w := fixture.New(t, pool)
	sales := *w
	sales.Inbox, err = dbsqlc.New(pool).InboxInsert(t.Context(), dbsqlc.InboxInsertParams{
		ID: handoff.NewID(), AccountID: w.Account.ID, Name: "Sales", Protocol: handoff.ProtocolHitlChat, WABAID: w.Inbox.WABAID,
		PhoneNumberID: "555", Inactivity: time.Hour, ResolvedStatus: "x", InactivityStatus: "y",
		TimeZone: "UTC", BotVersion: "LIVE", Accepting: true,
	})
	require.NoError(t, err)
	for _, inbox := range []*fixture.World{w, &sales} {
		_, err := accept(inbox, pool, inbox.Body(john, "hello"))
		require.NoError(t, err)
	}
	require.Equal(t, 1, w.Count(t, "contacts", "true"))

	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = accept(w, tx, w.Body(john, "to support"))
	require.NoError(t, err)
	_, err = accept(w, impatient, w.Body(john, "to support as well"))
	require.ErrorContains(t, err, "lock timeout", "the same contact of the same inbox waits")
	_, err = accept(&sales, impatient, sales.Body(john, "to sales"))
	require.NoError(t, err)
}

// What a body did is all there or not there at all.
func TestAnAcceptanceThatIsRolledBackLeavesNothing(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	before := w.Dump(t)
	tx, err := w.DB.Begin(t.Context())
	require.NoError(t, err)
	_, err = accept(w, tx, batch(w, said{phone: john, name: "John", id: "wamid.1"}, said{phone: "447700900124", name: "Jane", id: "wamid.2"}))
	require.NoError(t, err)
	require.NoError(t, tx.Rollback(t.Context()))
	w.RequireUnchanged(t, before)
	require.Zero(t, w.Count(t, "receipts", "true"))
}
