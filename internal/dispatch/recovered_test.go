package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// outage is an endpoint that has taken nothing for an hour, with a contact's webhooks waiting in each of many lanes.
type outage struct {
	*testing.T
	*fixture.World
	began, over time.Time
	dispatchers []*Dispatcher
}

func newOutage(t *testing.T, contacts, dispatchers int) *outage {
	t.Helper()
	w := fixture.New(t, dbtest.Pool(t), "message.received")
	now := time.Now().UTC().Truncate(time.Millisecond)
	o := &outage{T: t, World: w, began: now.Add(-time.Hour), over: now}
	for i := range contacts {
		phone := fmt.Sprintf("4477009%05d", i)
		apply(t, w, w.Accept(t, w.Body(phone, "first", "second"), o.began).Wakes[0])
	}
	// Each head has been tried since the outage began, and waits for hours; what stands behind it was never tried.
	w.Exec(t, `UPDATE deliveries d SET attempts = 4, step = 4, first_attempt_at = $1, next_attempt_at = $2 WHERE position =
		(SELECT min(position) FROM deliveries e WHERE e.contact_id = d.contact_id)`, o.began, now.Add(2*time.Hour))
	w.Exec(t, "UPDATE deliveries SET created_at = $1", o.began)
	w.Exec(t, "UPDATE endpoints SET last_success_at = $1, failing_since = $2, failures = 900", o.began.Add(-time.Minute), o.began)
	w.Exec(t, "UPDATE wakes SET raised = false, next_signal_at = NULL")
	for range dispatchers {
		o.dispatchers = append(o.dispatchers, New(w.DB, nil, slog.New(slog.DiscardHandler)))
	}
	return o
}

// succeeds says that the endpoint has just taken something.
func (o *outage) succeeds(at time.Time) {
	o.Helper()
	require.NoError(o, dbsqlc.New(o.DB).EndpointNoteSuccess(context.Background(), dbsqlc.EndpointNoteSuccessParams{
		ID: o.Endpoint.ID, SucceededAt: at, UnlessAfter: at.Add(-time.Second), FailingBefore: at.Add(-5 * time.Second),
	}))
}

func (o *outage) fails(at time.Time) {
	o.Helper()
	_, err := dbsqlc.New(o.DB).EndpointNoteFailure(context.Background(), dbsqlc.EndpointNoteFailureParams{
		ID: o.Endpoint.ID, FailedAt: at, Since: at.Add(-time.Minute), AtLeast: 10, Percent: 70, OpenUntil: at.Add(time.Minute),
	})
	require.NoError(o, err)
}

// pass is one pass of each dispatcher, all at once.
func (o *outage) pass() {
	o.Helper()
	var all sync.WaitGroup
	errs := make([]error, len(o.dispatchers))
	for i, d := range o.dispatchers {
		all.Go(func() { errs[i] = d.wakeRecovered(context.Background()) })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(o, err)
	}
}

func (o *outage) hastened() int {
	o.Helper()
	return o.Count(o.T, "deliveries", "hastened AND next_attempt_at <= now()")
}

func (o *outage) raised() int { o.Helper(); return o.Count(o.T, "wakes", "raised") }

// behind are those that were hastened although they are not the first of their lanes.
func (o *outage) behind() int {
	o.Helper()
	return o.Count(o.T, "deliveries d", `hastened AND EXISTS (SELECT FROM deliveries e
		WHERE e.contact_id = d.contact_id AND e.position < d.position AND e.state = 'pending')`)
}

func TestAnEndpointThatAnswersAgainGetsWhatWaitsForIt(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 300, 1)
	o.pass()
	require.Zero(t, o.raised(), "it still fails")
	o.succeeds(o.over)
	o.pass()
	require.Equal(t, recoveredLimit, o.hastened(), "some at a time: it has just come up")
	o.pass()
	require.Equal(t, 300, o.hastened())
	require.Equal(t, 300, o.raised())
	require.Zero(t, o.behind(), "what stands behind the first goes after it")
	require.Len(t, o.dispatchers[0].queue.wakes, 300, "each is signalled, once")
	require.Zero(t, o.Count(t, "endpoints", "recovered_at IS NOT NULL"))
	require.Empty(t, o.dispatchers[0].pages)

	o.Exec(t, "UPDATE deliveries SET hastened = false")
	o.pass()
	require.Zero(t, o.hastened(), "that was that")
}

