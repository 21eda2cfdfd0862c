package feed

import (
	"context"
	"errors"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	// handout is how many events are looked at, or read, in one go for one subscription.
	handout = 100
	// retryPage is when a subscription reads again after the database failed it.
	retryPage = time.Second
)

// Why a subscription has ended.
var (
	ErrClosed     = errors.New("the server is stopping")
	ErrKeyRefused = errors.New("the key is revoked or expired, or its agent disabled")
)

// Filter says which events of an account a subscription gets. What is absent is not filtered by.
type Filter struct {
	InboxID        *handoff.ID
	ConversationID *handoff.ID
	Types          []string
}

func (f Filter) passes(e *Event) bool {
	same := func(want, got *handoff.ID) bool { return want == nil || (got != nil && *got == *want) }
	return same(f.InboxID, e.InboxID) && same(f.ConversationID, e.ConversationID) &&
		(len(f.Types) == 0 || slices.Contains(f.Types, string(e.Type)))
}

// Request asks for a subscription.
type Request struct {
	AccountID handoff.ID
	// KeyID is the key for which the events are. The subscription ends soon after the key does.
	KeyID  handoff.ID
	Filter Filter
	// After is where to go on; absent for what happens from now on.
	After *Position
}

// Subscription is one reader of an account's events. It belongs to one goroutine.
type Subscription struct {
	hub      *Hub
	account  *account
	request  Request
	position Position
	ctx      context.Context //nolint:containedctx // it is the life of the subscription
	cancel   context.CancelCauseFunc
}

// Subscribe begins a subscription, which has to be closed. Too many of one account are refused.
func (h *Hub) Subscribe(ctx context.Context, r Request) (*Subscription, error) {
	s := &Subscription{hub: h, request: r}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	if err := h.enter(s); err != nil {
		s.cancel(err)
		return nil, err
	}
	if r.After != nil {
		s.position = *r.After
		return s, nil
	}
	snapshot, err := dbsqlc.New(h.DB).FeedHorizon(ctx)
	if err != nil {
		s.Close()
		return nil, err
	}
	s.position = Position{TxID: snapshot.Horizon}
	return s, nil
}

func (h *Hub) enter(s *Subscription) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return &handoff.Error{Code: handoff.CodeUnavailable, Message: "the server is stopping: connect again"}
	}
	a := h.accounts[s.request.AccountID]
	if a == nil {
		a = &account{changed: make(chan struct{})}
		h.accounts[s.request.AccountID] = a
		h.poke()
	}
	if a.subscriptions >= h.Limit {
		return &handoff.Error{
			Code: handoff.CodeRateLimited, RetryAfter: 10 * time.Second,
			Message: "the account has too many streams open: share one among the tabs of a browser, and close those that nobody reads",
		}
	}
	a.subscriptions++
	s.account = a
	h.subscriptions[s] = struct{}{}
	return nil
}

// Close ends the subscription. The events of its account are kept for a while for those who come back.
func (s *Subscription) Close() {
	s.cancel(nil)
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	if _, open := s.hub.subscriptions[s]; !open {
		return
	}
	delete(s.hub.subscriptions, s)
	if s.account.subscriptions--; s.account.subscriptions == 0 {
		s.account.left = s.hub.Now()
	}
}

// Context is done when the subscription has ended; its cause says why.
func (s *Subscription) Context() context.Context { return s.ctx }

// Position is how far the subscription has come. Whoever goes on from it misses nothing.
func (s *Subscription) Position() Position { return s.position }

// Next gives what comes next, the oldest first. Where there is nothing yet, it gives a channel that is closed once there may be.
func (s *Subscription) Next() ([]*Event, <-chan struct{}) {
	for s.ctx.Err() == nil {
		events, more, known := s.recent()
		if !known {
			events, more = s.page(more)
		}
		if len(events) > 0 || more != nil {
			return events, more
		}
	}
	return nil, nil
}

// recent looks into the memory. Without any events there, it gives the channel to wait for, and has come as far as the head.
func (s *Subscription) recent() (events []*Event, more <-chan struct{}, known bool) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	found, known := s.account.after(s.position, handout)
	if !known {
		return nil, s.account.changed, false
	}
	if len(found) == 0 {
		if s.position.Before(s.hub.head) {
			s.position = s.hub.head
		}
		return nil, s.account.changed, true
	}
	s.position = found[len(found)-1].Position
	for _, e := range found {
		if s.request.Filter.passes(e) {
			events = append(events, e)
		}
	}
	return events, nil, true
}

// page reads events that the memory does not have. live is closed once the memory has all that come after them.
func (s *Subscription) page(live <-chan struct{}) ([]*Event, <-chan struct{}) {
	h := s.hub
	select {
	case h.pagers <- struct{}{}:
		defer func() { <-h.pagers }()
	case <-s.ctx.Done():
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(s.ctx, lookTimeout)
	defer cancel()
	rows, next, err := List(ctx, h.DB, s.request.AccountID, s.request.Filter, s.position, handout)
	var events []*Event
	if err == nil {
		events, err = h.render(ctx, rows)
	}
	if s.ctx.Err() == nil {
		h.paging.Tell(ctx, h.Log, "older events cannot be read; it is tried again", err, "account_id", s.request.AccountID)
	}
	if err != nil {
		again := make(chan struct{})
		time.AfterFunc(retryPage, func() { close(again) })
		return nil, again
	}
	s.position = next
	if len(events) == 0 && !h.lives(s.account) {
		return nil, live
	}
	return events, nil
}

func (h *Hub) lives(a *account) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return a.live
}

// List reads an account's events after a position, and gives the position after them: without a full page it is the horizon, before
// which nothing can come any more.
func List(ctx context.Context, database db.DB, accountID handoff.ID, f Filter, after Position, limit int32) ([]dbsqlc.Event, Position, error) {
	types := f.Types
	if types == nil {
		types = []string{}
	}
	next := after
	var rows []dbsqlc.Event
	err := db.Planned(ctx, database, func(q *dbsqlc.Queries) error {
		// The horizon first: a list that is read later sees everything before it.
		snapshot, err := q.FeedHorizon(ctx)
		if err != nil {
			return err
		}
		rows, err = q.FeedListByAccount(ctx, dbsqlc.FeedListByAccountParams{
			AccountID: accountID, AfterTxid: after.TxID, AfterPosition: after.N, Horizon: snapshot.Horizon,
			InboxID: f.InboxID, ConversationID: f.ConversationID, Types: types, RowLimit: limit,
		})
		switch horizon := (Position{TxID: snapshot.Horizon}); {
		case len(rows) == int(limit):
			next = PositionOf(rows[len(rows)-1])
		case next.Before(horizon):
			next = horizon
		}
		return err
	})
	return rows, next, err
}
