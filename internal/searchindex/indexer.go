package searchindex

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/trouble"
)

const (
	lookEvery = time.Second
	// A look at a database that never answers is given up, and made again.
	lookTimeout = 30 * time.Second
	// batchEvents is how many events are read at once: a transaction of a few tenths of a second, at most.
	batchEvents = 500
)

// Indexer follows the events of all accounts and writes what can be found. Any number of processes may run one: they share the accounts.
type Indexer struct {
	db  db.DB
	log *slog.Logger
}

// New makes an Indexer.
func New(database db.DB, log *slog.Logger) *Indexer { return &Indexer{db: database, log: log} }

// Run indexes until ctx is done.
func (x *Indexer) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var failed trouble.Teller
	for {
		lookCtx, cancel := context.WithTimeout(ctx, lookTimeout)
		_, err := x.CatchUp(lookCtx)
		cancel()
		if ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
			failed.Tell(ctx, x.log, "index for the search", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// CatchUp indexes every event that can be read by now, and tells how many there were. What another process works at is left to it. The
// accounts take turns, so that one with a long past delays no other.
func (x *Indexer) CatchUp(ctx context.Context) (int, error) {
	q := dbsqlc.New(x.db)
	if err := q.SearchCursorsAdd(ctx); err != nil {
		return 0, err
	}
	accounts, err := q.SearchPending(ctx)
	if err != nil {
		return 0, err
	}
	total, failed := 0, []error(nil)
	for len(accounts) > 0 {
		var unfinished []handoff.ID
		for _, account := range accounts {
			n, err := x.batch(ctx, account)
			total += n
			if ctx.Err() != nil {
				return total, ctx.Err()
			}
			if err != nil {
				// What one account has that cannot be indexed keeps nobody else's from being found.
				failed = append(failed, fmt.Errorf("account %s: %w", account, err))
				continue
			}
			if n == batchEvents {
				unfinished = append(unfinished, account)
			}
		}
		accounts = unfinished
	}
	return total, errors.Join(failed...)
}

// batch indexes the next events of an account in one transaction with its cursor: whatever dies, they are indexed once more or not at all.
func (x *Indexer) batch(ctx context.Context, account handoff.ID) (int, error) {
	events := 0
	err := db.InTx(ctx, x.db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		after, err := q.SearchCursorTake(ctx, account)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil // another process has it
		}
		if err != nil {
			return err
		}
		rows, err := q.SearchEvents(ctx, dbsqlc.SearchEventsParams{
			AccountID: account, AfterTxid: after.Txid, AfterPosition: uint64(after.Position), RowLimit: batchEvents,
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		documents, err := read(ctx, q, account, sourcesOf(rows))
		if err != nil {
			return err
		}
		if err := db.ExecBatch(q.SearchDocumentPut(ctx, documents)); err != nil {
			return err
		}
		last := rows[len(rows)-1]
		events = len(rows)
		return q.SearchCursorMove(ctx, dbsqlc.SearchCursorMoveParams{AccountID: account, Txid: last.Txid, Position: last.Position})
	})
	return events, err
}
