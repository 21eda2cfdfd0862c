package activities_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/meta"
)

const jane = "447700900456"

// forwardScene is a number whose webhooks go on as the bytes that came.
type forwardScene struct {
	*scene
	refs map[string]activities.Ref // of the contacts, by number
}

func newForwardScene(t *testing.T) *forwardScene {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t))
	s := &forwardScene{scene: &scene{T: t, World: w, now: time.Now().UTC().Truncate(time.Second)}, refs: map[string]activities.Ref{}}
	w.SpeakKapso(t, handoff.ProtocolPassthrough)
	w.Exec(t, "UPDATE endpoints SET payload = 'meta' WHERE id = $1", w.Endpoint.ID)
	s.Activities = w.Activities(t, func() time.Time { return s.now })
	for _, phone := range []string{john, jane} { // the first has the smaller id, and so the bytes
		wake := s.posts(w.Body(phone, "hello")).Wakes[0]
		s.refs[phone] = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
		s.ref = s.refs[phone]
		s.apply()
		require.Zero(t, s.of(phone))
	}
	return s
}

type posted struct{ Wakes []activities.Ref }

func (s *forwardScene) posts(body []byte) posted {
	s.Helper()
	parsed, err := meta.Parse(body)
	require.NoError(s, err)
	var out posted
	for _, w := range s.AcceptItems(s.T, body, parsed.Items, s.now).Wakes {
		out.Wakes = append(out.Wakes, activities.Ref{AccountID: w.AccountID, InboxID: w.InboxID, ContactID: w.ContactID})
	}
	return out
}

// both is a body that names both contacts, with the text "one".
func (s *forwardScene) both() []byte {
	return s.Envelope(map[string]any{"messages": []any{
		map[string]any{"from": john, "id": "wamid.j", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "one"}},
		map[string]any{"from": jane, "id": "wamid.k", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "one"}},
	}})
}

// of runs the lane of a contact.
func (s *forwardScene) of(phone string) time.Duration {
	s.Helper()
	s.ref = s.refs[phone]
	return s.lane(s.Endpoint.ID)
}

// arrived are the texts of the webhooks that were answered 200, in order, without the two that began the scene.
func (s *forwardScene) arrived(texts ...string) (out []string) {
	for _, r := range s.Gateway.Requests()[2:] {
		for _, text := range texts {
			if r.Status == http.StatusOK && strings.Contains(r.Body, `"`+text+`"`) {
				out = append(out, text)
			}
		}
	}
	return out
}

func TestMetasBytesGoOnAsTheyCameUnderBothSignatures(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	body := append(s.both(), " \n"...)
	s.posts(body)
	s.posts(body)
	require.Zero(t, s.of(john))
	require.Zero(t, s.of(jane))
	requests := s.Gateway.Requests()[2:]
	require.Len(t, requests, 1, "a repeated body goes on once, for all whom it names")
	require.Equal(t, string(body), requests[0].Body)
	require.Equal(t, "sha256=meta", requests[0].Header.Get("X-Hub-Signature-256"))
	verifier, err := standardwebhooks.NewWebhook(s.Gateway.Secret.Reveal())
	require.NoError(t, err)
	require.NoError(t, verifier.VerifyIgnoringTimestamp(body, requests[0].Header))
	require.Zero(t, s.Count(t, "conversations", "true"))
	require.Zero(t, s.Count(t, "deliveries", "state = 'pending'"))
}

// Jane's lane may not overtake the bytes that name her and stand in John's.
func TestEachContactsBytesLeaveInTheOrderInWhichTheyCame(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.posts(s.both())
	s.posts(s.Body(jane, "two"))
	require.Equal(t, 5*time.Second, s.of(john))
	require.Equal(t, 5*time.Second, s.of(jane), "the mark waits for what it stands for")
	s.now = s.now.Add(5 * time.Second)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Equal(t, 250*time.Millisecond, s.of(jane), "it is being sent")
	require.Zero(t, s.of(john))
	require.Zero(t, s.of(jane))
	require.Equal(t, []string{"one", "two"}, s.arrived("one", "two"))
}

