// Package feed hands events to whoever follows them, soon after they are committed and in the order in which GET /v1/events lists them.
//
// PostgreSQL says that there are new ones, on a connection of its own. They are read and rendered once for everybody, and kept in
// memory for a while:
//
//	commit ── NOTIFY ──▶ listen ──▶ follow ── reads up to the horizon ──▶ recent events of each account ──▶ subscriptions
//	                                  ▲ looks every second anyhow            older ones: read by the subscription itself ──┘
//
// A later position can be committed first. Nothing is handed out before every transaction that could write something earlier has ended,
// so a subscription that goes on from a position misses nothing and gets nothing twice.
package feed

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/trouble"
)

const (
	// Channel is where the database says that there are new events.
	Channel = "handoff_events"

	defaultPoll   = time.Second
	defaultMemory = 64 << 20
	defaultLimit  = 1000
	// pagers is how many subscriptions read older events at once: a thousand clients that come back together must leave connections
	// to the requests that they make next.
	pagers = 3
	// keepFor is how long the events of an account are kept in memory after its last subscription: clients that lose their
	// connection come back.
	keepFor = time.Minute
)

// Position is a place in the order of events: by transaction, because a later position can be committed first. It is after what has it.
type Position struct {
	TxID uint64 `json:"t"`
	N    uint64 `json:"n"` // 0 is before the transaction's first event
}

// UnmarshalJSON refuses what is no position of the database, whose numbers have a sign: cursors come from clients.
func (p *Position) UnmarshalJSON(text []byte) error {
	type plain Position
	var read plain
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	if read.N > math.MaxInt64 {
		return errors.New("no position of an event")
	}
	*p = Position(read)
	return nil
}

// Before tells whether p comes before q.
func (p Position) Before(q Position) bool { return p.TxID < q.TxID || (p.TxID == q.TxID && p.N < q.N) }

// PositionOf is the position of an event.
func PositionOf(row dbsqlc.Event) Position {
	return Position{TxID: row.Txid, N: uint64(row.Position)} //nolint:gosec // identities begin with 1
}

// Event is one event as subscriptions get it. It is shared by all of them.
type Event struct {
	Position       Position
	AccountID      handoff.ID
	InboxID        *handoff.ID
	ConversationID *handoff.ID
	Type           handoff.EventType
	At             time.Time
	Body           []byte // as it was rendered
}

// Hub is the part of the feed that all subscriptions of a process share. Its fields are set before Run.
type Hub struct {
	DB db.DB
	// Connect opens the connection that is told of new events.
	Connect func(context.Context) (*pgx.Conn, error)
	// Render gives each event its body, in their order. The events may be of several accounts.
	Render func(context.Context, []dbsqlc.Event) ([][]byte, error)
	Log    *slog.Logger
	Now    func() time.Time
	// Poll is how often the database is looked at although it has said nothing; 1 s if absent.
	Poll time.Duration
	// Memory is how many bytes of recent events are kept at most, of all accounts together; 64 MiB if absent.
	Memory int
	// Limit is how many subscriptions an account may have in this process; 1000 if absent.
	Limit int

	hearing                   atomic.Bool // new events are announced
	listening, moving, paging trouble.Teller
	news                      chan struct{}
	pagers                    chan struct{}

	mu            sync.Mutex
	closed        bool
	head          Position // everything up to it has been handed to the accounts that are followed
	accounts      map[handoff.ID]*account
	subscriptions map[*Subscription]struct{}
}

// New makes a Hub. It reads through database, and opens its own connection with connect.
func New(database db.DB, connect func(context.Context) (*pgx.Conn, error), log *slog.Logger) *Hub {
	return &Hub{
		DB: database, Connect: connect, Log: log, Now: time.Now, Poll: defaultPoll, Memory: defaultMemory, Limit: defaultLimit,
		news: make(chan struct{}, 1), pagers: make(chan struct{}, pagers),
		accounts: map[handoff.ID]*account{}, subscriptions: map[*Subscription]struct{}{},
	}
}

// Hearing tells whether new events are announced. While they are not, they are looked for once in a while, and come later.
func (h *Hub) Hearing() bool { return h.hearing.Load() }

// Run feeds the subscriptions until ctx is done, and then ends them all.
func (h *Hub) Run(ctx context.Context) error {
	defer h.close()
	group, ctx := errgroup.WithContext(ctx)
	for _, work := range []func(context.Context){h.listen, h.follow, h.keep} {
		group.Go(func() error { work(ctx); return nil })
	}
	return group.Wait()
}

func (h *Hub) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for s := range h.subscriptions {
		s.cancel(ErrClosed)
	}
}

// poke has the database looked at. It never blocks: one look is enough for many pokes.
func (h *Hub) poke() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// pause waits for d, and tells whether ctx is still running.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
