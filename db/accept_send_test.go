package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

func newSend(t *testing.T, w *fixture.World, inbox dbsqlc.Inbox, id handoff.ID) db.NewSend {
	t.Helper()
	endpoints, err := dbsqlc.New(w.DB).EndpointListByInbox(context.Background(), dbsqlc.EndpointListByInboxParams{
		AccountID: inbox.AccountID, InboxID: inbox.ID,
	})
	require.NoError(t, err)
	return db.NewSend{
		Inbox: inbox, To: handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: john}}},
		EndpointID: endpoints[0].ID, Path: "/1/messages", Body: []byte(`{}`), Message: dbsqlc.MessageInsertOutboundParams{
			ID: id, AccountID: inbox.AccountID, InboxID: inbox.ID, AuthorType: handoff.AuthorBot, Type: "text", CreatedAt: time.Now(),
		},
	}
}

// acceptAll takes sends in at once.
func acceptAll(t *testing.T, w *fixture.World, sends []db.NewSend) (duplicates, wakes int) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	for _, send := range sends {
		all.Go(func() {
			out, err := db.AcceptSend(context.Background(), w.DB, send)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("accept a send: %v", err)
			}
			if out.Duplicate {
				duplicates++
			}
			if out.Wake != nil {
				wakes++
			}
		})
	}
	all.Wait()
	return duplicates, wakes
}

func TestSendsAtOnceToSomebodyNewMakeOneContact(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	var sends []db.NewSend
	for range 20 {
		sends = append(sends, newSend(t, w, inbox, handoff.NewID()))
	}
	duplicates, wakes := acceptAll(t, w, sends)
	require.Zero(t, duplicates)
	require.Equal(t, 1, wakes, "the flag is raised once")
	require.Equal(t, 1, w.Count(t, "contacts", "true"))
	require.Equal(t, 20, w.Count(t, "messages", "status = 'queued'"))
	require.Equal(t, 20, w.Count(t, "deliveries d", "message_id = d.id AND state = 'pending'"))
}

// Two servers may hear the same Idempotency-Key at once.
func TestOneSendInManyRequestsIsOneMessage(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	send := newSend(t, w, inbox, handoff.NewID())
	var sends []db.NewSend
	for range 20 {
		sends = append(sends, send)
	}
	duplicates, wakes := acceptAll(t, w, sends)
	require.Equal(t, 19, duplicates)
	require.Equal(t, 1, wakes)
	require.Equal(t, 1, w.Count(t, "messages", "true"))
	require.Equal(t, 1, w.Count(t, "deliveries", "true"))
}
