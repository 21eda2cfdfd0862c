package feed_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/feed"
)

// Whoever reads from any position, in however many connections, gets each event of the account after it once and in order, whatever the
// order in which transactions began, wrote and ended. The memory holds a handful of events only, so that readers go back and forth
// between it and the database.
func TestEverySubscriberGetsEveryEventOnceAndInOrder(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.hub.Poll = 20 * time.Millisecond
	s.hub.Memory = 6 * 36
	s.run(t)
	rapid.Check(t, func(r *rapid.T) {
		p := &play{T: r, scene: s, account: s.newAccount(r), other: s.newAccount(r), key: s.newKey(r)}
		defer p.end()
		r.Repeat(map[string]func(*rapid.T){
			"begin":      func(*rapid.T) { p.begin() },
			"write":      func(*rapid.T) { p.write() },
			"commit":     func(*rapid.T) { p.finish(true) },
			"roll back":  func(*rapid.T) { p.finish(false) },
			"subscribe":  func(*rapid.T) { p.subscribe() },
			"read":       func(*rapid.T) { p.read() },
			"disconnect": func(*rapid.T) { p.disconnect() },
		})
		p.check()
	})
}

// play is one random run.
type play struct {
	*rapid.T
	scene          *scene
	account, other handoff.ID
	key            handoff.ID
	open           []*transaction
	committed      []string
	readers        []*reader
}

type transaction struct {
	tx     pgx.Tx
	events []string
}

// reader is a client that comes back again and again.
type reader struct {
	sub   *feed.Subscription
	since feed.Position
	// known are the events that were committed before it came: it may get them or not.
	known []string
	got   []string
	at    feed.Position
}

const (
	maxOpen    = 3
	maxReaders = 4
)

func (p *play) begin() {
	if len(p.open) == maxOpen {
		p.Skip("enough transactions")
	}
	tx, err := p.scene.pool.Begin(context.Background())
	require.NoError(p.T, err)
	if rapid.Bool().Draw(p.T, "oldest") {
		_, err := tx.Exec(context.Background(), "SELECT pg_current_xact_id()")
		require.NoError(p.T, err)
	}
	p.open = append(p.open, &transaction{tx: tx})
}

func (p *play) write() {
	if len(p.open) == 0 {
		p.Skip("no transaction")
	}
	t := rapid.SampledFrom(p.open).Draw(p.T, "transaction")
	for range rapid.IntRange(1, 4).Draw(p.T, "events") {
		t.events = append(t.events, insert(p.T, t.tx, p.account, handoff.EventClaimed))
	}
	insert(p.T, t.tx, p.other, handoff.EventClaimed)
}

func (p *play) finish(commit bool) {
	if len(p.open) == 0 {
		p.Skip("no transaction")
	}
	i := rapid.IntRange(0, len(p.open)-1).Draw(p.T, "transaction")
	t := p.open[i]
	p.open = slices.Delete(p.open, i, i+1)
	if !commit {
		require.NoError(p.T, t.tx.Rollback(context.Background()))
		return
	}
	require.NoError(p.T, t.tx.Commit(context.Background()))
	p.committed = append(p.committed, t.events...)
}

func (p *play) connect(after *feed.Position) *feed.Subscription {
	sub, err := p.scene.hub.Subscribe(context.Background(), feed.Request{AccountID: p.account, KeyID: p.key, After: after})
	require.NoError(p.T, err)
	return sub
}

func (p *play) subscribe() {
	if len(p.readers) == maxReaders {
		p.Skip("enough readers")
	}
	r := &reader{}
	if rapid.Bool().Draw(p.T, "from the start") {
		r.sub = p.connect(&feed.Position{})
	} else {
		r.known = slices.Clone(p.committed)
		r.sub = p.connect(nil)
	}
	r.since, r.at = r.sub.Position(), r.sub.Position()
	p.readers = append(p.readers, r)
}

func (p *play) reader() *reader {
	if len(p.readers) == 0 {
		p.Skip("no reader")
	}
	return rapid.SampledFrom(p.readers).Draw(p.T, "reader")
}

func (p *play) read() { p.take(p.reader()) }

// take reads what is there, and gives what to wait for.
func (p *play) take(r *reader) <-chan struct{} {
	if r.sub == nil {
		r.sub = p.connect(&r.at)
	}
	for {
		events, more := r.sub.Next()
		for _, e := range events {
			r.got, r.at = append(r.got, string(e.Body)), e.Position
		}
		if more != nil {
			r.at = r.sub.Position()
			return more
		}
		require.NoError(p.T, r.sub.Context().Err())
	}
}

// disconnect loses the connection, sometimes with events that were handed out and have not arrived.
func (p *play) disconnect() {
	r := p.reader()
	if r.sub == nil {
		p.Skip("not connected")
	}
	if rapid.Bool().Draw(p.T, "in the middle") {
		r.sub.Next()
	}
	r.sub.Close()
	r.sub = nil
}

func (p *play) check() {
	for len(p.open) > 0 {
		p.finish(rapid.Bool().Draw(p.T, "commit"))
	}
	rows, err := p.scene.pool.Query(context.Background(), "SELECT * FROM events WHERE account_id = $1 ORDER BY txid, position", p.account)
	require.NoError(p.T, err)
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.Event])
	require.NoError(p.T, err)
	require.Len(p.T, all, len(p.committed))
	for _, r := range p.readers {
		var want []string
		for _, row := range all {
			id := row.ID.String()
			if r.since.Before(feed.PositionOf(row)) {
				want = append(want, id)
				continue
			}
			require.Contains(p.T, r.known, id, "it was committed after the reader came, and the reader would not get it")
		}
		deadline := time.After(patience)
		for more := p.take(r); len(r.got) < len(want); more = p.take(r) {
			select {
			case <-more:
			case <-deadline:
				require.Equal(p.T, want, r.got)
			}
		}
		require.Equal(p.T, want, r.got)
	}
}

func (p *play) end() {
	for _, t := range p.open {
		_ = t.tx.Rollback(context.Background())
	}
	for _, r := range p.readers {
		if r.sub != nil {
			r.sub.Close()
		}
	}
}
