package dispatch

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"handoff/db"
)

// hanging is a database that takes everything and answers nothing, as one does that is paused.
type hanging struct {
	db.DB
	asked *atomic.Int32
}

func (h hanging) Query(ctx context.Context, _ string, _ ...any) (pgx.Rows, error) {
	h.asked.Add(1)
	<-ctx.Done()
	return nil, ctx.Err()
}

func (h hanging) Exec(ctx context.Context, _ string, _ ...any) (pgconn.CommandTag, error) {
	h.asked.Add(1)
	<-ctx.Done()
	return pgconn.CommandTag{}, ctx.Err()
}

// A look that never ends would be the last: nothing that is accepted afterwards would be found if its first signal is lost.
func TestALookAtADatabaseThatNeverAnswersIsMadeAgain(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*Dispatcher, context.Context) error{
		"the sweep": func(d *Dispatcher, ctx context.Context) error { return d.every(ctx, sweepEvery, d.sweep) },
		"the notes": func(d *Dispatcher, ctx context.Context) error {
			for range 3 * noteLimit {
				d.signalled <- db.Wake{}
			}
			return d.noteSignals(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				database := hanging{asked: new(atomic.Int32)}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				require.ErrorIs(t, run(New(database, nil, slog.New(slog.DiscardHandler)), ctx), context.DeadlineExceeded)
				require.GreaterOrEqual(t, database.asked.Load(), int32(3))
			})
		})
	}
}
