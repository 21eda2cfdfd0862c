// Package dispatch wakes conversations: one signal for every raised flag.
//
// Intake commits a flag with what it accepts; the dispatcher signals the workflow, which lowers the flag when it has applied
// everything. At most one signal is outstanding for a contact, so under load the work batches itself. A sweep signals what was
// missed: whatever dies, a flag that is up is found.
package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"
	"golang.org/x/sync/errgroup"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
	"handoff/internal/trouble"
)

const (
	// signallers is how many signals are sent at once. With 64 the first tasks of new conversations starve at the server; 4 are
	// within 5 % of 16.
	signallers = 16
	// queueLength is how many wakes wait in memory. More are left to the sweep.
	queueLength = 4096

	sweepEvery   = time.Second
	sweepLimit   = 500
	noteEvery    = 50 * time.Millisecond
	noteLimit    = 200
	overdueEvery = 30 * time.Second
	expireEvery  = time.Hour
	expireLimit  = 1000
	// A look at a database that never answers is given up, and made again: otherwise the dispatcher would stop without a word.
	lookTimeout = 20 * time.Second
	noteTimeout = 5 * time.Second

	parkedFor   = 30 * 24 * time.Hour
	rememberFor = 8 * 24 * time.Hour
)

// Dispatcher signals conversations. Any number of processes may run one.
type Dispatcher struct {
	// Files keeps the uploads that expire; none do if absent. Set it before Run.
	Files *mediastore.Store
	// Deliver starts the workflow of a delivery that belongs to no conversation, unless it runs. Set it before Run.
	Deliver func(ctx context.Context, account, delivery handoff.ID) error

	// Observe is told of each signal, nil for one that was taken; nobody is if absent. Set it before Run.
	Observe func(error)
	// Erase starts the workflow of an erasure, unless it runs. Nothing is erased if it is absent. Set it before Run.
	Erase func(ctx context.Context, account, erasure, contact handoff.ID) error

	db        db.DB
	signal    func(context.Context, db.Wake) error
	log       *slog.Logger
	failed    *trouble.Teller // to send signals
	queue     *queue
	signalled chan db.Wake
	awake     *outstanding
	// pages is how far the lanes of an endpoint that answers again have been woken. Only wakeRecovered uses it.
	pages map[handoff.ID]page
	// erasures are those whose workflows Temporal was asked for, and when. Only startErasures uses it.
	erasures map[handoff.ID]time.Time
}

// New makes a Dispatcher that signals through signal.
func New(database db.DB, signal func(context.Context, db.Wake) error, log *slog.Logger) *Dispatcher {
	return &Dispatcher{
		db: database, signal: signal, log: log, failed: &trouble.Teller{},
		queue: newQueue(), signalled: make(chan db.Wake, queueLength), awake: newOutstanding(database),
		pages: map[handoff.ID]page{}, erasures: map[handoff.ID]time.Time{},
	}
}

// Wake asks for a signal. It never blocks: what does not fit is found by the sweep, for its flag is up.
func (d *Dispatcher) Wake(w db.Wake) { d.queue.offer(w) }

// Queued is how many conversations wait for their signal in memory.
func (d *Dispatcher) Queued() int { return len(d.queue.wakes) }

// Accepting says that a request is being accepted, until done is called.
func (d *Dispatcher) Accepting() (done func()) {
	d.awake.accepting.Add(1)
	return func() { d.awake.accepting.Add(-1) }
}

// Run dispatches until ctx is done.
func (d *Dispatcher) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for range signallers {
		group.Go(func() error { return d.sendSignals(ctx) })
	}
	group.Go(func() error { return d.noteSignals(ctx) })
	group.Go(func() error { return d.every(ctx, lookEvery, d.awake.look) })
	group.Go(func() error { return d.every(ctx, sweepEvery, d.sweep) })
	group.Go(func() error { return d.every(ctx, overdueEvery, d.raiseOverdue) })
	group.Go(func() error { return d.every(ctx, recoveredEvery, d.wakeRecovered) })
	group.Go(func() error { return d.every(ctx, routeEvery, d.routeLines) })
	group.Go(func() error { return d.every(ctx, aloneEvery, d.deliverAlone) })
	group.Go(func() error {
		return d.every(ctx, eraseEvery, func(ctx context.Context) error { return d.startErasures(ctx, time.Now()) })
	})
	group.Go(func() error { return d.every(ctx, expireEvery, d.expire) })
	if d.Files != nil {
		group.Go(func() error { return d.every(ctx, expireEvery, d.expireUploads) })
		group.Go(func() error { return d.every(ctx, tidyEvery, d.tidyFiles) })
	}
	if err := group.Wait(); err != nil && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (d *Dispatcher) sendSignals(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case w := <-d.queue.wakes:
			d.queue.taken(w)
			if err := d.awake.enter(ctx, w); err != nil {
				return err
			}
			err := d.signal(trace.ContextWithSpanContext(ctx, w.Trace), w)
			if d.Observe != nil {
				d.Observe(err)
			}
			d.failed.Tell(ctx, d.log, "a conversation could not be woken; it is tried again", err, "contact", w.ContactID)
			if err != nil {
				d.awake.leave(wakeKey{w.InboxID, w.ContactID})
				continue // The flag stays up, and the sweep comes back to it.
			}
			select {
			case d.signalled <- w:
			default:
			}
		}
	}
}

