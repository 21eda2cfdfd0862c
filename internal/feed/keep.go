package feed

import (
	"context"
	"maps"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/trouble"
)

// keepEvery is how long a subscription outlives its key, at most and while the database answers.
const keepEvery = 2 * time.Second

// keep ends subscriptions whose key is no longer good, and forgets accounts that nobody has followed for a while.
func (h *Hub) keep(ctx context.Context) {
	var failed trouble.Teller
	for pause(ctx, keepEvery) {
		h.forget()
		if err := h.checkKeys(ctx); ctx.Err() == nil {
			failed.Tell(ctx, h.Log, "the keys of streams cannot be checked; it is tried again", err)
		}
	}
}

func (h *Hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.Now()
	for id, a := range h.accounts {
		if a.subscriptions == 0 && now.Sub(a.left) >= keepFor {
			delete(h.accounts, id)
		}
		a.dropBefore(now.Add(-rememberFor))
	}
}

// checkKeys asks once for all keys, however many subscriptions there are.
func (h *Hub) checkKeys(ctx context.Context) error {
	asked := h.keys()
	if len(asked) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	now := h.Now()
	valid, err := dbsqlc.New(h.DB).FeedKeysValid(ctx, dbsqlc.FeedKeysValidParams{Ids: slices.Collect(maps.Keys(asked)), Now: &now})
	if err != nil {
		return err
	}
	for _, id := range valid {
		delete(asked, id)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for s := range h.subscriptions {
		// One that came after the question was asked has a key that was good a moment ago.
		if asked[s.request.KeyID] {
			s.cancel(ErrKeyRefused)
		}
	}
	return nil
}

func (h *Hub) keys() map[handoff.ID]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	keys := make(map[handoff.ID]bool, len(h.subscriptions))
	for s := range h.subscriptions {
		keys[s.request.KeyID] = true
	}
	return keys
}
