package feed

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"handoff/db/dbsqlc"
)

const (
	connectTimeout = 10 * time.Second
	// probeEvery is how long it may be quiet before the connection has to prove that it still hears. The database may be paused, or a
	// pooler in between may have taken LISTEN and pass on nothing.
	probeEvery   = 20 * time.Second
	probeTimeout = 5 * time.Second
	closeTimeout = time.Second

	firstReconnect = 200 * time.Millisecond
	lastReconnect  = 5 * time.Second
)

const notAnnounced = "new events are not announced; they are looked for instead"

// listen pokes whenever the database says that there are new events. While it cannot hear, follow polls.
func (h *Hub) listen(ctx context.Context) {
	wait := firstReconnect
	for {
		heard, err := h.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			wait = firstReconnect
		}
		h.listening.Tell(ctx, h.Log, notAnnounced, err)
		//nolint:gosec // spreads servers that lost the database together
		if !pause(ctx, wait/2+rand.N(wait/2)) {
			return
		}
		wait = min(2*wait, lastReconnect)
	}
}

// hear listens on one connection until it fails. heard tells that it worked for a while.
func (h *Hub) hear(ctx context.Context) (heard bool, err error) {
	connectCtx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := h.Connect(connectCtx)
	if err != nil {
		return false, err
	}
	defer func() {
		h.hearing.Store(false)
		closeCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
		defer cancel()
		_ = conn.Close(closeCtx)
	}()
	h.goOn(connectCtx, conn)
	if _, err := conn.Exec(connectCtx, "LISTEN "+Channel); err != nil {
		return false, err
	}
	wait := func(limit time.Duration) error {
		waitCtx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		_, err := conn.WaitForNotification(waitCtx)
		return err
	}
	for {
		probeCtx, cancel := context.WithTimeout(ctx, probeTimeout)
		_, err := conn.Exec(probeCtx, "NOTIFY "+Channel)
		cancel()
		if err != nil {
			return heard, err
		}
		for limit := probeTimeout; ; limit = probeEvery {
			err := wait(limit)
			if err == nil {
				heard = true
				h.hearing.Store(true)
				h.listening.Tell(ctx, h.Log, notAnnounced, nil)
				h.poke()
				continue
			}
			if limit == probeTimeout || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
				return heard, fmt.Errorf("wait for a notification: %w", err)
			}
			break
		}
	}
}

// goOn lets events go on behind every cursor that a client can have, where the database has failed over or was brought back to an earlier
// point: see migration 00012_feed_offset. Connections break then, so that a new one is the moment to look.
func (h *Hub) goOn(ctx context.Context, conn *pgx.Conn) {
	moved, err := dbsqlc.New(conn).FeedContinue(ctx)
	h.moving.Tell(ctx, h.Log, "it is not sure that clients will read all events: if the database has failed over, run `handoff migrate`", err)
	if moved {
		h.Log.WarnContext(ctx, "the database is another than before, or has failed over or was brought back: what happens from now on follows all that clients have read")
	}
}

// Dial gives connections like those of pool.
func Dial(pool *pgxpool.Pool) func(context.Context) (*pgx.Conn, error) {
	return func(ctx context.Context) (*pgx.Conn, error) { return pgx.ConnectConfig(ctx, pool.Config().ConnConfig) }
}
