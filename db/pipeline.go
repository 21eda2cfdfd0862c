package db

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff/db/dbsqlc"
)

// Pipeline sends writes together. What Exec and batches are given waits until somebody asks for rows, and then goes out in the same
// round trip, in order. A write that failed shows in that call's error.
//
// It is for writes whose outcome nobody looks at: their number of rows is not known.
type Pipeline struct {
	tx      dbsqlc.DBTX
	waiting pgx.Batch
}

// NewPipeline makes a Pipeline within a transaction. Its last call before the commit has to be one that asks for rows, or Flush.
func NewPipeline(tx dbsqlc.DBTX) *Pipeline { return &Pipeline{tx: tx} }

// Exec queues a write.
func (p *Pipeline) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	p.waiting.Queue(sql, args...)
	return pgconn.CommandTag{}, nil
}

// SendBatch queues the writes of a batch.
func (p *Pipeline) SendBatch(_ context.Context, b *pgx.Batch) pgx.BatchResults {
	for _, q := range b.QueuedQueries {
		p.waiting.Queue(q.SQL, q.Arguments...)
	}
	return queuedResults{}
}

// Query sends what waits, and the query with it.
func (p *Pipeline) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	p.waiting.Queue(sql, args...)
	results, err := p.send(ctx, 1)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return &pipelineRows{rows, results}, nil
}

// QueryRow sends what waits, and the query with it.
func (p *Pipeline) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, args...)
	return &pipelineRow{rows, err}
}

// Flush sends what waits.
func (p *Pipeline) Flush(ctx context.Context) error {
	if p.waiting.Len() == 0 {
		return nil
	}
	results, err := p.send(ctx, 0)
	if err != nil {
		return err
	}
	return results.Close()
}

// send sends everything and reads the outcome of all but the last keep statements.
func (p *Pipeline) send(ctx context.Context, keep int) (pgx.BatchResults, error) {
	writes := p.waiting.Len() - keep
	batch := p.waiting
	p.waiting = pgx.Batch{}
	results := p.tx.SendBatch(ctx, &batch)
	for range writes {
		if _, err := results.Exec(); err != nil {
			return nil, errors.Join(err, results.Close())
		}
	}
	return results, nil
}

// pipelineRows end their batch with themselves.
type pipelineRows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r *pipelineRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // what it could say, Err of the rows says
}

type pipelineRow struct {
	rows pgx.Rows
	err  error
}

func (r *pipelineRow) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

// queuedResults are the results of writes that have not been sent.
type queuedResults struct{}

var errQueued = errors.New("the statement waits in a pipeline and has no rows: use the transaction's own queries")

func (queuedResults) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, nil }
func (queuedResults) Query() (pgx.Rows, error)         { return nil, errQueued }
func (queuedResults) QueryRow() pgx.Row                { return &pipelineRow{err: errQueued} }
func (queuedResults) Close() error                     { return nil }
func (queuedResults) Tx() pgx.Tx                       { return nil }
