package activities_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// What a receiver says in the header webhook-delivery, whatever else it answers.
func TestDelivery_12_AReceiverDisablesItselfOrAbortsAMessage(t *testing.T) {
	t.Parallel()
	const disable, abort = "disable", "abort-message"
	const asked = "its receiver asked for it (webhook-delivery: disable)"
	const delivered, failed, held, pending = handoff.DeliveryDelivered, handoff.DeliveryFailed, handoff.DeliveryHeld, handoff.DeliveryPending
	for _, c := range []struct {
		header string
		status int
		first  handoff.DeliveryState
		reason string // of the disabled endpoint
	}{
		{disable, 200, delivered, asked},
		{disable, 204, delivered, asked},
		{disable, 302, held, asked},
		{disable, 400, held, asked},
		{disable, 429, held, asked},
		{disable, 500, held, asked},
		{" Disable ", 500, held, asked},
		{disable, 410, held, asked},
		{abort, 200, delivered, ""},
		{abort, 400, failed, ""},
		{abort, 500, failed, ""},
		{"ABORT-MESSAGE", 503, failed, ""},
		{abort, 410, held, "gone"},
		{"", 410, held, "gone"},
		{"pause", 500, pending, ""},
		{"pause", 200, delivered, ""},
	} {
		t.Run(c.header+" "+strconv.Itoa(c.status), func(t *testing.T) {
			t.Parallel()
			s := newCrowd(t, 1, 1)
			other := fixture.NewGateway(t)
			elsewhere := s.AddEndpoint(t, other, "message.received")
			s.write(1, 2)
			s.Gateway.AnswerHeader("Webhook-Delivery", c.header)
			s.answers(c.status)
			s.lane(s.Activities, 0, s.Endpoint.ID)

			require.Len(t, s.Gateway.Requests(), 1)
			require.Equal(t, 1, s.Count(t, "deliveries", "contact_id = $1 AND state = $2 AND attempts = 1 AND NOT (state = 'failed' AND next_attempt_at IS NOT NULL)",
				s.refs[0].ContactID, c.first))
			if c.first == failed {
				require.Zero(t, s.endpoint().Failures, "it says nothing against the endpoint")
			}
			after := s.EndpointState(t, s.Endpoint.ID)
			require.Equal(t, c.reason, after.Reason)
			require.Equal(t, c.reason != "", after.State == handoff.EndpointDisabled)
			s.now = s.now.Add(time.Hour)
			s.answers(http.StatusOK)
			s.Gateway.AnswerHeader("Webhook-Delivery", "")
			s.lane(s.Activities, 1, s.Endpoint.ID)
			if c.reason == "" {
				require.Len(t, s.Gateway.Requests(), 3, "what comes after is sent")
				return
			}
			require.Len(t, s.Gateway.Requests(), 1)
			require.Equal(t, 2, s.Count(t, "deliveries", "contact_id = $1 AND endpoint_id = $2 AND state = 'held' AND attempts = 0", s.refs[1].ContactID, s.Endpoint.ID))
			require.Equal(t, 1, s.Count(t, "events", "type = 'endpoint.disabled' AND data->>'reason' = $1 AND data->>'endpoint_id' = $2", c.reason, s.Endpoint.ID.String()))
			s.lane(s.Activities, 1, elsewhere.ID)
			require.Len(t, other.Requests(), 2, "the other endpoint does not notice")
			require.Equal(t, handoff.EndpointEnabled, s.EndpointState(t, elsewhere.ID).State)
		})
	}
}

// A failure a week ago, with nothing sent since, and some now are no five days of failing.
func TestDelivery_30_AFewFailuresFarApartDisableNothing(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 12, 1)
	c.fail(0, 1)
	c.now = c.now.Add(7 * 24 * time.Hour)
	c.fail(1, 8)
	require.Equal(t, handoff.EndpointEnabled, c.EndpointState(t, c.Endpoint.ID).State, "nine failures, the first a week ago")
	c.fail(9, 1)
	require.Equal(t, "failing for five days", c.EndpointState(t, c.Endpoint.ID).Reason)
}

