package activities_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
)

// newBatchScene is a graphScene whose webhooks are held back for five seconds, three at most.
func newBatchScene(t *testing.T) *graphScene {
	t.Helper()
	s := newGraphScene(t)
	s.lane(s.Endpoint.ID) // what the first message made
	s.Exec(t, `UPDATE endpoints SET buffer_seconds = 5, buffer_size = 3, buffer_events = '{whatsapp.message.received}' WHERE id = $1`, s.Endpoint.ID)
	return s
}

func (s *graphScene) hooks() time.Duration { return s.lane(s.Endpoint.ID) }

// says takes messages of John's in, one body each.
func (s *scene) says(texts ...string) activities.Snapshot {
	s.Helper()
	for _, text := range texts {
		s.accept(text)
	}
	return s.apply()
}

// batches are the texts in each webhook of received messages since the nth webhook.
func (s *scene) batches(n int) (out [][]string) {
	s.Helper()
	for _, r := range s.Gateway.Requests()[n:] {
		if r.Header.Get("X-Webhook-Event") != "whatsapp.message.received" {
			out = append(out, []string{r.Header.Get("X-Webhook-Event")})
			continue
		}
		var body struct {
			Data []struct {
				Message struct {
					Text struct{ Body string }
				}
			}
		}
		require.Equal(s, "true", r.Header.Get("X-Webhook-Batch"))
		require.NoError(s, json.Unmarshal([]byte(r.Body), &body))
		var texts []string
		for _, part := range body.Data {
			texts = append(texts, part.Message.Text.Body)
		}
		out = append(out, texts)
	}
	return out
}

func TestDelivery_34_HeldBackWebhooksLeaveTogetherAfterTheirWindow(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	require.False(t, s.says("one").Lanes[0].Urgent)
	require.Equal(t, 5*time.Second, s.hooks())
	s.now = s.now.Add(3 * time.Second)
	s.says("two")
	require.Equal(t, 5*time.Second, s.hooks(), "one more makes all of them wait anew")
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two"}}, s.batches(n))
	require.Equal(t, "2", s.Gateway.Requests()[n].Header.Get("X-Batch-Size"))
}

func TestDelivery_34_AFullBatchLeavesAtOnceAndOneAloneIsABatchToo(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	lanes := s.says("one", "two", "three", "four").Lanes
	require.True(t, lanes[0].Urgent, "a lane that waits for the window is told to go")
	s.hooks()
	require.Equal(t, 5*time.Second, s.hooks())
	require.Equal(t, [][]string{{"one", "two", "three"}}, s.batches(n))
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two", "three"}, {"four"}}, s.batches(n))
}

func TestWhatIsNotHeldBackFlushesWhatStandsBeforeIt(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	s.says("one", "two")
	result, err := s.End(context.Background(), activities.EndCommand{Command: s.command("resolve:1", s.Ana), Reason: handoff.EndResolved})
	require.NoError(t, err)
	require.True(t, result.Lanes[0].Urgent)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two"}, {"whatsapp.conversation.ended"}}, s.batches(n))
}

func TestABatchHasTheSameBytesOnEveryAttemptAndTakesNoOneElseIn(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.says("one", "two")
	s.now = s.now.Add(5 * time.Second)
	require.Equal(t, 5*time.Second, s.hooks())
	require.False(t, s.says("three").Lanes[0].Urgent, "the batch is in its back-off")
	s.now = s.now.Add(5 * time.Second)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two"}, {"one", "two"}, {"three"}}, s.batches(n))
	first, second := s.Gateway.Requests()[n], s.Gateway.Requests()[n+1]
	require.Equal(t, first.Body, second.Body)
	require.Equal(t, first.Header.Get("webhook-id"), second.Header.Get("webhook-id"))
	require.Equal(t, first.Header.Get("X-Idempotency-Key"), second.Header.Get("X-Idempotency-Key"))
}

// The worker died after it had made the batch and before it had sent it.
func TestABatchThatWasMadeAndNotSentIsSentOnce(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	s.says("one", "two")
	s.now = s.now.Add(5 * time.Second)
	poster := s.Poster
	s.Poster = nil
	require.Panics(t, func() { s.hooks() })
	s.Poster = poster
	s.Exec(t, "DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE state = 'pending')")
	s.Exec(t, "UPDATE deliveries SET attempts = 0 WHERE state = 'pending'")
	s.says("three")
	s.hooks()
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two"}, {"three"}}, s.batches(n))
}

func TestWhatADisabledEndpointMissedLeavesInBatches(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	s.says("one")
	s.Exec(t, "UPDATE endpoints SET state = 'disabled', disabled_reason = 'by hand' WHERE id = $1", s.Endpoint.ID)
	require.Zero(t, s.hooks(), "the lane is through: what it has is held")
	s.says("two")
	require.Empty(t, s.apply().Lanes)
	require.Equal(t, 2, s.Count(t, "deliveries", "state = 'held' AND buffered AND endpoint_id = $1", s.Endpoint.ID))
	s.Exec(t, "UPDATE endpoints SET state = 'enabled' WHERE id = $1", s.Endpoint.ID)
	_, err := dbsqlc.New(s.World.DB).DeliveryRelease(context.Background(), s.Endpoint.ID)
	require.NoError(t, err)
	s.now = s.now.Add(time.Minute)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"one", "two"}}, s.batches(n))
}

