package workflows_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// patient gives the inbox a week, so that nothing ends a story but its resolve.
func (s *story) patient() {
	s.Helper()
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.Inactivity = 7 * 24 * time.Hour })
}

func TestDelivery_09_TenAttemptsOverThreeDays(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.Gateway.Answer(func(n int) (int, string) {
		if n <= 10 {
			return http.StatusInternalServerError, "out of order"
		}
		return http.StatusOK, ""
	})
	s.says("I need to speak to a human")
	var first, second handoff.ID
	s.at(time.Minute, func() { first, _ = s.template(s.Ana, "first") })
	s.at(2*time.Minute, func() { second, _ = s.template(s.Ana, "second") })
	s.at(80*time.Hour, func() { s.resolveBy(s.Ana) })
	began := time.Now()
	s.run()
	t.Logf("80 hours took %s", time.Since(began).Round(time.Millisecond))
	require.NoError(t, s.env.GetWorkflowError())

	dead := s.deliveries()[0]
	require.Equal(t, handoff.DeliveryFailed, dead.State)
	rows, after := s.attempts(dead.ID)
	require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute, 2*time.Hour, 5*time.Hour, 10*time.Hour,
		14*time.Hour, 20*time.Hour, 24*time.Hour), after)
	for i, row := range rows {
		require.EqualValues(t, i+1, row.N)
		require.EqualValues(t, 500, *row.Status)
		require.Equal(t, "out of order", *row.ResponseExcerpt)
		require.Equal(t, "schedule", row.Trigger)
	}
	m := s.message(first)
	require.Equal(t, handoff.MessageFailed, *m.Status)
	require.Equal(t, "undeliverable", *m.FailureCode)
	require.Equal(t, "the gateway did not take the message: HTTP 500", *m.FailureReason)

	require.Equal(t, []string{"second", "resolved"}, s.arrived(), "the lane goes on")
	require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(second).Status)
	requests := s.Gateway.Requests()
	require.Equal(t, "true", requests[10].Header.Get("Handoff-Gap"))
	require.Empty(t, requests[11].Header.Get("Handoff-Gap"))
	requireOneAndTheSame(t, s.Gateway, requests[:10], after, s.start)
}

// requireOneAndTheSame checks that attempts differ in nothing but number, time stamp and signature.
func requireOneAndTheSame(t *testing.T, g *fixture.Gateway, requests []fixture.Request, after []time.Duration, start time.Time) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(g.Secret.Reveal())
	require.NoError(t, err)
	for i, r := range requests {
		require.Equal(t, requests[0].Body, r.Body)
		require.Equal(t, requests[0].Header.Get("webhook-id"), r.Header.Get("webhook-id"))
		require.Equal(t, strconv.Itoa(i+1), r.Header.Get("Handoff-Attempt"))
		require.Equal(t, strconv.FormatInt(start.Add(after[i]).Unix(), 10), r.Header.Get("webhook-timestamp"))
		require.NoError(t, verifier.VerifyIgnoringTimestamp([]byte(r.Body), r.Header))
		require.Error(t, verifier.VerifyIgnoringTimestamp([]byte(r.Body+" "), r.Header))
	}
}

func TestARefusalIsTriedFourTimesWithinTwoMinutes(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403, 404, 409, 422} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.Gateway.AnswerTo(func(body string) int {
				if strings.Contains(body, "poison") {
					return status
				}
				return http.StatusOK
			})
			s.says("I need to speak to a human")
			var first handoff.ID
			s.at(time.Minute, func() { first, _ = s.reply(s.Ana, "poison"); s.reply(s.Ana, "cure") })
			s.at(time.Hour, func() { s.resolveBy(s.Ana) })
			s.run()
			require.NoError(t, s.env.GetWorkflowError())

			_, after := s.attempts(s.deliveries()[0].ID)
			require.Equal(t, plan(time.Minute, 0, 5*time.Second, 30*time.Second, 75*time.Second), after)
			require.Equal(t, handoff.DeliveryFailed, s.deliveries()[0].State)
			require.Equal(t, handoff.MessageFailed, *s.message(first).Status)
			require.Equal(t, []string{"cure", "resolved"}, s.arrived())
			require.Equal(t, "true", s.Gateway.Requests()[4].Header.Get("Handoff-Gap"))
		})
	}
}

