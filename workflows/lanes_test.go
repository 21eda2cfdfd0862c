package workflows_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
	"handoff/internal/protocol/hitlchat"
)

func (s *story) endpoint(id handoff.ID) dbsqlc.Endpoint {
	s.Helper()
	row, err := dbsqlc.New(s.DB).DeliveryEndpoint(context.Background(), dbsqlc.DeliveryEndpointParams{ID: id, Now: s.env.Now()})
	require.NoError(s, err)
	return row.Endpoint
}

// othersAreTaken says that the endpoint has just taken a webhook about somebody else.
func (s *story) othersAreTaken() {
	s.Helper()
	now := s.env.Now()
	err := dbsqlc.New(s.DB).EndpointNoteSuccess(context.Background(), dbsqlc.EndpointNoteSuccessParams{
		ID: s.Endpoint.ID, SucceededAt: now, UnlessAfter: now, FailingBefore: now,
	})
	require.NoError(s, err)
}

func (s *story) refusesPoison() {
	s.Gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, "poison") {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
}

func (s *story) arrivedAt(text string) time.Duration {
	s.Helper()
	for _, d := range s.deliveries() {
		if strings.Contains(string(d.Body), text) {
			require.Equal(s, handoff.DeliveryDelivered, d.State, text)
			return d.FinishedAt.Sub(s.start)
		}
	}
	require.Fail(s, "there is no such delivery", text)
	return 0
}

func TestDelivery_27_APoisonedHeadHoldsItsLaneForAQuarterOfAnHour(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.refusesPoison()
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "poison"); s.template(s.Ana, "second") })
	s.at(2*time.Minute, func() { s.janeIsServed("to Jane") })
	s.at(30*time.Minute, func() { s.template(s.Ana, "third") })
	s.at(100*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.InDelta(t, 16*time.Minute, s.arrivedAt("second"), float64(time.Second))
	require.InDelta(t, 30*time.Minute, s.arrivedAt("third"), float64(time.Second), "the way is free")
	poison := s.deliveries()[0]
	require.Equal(t, handoff.DeliveryFailed, poison.State)
	_, after := s.attempts(poison.ID)
	require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour,
		14*time.Hour, 20*time.Hour, 24*time.Hour), after, "its own schedule goes on")
	require.Equal(t, 2*time.Minute, s.arrivedAt("to Jane"), "another conversation does not notice")
	for _, r := range s.Gateway.Requests() {
		require.Equal(t, strings.Contains(r.Body, "second"), r.Header.Get("Handoff-Gap") == "true", r.Body)
	}
}

func TestAHeadThatWaitsAloneMakesWayAsSoonAsSomethingIsBehind(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.refusesPoison()
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "poison") })
	s.at(10*time.Minute, s.othersAreTaken)
	s.at(3*time.Hour, func() { s.template(s.Ana, "second") }) // the head waits from 2 h 36 m to 7 h 36 m
	s.at(100*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.InDelta(t, 3*time.Hour, s.arrivedAt("second"), float64(time.Second))
}

func TestOrderIsStrictWhileAnEndpointTakesNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(20 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "first"); s.template(s.Ana, "second") })
	s.at(time.Hour, func() { s.template(s.Ana, "third") })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"first", "second", "third", "resolved"}, s.arrived())
	for _, r := range s.Gateway.Requests() {
		require.Empty(t, r.Header.Get("Handoff-Gap"))
	}
}

func TestAHangingEndpointDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	other := fixture.NewGateway(t)
	reached := make(chan struct{})
	other.AnswerTo(func(body string) int {
		if strings.Contains(body, "Hi John") {
			close(reached)
		}
		return http.StatusOK
	})
	hanging := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select { // it lets go when the other one has been reached, and never if that waits for it
		case <-reached:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(hanging.Close)
	s.Exec(t, "UPDATE endpoints SET url = $1 WHERE id = $2", hanging.URL, s.Endpoint.ID)
	s.AddEndpoint(t, other, hitlchat.EventOutboundMessage)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	for _, d := range s.deliveries() {
		require.EqualValues(t, 1, d.Attempts)
		require.Equal(t, handoff.DeliveryDelivered, d.State)
	}
}

func TestDelivery_12_GoneDisablesTheEndpointAndHoldsTheRest(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	other := fixture.NewGateway(t)
	s.AddEndpoint(t, other, hitlchat.EventOutboundMessage)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusGone, "" })
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first"); s.reply(s.Ana, "second") })
	s.at(2*time.Minute, func() { s.reply(s.Ana, "third") })
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.Equal(t, time.Hour, s.passed(), "what is held does not keep the run")
	require.Len(t, s.Gateway.Requests(), 1)
	gone := s.endpoint(s.Endpoint.ID)
	require.Equal(t, handoff.EndpointDisabled, gone.State)
	require.Equal(t, "gone", *gone.DisabledReason)
	require.Equal(t, 4, s.Count(t, "deliveries", "endpoint_id = $1 AND state = 'held'", s.Endpoint.ID))
	require.Equal(t, 1, s.Count(t, "events", "type = 'endpoint.disabled'"))
	require.Len(t, other.Requests(), 3, "the other endpoint does not notice")

	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	s.Exec(t, "UPDATE endpoints SET state = 'enabled', disabled_reason = NULL")
	released, err := dbsqlc.New(s.DB).DeliveryRelease(t.Context(), s.Endpoint.ID)
	require.NoError(t, err)
	require.Len(t, released, 4)
	s.restart()
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"first", "second", "third", "resolved"}, s.arrived())
}

