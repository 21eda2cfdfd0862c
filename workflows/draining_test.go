package workflows_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/workflows"
)

// downUntil makes the gateway fail until a time after the start of the story.
func (s *story) downUntil(after time.Duration) {
	s.Gateway.Answer(func(int) (int, string) {
		if s.passed() < after {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, ""
	})
}

// arrived are the webhooks that the gateway took, in order: what they say, in short.
func (s *story) arrived() (out []string) {
	for _, r := range s.Gateway.Requests() {
		if r.Status != http.StatusOK {
			continue
		}
		switch {
		case strings.Contains(r.Body, `"conversation_resolved"`):
			out = append(out, "resolved")
		case strings.Contains(r.Body, `"template"`):
			out = append(out, strings.SplitN(strings.SplitN(r.Body, `"name":"`, 2)[1], `"`, 2)[0])
		default:
			out = append(out, strings.SplitN(strings.SplitN(r.Body, `"text":{"body":"`, 2)[1], `"`, 2)[0])
		}
	}
	return out
}

func TestDelivery_25_TheEndIsToldAfterTheMessageThatFailedForThirtyHours(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(30 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "greeting") })
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.at(time.Hour, func() {
		state := s.state()
		require.Equal(t, handoff.StatusEnded, state.Conversation.Status)
		require.Nil(t, state.InactiveAt)
		require.Len(t, state.Lanes, 1)
		require.EqualValues(t, 2, state.Lanes[0].Pending)
	})
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"greeting", "resolved"}, s.arrived())
	require.Greater(t, s.passed(), 30*time.Hour)
	for _, d := range s.deliveries() {
		require.Equal(t, handoff.DeliveryDelivered, d.State)
	}
	require.Len(t, s.Gateway.Requests(), 9, "eight attempts of the first, one of the second")
}

func TestTheNextConversationTakesOverTheLaneOfTheLast(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(10 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first") })
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.at(time.Hour, func() { s.says("one more thing"); s.wake() })
	s.run()
	require.True(t, s.continued(), "%v", s.env.GetWorkflowError())
	require.Equal(t, time.Hour, s.passed(), "at once, not when the lane is empty")

	s.restart()
	s.at(2*time.Hour, func() { s.reply(s.Ben, "second") })
	s.at(3*time.Hour, func() { s.resolveBy(s.Ben) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.Equal(t, []string{"first", "resolved", "second", "resolved"}, s.arrived())
	both := s.conversations()
	require.Len(t, both, 2)
	var order []string
	for _, r := range s.Gateway.Requests() {
		if r.Status == http.StatusOK {
			order = append(order, r.Header.Get("Handoff-Conversation"))
		}
	}
	first, second := both[1].ID.String(), both[0].ID.String()
	require.Equal(t, []string{first, first, second, second}, order)
	_, after := s.attempts(s.deliveries()[0].ID)
	require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour), after,
		"the schedule did not notice")
}

// plan sums up waits: the times of attempts after the start of the story.
func plan(waits ...time.Duration) (out []time.Duration) {
	var sum time.Duration
	for _, wait := range waits[1:] {
		sum += wait
		out = append(out, waits[0]+sum)
	}
	return out
}

func TestContinueAsNewInABackOffLosesNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(10 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first") })
	s.at(time.Hour, func() {
		s.env.SetContinueAsNewSuggested(true)
		s.reply(s.Ana, "second")
		s.says("thanks")
		s.wake()
	})
	s.run()
	require.True(t, s.continued(), "%v", s.env.GetWorkflowError())
	require.Equal(t, time.Hour, s.passed())
	before := s.conversation()

	s.restart()
	s.at(2*time.Hour, func() {
		require.Equal(t, before.Version, s.state().Conversation.Version)
		require.Equal(t, "Ana", s.state().Conversation.Assignee.Name)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"first", "second", "resolved"}, s.arrived())
	require.Equal(t, 25*time.Hour, s.passed(), "a day after the last message")
	_, after := s.attempts(s.deliveries()[0].ID)
	require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour), after)
}

// The Temporal store is lost and comes back empty: all that the new run has is the contact.
func TestALostTemporalStoreIsRebuiltFromTheRows(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.downUntil(10 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first") })
	s.at(3*time.Hour, func() { s.env.CancelWorkflow() })
	s.run()
	require.Error(t, s.env.GetWorkflowError())
	require.Equal(t, 3*time.Hour, s.passed())

	s.restart()
	var claimed *answer
	s.at(4*time.Hour, func() {
		state := s.state()
		require.Equal(t, "Ana", state.Conversation.Assignee.Name)
		require.Equal(t, 24*time.Hour+time.Minute, state.InactiveAt.Sub(s.start))
		require.Len(t, state.Lanes, 1)
		claimed = s.claim(s.Ben)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.CodeConflict, claimed.refusal(t).Code)
	require.Equal(t, 24*time.Hour+time.Minute, s.passed())
	require.Equal(t, []string{"first", "resolved"}, s.arrived())
	_, after := s.attempts(s.deliveries()[0].ID)
	require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour), after)
}

func TestAnOperatorsSignalEndsTheConversation(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{
		"without a payload":    nil,
		"with an empty one":    map[string]any{},
		"with a disposition":   workflows.ResolveInput{Disposition: "spam"},
		"with more than known": map[string]any{"reason": "because"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.says("I need to speak to a human")
			s.at(time.Minute, func() { s.claim(s.Ana) })
			s.at(time.Hour, func() { s.env.SignalWorkflow(workflows.ResolveSignal, payload) })
			s.run()
			require.NoError(t, s.env.GetWorkflowError())
			require.Equal(t, handoff.EndAdmin, *s.conversation().EndReason)
			require.Equal(t, time.Hour, s.passed())
		})
	}
}
