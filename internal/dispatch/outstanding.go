package dispatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	// maxOutstanding is how many conversations may be awake at once for one dispatcher. Waking a conversation costs Temporal the
	// same whether it finds one message or twenty, so under load the others wait here, where what arrives for them becomes one batch.
	maxOutstanding = 8
	// While requests crowd in, fewer conversations are woken: accepting comes first, and what is accepted meanwhile is one batch.
	crowd               = 8
	maxOutstandingCrowd = 2
	// outstandingFor is how long a wake-up that did nothing keeps its place; most take 20 ms, and several hundred under load.
	outstandingFor = time.Second
	// stuckFor is how long it keeps it where no other wake-up does anything either. After the death of a worker each of its conversations
	// takes the seconds until Temporal gives it to another: at a second for each place, what is said in a hundred of them would wait for
	// 12 seconds. To give up places so soon under load costs a tenth of the throughput.
	stuckFor  = 200 * time.Millisecond
	lookEvery = 5 * time.Millisecond
)

type wakeKey struct{ inbox, contact handoff.ID }

// outstanding are the flags that were signalled and are not known to have been lowered.
type outstanding struct {
	db        db.DB
	accepting atomic.Int32 // requests that are being accepted
	waiting   atomic.Int32 // wake-ups that wait for a place

	mu    sync.Mutex
	since map[wakeKey]time.Time
	moved time.Time // when a flag was last seen lowered
}

func newOutstanding(database db.DB) *outstanding {
	return &outstanding{db: database, since: map[wakeKey]time.Time{}}
}

// enter waits until one more conversation may be woken.
func (o *outstanding) enter(ctx context.Context, w db.Wake) error {
	if o.take(w) {
		return nil
	}
	o.waiting.Add(1)
	defer o.waiting.Add(-1)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if o.take(w) {
				return nil
			}
		}
	}
}

func (o *outstanding) take(w db.Wake) bool {
	limit := maxOutstanding
	if o.accepting.Load() > crowd {
		limit = maxOutstandingCrowd
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	key := wakeKey{w.InboxID, w.ContactID}
	if _, again := o.since[key]; !again && len(o.since) >= limit {
		return false
	}
	o.since[key] = time.Now()
	return true
}

func (o *outstanding) leave(key wakeKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.since, key)
}

// look frees the places of those whose flag was lowered, or that have had their time. It looks only when somebody waits for one.
func (o *outstanding) look(ctx context.Context) error {
	if o.waiting.Load() == 0 {
		return nil
	}
	var asked dbsqlc.WakeListRaisedParams
	done := map[wakeKey]bool{}
	o.mu.Lock()
	patience := outstandingFor
	if time.Since(o.moved) > stuckFor {
		patience = stuckFor
	}
	for key, since := range o.since {
		done[key] = true
		if time.Since(since) < patience {
			asked.InboxIds, asked.ContactIds = append(asked.InboxIds, key.inbox), append(asked.ContactIds, key.contact)
		}
	}
	o.mu.Unlock()
	raised, err := dbsqlc.New(o.db).WakeListRaised(ctx, asked)
	if err != nil {
		return err
	}
	for _, row := range raised {
		delete(done, wakeKey{row.InboxID, row.ContactID})
	}
	o.free(done, asked)
	return nil
}

// free takes their places from those that are done, and notes whether a flag was lowered among those that were asked about.
func (o *outstanding) free(done map[wakeKey]bool, asked dbsqlc.WakeListRaisedParams) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range done {
		delete(o.since, key)
	}
	for i, inbox := range asked.InboxIds {
		if done[wakeKey{inbox, asked.ContactIds[i]}] {
			o.moved = time.Now()
			return
		}
	}
}