// The other contact's lane was in its back-off when the endpoint was disabled. Without a bound to what it has seen it would be
// started again and again.
func TestALaneWhoseDeliveriesAreHeldMeanwhileEnds(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "Hi John"); s.resolveBy(s.Ana) })
	s.at(10*time.Minute, func() {
		s.Exec(t, "UPDATE endpoints SET state = 'disabled', disabled_reason = 'gone'")
		held, err := dbsqlc.New(s.DB).DeliveryHold(context.Background(), s.Endpoint.ID)
		require.NoError(t, err)
		require.EqualValues(t, 2, held)
	})
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Less(t, starts, 10)
}

// It was made while the endpoint was being disabled, by somebody who read it as enabled.
func TestADisabledEndpointGetsNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.afterWrite(handoff.StatusAssigned, func() {
		s.Exec(t, "UPDATE endpoints SET state = 'disabled', disabled_reason = 'by hand'")
	})
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Empty(t, s.Gateway.Requests())
	for _, d := range s.deliveries() {
		require.Equal(t, handoff.DeliveryHeld, d.State)
	}
}

func TestEachEndpointGetsWhatItAskedFor(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	all, messages, ends := fixture.NewGateway(t), fixture.NewGateway(t), fixture.NewGateway(t)
	s.AddEndpoint(t, all, "*")
	s.AddEndpoint(t, messages, "message.*", hitlchat.EventConversationResolved)
	s.AddEndpoint(t, ends, "conversation.ended", "conversation.*", "message.r*")
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.note("this must never leave") })
	s.at(2*time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.Equal(t, []string{"outbound_message", "conversation_resolved"}, eventsOf(s.Gateway))
	require.Equal(t, []string{
		"conversation.opened", "message.received", "conversation.claimed", "message.queued", "message.delivered_to_gateway",
		"conversation.ended",
	}, eventsOf(all), "our own, and not the vendor's as well")
	require.Equal(t, []string{
		"message.received", "message.queued", "message.delivered_to_gateway", "conversation_resolved",
	}, eventsOf(messages))
	require.Equal(t, []string{"conversation.opened", "conversation.claimed", "conversation.ended"}, eventsOf(ends))
	for _, g := range []*fixture.Gateway{s.Gateway, all, messages, ends} {
		for _, r := range g.Requests() {
			require.NotContains(t, r.Body, "never leave")
		}
	}
}

func eventsOf(g *fixture.Gateway) (out []string) {
	for _, r := range g.Requests() {
		out = append(out, r.Header.Get("Handoff-Event"))
	}
	return out
}

// countLanes counts the starts of lanes' activities, without the retries that make a back-off.
func (s *story) countLanes(n *int) {
	s.env.OnActivity("DeliverWebhooks", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.DeliverInput) (activities.DeliverResult, error) {
			if activity.GetInfo(ctx).Attempt == 1 {
				*n++
			}
			return s.real.DeliverWebhooks(ctx, in)
		})
}

// A lane is sending while older deliveries of it are released. The activity has read its queue before that and ends with nothing
// left that it knows of; the workflow must not take its word for it.
func TestWhatIsReleasedWhileALaneIsSendingIsSent(t *testing.T) {
	t.Parallel()
	s := newStory(t, "conversation.*")
	s.says("I need to speak to a human")
	s.afterWrite(handoff.StatusWaiting, func() { s.Exec(t, "UPDATE deliveries SET state = 'held'") })
	s.at(time.Minute, func() {
		require.Equal(t, handoff.DeliveryHeld, s.deliveries()[0].State)
		applied, once := make(chan struct{}), sync.Once{}
		s.Gateway.AnswerTo(func(body string) int {
			if strings.Contains(body, "conversation.claimed") {
				s.Exec(t, "UPDATE deliveries SET state = 'pending' WHERE state = 'held'")
				s.env.SetOnLocalActivityCompletedListener(func(*activity.Info, converter.EncodedValue, error) {
					once.Do(func() { close(applied) })
				})
				s.wake()
				<-applied
			}
			return http.StatusOK
		})
		s.claim(s.Ana)
	})
	s.at(2*time.Minute, func() {
		require.Equal(t, []string{"conversation.claimed", "conversation.opened"}, eventsOf(s.Gateway))
		s.resolveBy(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, s.Gateway.Requests(), 3)
}
