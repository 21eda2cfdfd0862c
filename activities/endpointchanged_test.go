package activities_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

// moves lets the crowd's endpoint stand at an address of old, whose first request has it changed in the middle of the attempt.
func (c *crowd) moves(change func(), answer http.HandlerFunc) (asked *int) {
	c.Helper()
	asked = new(int)
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if *asked++; *asked == 1 {
			change()
		}
		answer(w, r)
	}))
	c.Cleanup(old.Close)
	c.Exec(c.T, "UPDATE endpoints SET url = $1", old.URL)
	return asked
}

// toTheGateway is a PATCH of the endpoint's URL.
func (c *crowd) toTheGateway() {
	c.Exec(c.T, "UPDATE endpoints SET url = $1, updated_at = now()", c.Gateway.URL)
}

func (c *crowd) finish(contact int) {
	c.Helper()
	for range 10 {
		c.lane(c.Activities, contact, c.Endpoint.ID)
	}
}

func TestWhatLeavesGoesWhereItsEndpointIsNow(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1, 4)
	asked := c.moves(c.toTheGateway, func(http.ResponseWriter, *http.Request) {})
	c.finish(0)
	require.Equal(t, 1, *asked, "the rest of the batch is for the new address")
	require.Equal(t, []string{"1", "2", "3"}, c.took())
	require.Equal(t, 4, c.Count(t, "delivery_attempts", "status = 200"), "nothing was tried twice")
}

func TestAnOldAddressSaysNothingOfTheNewOne(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"it is gone": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) },
		"it asks to be disabled and fails": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("webhook-delivery", "disable")
			w.WriteHeader(http.StatusInternalServerError)
		},
		"it asks to be disabled": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("webhook-delivery", "disable") },
		"it asks for a pause": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "86400")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, 2, 1)
			c.moves(c.toTheGateway, answer)
			c.finish(0)
			endpoint := c.endpoint()
			require.Equal(t, handoff.EndpointEnabled, endpoint.State)
			require.Nil(t, endpoint.PausedUntil)
			require.Nil(t, endpoint.FailingSince)
			require.Zero(t, c.Count(t, "events", "type = 'endpoint.disabled'"))
			require.Zero(t, c.Count(t, "deliveries", "state = 'held'"))
			c.finish(1)
			c.now = c.now.Add(25 * time.Hour)
			c.finish(0)
			require.Equal(t, 2, c.Count(t, "deliveries", "state = 'delivered'"))
		})
	}
}

// asked has one more attempt of each delivery asked for.
func (c *crowd) asked() { c.Exec(c.T, "UPDATE deliveries SET manual_at = now(), manual_count = 1") }

func TestExtraAttemptsEndWithTheirEndpoint(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(c *crowd){
		"deleted": func(c *crowd) {
			_, err := dbsqlc.New(c.World.DB).EndpointDelete(t.Context(), dbsqlc.EndpointDeleteParams{AccountID: c.Account.ID, ID: c.Endpoint.ID})
			require.NoError(c.T, err)
		},
		"disabled": func(c *crowd) { c.Exec(c.T, "UPDATE endpoints SET state = 'disabled', updated_at = now()") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, 1, 4)
			c.finish(0)
			c.asked()
			before := len(c.Gateway.Requests())
			end(c)
			c.finish(0)
			require.Empty(t, c.Gateway.Requests()[before:])
			require.False(t, c.left(c.refs[0]), "its lane does not keep the workflow open")
			require.Equal(t, 4, c.Count(t, "deliveries", "state = 'delivered' AND manual_count = 0"))
		})
	}
}

func TestAnEndpointThatIsGoneIsNotSentTheRestOfAReplay(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 2, 4)
	c.finish(0)
	c.finish(1)
	c.asked()
	before := len(c.Gateway.Requests())
	c.answers(http.StatusGone)
	c.finish(0)
	c.finish(1)
	require.Len(t, c.Gateway.Requests()[before:], 1)
	require.Equal(t, handoff.EndpointDisabled, c.endpoint().State)
	require.Equal(t, 8, c.Count(t, "deliveries", "state = 'delivered' AND manual_at IS NULL"))
}
