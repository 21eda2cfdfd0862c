package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Undelivered is the type of the error with which a lane's activity asks to be run again.
const Undelivered = "undelivered"

// heartbeatEvery is short enough for the activity's heartbeat time-out of four seconds. The first beat comes after this time, so
// that a lane that is through in milliseconds costs no call at all.
const heartbeatEvery = 1500 * time.Millisecond

// DeliverWebhooks sends a lane's next deliveries in order. It returns how many it finished, and fails, with the time until the
// next attempt, only if there were none: Temporal would repeat the finished ones with the failed one.
func (a *Activities) DeliverWebhooks(ctx context.Context, in DeliverInput) (DeliverResult, error) {
	defer heartbeat(ctx)()
	if err := a.awaitFirst(ctx, in); err != nil {
		return DeliverResult{}, a.undelivered(ctx, err)
	}
	lane, err := a.openLane(ctx, in)
	if err != nil {
		return DeliverResult{}, a.storeFailed(ctx, "read the lane", err)
	}
	finished, empty, err := lane.drain(ctx, ctx)
	if finished == 0 && lane.stuckBy(err) && ctx.Err() == nil {
		// The workflow gets to know, for its operators; it starts the lane again, which then waits.
		out := DeliverResult{Last: lane.seen}
		out.Lanes, err = a.listLanes(ctx, a.queries(), in.Ref)
		return out, a.storeFailed(ctx, "read the lanes", err)
	}
	if err != nil && finished == 0 {
		return DeliverResult{}, a.undelivered(ctx, err)
	}
	out := DeliverResult{Finished: finished, Last: lane.seen}
	if empty && !lane.rippled {
		return out, nil
	}
	// The request may have been cancelled meanwhile; what was sent is still counted.
	out.Lanes, err = a.listLanes(context.WithoutCancel(ctx), a.queries(), in.Ref)
	return out, a.storeFailed(ctx, "read the lanes", err)
}

func (a *Activities) queries() *dbsqlc.Queries { return dbsqlc.New(a.DB) }

// waiting says that a lane's next delivery is not due, and why.
type waiting struct {
	wait   time.Duration
	reason string
	// attempts is how often the delivery has been tried, and failed that it has not arrived.
	attempts int32
	failed   bool
}

func (w *waiting) Error() string { return w.reason }

// errFenced says that another worker has the attempt: this one was taken for dead, or that one is.
var errFenced = errors.New("another worker is making this attempt")

func (a *Activities) undelivered(ctx context.Context, err error) error {
	var w *waiting
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &w):
		return temporal.NewApplicationErrorWithOptions(w.reason, Undelivered, temporal.ApplicationErrorOptions{NextRetryDelay: max(w.wait, time.Millisecond)})
	case errors.Is(err, errFenced):
		return temporal.NewApplicationErrorWithOptions(err.Error(), Undelivered, temporal.ApplicationErrorOptions{NextRetryDelay: 5 * time.Second})
	}
	return a.storeFailed(ctx, "deliver", err)
}

// heartbeat beats until the returned function is called, so that a lane whose worker died is taken over within seconds.
func heartbeat(ctx context.Context) (stop func()) {
	if !activity.IsActivity(ctx) {
		return func() {}
	}
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(heartbeatEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				activity.RecordHeartbeat(ctx)
			}
		}
	}()
	return func() { close(done) }
}

// drain sends the lane's next deliveries in order, at most as many as one activity may and none once patience is at its end. It gives how
// many it finished, whether there is no other, and what stopped it.
func (l *lane) drain(ctx, patience context.Context) (finished int, empty bool, err error) {
	defer l.noteSuccess(ctx) // also where none was finished: an answer that refuses a message shows that its vendor is there
	for finished < l.in.Max && patience.Err() == nil {
		done, err := l.step(ctx)
		if err != nil || !done {
			return finished, err == nil, err
		}
		finished++
	}
	return finished, false, nil
}

