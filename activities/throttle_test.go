package activities_test

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fixture"
)

// An answer that asks for fewer requests holds back whatever goes to that endpoint, and nothing that goes elsewhere.
func TestDelivery_13_ThrottlingHoldsBackAllThatGoesToTheEndpoint(t *testing.T) {
	t.Parallel()
	for _, status := range []int{429, 502, 503, 504} {
		for name, pause := range map[string]time.Duration{"": 5 * time.Second, "2": 5 * time.Second, "120": 2 * time.Minute} {
			t.Run(strconv.Itoa(status)+" Retry-After "+name, func(t *testing.T) {
				t.Parallel()
				c := &crowd{scene: newSceneWith(t, "message.received", "conversation.opened")}
				c.Activities = c.World.Activities(t, func() time.Time { return c.now })
				other := fixture.NewGateway(t)
				elsewhere := c.AddEndpoint(t, other, "message.received")
				c.write(3, 1)
				c.answers(status)
				c.Gateway.AnswerHeader("Retry-After", name)
				require.True(t, c.tries(0))

				require.WithinDuration(t, c.now.Add(pause), *c.endpoint().PausedUntil, time.Millisecond)
				c.answers(http.StatusOK)
				start := c.now
				for _, after := range []time.Duration{0, pause - time.Millisecond} {
					c.now = start.Add(after)
					for n := range c.refs {
						wait, reason := c.lane(c.anotherWorker(), n, c.Endpoint.ID)
						require.GreaterOrEqual(t, c.now.Add(wait), start.Add(pause), "contact %d", n)
						require.Contains(t, reason, "asked for a pause")
					}
				}
				require.Len(t, c.Gateway.Requests(), 1)
				require.Equal(t, 5, c.Count(t, "deliveries", "endpoint_id = $1 AND attempts = 0 AND step = 0", c.Endpoint.ID))
				for n := range c.refs {
					wait, _ := c.lane(c.Activities, n, elsewhere.ID)
					require.Zero(t, wait)
				}
				require.Len(t, other.Requests(), 3, "the other endpoint does not notice")

				c.now = start.Add(pause)
				for n := range c.refs {
					require.True(t, c.tries(n))
				}
				require.Zero(t, c.Count(t, "deliveries", "state = 'pending'"))
			})
		}
	}
}

func TestDelivery_13_OtherFailuresHoldBackNobodyElse(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 408, 500, 501} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, 2, 1)
			c.answers(status)
			c.Gateway.AnswerHeader("Retry-After", "120")
			require.True(t, c.tries(0))
			require.True(t, c.tries(1))
			require.Nil(t, c.endpoint().PausedUntil)
		})
	}
}

// The schedule of one delivery grows to a day; the endpoint is asked again each minute, by whichever of them is next.
func TestDelivery_13_AThrottledEndpointIsLeftAloneForAMinuteAtMost(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2, 1)
	c.answers(http.StatusServiceUnavailable)
	for _, pause := range []time.Duration{5 * time.Second, time.Minute} {
		require.True(t, c.tries(0))
		require.WithinDuration(t, c.now.Add(pause), *c.endpoint().PausedUntil, time.Millisecond)
		c.now = c.now.Add(pause)
	}
	require.False(t, c.tries(0), "its own next attempt is in five minutes")
	require.True(t, c.tries(1))
}

// The attempt that somebody asked for was due long ago by the schedule, so its own next time has gone by.
func TestDelivery_13_AnExtraAttemptThatIsThrottledHoldsBackTheRest(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2, 1)
	c.Exec(t, "UPDATE deliveries SET manual_at = now(), manual_count = 1, next_attempt_at = $1 WHERE contact_id = $2",
		c.now.Add(-time.Hour), c.refs[0].ContactID)
	c.answers(http.StatusServiceUnavailable)
	require.True(t, c.tries(0))
	require.False(t, c.tries(1))
	require.WithinDuration(t, c.now.Add(5*time.Second), *c.endpoint().PausedUntil, time.Millisecond)
}
