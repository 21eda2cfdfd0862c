package api

import (
	"context"
	"sync"

	"handoff"
)

// Temporal allows 10 updates in flight for one workflow and refuses the others; what is left is for other processes.
const maxInflight = 8

// inflight counts the commands at work for each conversation.
type inflight struct {
	mu     sync.Mutex
	counts map[handoff.ID]int
}

func newInflight() *inflight { return &inflight{counts: map[handoff.ID]int{}} }

// enter is false where too many are at work already.
func (f *inflight) enter(conversation handoff.ID) (leave func(), ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts[conversation] >= maxInflight {
		return nil, false
	}
	f.counts[conversation]++
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.counts[conversation]--; f.counts[conversation] == 0 {
			delete(f.counts, conversation)
		}
	}, true
}

// repeats lets one request with the same Idempotency-Key work at a time, so that the others find its answer.
type repeats struct {
	mu    sync.Mutex
	turns map[string]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

func newRepeats() *repeats { return &repeats{turns: map[string]*turn{}} }

func (r *repeats) enter(ctx context.Context, name string) (leave func(), err error) {
	r.mu.Lock()
	t := r.turns[name]
	if t == nil {
		t = &turn{free: make(chan struct{}, 1)}
		r.turns[name] = t
	}
	t.users++
	r.mu.Unlock()

	select {
	case t.free <- struct{}{}:
		return func() { <-t.free; r.drop(name, t) }, nil
	case <-ctx.Done():
		r.drop(name, t)
		return nil, ctx.Err()
	}
}

func (r *repeats) drop(name string, t *turn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(r.turns, name)
	}
}