// step sends the lane's next delivery. It gives false when there is none.
func (l *lane) step(ctx context.Context) (finished bool, err error) {
	if more, err := l.fill(ctx); err != nil || !more {
		return false, err
	}
	next := l.queue[0]
	if l.endpoint.State == handoff.EndpointDisabled {
		return false, l.hold(ctx)
	}
	if l.first && !l.mayBeFirst(next) {
		return false, errLeft
	}
	if next.AfterID != nil {
		return l.await(ctx, next)
	}
	if next.Buffered {
		return l.batch(ctx, next)
	}
	if err := l.due(ctx, next); err != nil {
		return false, err
	}
	if err := l.others(ctx, next); err != nil {
		return false, err
	}
	l.queue = l.queue[1:]
	for _, settled := range []func(context.Context, dbsqlc.Delivery) (bool, error){l.unknown, l.expired} {
		if done, err := settled(ctx, next); err != nil || done {
			return done, err
		}
	}
	return l.attempt(ctx, next)
}

// fill reads what the lane has to send next, where all that was read is sent, and tells whether there is anything.
func (l *lane) fill(ctx context.Context) (more bool, err error) {
	if len(l.queue) > 0 || l.whole {
		return len(l.queue) > 0, nil
	}
	l.queue, err = l.queries().LaneNext(ctx, dbsqlc.LaneNextParams{
		InboxID: l.in.InboxID, ContactID: &l.in.ContactID, EndpointID: l.in.EndpointID, Now: l.Now(), RowLimit: int32(l.in.Max),
	})
	if err != nil {
		return false, err
	}
	if l.whole = len(l.queue) < l.in.Max; l.whole {
		// What the workflow knew of and is not here has been seen to elsewhere: it was held, or sent long ago.
		l.seen = max(l.seen, l.in.Last)
	}
	for _, d := range l.queue {
		l.seen = max(l.seen, d.Position)
	}
	return len(l.queue) > 0, nil
}

// reread makes the next step read the queue anew.
func (l *lane) reread() { l.queue, l.whole = nil, false }

// due says how long the lane waits for its next delivery. One that alone keeps failing, while its endpoint takes those of other
// lanes, holds the lane for a quarter of an hour and is then passed by; while the endpoint takes nothing, order is strict.
func (l *lane) due(ctx context.Context, d dbsqlc.Delivery) error {
	if err := l.closed(); err != nil {
		return err
	}
	now := l.Now()
	if d.ManualAt != nil || d.NextAttemptAt == nil || !now.Before(*d.NextAttemptAt) {
		return nil
	}
	behind := len(l.queue) > 0 && l.holdsUp(l.queue[1:])
	if behind && !d.Bypassed && (l.poison(d.FirstAttemptAt) || l.unordered(d)) {
		return l.bypass(ctx, d)
	}
	return l.waitFor(d, behind)
}

// holdsUp tells whether the rest of a queue waits for what stands before it: what was passed by keeps to its own time.
func (l *lane) holdsUp(rest []dbsqlc.Delivery) bool {
	return slices.ContainsFunc(rest, func(d dbsqlc.Delivery) bool { return !d.Bypassed })
}

// poison tells whether a delivery, by its first attempt, has held its lane for long enough while its endpoint took others.
func (l *lane) poison(first *time.Time) bool {
	return first != nil && l.Now().Sub(*first) >= laneHold && l.endpoint.LastSuccessAt != nil && l.endpoint.LastSuccessAt.After(*first)
}

// unordered tells whether those behind a failed delivery need not wait for it.
func (l *lane) unordered(d dbsqlc.Delivery) bool {
	return l.endpoint.Ordering == admin.OrderingBestEffort && d.FirstAttemptAt != nil
}

