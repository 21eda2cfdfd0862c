package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// Each look asks for at most eraseLimit, and those that take long stand in nobody's way.
func TestEveryErasureIsAskedForOnceAMinute(t *testing.T) {
	t.Parallel()
	w := fixture.New(t, dbtest.Pool(t))
	d := New(w.DB, func(context.Context, db.Wake) error { return nil }, slog.New(slog.DiscardHandler))
	asked, now := map[handoff.ID]int{}, time.Now()
	away := false
	d.Erase = func(_ context.Context, _, erasure, _ handoff.ID) error {
		if away {
			return errors.New("Temporal is away")
		}
		asked[erasure]++
		return nil
	}
	look := func(after time.Duration) error {
		now = now.Add(after)
		return d.startErasures(t.Context(), now)
	}
	w.Exec(t, `INSERT INTO erasures (id, account_id, contact_id, actor_type, requested_at)
		SELECT gen_random_uuid(), $1, gen_random_uuid(), 'operator', now() FROM generate_series(1, $2)`, w.Account.ID, eraseLimit+1)
	everyone := func(times int) {
		t.Helper()
		require.Len(t, asked, eraseLimit+1)
		for _, n := range asked {
			require.Equal(t, times, n)
		}
	}
	for range 3 {
		require.NoError(t, look(time.Second))
	}
	everyone(1)

	away = true
	require.ErrorContains(t, look(eraseAgain), "Temporal is away")
	away = false
	for range 3 {
		require.NoError(t, look(time.Second))
	}
	everyone(2)
}
