package api

import (
	"context"
	"sync"
)

// Temporal allows 10 updates in flight for one workflow and refuses the others; what is left is for other processes.
const maxInflight = 8

// turns let so many at a time work on what has the same key. The others wait for their turn.
type turns[K comparable] struct {
	atOnce int

	mu   sync.Mutex
	keys map[K]*turn
}

type turn struct {
	free  chan struct{}
	users int
}

func newTurns[K comparable](atOnce int) *turns[K] {
	return &turns[K]{atOnce: atOnce, keys: map[K]*turn{}}
}

// enter waits until it is the caller's turn, and tells whether it had to. It gives up with ctx.
func (t *turns[K]) enter(ctx context.Context, key K) (leave func(), waited bool, err error) {
	t.mu.Lock()
	mine := t.keys[key]
	if mine == nil {
		mine = &turn{free: make(chan struct{}, t.atOnce)}
		t.keys[key] = mine
	}
	mine.users++
	t.mu.Unlock()
	leave = func() { <-mine.free; t.drop(key, mine) }

	select {
	case mine.free <- struct{}{}:
		return leave, false, nil
	default:
	}
	select {
	case mine.free <- struct{}{}:
		return leave, true, nil
	case <-ctx.Done():
		t.drop(key, mine)
		return nil, true, ctx.Err()
	}
}

func (t *turns[K]) drop(key K, mine *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if mine.users--; mine.users == 0 {
		delete(t.keys, key)
	}
}
