package activities_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
)

// gate answers each request with what is sent for it, in the order in which the requests come.
type gate struct {
	arrived chan chan int
}

func newGate(s *scene) *gate {
	g := &gate{arrived: make(chan chan int, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := make(chan int)
		g.arrived <- answer
		select {
		case status := <-answer:
			w.WriteHeader(status)
		case <-r.Context().Done():
		}
	}))
	s.Cleanup(server.Close)
	s.Exec(s.T, "UPDATE endpoints SET url = $1", server.URL)
	return g
}

func TestAnAttemptThatAnotherWorkerHasIsNotMade(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	s.queued("Hi John")
	s.Exec(t, "INSERT INTO delivery_attempts (delivery_id, endpoint_id, n, trigger, started_at) VALUES ($1, $2, 1, 'schedule', now())",
		s.delivery().ID, s.Endpoint.ID)
	_, err := s.deliver()
	var again *temporal.ApplicationError
	require.ErrorAs(t, err, &again)
	require.Equal(t, activities.Undelivered, again.Type())
	require.Equal(t, 5*time.Second, again.NextRetryDelay())
	require.Empty(t, s.Gateway.Requests())
}

func TestManyWorkersInOneLaneMakeEachAttemptOnce(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	for _, text := range []string{"a", "b", "c", "d", "e"} {
		s.queued(text)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() { _, _ = s.deliver() })
	}
	all.Wait()
	seen := map[[2]string]bool{}
	for _, r := range s.Gateway.Requests() {
		attempt := [2]string{r.Header.Get("webhook-id"), r.Header.Get("Handoff-Attempt")}
		require.False(t, seen[attempt], "attempt %s of %s left twice", attempt[1], attempt[0])
		seen[attempt] = true
	}
	require.Equal(t, len(seen), s.Count(t, "delivery_attempts", "true"))
	require.Equal(t, 5, s.Count(t, "deliveries", "state = 'delivered'"))
}

// A worker that was taken for dead is still at work: its attempt ends after a later one.
func TestALateOutcomeDoesNotUndoALaterSuccess(t *testing.T) {
	t.Parallel()
	const delivered, pending = handoff.DeliveryDelivered, handoff.DeliveryPending
	for name, c := range map[string]struct {
		step          int
		first, second int
		inOrder       bool // the first ends before the second, which is under way
		state         handoff.DeliveryState
		failure       string
	}{
		"a late failure":                     {0, 503, 200, false, delivered, ""},
		"a late failure that would be final": {9, 503, 200, false, delivered, ""},
		"a late success":                     {0, 200, 500, false, delivered, ""},
		"a late success after the last try":  {9, 200, 500, false, delivered, ""},
		"two successes":                      {0, 200, 200, false, delivered, ""},
		"two failures":                       {0, 503, 500, false, pending, "HTTP 500"},
		"a success while the later one runs": {0, 200, 500, true, delivered, ""},
		"the same at the last try":           {9, 200, 500, true, delivered, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.apply()
			id := s.queued("Hi John")
			s.Exec(t, "UPDATE deliveries SET step = $1", c.step)
			g := newGate(s)
			var first, second sync.WaitGroup
			first.Go(func() { _, _ = s.deliver() })
			zombie := <-g.arrived
			second.Go(func() { _, _ = s.deliver() })
			later := <-g.arrived
			if c.inOrder {
				zombie <- c.first
				first.Wait()
			}
			later <- c.second
			second.Wait()
			if !c.inOrder {
				zombie <- c.first
				first.Wait()
			}

			d := s.delivery()
			require.Equal(t, c.state, d.State)
			require.EqualValues(t, 2, d.Attempts)
			require.Equal(t, 2, s.Count(t, "delivery_attempts", "status IS NOT NULL"), "both are written down")
			if c.state == pending {
				require.Equal(t, c.failure, *d.Failure, "the later one decides")
				require.Equal(t, handoff.MessageQueued, *s.message(id).Status)
				return
			}
			require.Nil(t, d.Failure)
			require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(id).Status)
		})
	}
}

// Two lanes hear at the same moment that their endpoint is gone. Neither may wait for a row of the other's.
func TestTwoLanesThatHearGoneAtOnceDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	s.queued("Hi John")
	jane := *s
	wake := s.Accept(t, s.Body("447700900999", "hello"), s.now).Wakes[0]
	jane.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	jane.apply()
	jane.queued("Hi Jane")
	g := newGate(s)
	errs := make(chan error, 2)
	for _, one := range []*scene{s, &jane} {
		go func() { _, err := one.deliver(); errs <- err }()
	}
	first, second := <-g.arrived, <-g.arrived
	go func() { first <- http.StatusGone }()
	second <- http.StatusGone
	require.NoError(t, <-errs)
	require.NoError(t, <-errs)
	require.Equal(t, 2, s.Count(t, "deliveries", "state = 'held'"))
	require.Equal(t, 1, s.Count(t, "events", "type = 'endpoint.disabled'"))
}

// Intake takes the lock of a wamid and then that of the contact; a lane that learns a wamid must take them in the same order.
func TestLearningAWamidWhileItsStatusesComeInDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	for i := range 20 {
		wamid := "wamid." + handoff.NewID().String()
		s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, `{"messages":[{"id":"` + wamid + `"}]}` })
		id := s.queued(string(rune('a' + i)))
		value := map[string]any{
			"contacts": []any{map[string]any{"profile": map[string]string{"name": "John"}, "wa_id": john}},
			"messages": []any{map[string]any{
				"from": john, "id": "wamid." + handoff.NewID().String(), "timestamp": "1733670000", "type": "text",
				"text": map[string]string{"body": "hello?"},
			}},
			"statuses": []any{map[string]string{
				"id": wamid, "status": "delivered", "timestamp": "1733670000", "biz_opaque_callback_data": id.String(),
			}},
		}
		body := s.Envelope(value)
		var both sync.WaitGroup
		var delivered, accepted error
		both.Go(func() { _, delivered = s.deliver() })
		both.Go(func() { _, accepted = accept(t, s.World, s.World.DB, body) })
		both.Wait()
		require.NoError(t, delivered)
		require.NoError(t, accepted)
		_, err := s.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
		require.NoError(t, err)
		require.Equal(t, handoff.MessageDelivered, *s.message(id).Status)
	}
}