func TestDelivery_30_ASuccessBetweenStartsTheFiveDaysAnew(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 30, 1)
	c.fail(0, 9)
	c.now = c.now.Add(4 * 24 * time.Hour)
	c.succeed(9, 1)
	c.now = c.now.Add(2 * 24 * time.Hour)
	c.fail(10, 9)
	c.now = c.now.Add(4 * 24 * time.Hour)
	c.fail(19, 9)
	require.Equal(t, handoff.EndpointEnabled, c.EndpointState(t, c.Endpoint.ID).State)
	require.EqualValues(t, 18, c.endpoint().Failures)
}

// Many lanes find at once that the five days are over. One of them disables the endpoint, and tells of it.
func TestDelivery_30_ManyLanesDisableOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 8, 2)
	operators := fixture.NewGateway(t)
	told := c.AddEndpoint(t, operators, "endpoint.disabled")
	c.Exec(t, "UPDATE endpoints SET failing_since = $1, failures = 50 WHERE id = $2", c.now.Add(-5*24*time.Hour), c.Endpoint.ID)
	g := newGate(c.scene)
	c.Exec(t, "UPDATE endpoints SET url = $1 WHERE id = $2", operators.URL, told.ID)
	done := make(chan error, len(c.refs))
	for n := range c.refs {
		go func() { _, _, err := runLane(c.Activities, c.refs[n], c.Endpoint.ID); done <- err }()
	}
	var answers []chan int
	for range c.refs {
		answers = append(answers, <-g.arrived)
	}
	for _, answer := range answers {
		go func() { answer <- http.StatusInternalServerError }()
	}
	for range c.refs {
		require.NoError(t, <-done)
	}
	require.Equal(t, 16, c.Count(t, "deliveries", "endpoint_id = $1 AND state = 'held'", c.Endpoint.ID), "nothing is lost, and nothing goes on")
	require.Equal(t, 1, c.Count(t, "events", "type = 'endpoint.disabled'"))
	require.Equal(t, 1, c.Count(t, "deliveries", "endpoint_id = $1", told.ID))
}

// The webhook of no conversation that tells of it is tried again like any other, and its success closes a breaker like any other.
func TestDelivery_30_TheNewsIsSentAgainIfItsOwnSendFails(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 1)
	operators := fixture.NewGateway(t)
	told := c.AddEndpoint(t, operators, "endpoint.disabled")
	c.answers(http.StatusGone)
	require.True(t, c.tries(0))
	rows, err := dbsqlc.New(c.World.DB).DeliveryListAlone(context.Background(), dbsqlc.DeliveryListAloneParams{DueBefore: c.now.Add(time.Second), RowLimit: 10})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	in := activities.TestDeliveryInput{AccountID: rows[0].AccountID, DeliveryID: rows[0].ID}

	operators.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	_, err = c.TestDelivery(context.Background(), in)
	require.ErrorContains(t, err, "HTTP 500")
	c.now = c.now.Add(5 * time.Second)
	operators.Answer(func(int) (int, string) { return http.StatusOK, "" })
	c.Exec(t, "UPDATE endpoints SET open_until = $1 WHERE id = $2", c.now, told.ID)
	result, err := c.TestDelivery(context.Background(), in)
	require.NoError(t, err)
	require.Equal(t, 1, result.Finished)
	requests := operators.Requests()
	require.Len(t, requests, 2)
	require.Equal(t, "endpoint.disabled", requests[1].Header.Get("Handoff-Event"))
	require.Equal(t, requests[0].Body, requests[1].Body)
	require.Contains(t, requests[1].Body, c.Endpoint.ID.String())
	require.Zero(t, c.Count(t, "endpoints", "id = $1 AND (open_until IS NOT NULL OR failing_since IS NOT NULL)", told.ID))
}
