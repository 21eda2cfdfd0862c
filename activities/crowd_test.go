package activities_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// crowd are contacts with webhooks on their way to one endpoint, each contact in a lane of its own.
type crowd struct {
	*scene
	refs []activities.Ref
}

// newCrowd is a number of contacts who have each written so many messages, of which the endpoint is to be told.
func newCrowd(t *testing.T, contacts, messages int) *crowd {
	t.Helper()
	c := &crowd{scene: newSceneWith(t, "message.received")}
	c.Activities = c.World.Activities(t, func() time.Time { return c.now })
	c.write(contacts, messages)
	return c
}

// write lets that many more contacts write.
func (c *crowd) write(contacts, messages int) {
	c.Helper()
	for range contacts {
		phone := fmt.Sprintf("4477009%05d", len(c.refs))
		texts := make([]string, messages)
		for i := range texts {
			texts[i] = fmt.Sprintf("%s %d", phone, i)
		}
		wake := c.Accept(c.T, c.Body(phone, texts...), c.now).Wakes[0]
		ref := activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
		_, err := c.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: ref, Now: c.now})
		require.NoError(c, err)
		c.refs = append(c.refs, ref)
	}
}

// lane runs the lane of the nth contact once, by a worker, and gives how long it has to wait; 0 for not at all.
func (c *crowd) lane(worker *activities.Activities, n int, endpoint handoff.ID) (wait time.Duration, reason string) {
	c.Helper()
	wait, reason, err := runLane(worker, c.refs[n], endpoint)
	require.NoError(c, err)
	return wait, reason
}

func runLane(worker *activities.Activities, ref activities.Ref, endpoint handoff.ID) (wait time.Duration, reason string, err error) {
	_, err = worker.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: ref, EndpointID: endpoint, Max: 20})
	var again *temporal.ApplicationError
	if errors.As(err, &again) && again.Type() == activities.Undelivered {
		return again.NextRetryDelay(), again.Message(), nil
	}
	return 0, "", err
}

// tries lets the nth contact's lane run, and tells whether anything left.
func (c *crowd) tries(n int) bool {
	c.Helper()
	before := len(c.Gateway.Requests())
	c.lane(c.Activities, n, c.Endpoint.ID)
	return len(c.Gateway.Requests()) > before
}

// drain runs all lanes side by side, as workflows do, until nothing is left.
func (c *crowd) drain() {
	c.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(c.refs))
	for i, ref := range c.refs {
		all.Go(func() {
			for errs[i] == nil && c.left(ref) {
				var wait time.Duration
				if wait, _, errs[i] = runLane(c.Activities, ref, c.Endpoint.ID); wait > 0 {
					<-time.After(wait)
				}
			}
		})
	}
	all.Wait()
	require.NoError(c, errors.Join(errs...))
}

func (c *crowd) left(ref activities.Ref) bool {
	lanes, err := dbsqlc.New(c.World.DB).LaneList(context.Background(), dbsqlc.LaneListParams{InboxID: ref.InboxID, ContactID: &ref.ContactID})
	return err != nil || len(lanes) > 0
}

// answers makes the gateway answer with a status.
func (c *crowd) answers(status int) {
	c.Gateway.Answer(func(int) (int, string) { return status, "" })
}

func (c *crowd) endpoint() dbsqlc.Endpoint {
	c.Helper()
	row, err := dbsqlc.New(c.World.DB).DeliveryEndpoint(context.Background(), dbsqlc.DeliveryEndpointParams{ID: c.Endpoint.ID, Now: c.now})
	require.NoError(c, err)
	return row.Endpoint
}

// anotherWorker has its own count of what it has in flight, and the same database.
func (c *crowd) anotherWorker() *activities.Activities {
	c.Helper()
	return c.World.Activities(c.T, func() time.Time { return c.now })
}

// counter counts how many requests it has in hand at once, each for a while.
type counter struct {
	mu            sync.Mutex
	now, most, in int
}

func newCounter(t *testing.T, w *fixture.World, each time.Duration) *counter {
	t.Helper()
	c := &counter{}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		c.add(1)
		<-time.After(each) // it is the gateway that takes its time
		c.add(-1)
	}))
	t.Cleanup(server.Close)
	w.Exec(t, "UPDATE endpoints SET url = $1", server.URL)
	return c
}

func (c *counter) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.in += max(n, 0)
	c.most = max(c.most, c.now)
}