// noteSignals writes down which flags were signalled, many at a time, so that the sweep leaves them alone for a while.
func (d *Dispatcher) noteSignals(ctx context.Context) error {
	tick := time.NewTicker(noteEvery)
	defer tick.Stop()
	var inboxes, contacts []handoff.ID
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case w := <-d.signalled:
			inboxes, contacts = append(inboxes, w.InboxID), append(contacts, w.ContactID)
			if len(inboxes) < noteLimit {
				continue
			}
		case <-tick.C:
		}
		if len(inboxes) == 0 {
			continue
		}
		d.note(ctx, dbsqlc.WakeSignalledParams{InboxIds: inboxes, ContactIds: contacts})
		inboxes, contacts = inboxes[:0], contacts[:0]
	}
}

func (d *Dispatcher) note(ctx context.Context, signalled dbsqlc.WakeSignalledParams) {
	noteCtx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	// What is not noted is signalled once more.
	if err := dbsqlc.New(d.db).WakeSignalled(noteCtx, signalled); err != nil && ctx.Err() == nil {
		d.log.WarnContext(ctx, "note signals", "error", err)
	}
}

func (d *Dispatcher) every(ctx context.Context, interval time.Duration, do func(context.Context) error) error {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	var failed trouble.Teller // the fastest loop looks every few milliseconds, in an outage too
	for {
		doCtx, cancel := context.WithTimeout(ctx, max(interval, lookTimeout))
		err := do(doCtx)
		cancel()
		if ctx.Err() == nil {
			failed.Tell(ctx, d.log, "dispatcher", err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (d *Dispatcher) sweep(ctx context.Context) error {
	for {
		rows, err := dbsqlc.New(d.db).WakeSweep(ctx, sweepLimit)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !d.queue.offer(db.Wake{AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID}) {
				return nil // the queue is full: the next sweep goes on
			}
		}
		if len(rows) < sweepLimit {
			return nil
		}
	}
}

// raiseOverdue finds what should have happened and did not: its run was lost with a Temporal store.
func (d *Dispatcher) raiseOverdue(ctx context.Context) error {
	q := dbsqlc.New(d.db)
	if _, err := q.DeliveryReleaseStray(ctx); err != nil {
		return err
	}
	raised, err := q.WakeRaiseOverdue(ctx, sweepLimit)
	if raised > 0 {
		d.log.WarnContext(ctx, "conversations were overdue and are woken", "count", raised)
	}
	return err
}

// expire forgets what has served its time.
func (d *Dispatcher) expire(ctx context.Context) error {
	q, now := dbsqlc.New(d.db), time.Now()
	failed := []error{}
	for _, batch := range []func() (int64, error){
		func() (int64, error) {
			return q.ParkedStatusExpire(ctx, dbsqlc.ParkedStatusExpireParams{Before: now.Add(-parkedFor), RowLimit: expireLimit})
		},
		func() (int64, error) {
			return q.CommandExpire(ctx, dbsqlc.CommandExpireParams{Before: now.Add(-rememberFor), RowLimit: expireLimit})
		},
		func() (int64, error) {
			return q.IdempotencyKeyExpire(ctx, dbsqlc.IdempotencyKeyExpireParams{Before: now.Add(-rememberFor), RowLimit: expireLimit})
		},
		func() (int64, error) {
			return q.EndpointSecretExpire(ctx, dbsqlc.EndpointSecretExpireParams{Now: now, RowLimit: expireLimit})
		},
	} {
		// In batches: what has piled up while nothing ran would take longer than a statement may, again and again.
		for n := int64(expireLimit); n == expireLimit; {
			var err error
			n, err = batch()
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}