// waitFor is the wait for the next attempt of d. With others behind it, it is shorter: to look whether they may go first.
func (l *lane) waitFor(d dbsqlc.Delivery, behind bool) *waiting {
	now := l.Now()
	wait := d.NextAttemptAt.Sub(now)
	if behind && !d.Bypassed && d.FirstAttemptAt != nil {
		held := now.Sub(*d.FirstAttemptAt)
		switch {
		case l.poison(d.FirstAttemptAt), l.unordered(d):
			wait = 0
		case held < laneHold:
			wait = min(wait, laneHold-held)
		default:
			wait = min(wait, laneRecheck)
		}
	}
	next := d.NextAttemptAt.UTC().Format(time.DateTime)
	reason := fmt.Sprintf("A webhook for %s waits. It is tried at %s UTC.", l.host, next)
	if d.Failure != nil {
		reason = fmt.Sprintf("%s did not take a webhook: %s. Attempt %d failed; the next one is at %s UTC.", l.host, shownFailure(*d.Failure), d.Attempts, next)
	}
	return &waiting{wait: wait, attempts: d.Attempts, failed: d.Failure != nil, reason: reason}
}

// tellStuck is the wait from which on a failed attempt is told: telling costs a workflow task, and a proxy that is away is tried every half
// minute. The schedule's second wait is five minutes, less the jitter.
const tellStuck = 4 * time.Minute

// stuckBy tells whether the workflow is to know that the lane waits: an attempt that was made just now has failed, and was not the first.
func (l *lane) stuckBy(err error) bool {
	var w *waiting
	return l.in.Tell && l.tried && errors.As(err, &w) && w.failed && w.attempts >= stuckAfter && w.wait >= tellStuck
}

// bypass lets the deliveries behind d go before it, flags the first of them, and looks again at what is next.
func (l *lane) bypass(ctx context.Context, d dbsqlc.Delivery) error {
	err := pgx.BeginFunc(ctx, l.DB, func(tx pgx.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.DeliveryBypass(ctx, d.ID); err != nil {
			return err
		}
		return markGap(ctx, q, d)
	})
	if err != nil {
		return err
	}
	l.reread()
	return &waiting{wait: time.Millisecond, reason: "passed by a delivery that held its lane up"}
}

func markGap(ctx context.Context, q *dbsqlc.Queries, d dbsqlc.Delivery) error {
	if d.ContactID == nil {
		return nil
	}
	return q.DeliveryMarkGap(ctx, dbsqlc.DeliveryMarkGapParams{
		ID: d.ID, InboxID: d.InboxID, ContactID: d.ContactID, EndpointID: d.EndpointID, AfterPosition: d.Position,
	})
}

// TestDelivery sends one delivery that belongs to no conversation: a test event.
func (a *Activities) TestDelivery(ctx context.Context, in TestDeliveryInput) (DeliverResult, error) {
	defer heartbeat(ctx)()
	d, err := a.queries().DeliveryGet(ctx, dbsqlc.DeliveryGetParams{AccountID: in.AccountID, ID: in.DeliveryID})
	if err != nil {
		return DeliverResult{}, a.storeFailed(ctx, "read the delivery", err)
	}
	if d.State != handoff.DeliveryPending && d.ManualAt == nil {
		return DeliverResult{}, nil
	}
	l, err := a.openLane(ctx, DeliverInput{
		Ref: Ref{AccountID: d.AccountID, InboxID: d.InboxID}, EndpointID: d.EndpointID, Max: 1,
	})
	if err != nil {
		return DeliverResult{}, a.storeFailed(ctx, "read the endpoint", err)
	}
	if l.endpoint.State == handoff.EndpointDisabled {
		_, err := a.queries().DeliveryHold(ctx, d.EndpointID)
		return DeliverResult{}, a.storeFailed(ctx, "hold the delivery", err)
	}
	if err := l.due(ctx, d); err != nil {
		return DeliverResult{}, a.undelivered(ctx, err)
	}
	_, err = l.attempt(ctx, d)
	l.noteSuccess(ctx)
	if err != nil {
		return DeliverResult{}, a.undelivered(ctx, err)
	}
	return DeliverResult{Finished: 1}, nil
}
