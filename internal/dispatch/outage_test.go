package dispatch

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
)

// refusing is a database that is away.
type refusing struct{ db.DB }

var errAway = errors.New("connection refused")

func (refusing) Query(context.Context, string, ...any) (pgx.Rows, error) { return nil, errAway }

// With messages waiting to be applied, a database that went away was 200 lines a second, for as long as it was away.
func TestAnOutageDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(*Dispatcher, context.Context) error{
		"the places": func(d *Dispatcher, ctx context.Context) error {
			d.awake.waiting.Store(8)
			return d.every(ctx, lookEvery, d.awake.look)
		},
		"the sweep": func(d *Dispatcher, ctx context.Context) error { return d.every(ctx, sweepEvery, d.sweep) },
		"signals": func(d *Dispatcher, ctx context.Context) error {
			var intake sync.WaitGroup
			defer intake.Wait()
			intake.Go(func() {
				for ctx.Err() == nil {
					d.Wake(db.Wake{InboxID: handoff.NewID(), ContactID: handoff.NewID()})
					<-time.After(10 * time.Millisecond)
				}
			})
			return d.sendSignals(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				d := New(refusing{}, func(context.Context, db.Wake) error { return errAway }, slog.New(slog.NewTextHandler(&log, nil)))
				ctx, cancel := context.WithTimeout(t.Context(), 150*time.Second)
				defer cancel()
				require.ErrorIs(t, run(d, ctx), context.DeadlineExceeded)
				require.Equal(t, 3, bytes.Count(log.Bytes(), []byte("\n")), "at once, and every minute")
				require.Equal(t, 3, bytes.Count(log.Bytes(), []byte("connection refused")))
			})
		})
	}
}