func TestWhatComesAgainLaterIsRetriedOnTheSchedule(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308, 304, 408, 425, 429, 500, 502, 503, 504} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			elsewhere := fixture.NewGateway(t)
			s.Gateway.AnswerHeader("Location", elsewhere.URL)
			s.Gateway.Answer(func(n int) (int, string) {
				if n <= 3 {
					return status, ""
				}
				return http.StatusOK, ""
			})
			s.says("I need to speak to a human")
			s.at(time.Minute, func() { s.reply(s.Ana, "Hi John") })
			s.at(time.Hour, func() { s.resolveBy(s.Ana) })
			s.run()
			require.NoError(t, s.env.GetWorkflowError())
			_, after := s.attempts(s.deliveries()[0].ID)
			require.Equal(t, plan(time.Minute, 0, 5*time.Second, 5*time.Minute, 30*time.Minute), after)
			require.Empty(t, elsewhere.Requests(), "a redirect is not followed")
		})
	}
}

func TestDelivery_11_RetryAfterIsHonouredUpToADay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		header func(*story) string
		second time.Duration
	}{
		"seconds":                {func(*story) string { return "7" }, 7 * time.Second},
		"parts of a second":      {func(*story) string { return "120.5" }, 120*time.Second + 500*time.Millisecond},
		"less than the schedule": {func(*story) string { return "1" }, 5 * time.Second},
		"a date": {func(s *story) string {
			return s.start.Add(time.Hour).Format(http.TimeFormat)
		}, 59 * time.Minute},
		"a date gone by":  {func(s *story) string { return s.start.Format(http.TimeFormat) }, 5 * time.Second},
		"more than a day": {func(*story) string { return "99999999" }, 24 * time.Hour},
		"nonsense":        {func(*story) string { return "soon" }, 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.patient()
			s.Gateway.AnswerHeader("Retry-After", c.header(s))
			s.Gateway.Answer(func(n int) (int, string) {
				if n == 1 {
					return http.StatusTooManyRequests, ""
				}
				return http.StatusOK, ""
			})
			s.says("I need to speak to a human")
			s.at(time.Minute, func() { s.template(s.Ana, "greeting") })
			s.at(30*time.Hour, func() { s.resolveBy(s.Ana) })
			s.run()
			require.NoError(t, s.env.GetWorkflowError())
			_, after := s.attempts(s.deliveries()[0].ID)
			require.Equal(t, plan(time.Minute, 0, c.second), after)
		})
	}
}

func TestABatchKeepsItsOrderAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.Answer(func(n int) (int, string) {
		if n == 4 || n == 17 {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, ""
	})
	s.says("I need to speak to a human")
	var want []string
	s.at(time.Minute, func() {
		for i := range 50 {
			text := fmt.Sprintf("message %d", i)
			want = append(want, text)
			s.reply(s.Ana, text)
		}
	})
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, append(want, "resolved"), s.arrived())
	require.Len(t, s.Gateway.Requests(), 53, "51 webhooks and two failures")
}

func TestAReplyWhoseWindowClosedWhileItsEndpointWasDownNeverLeaves(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.downUntil(30 * time.Hour)
	s.says("I need to speak to a human")
	var tried, waited, template handoff.ID
	s.at(time.Hour, func() {
		tried, _ = s.reply(s.Ana, "tried in vain")
		waited, _ = s.reply(s.Ana, "never tried")
		template, _ = s.template(s.Ana, "greeting")
	})
	s.at(2*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	for _, id := range []handoff.ID{tried, waited} {
		m := s.message(id)
		require.Equal(t, handoff.MessageFailed, *m.Status)
		require.Equal(t, handoff.FailureWindowClosed, *m.FailureCode)
		require.Contains(t, *m.FailureReason, "window closed")
	}
	require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(template).Status)
	require.Equal(t, []string{"greeting", "resolved"}, s.arrived())
	for _, r := range s.Gateway.Requests() {
		require.NotContains(t, r.Body, "never tried")
	}
}

// The contact's new message opens the window again, and the reply may leave after all.
func TestAReplyLeavesLateIfTheContactWroteAgain(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.patient()
	s.downUntil(30 * time.Hour)
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.reply(s.Ana, "Hi John") })
	s.at(20*time.Hour, func() { s.says("still there?"); s.wake() })
	s.at(40*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []string{"Hi John", "resolved"}, s.arrived())
}

// Nothing stands behind the dead letter when it fails, so there is no row to flag then.
func TestAGapIsToldByWhatComesLater(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.AnswerTo(func(body string) int {
		if strings.Contains(body, "poison") {
			return http.StatusBadRequest
		}
		return http.StatusOK
	})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "poison") })
	s.at(time.Hour, func() { s.reply(s.Ana, "cure") })
	s.at(2*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())

	require.Equal(t, []string{"cure", "resolved"}, s.arrived())
	requests := s.Gateway.Requests()
	require.Len(t, requests, 6, "four attempts, the cure, the end")
	require.Equal(t, "true", requests[4].Header.Get("Handoff-Gap"))
	require.Empty(t, requests[5].Header.Get("Handoff-Gap"), "it is told once")
}