// What Jane waits for is due, but stands behind another of John's that is in its back-off for hours.
func TestAMarkDoesNotAskAgainAndAgain(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.posts(s.Body(john, "first"))
	for range 4 {
		s.now = s.now.Add(s.of(john))
	}
	s.posts(s.both())
	s.of(john)
	require.Equal(t, 30*time.Second, s.of(jane))
	raised, err := dbsqlc.New(s.World.DB).WakeRaiseOverdue(context.Background(), 100)
	require.NoError(t, err)
	require.Zero(t, raised)
}

// The sweep looks for lanes whose run was lost. A mark that waits is none, and neither is a lane whose endpoint asked for a pause.
func TestWhatWaitsForAnotherOrForAPauseIsNotOverdue(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	q := dbsqlc.New(s.World.DB)
	raise := func() int64 {
		raised, err := q.WakeRaiseOverdue(context.Background(), 100)
		require.NoError(t, err)
		return raised
	}
	s.posts(s.both())
	s.posts(s.Body(jane, "two"))
	s.Exec(t, "UPDATE wakes SET raised = false")
	s.Exec(t, "UPDATE deliveries SET next_attempt_at = now() - interval '1 hour' WHERE state = 'pending'")
	require.EqualValues(t, 1, raise(), "John's lane is overdue, and Jane's waits for it")
	s.Exec(t, "UPDATE wakes SET raised = false")
	s.Exec(t, "UPDATE endpoints SET paused_until = now() + interval '1 minute'")
	require.Zero(t, raise())
	s.Exec(t, "UPDATE endpoints SET paused_until = now() - interval '1 minute'")
	require.Zero(t, s.of(john))
	require.EqualValues(t, 1, raise(), "nothing is waited for any more")
	require.Zero(t, s.of(jane))
}

func TestAMarkPassesWhenWhatItWaitedForHasFailed(t *testing.T) {
	t.Parallel()
	s := newForwardScene(t)
	s.Exec(t, "UPDATE endpoints SET retry = 'none'")
	s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	s.posts(s.both())
	s.posts(s.Body(jane, "two"))
	require.Zero(t, s.of(john), "retry none is one attempt")
	require.Zero(t, s.of(john))
	require.Len(t, s.Gateway.Requests(), 3)
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'failed' AND attempts = 1"))
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Zero(t, s.of(jane))
	require.Equal(t, []string{"two"}, s.arrived("one", "two"))
}

func TestADisabledEndpointHoldsAndReleasesMarksAsWell(t *testing.T) {
	t.Parallel()
	for name, disable := range map[string]func(*forwardScene){
		"before they came": func(s *forwardScene) { s.toggle("disabled") },
		"while they came":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newForwardScene(t)
			if disable != nil {
				disable(s)
			}
			s.posts(s.both())
			s.posts(s.Body(jane, "two"))
			s.toggle("disabled")
			require.Zero(t, s.of(john))
			require.Zero(t, s.of(jane))
			require.Zero(t, s.of(jane))
			require.Equal(t, 3, s.Count(t, "deliveries", "state = 'held'"))
			s.toggle("enabled")
			_, err := dbsqlc.New(s.World.DB).DeliveryRelease(context.Background(), s.Endpoint.ID)
			require.NoError(t, err)
			s.now = s.now.Add(time.Minute)
			require.NotZero(t, s.of(jane), "the mark still waits")
			require.Zero(t, s.of(john))
			require.Zero(t, s.of(jane))
			require.Equal(t, []string{"one", "two"}, s.arrived("one", "two"))
		})
	}
}

func (s *forwardScene) toggle(state string) {
	s.Exec(s.T, "UPDATE endpoints SET state = $1 WHERE id = $2", state, s.Endpoint.ID)
}
