package activities

import (
	"context"
	"sync"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// The gate decides whether an attempt may leave now. Nothing that it makes a delivery wait for counts as an attempt.

const (
	// slotPatience is how long a lane waits on the spot for a place under its endpoint's limits. With more to wait, the activity ends and
	// comes back: one that waits takes one of the thousand that a worker runs at once.
	slotPatience = 2 * time.Second
	// slotQueue is how many lanes, for each attempt that may be in flight, wait on the spot for an endpoint that is full.
	slotQueue = 2
	// slotLate is how much later than its place under a rate limit an attempt may leave. Of a fast endpoint's places, which lie closer
	// together, the database alone would make every other one late.
	slotLate = 50 * time.Millisecond
)

// pass waits until the endpoint's limits allow one more attempt. The attempt may be made if there is no error, and done must be called
// once it has been.
func (l *lane) pass(ctx context.Context, d *dbsqlc.Delivery) (done func(), err error) {
	if err := l.takeSlot(ctx, d); err != nil {
		return nil, err
	}
	done, err = l.InFlight.enter(ctx, l.endpoint.ID, int(l.endpoint.MaxInFlight), l.full)
	if err != nil || !l.missed(d) {
		return done, err
	}
	// Its place under the rate limit went by meanwhile, as did those of others who waited: they would leave all at once.
	if err := l.takeSlot(ctx, d); err != nil {
		done()
		return nil, err
	}
	return done, nil
}

// full says that an endpoint has no place for one more attempt.
func (l *lane) full() error {
	wait := time.Duration(float64(2*slotPatience) * l.Jitter())
	return &waiting{wait: wait, reason: l.host + " has as many requests in flight as it may have"}
}

// missed tells whether the place of d under its endpoint's rate limit has gone by: taken now, it would be taken beside somebody else's.
func (l *lane) missed(d *dbsqlc.Delivery) bool {
	limit := l.endpoint.RateLimit
	return limit != nil && (d.SlotAt == nil || l.Now().Sub(*d.SlotAt) > max(time.Second/time.Duration(*limit), slotLate))
}

// takeSlot keeps an endpoint's rate limit, over all workers. A delivery takes the next free place in line, however far off, and comes back
// for it: lanes that tried again and again would crowd out one another, and the server.
func (l *lane) takeSlot(ctx context.Context, d *dbsqlc.Delivery) error {
	if l.endpoint.RateLimit == nil {
		return nil
	}
	now := l.Now()
	if l.missed(d) {
		slot, err := l.queries().EndpointTakeSlot(ctx, dbsqlc.EndpointTakeSlotParams{ID: l.endpoint.ID, Now: now})
		if err != nil {
			return err
		}
		d.SlotAt = &slot
		if slot.Sub(now) > slotPatience {
			if err := l.queries().DeliverySetSlot(ctx, dbsqlc.DeliverySetSlotParams{ID: d.ID, SlotAt: &slot}); err != nil {
				return err
			}
		}
	}
	wait := d.SlotAt.Sub(now)
	if wait > slotPatience {
		return &waiting{wait: wait - slotPatience/2, reason: l.host + " takes no more requests a second than its rate limit"}
	}
	return sleep(ctx, wait)
}

func sleep(ctx context.Context, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// InFlight is what a worker has under way. It bounds how many attempts are made at once to one endpoint, so that one that hangs cannot take
// all there is, and knows those that workflow tasks have begun.
type InFlight struct {
	mu        sync.Mutex
	endpoints map[handoff.ID]*flight
	first     *firstAttempts
	teams     *teamNames
}

// NewInFlight is for one worker.
func NewInFlight() *InFlight {
	return &InFlight{endpoints: map[handoff.ID]*flight{}, first: newFirstAttempts(), teams: newTeamNames()}
}

type flight struct {
	limit   int // as the latest comer read it
	flying  int
	waiting []chan struct{}
}

// enter waits for a place among the limit of an endpoint's attempts, in order of arrival; full says what is wrong if there is none soon.
func (f *InFlight) enter(ctx context.Context, endpoint handoff.ID, limit int, full func() error) (leave func(), err error) {
	leave = func() { f.leave(endpoint) }
	f.mu.Lock()
	at := f.endpoints[endpoint]
	if at == nil {
		at = &flight{}
		f.endpoints[endpoint] = at
	}
	at.limit = limit
	if at.flying < limit {
		at.flying++
		f.mu.Unlock()
		return leave, nil
	}
	if len(at.waiting) >= slotQueue*limit {
		f.mu.Unlock()
		return nil, full()
	}
	turn := make(chan struct{})
	at.waiting = append(at.waiting, turn)
	f.mu.Unlock()
	timer := time.NewTimer(slotPatience)
	defer timer.Stop()
	select {
	case <-turn:
		return leave, nil
	case <-timer.C:
		err = full()
	case <-ctx.Done():
		err = ctx.Err()
	}
	if f.giveUp(at, turn) {
		return nil, err
	}
	return leave, nil // its turn came in the last moment
}

// giveUp leaves the line. It gives false if the turn has come meanwhile.
func (f *InFlight) giveUp(at *flight, turn chan struct{}) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, other := range at.waiting {
		if other == turn {
			at.waiting = append(at.waiting[:i], at.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// leave hands the place on to whoever has waited longest.
func (f *InFlight) leave(endpoint handoff.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	at := f.endpoints[endpoint]
	if len(at.waiting) > 0 && at.flying <= at.limit {
		close(at.waiting[0])
		at.waiting = at.waiting[1:]
		return
	}
	at.flying--
	if at.flying == 0 {
		delete(f.endpoints, endpoint)
	}
}
