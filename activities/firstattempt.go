package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// A first attempt may be made within the workflow task that recorded the event: that saves the events and the task of a regular activity.
// Whoever updates the conversation waits for the end of that task, so it is done only for endpoints that answer at once, and a task waits
// for an answer no longer than taskPatience. The attempt itself goes on, and the lane's activity takes over from it.
const (
	taskPatience = 50 * time.Millisecond
	// fastAnswer is how fast an endpoint has to answer on average.
	fastAnswer = 25 * time.Millisecond
	// paceWeight is what the latest answer counts in the average.
	paceWeight = 0.2
	// busyAtMost is how long an attempt can take, the writing down of its outcome included.
	busyAtMost = 20 * time.Second
	busyPoll   = 250 * time.Millisecond
)

// firstAttempts are those that a worker makes within workflow tasks, and how fast endpoints answer it.
type firstAttempts struct {
	mu    sync.Mutex
	lanes map[laneKey]chan struct{}
	pace  map[handoff.ID]time.Duration
	all   sync.WaitGroup
	// patience and answer are taskPatience and fastAnswer, unless somebody says otherwise.
	patience, answer time.Duration
}

func newFirstAttempts() *firstAttempts {
	return &firstAttempts{
		lanes: map[laneKey]chan struct{}{}, pace: map[handoff.ID]time.Duration{}, patience: taskPatience, answer: fastAnswer,
	}
}

type laneKey struct{ contact, endpoint handoff.ID }

// begin takes a lane. It gives false where it is under way already.
func (f *firstAttempts) begin(key laneKey) (end func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lanes[key] != nil {
		return nil, false
	}
	done := make(chan struct{})
	f.lanes[key] = done
	f.all.Add(1)
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.lanes, key)
		close(done)
		f.all.Done()
	}, true
}

func (f *firstAttempts) underWay(key laneKey) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lanes[key]
}

// note takes in how long an endpoint took to answer; a failure says that it is not fast.
func (f *firstAttempts) note(endpoint handoff.ID, took time.Duration, delivered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, known := f.pace[endpoint]
	switch {
	case !delivered:
		delete(f.pace, endpoint)
	case !known:
		f.pace[endpoint] = took
	default:
		f.pace[endpoint] = time.Duration(paceWeight*float64(took) + (1-paceWeight)*float64(was))
	}
}

func (f *firstAttempts) fast(endpoint handoff.ID) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	pace, known := f.pace[endpoint]
	return known && pace <= f.answer
}

// errLeft says that a lane has something that is no first attempt.
var errLeft = errors.New("left to the lane's activity")

// DeliverFirst makes the first attempts of a lane's deliveries within the workflow task, in order, for as long as they succeed at once.
// It never fails: what is left, is under way, or went wrong, is the lane's activity's.
func (a *Activities) DeliverFirst(ctx context.Context, in DeliverInput) (DeliverResult, error) {
	end, ok := a.InFlight.first.begin(laneKey{in.ContactID, in.EndpointID})
	if !ok {
		return DeliverResult{Left: true, BusyUntil: a.Now().Add(busyAtMost)}, nil
	}
	patience, cancel := context.WithTimeout(ctx, a.InFlight.first.patience)
	defer cancel()
	done := make(chan DeliverResult, 1)
	go func() {
		defer end()
		done <- a.deliverFirst(patience, in)
	}()
	select {
	case out := <-done:
		return out, nil
	case <-patience.Done():
		return DeliverResult{Left: true, BusyUntil: a.Now().Add(busyAtMost)}, nil
	}
}

// deliverFirst goes through the lane until patience is at its end; an attempt under way is finished.
func (a *Activities) deliverFirst(patience context.Context, in DeliverInput) DeliverResult {
	ctx := context.WithoutCancel(patience)
	lane, err := a.openLane(ctx, in)
	if err != nil {
		a.Log.WarnContext(ctx, "read the lane", "error", err)
		return DeliverResult{Left: true}
	}
	lane.first = true
	finished, empty, err := lane.drain(ctx, patience)
	out := DeliverResult{Finished: finished, Last: lane.seen, Left: !empty}
	if errors.Is(err, errLeft) {
		// A task that is run again, elsewhere, may find the attempt that its first run left under way.
		out.BusyUntil = a.Now().Add(busyAtMost)
	}
	if !out.Left && !lane.rippled {
		return out
	}
	if out.Lanes, err = a.listLanes(ctx, a.queries(), in.Ref); err != nil {
		a.Log.WarnContext(ctx, "read the lanes", "error", err)
		out.Left = true
	}
	return out
}

// mayBeFirst tells whether a delivery's attempt may be made within a workflow task: a first one that nothing has to wait for. A send of
// our own may not: its vendor is never that fast, and whether it left must not be asked twice.
func (l *lane) mayBeFirst(d dbsqlc.Delivery) bool {
	return d.Attempts == 0 && d.ManualAt == nil && d.AfterID == nil && !d.Buffered && l.endpoint.RateLimit == nil &&
		l.endpoint.Transport == handoff.TransportWebhook
}

// awaitFirst waits for a first attempt that a workflow task left under way: here, or in another worker that wrote its row.
func (a *Activities) awaitFirst(ctx context.Context, in DeliverInput) error {
	if in.BusyUntil.IsZero() {
		return nil
	}
	if done := a.InFlight.first.underWay(laneKey{in.ContactID, in.EndpointID}); done != nil {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	for a.Now().Before(in.BusyUntil) {
		busy, err := a.queries().LaneBusy(ctx, dbsqlc.LaneBusyParams{
			InboxID: in.InboxID, ContactID: &in.ContactID, EndpointID: in.EndpointID, Since: a.Now().Add(-busyAtMost),
		})
		if err != nil || !busy {
			return err
		}
		if err := sleep(ctx, busyPoll); err != nil {
			return err
		}
	}
	return nil
}

// InActivities has every attempt made in an activity, and none within a workflow task.
func (f *InFlight) InActivities() *InFlight {
	return f.Within(taskPatience, -1) // no endpoint is that fast
}

// Within sets how long a workflow task waits for first attempts, and how fast an endpoint has to answer on average to be tried so.
func (f *InFlight) Within(patience, answer time.Duration) *InFlight {
	f.first.patience, f.first.answer = patience, answer
	return f
}

// Drain waits for attempts that workflow tasks left under way. Call it once the worker has stopped.
func (a *Activities) Drain() { a.InFlight.first.all.Wait() }