// A webhook that alone keeps failing was passed by; what is held back behind it looked at it for ever.
func TestABatchLeavesBehindAWebhookThatWasPassedBy(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	_, err := s.Claim(context.Background(), s.command("claim:1", s.Ana))
	require.NoError(t, err)
	s.Exec(t, `UPDATE endpoints SET event_types = event_types || '{agent_execution_ended,agent_execution_started}' WHERE id = $1`, s.Endpoint.ID)
	s.Gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, "poison") {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	s.Exec(t, `UPDATE endpoints SET buffer_seconds = NULL WHERE id = $1`, s.Endpoint.ID)
	s.says("poison")
	s.hooks()
	s.now = s.now.Add(16 * time.Minute)
	s.Exec(t, `UPDATE endpoints SET buffer_seconds = 5, last_success_at = $2 WHERE id = $1`, s.Endpoint.ID, s.now)
	s.Exec(t, `UPDATE deliveries SET next_attempt_at = $1 WHERE state = 'pending'`, s.now.Add(time.Hour))
	n := len(s.Gateway.Requests())
	s.says("one", "two")
	require.Equal(t, time.Millisecond, s.hooks(), "it is passed by")
	require.Equal(t, 5*time.Second, s.hooks())
	require.True(t, s.says("three").Lanes[0].Urgent)
	s.hooks()
	require.Equal(t, [][]string{{"one", "two", "three"}}, s.batches(n))
}

// Somebody asks for the second of two before their window is over. It leaves as a batch of one, and stays that on every attempt.
func TestOneThatIsAskedForKeepsItsBytes(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	n := len(s.Gateway.Requests())
	s.says("one", "two")
	s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	s.redeliver(s.delivery().ID)
	s.hooks()
	require.Equal(t, [][]string{{"two"}, {"one"}}, s.batches(n), "the first has now something behind it that is not held back")
	s.now = s.now.Add(5 * time.Second)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{{"two"}, {"one"}, {"one"}, {"two"}}, s.batches(n))
	require.Equal(t, s.Gateway.Requests()[n].Body, s.Gateway.Requests()[n+3].Body)
	require.Zero(t, s.Count(t, "deliveries", "state = 'pending'"))
}

func TestDelivery_34_TwelveInAWindowAreOneWebhook(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	s.Exec(t, "UPDATE endpoints SET buffer_size = 50 WHERE id = $1", s.Endpoint.ID)
	n := len(s.Gateway.Requests())
	want := s.twelve()
	s.now = s.now.Add(5 * time.Second)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{want}, s.batches(n), "one POST, and its array is in order")
	require.Equal(t, "12", s.Gateway.Requests()[n].Header.Get("X-Batch-Size"))
	require.Zero(t, s.hooks())
	require.Len(t, s.Gateway.Requests(), n+1)
}

// twelve takes in twelve messages within one second.
func (s *graphScene) twelve() (texts []string) {
	s.Helper()
	for i := range 12 {
		texts = append(texts, "message "+strconv.Itoa(i))
	}
	s.says(texts...)
	return texts
}

// Kapso's documents have a shutdown flush what is held back. Here it waits in the database, and the next worker sends it, in the window
// that it was promised: nothing is lost, and nothing is torn apart by a deploy.
func TestDelivery_34_AShutdownLosesNothingAndKeepsTheWindow(t *testing.T) {
	t.Parallel()
	s := newBatchScene(t)
	s.Exec(t, "UPDATE endpoints SET buffer_size = 50 WHERE id = $1", s.Endpoint.ID)
	n := len(s.Gateway.Requests())
	want := s.twelve()
	s.now = s.now.Add(2 * time.Second)
	require.Equal(t, 3*time.Second, s.hooks())
	window := s.windowEnd()

	stopping, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := s.DeliverWebhooks(stopping, activities.DeliverInput{Ref: s.ref, EndpointID: s.Endpoint.ID, Max: 20, Last: 1})
	require.Error(t, err)
	require.Len(t, s.Gateway.Requests(), n, "the worker that stops flushes nothing")
	require.Equal(t, 12, s.Count(t, "deliveries", "state = 'pending' AND buffered AND endpoint_id = $1", s.Endpoint.ID), "and loses nothing")

	s.Activities = s.World.Activities(t, func() time.Time { return s.now }) // the next worker
	require.Equal(t, 3*time.Second, s.hooks())
	require.Equal(t, window, s.windowEnd(), "it is the same window")
	s.now = s.now.Add(3 * time.Second)
	require.Zero(t, s.hooks())
	require.Equal(t, [][]string{want}, s.batches(n))
}

// windowEnd is when what is held back may leave.
func (s *graphScene) windowEnd() time.Time {
	s.Helper()
	var first, last time.Time
	err := s.World.DB.QueryRow(context.Background(), "SELECT min(next_attempt_at), max(next_attempt_at) FROM deliveries WHERE buffered AND state = 'pending'").
		Scan(&first, &last)
	require.NoError(s, err)
	require.Equal(s, first, last)
	return first
}
