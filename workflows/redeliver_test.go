package workflows_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// A dead letter is asked for while its lane waits for hours: it goes out at once, and the lane's schedule is as it was.
func TestADeadLetterGoesOutAtOnceAndLeavesTheSchedule(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	repaired := false
	s.Gateway.AnswerTo(func(body string) int {
		switch {
		case strings.Contains(body, "dead") && !repaired:
			return http.StatusBadRequest
		case strings.Contains(body, "slow") && s.passed() < 10*time.Hour:
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	s.says("I need to speak to a human")
	var dead handoff.ID
	s.at(time.Minute, func() {
		dead, _ = s.template(s.Ana, "dead")
		s.template(s.Ana, "slow")
		s.template(s.Ana, "behind it")
	})
	s.at(2*time.Hour, func() {
		require.Equal(t, handoff.MessageFailed, *s.message(dead).Status)
		s.redeliver(s.deliveries()[0].ID) // in vain
	})
	s.at(3*time.Hour, func() { repaired = true; s.redeliver(s.deliveries()[0].ID) })
	s.at(20*time.Hour, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	all := s.deliveries()
	rows, after := s.attempts(all[0].ID)
	require.Equal(t, append(plan(time.Minute, 0, 5*time.Second, 30*time.Second, 75*time.Second), 2*time.Hour, 3*time.Hour), after)
	require.Equal(t, "manual", rows[4].Trigger)
	require.Equal(t, "manual", rows[5].Trigger)
	require.Equal(t, handoff.DeliveryDelivered, all[0].State)
	require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(dead).Status, "the agent sees that it has arrived after all")
	require.Nil(t, s.message(dead).FailureCode)

	begin := time.Minute + 110*time.Second
	_, after = s.attempts(all[1].ID)
	require.Equal(t, plan(begin, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour), after)
	require.Less(t, starts, 30, "a lane that was asked for something old ends as well")
}

func TestAnExtraAttemptInVainLeavesADeadLetterAsItWas(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusBadRequest, "" })
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "dead") })
	var before time.Time
	s.at(time.Hour, func() {
		before = *s.deliveries()[0].FinishedAt
		s.redeliver(s.deliveries()[0].ID)
	})
	s.at(2*time.Hour, func() {
		d := s.deliveries()[0]
		require.Equal(t, handoff.DeliveryFailed, d.State)
		require.Nil(t, d.ManualAt)
		require.Equal(t, before, *d.FinishedAt)
		require.EqualValues(t, 5, d.Attempts)
		require.EqualValues(t, 4, d.Step)
		s.env.CancelWorkflow()
	})
	s.run()
}

// The head of a lane is asked for while it waits, and fails again. What stands behind it must not pass it.
func TestAnExtraAttemptInVainLetsNothingOvertake(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, "head") && s.passed() < 10*time.Hour {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.template(s.Ana, "head"); s.template(s.Ana, "behind") })
	s.at(3*time.Hour, func() { s.redeliver(s.deliveries()[0].ID) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"head", "behind", "resolved"}, s.arrived())
	_, after := s.attempts(s.deliveries()[0].ID)
	require.Equal(t, []time.Duration{
		time.Minute, time.Minute + 5*time.Second, 6*time.Minute + 5*time.Second, 36*time.Minute + 5*time.Second,
		2*time.Hour + 36*time.Minute + 5*time.Second, 3 * time.Hour,
		7*time.Hour + 36*time.Minute + 5*time.Second, 17*time.Hour + 36*time.Minute + 5*time.Second,
	}, after)
}

func TestWhatArrivedIsSentAgainOnRequestAndStaysArrived(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "Hi John") })
	s.at(time.Hour, func() { s.redeliver(s.deliveries()[0].ID) })
	s.at(2*time.Hour, func() {
		s.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
		s.redeliver(s.deliveries()[0].ID)
	})
	s.at(3*time.Hour, func() {
		s.Gateway.Answer(func(int) (int, string) { return http.StatusGone, "" })
		s.redeliver(s.deliveries()[0].ID)
	})
	s.at(4*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	requests := s.Gateway.Requests()
	require.Len(t, requests, 4)
	for _, r := range requests {
		require.Equal(t, requests[0].Header.Get("webhook-id"), r.Header.Get("webhook-id"))
		require.Equal(t, requests[0].Body, r.Body)
	}
	d := s.deliveries()[0]
	require.Equal(t, handoff.DeliveryDelivered, d.State)
	require.Nil(t, d.ManualAt)
	require.Nil(t, d.Failure)
	require.Equal(t, handoff.EndpointDisabled, s.endpoint(s.Endpoint.ID).State, "gone is gone")
	require.Equal(t, handoff.DeliveryHeld, s.deliveries()[1].State)
}