// The attempt that leaves says what made it leave.
func TestAWokenLaneSendsAtOnceAndSaysWhy(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 1, 1)
	o.succeeds(o.over)
	o.pass()
	wake := next(t, o.dispatchers[0].queue.wakes)
	ref := activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	worker := o.Activities(t, time.Now)
	snapshot, err := worker.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	require.NoError(t, err)
	require.True(t, snapshot.Lanes[0].Urgent, "its workflow starts the lane that waits")
	_, err = worker.DeliverWebhooks(t.Context(), activities.DeliverInput{Ref: ref, EndpointID: o.Endpoint.ID, Max: 20})
	require.NoError(t, err)
	require.Len(t, o.Gateway.Requests(), 2)
	require.Equal(t, 1, o.Count(t, "delivery_attempts", "trigger = 'recovery' AND n = 5"))
	require.Equal(t, 1, o.Count(t, "delivery_attempts", "trigger = 'schedule' AND n = 1"))
	require.Zero(t, o.Count(t, "deliveries", "hastened OR state <> 'delivered'"))
}

// It keeps failing while the endpoint takes others: their successes are no news for it.
func TestAPoisonedDeliveryIsNotHastenedByTheSuccessOfOthers(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 3, 1)
	poison := o.contact(0)
	o.Exec(t, "UPDATE deliveries SET first_attempt_at = $1 WHERE contact_id = $2 AND attempts > 0", o.began.Add(-2*time.Minute), poison)
	o.succeeds(o.over)
	o.pass()
	require.Equal(t, 2, o.hastened())
	require.Zero(t, o.Count(t, "deliveries", "hastened AND contact_id = $1", poison))
	require.Equal(t, 2, o.raised())
}

func (o *outage) contact(n int) (id handoff.ID) {
	o.Helper()
	err := o.DB.QueryRow(context.Background(), "SELECT contact_id FROM wakes ORDER BY contact_id OFFSET $1 LIMIT 1", n).Scan(&id)
	require.NoError(o, err)
	return id
}

func TestAnEndpointThatFailsAgainWakesNobodyUntilItSucceeds(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 300, 1)
	o.succeeds(o.over)
	o.pass()
	o.fails(o.over.Add(time.Second))
	for range 3 {
		o.pass()
		require.Equal(t, recoveredLimit, o.hastened())
	}
	// One that fails among many that do not is no second outage: the others are woken after all.
	o.succeeds(o.over.Add(2 * time.Second))
	o.pass()
	require.Equal(t, 300, o.hastened())
}

// The second outage began before all were woken after the first. They were not tried since, and wait for the end of that one too.
func TestWhoWasNotWokenBeforeTheNextOutageIsWokenAfterIt(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 300, 1)
	o.succeeds(o.over)
	o.pass()
	// Those that were woken failed, and wait again.
	o.Exec(t, "UPDATE deliveries SET hastened = false, next_attempt_at = $1 WHERE hastened", o.over.Add(5*time.Hour))
	o.fails(o.over.Add(time.Second))
	o.pass()
	require.Zero(t, o.hastened())
	o.succeeds(o.over.Add(time.Minute))
	for range 2 {
		o.pass()
	}
	require.Equal(t, 300, o.hastened())
	require.Zero(t, o.Count(t, "endpoints", "recovered_at IS NOT NULL"))
}

func TestAShortFailureWakesNobody(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 2, 1)
	o.Exec(t, "UPDATE endpoints SET failing_since = $1", o.over.Add(-4*time.Second))
	o.succeeds(o.over)
	o.pass()
	require.Zero(t, o.raised())
	require.Zero(t, o.hastened())
}

func TestTwoDispatchersWakeTheSameLanesWithoutHarm(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 300, 2)
	o.succeeds(o.over)
	for range 3 {
		o.pass()
	}
	require.Equal(t, 300, o.hastened())
	require.Equal(t, 300, o.raised())
	require.Zero(t, o.behind())
	require.Zero(t, o.Count(t, "endpoints", "recovered_at IS NOT NULL"))

	// One that has a page behind it, and one that begins, when the endpoint is seen to.
	o.Exec(t, "UPDATE deliveries SET hastened = false, next_attempt_at = $1 WHERE attempts > 0", o.over.Add(time.Hour))
	o.Exec(t, "UPDATE endpoints SET failing_since = $1", o.over)
	o.succeeds(o.over.Add(10 * time.Second))
	both := o.dispatchers
	for _, d := range []*Dispatcher{both[0], both[1], both[1], both[0]} {
		require.NoError(t, d.wakeRecovered(t.Context()))
	}
	require.Zero(t, o.hastened(), "they were tried before the success that came first, and failed alone")
}

