package activities_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/db/dbsqlc"
)

// 500 webhooks of 50 contacts, with the clock that runs. What is measured is when they arrive.
func TestDelivery_32_ARateLimitIsKeptAndBurnsNoAttempt(t *testing.T) {
	t.Parallel()
	const limit, contacts, each = 50, 50, 10
	c := newCrowd(t, contacts, each)
	c.Activities = c.World.Activities(t, time.Now)
	var mu sync.Mutex
	var arrived []time.Time
	order := map[string][]string{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, time.Now())
		contact := r.Header.Get("Handoff-Conversation")
		order[contact] = append(order[contact], r.Header.Get("Handoff-Sequence"))
	}))
	t.Cleanup(server.Close)
	c.Exec(t, "UPDATE endpoints SET url = $1, rate_limit = $2", server.URL, limit)
	c.drain()

	require.Len(t, arrived, contacts*each)
	require.Equal(t, contacts*each, c.Count(t, "deliveries", "state = 'delivered' AND attempts = 1 AND step = 0"))
	require.Equal(t, contacts*each, c.Count(t, "delivery_attempts", "true"))
	require.Len(t, order, contacts)
	for _, seqs := range order {
		require.Len(t, seqs, each)
		require.True(t, slices.IsSortedFunc(seqs, func(a, b string) int {
			if len(a) != len(b) {
				return len(a) - len(b)
			}
			return strings.Compare(a, b)
		}), "%v", seqs)
	}
	most := mostIn(arrived, time.Second)
	t.Logf("%d webhooks in %s, %d in the fullest second", len(arrived), arrived[len(arrived)-1].Sub(arrived[0]).Round(time.Millisecond), most)
	for i, at := range arrived {
		require.GreaterOrEqual(t, at.Sub(arrived[0]), time.Duration(i)*time.Second/limit-noise, "webhook %d is early", i)
	}
	require.LessOrEqual(t, most, limit+1+int(limit*noise/time.Second))
}

// noise is for how long this machine may stop what it is about to send, which then arrives beside what comes after it. A quiet one had at
// most 53 in a second.
const noise = time.Second

// mostIn is how many of the times lie within the fullest span of such a length.
func mostIn(times []time.Time, span time.Duration) (most int) {
	slices.SortFunc(times, time.Time.Compare)
	first := 0
	for last := range times {
		for times[last].Sub(times[first]) >= span {
			first++
		}
		most = max(most, last-first+1)
	}
	return most
}

// Ten a second for 500 that all come at once, and for some who come later.
func TestDelivery_32_PlacesUnderARateLimitLieApart(t *testing.T) {
	t.Parallel()
	s := newSceneWith(t)
	s.Exec(t, "UPDATE endpoints SET rate_limit = 10")
	q := dbsqlc.New(s.World.DB)
	take := func(after time.Duration) time.Duration {
		slot, err := q.EndpointTakeSlot(context.Background(), dbsqlc.EndpointTakeSlotParams{ID: s.Endpoint.ID, Now: s.now.Add(after)})
		require.NoError(t, err)
		return slot.Sub(s.now)
	}
	var slots []time.Time
	for i := range 500 {
		slot := take(0)
		require.Equal(t, time.Duration(i)*100*time.Millisecond, slot)
		slots = append(slots, s.now.Add(slot))
	}
	require.Equal(t, 10, mostIn(slots, time.Second))
	require.Equal(t, 50*time.Second, take(20*time.Second), "behind those who were there before")
	require.Equal(t, time.Hour, take(time.Hour), "places that nobody took are not saved up")
	require.Equal(t, time.Hour+100*time.Millisecond, take(time.Hour))
}

// A lane that has to wait long ends its activity, and finds its place kept when it comes back; one that comes too late takes another.
func TestDelivery_32_AFarPlaceIsKept(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2, 1)
	c.Exec(t, "UPDATE endpoints SET rate_limit = 1, slot_at = $1", c.now.Add(30*time.Second))
	for range 3 {
		wait, reason := c.lane(c.Activities, 0, c.Endpoint.ID)
		require.Equal(t, 29*time.Second, wait, "it comes back somewhat early")
		require.Contains(t, reason, "rate limit")
	}
	wait, _ := c.lane(c.Activities, 1, c.Endpoint.ID)
	require.Equal(t, 30*time.Second, wait)
	require.Equal(t, 2, c.Count(t, "deliveries", "attempts = 0 AND step = 0 AND failure IS NULL"))
	c.now = c.now.Add(30 * time.Second)
	require.True(t, c.tries(0))
	c.now = c.now.Add(10 * time.Second)
	require.True(t, c.tries(1), "nobody else waits")
	require.Equal(t, c.now.Add(time.Second), c.endpoint().SlotAt.UTC())
}

func TestDelivery_28_AnEndpointHasFewInFlight(t *testing.T) {
	t.Parallel()
	const limit, lanes = 3, 30
	c := newCrowd(t, lanes, 1)
	counter := newCounter(t, c.World, 20*time.Millisecond)
	c.Exec(t, "UPDATE endpoints SET max_in_flight = $1", limit)
	c.Activities = c.World.Activities(t, time.Now)
	shared := *c.Activities
	shared.Jitter = func() float64 { return 0.05 } // a lane that finds no place comes back in 200 ms
	c.Activities = &shared
	c.drain()
	require.Equal(t, lanes, counter.in)
	require.Equal(t, limit, counter.most)
	require.Equal(t, lanes, c.Count(t, "deliveries", "state = 'delivered' AND attempts = 1 AND step = 0"), "waiting counts for nothing")
}
