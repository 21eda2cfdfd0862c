package feed

import (
	"context"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	batchSize   = 500
	lookTimeout = 5 * time.Second
	// lookPause is how long the database is left alone after a look: while much happens, one look serves many transactions.
	lookPause = 10 * time.Millisecond
	// Looks for events that have been announced and are not out yet come as quickly at first, and as slowly in the end.
	firstLag = 2 * time.Millisecond
	lastLag  = 100 * time.Millisecond
	// quiet is when the database is looked at once more after an announcement. Between the moment in which a transaction can be seen and
	// the one in which it lets the next transaction announce, another one may have kept quiet.
	quiet     = 100 * time.Millisecond
	lastRetry = 2 * time.Second
)

// pace decides when the database is looked at next.
type pace struct {
	poll time.Duration
	// target is the horizon at which everything that was announced is out.
	target  uint64
	again   bool
	lag     time.Duration
	failing time.Duration
}

// look is what a look at the database has found.
type look struct {
	horizon, begun uint64
	found          int
	more           bool // the batch was full
}

// after gives how long to wait for an announcement. announced tells whether the look followed one.
func (p *pace) after(l look, announced bool) time.Duration {
	p.failing = 0
	if l.horizon == 0 { // nobody to read for
		p.target, p.again = 0, false
		return p.poll
	}
	if announced || l.found > 0 {
		// Transactions that are under way now may have written something that nobody announces: see the trigger on events.
		p.target, p.again, p.lag = l.begun, true, firstLag
	}
	switch {
	case l.more:
		return 0
	case l.horizon < p.target:
		wait := p.lag
		p.lag = min(2*p.lag, lastLag)
		return wait
	case p.again:
		p.again = false
		return min(quiet, p.poll)
	}
	return p.poll
}

func (p *pace) afterFailure() time.Duration {
	p.failing = min(max(2*p.failing, lastRetry/16), lastRetry)
	return p.failing
}

// follow reads new events and hands them out until ctx is done.
func (h *Hub) follow(ctx context.Context) {
	p := &pace{poll: h.Poll}
	for wait := time.Duration(0); ; {
		announced, ok := h.await(ctx, wait)
		if !ok {
			return
		}
		found, err := h.look(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			if p.failing == 0 {
				h.Log.WarnContext(ctx, "new events cannot be read; it is tried again", "error", err)
			}
			wait = p.afterFailure()
			continue
		}
		wait = p.after(found, announced)
		if !pause(ctx, min(lookPause, max(wait, firstLag))) {
			return
		}
	}
}

// await waits for an announcement, for at most limit. It is not ok once ctx is done.
func (h *Hub) await(ctx context.Context, limit time.Duration) (announced, ok bool) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, false
	case <-h.news:
		return true, true
	case <-timer.C:
		return false, true
	}
}

// look reads one batch of events of the accounts that have subscriptions, and hands them out.
func (h *Hub) look(ctx context.Context) (look, error) {
	accounts, head, any := h.followed()
	if !any {
		return look{}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	q := dbsqlc.New(h.DB)
	// The horizon first: a list that is read later sees everything before it.
	snapshot, err := q.FeedHorizon(ctx)
	if err != nil {
		return look{}, err
	}
	next, out := Position{TxID: snapshot.Horizon}, look{horizon: snapshot.Horizon, begun: snapshot.Begun}
	var events []*Event
	if len(accounts) > 0 {
		found, err := q.FeedList(ctx, dbsqlc.FeedListParams{
			AccountIds: accounts, AfterTxid: head.TxID, AfterPosition: head.N, Horizon: snapshot.Horizon, RowLimit: batchSize,
		})
		if err != nil {
			return look{}, err
		}
		rows := make([]dbsqlc.Event, 0, len(found))
		for _, row := range found {
			rows = append(rows, row.Event)
		}
		if events, err = h.render(ctx, rows); err != nil {
			return look{}, err
		}
		if out.found = len(rows); out.found == batchSize {
			out.more, next = true, events[len(events)-1].Position
		}
	}
	h.publish(events, next)
	return out, nil
}

// followed are the accounts whose events are read, and the position from which. any tells whether there is anything to do at all.
func (h *Hub) followed() (accounts []handoff.ID, head Position, any bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, a := range h.accounts {
		if a.live {
			accounts = append(accounts, id)
		}
	}
	return accounts, h.head, len(h.accounts) > 0
}

func (h *Hub) render(ctx context.Context, rows []dbsqlc.Event) ([]*Event, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	bodies, err := h.Render(ctx, rows)
	if err != nil {
		return nil, err
	}
	events := make([]*Event, 0, len(rows))
	for i, row := range rows {
		events = append(events, &Event{
			Position: PositionOf(row), AccountID: row.AccountID, InboxID: row.InboxID, ConversationID: row.ConversationID, Type: row.Type,
			At: row.At, Body: bodies[i],
		})
	}
	return events, nil
}

// publish hands out events that were read, up to next. Accounts that came meanwhile are followed from there on.
func (h *Hub) publish(events []*Event, next Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if next.Before(h.head) {
		next = h.head
	}
	h.head = next
	news := map[*account]bool{}
	share := max(h.Memory/max(len(h.accounts), 1), 1)
	for _, e := range events {
		if a := h.accounts[e.AccountID]; a != nil && a.live {
			a.append(e, share)
			news[a] = true
		}
	}
	for _, a := range h.accounts {
		if !a.live {
			a.live, a.floor, news[a] = true, next, true
		}
	}
	for a := range news {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}
