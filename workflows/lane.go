package workflows

import (
	"errors"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
)

// laneBatch is how many deliveries one activity sends at most. A hot conversation needs batches (890 webhooks a second against
// 138 one by one); a larger one would keep a cancelled lane from ending soon.
const laneBatch = 20

// lane is the queue of one endpoint. What is queued stands in the rows; here is only whether there is something to do.
type lane struct {
	endpoint handoff.ID
	host     string
	pending  int64
	last     int64 // the highest position known
	urgent   bool  // somebody asked for an attempt now
	trouble  string
	stuck    bool       // a retry has not helped
	since    *time.Time // it fails
	nextAt   *time.Time // it is tried
	grown    bool       // more is pending than when the activity started, and none of it is new
	fast     bool       // first attempts may be made within the workflow task
	left     bool       // they did not do
	busy     time.Time
	first    bool // what is in flight are first attempts
	alone    bool // nothing stood behind the first delivery when the activity started

	future workflow.Future
	cancel workflow.CancelFunc
	// failure is how the latest activity ended, if badly.
	failure string
}

func (l *lane) running() bool { return l.future != nil && !l.future.IsReady() }

func (l *lane) done() bool { return l.future != nil && l.future.IsReady() }

// wanted tells whether the lane keeps the run open.
func (l *lane) wanted() bool { return l.pending > 0 || l.future != nil }

// again stops the lane so that it is started anew: what it waited for is not what it would wait for now.
func (l *lane) again() {
	l.urgent = l.urgent || l.running()
	l.stop()
}

func (l *lane) stop() {
	if l.running() {
		l.cancel()
	}
}

// seeLanes takes in which lanes have something to send. It never lowers a lane: the reading may be older than what is known.
func (c *conversation) seeLanes(lanes []activities.Lane) {
	for _, seen := range lanes {
		l := c.lanes[seen.EndpointID]
		if l == nil {
			l = &lane{endpoint: seen.EndpointID}
			c.lanes[seen.EndpointID] = l
			c.order = append(c.order, seen.EndpointID)
		}
		// Older ones than it has read, such as held ones that were released, are left to the lane's next activity.
		l.grown = l.grown || (l.running() && seen.Pending > l.pending && seen.Last <= l.last)
		l.host, l.pending, l.last, l.trouble, l.fast = seen.Host, seen.Pending, max(l.last, seen.Last), seen.Trouble, seen.Fast
		l.stuck, l.since, l.nextAt = seen.Stuck, seen.FailingSince, seen.NextAt
		// The lane may wait for hours: it is cancelled, which takes effect at once while it waits, and started again. That is for
		// what somebody asked for now, and for the first delivery behind one that fails: it waits for as long as nothing is behind.
		blocks := l.alone && seen.Pending > 1 && seen.Trouble != ""
		if seen.Urgent || blocks {
			l.urgent = l.urgent || seen.Urgent
			l.stop()
		}
	}
}

// startLanes starts one activity for every lane that has something to send and none in flight.
func (c *conversation) startLanes(ctx workflow.Context) {
	for _, id := range c.order {
		l := c.lanes[id]
		if l.pending == 0 || l.future != nil {
			continue
		}
		l.start(ctx, activities.DeliverInput{Ref: c.in.Ref, EndpointID: id, Max: laneBatch, Last: l.last, BusyUntil: l.busy, Tell: true})
	}
}

func (l *lane) start(ctx workflow.Context, in activities.DeliverInput) {
	laneCtx, cancel := workflow.WithCancel(ctx)
	l.cancel = cancel
	l.first = l.fast && !l.left && !l.urgent && l.trouble == ""
	l.urgent, l.grown, l.alone, l.busy = false, false, l.pending == 1, time.Time{}
	if l.first {
		l.future = executeLocal(laneCtx, "first attempts to "+l.host, a.DeliverFirst, in)
		return
	}
	laneCtx = workflow.WithActivityOptions(laneCtx, workflow.ActivityOptions{
		// A batch of attempts, each with a deadline of 15 s. A dead worker is found by its missing heartbeat long before.
		StartToCloseTimeout: 10 * time.Minute,
		// With the wait before the retry, what a dead worker had begun goes on within five seconds.
		HeartbeatTimeout:    4 * time.Second,
		WaitForCancellation: true,
		Summary:             "webhooks to " + l.host,
		// The wait between attempts comes with the error; this is for what we did not expect, such as a database that is away or a worker
		// that died. It stays short, because it grows with every wait before as well.
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 500 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 2 * time.Second,
		},
	})
	l.future = execute(laneCtx, a.DeliverWebhooks, in)
}

// collectLane takes in what a lane's activity did.
func (c *conversation) collectLane(ctx workflow.Context, l *lane) error {
	if !l.done() {
		return nil
	}
	var result activities.DeliverResult
	err := l.future.Get(ctx, &result)
	l.cancel()
	l.future, l.cancel = nil, nil
	if l.first && err != nil {
		l.left = true
		return nil
	}
	var cancelled *temporal.CanceledError
	var undelivered *temporal.ApplicationError
	if errors.As(err, &cancelled) || (errors.As(err, &undelivered) && undelivered.Type() == activities.Undelivered) {
		return nil // it was stopped, the latter in the middle of an attempt that failed
	}
	if err != nil {
		l.failure = err.Error()
		workflow.GetLogger(ctx).Error("a lane's activity failed; it is started again", "endpoint", l.endpoint, "error", err)
		return workflow.Sleep(ctx, time.Second)
	}
	l.failure = ""
	l.left, l.busy = result.Left, result.BusyUntil
	if l.left {
		c.seeLanes(result.Lanes)
		return nil
	}
	if l.last <= result.Last && !l.urgent && !l.grown {
		l.pending, l.trouble, l.stuck = 0, "", false
	}
	c.seeLanes(result.Lanes)
	return nil
}