// Intake locks one contact after the other, and so does this.
func TestWakingManyWhileTheyWriteDoesNotDeadlock(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 50, 2)
	o.succeeds(o.over)
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			// There is no wake where the pass was faster: the flag is up already.
			for _, wake := range o.Accept(o.T, o.Body(fmt.Sprintf("4477009%05d", 49-i), "hello"), time.Now()).Wakes {
				apply(o.T, o.World, wake)
			}
		})
	}
	o.pass()
	all.Wait()
	require.Equal(t, 50, o.hastened())
}

func TestADeliveryOfNoConversationIsStarted(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 1, 1)
	// One that is due, one that is not, one that somebody asks for, and one that has arrived.
	o.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, event_type, webhook_id, body, state, next_attempt_at, manual_at, created_at)
		SELECT gen_random_uuid(), $1, $2, $3, kind, 'msg_x', '', CASE WHEN kind = 'arrived' THEN 'delivered' ELSE 'pending' END,
			CASE kind WHEN 'due' THEN now() - interval '5 s' WHEN 'arrived' THEN NULL ELSE now() + interval '1 h' END,
			CASE kind WHEN 'asked' THEN now() - interval '5 s' END, now()
		FROM unnest('{due,later,asked,arrived}'::text[]) kind`, o.Account.ID, o.Endpoint.ID, o.Inbox.ID)
	var started []handoff.ID
	d := o.dispatchers[0]
	d.Deliver = func(_ context.Context, account, delivery handoff.ID) error {
		require.Equal(t, o.Account.ID, account)
		started = append(started, delivery)
		return nil
	}
	require.NoError(t, d.deliverAlone(t.Context()))
	require.Len(t, started, 2)
	for _, id := range started {
		require.Equal(t, 1, o.Count(t, "deliveries", "id = $1 AND event_type IN ('due', 'asked')", id))
	}
}

// What was passed by waits for the endpoint like what stands at the head: none of it was ever taken.
func TestWhatWasPassedByLeavesTooOnceItsEndpointAnswersAgain(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 3, 1)
	whole, poison := o.contact(0), o.contact(1)
	o.Exec(t, "UPDATE endpoints SET ordering = 'best_effort'")
	o.Exec(t, `UPDATE deliveries SET attempts = 4, step = 4, first_attempt_at = $1, next_attempt_at = $2`, o.began, o.over.Add(2*time.Hour))
	o.Exec(t, `UPDATE deliveries d SET bypassed = true WHERE contact_id = $1 OR position =
		(SELECT min(position) FROM deliveries e WHERE e.contact_id = d.contact_id)`, whole)
	o.Exec(t, "UPDATE deliveries SET first_attempt_at = $1 WHERE contact_id = $2 AND bypassed", o.began.Add(-2*time.Minute), poison)
	o.succeeds(o.over)
	o.pass()
	require.Equal(t, 5, o.hastened())
	require.Zero(t, o.Count(t, "deliveries", "hastened AND bypassed AND contact_id = $1", poison), "others were taken meanwhile")
	require.Equal(t, 3, o.raised())
}

// Nothing has succeeded, and what waits keeps to its schedule for hours: somebody says that the endpoint is well.
func TestWhatWaitsIsTriedWhenSomebodySaysThatItsEndpointIsWell(t *testing.T) {
	t.Parallel()
	o := newOutage(t, 300, 1)
	o.fails(o.over.Add(-time.Minute))
	o.Exec(t, "UPDATE deliveries SET first_attempt_at = $1 WHERE contact_id = $2 AND attempts > 0", o.began.Add(-2*time.Minute), o.contact(0))
	o.pass()
	require.Zero(t, o.raised())
	wakes, err := db.Revive(context.Background(), o.DB, o.Account.ID, o.Endpoint.ID, o.over)
	require.NoError(t, err)
	require.Empty(t, wakes)
	o.pass()
	require.Equal(t, recoveredLimit, o.hastened())
	require.Equal(t, 1, o.Count(t, "deliveries", "hastened AND contact_id = $1", o.contact(0)), "also what failed while it took others")
	o.fails(o.over.Add(time.Second))
	o.pass()
	require.Equal(t, recoveredLimit, o.hastened(), "it is not well: the rest keeps to its schedule")
	require.Equal(t, 1, o.Count(t, "endpoints", "failing_since = $1 AND failures > 900", o.began), "nobody's word makes the five days begin anew")
}
