package health_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/health"
)

func TestReadiness(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var database, temporal error
	m := health.New(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now },
		health.Check{Name: "database", Run: func(context.Context) error { return database }},
		health.Check{Name: "temporal", Run: func(context.Context) error { return temporal }, Advisory: true})
	require.Empty(t, m.Last())
	got := m.Ready(t.Context())
	require.Equal(t, health.OK, got.Status)
	require.Equal(t, http.StatusOK, got.Code())
	require.Equal(t, map[string]bool{"database": true, "temporal": true}, m.Last())

	began := now
	now = now.Add(time.Minute)
	temporal = errors.New("dial tcp 10.0.0.5:7233: canary")
	got = m.Ready(t.Context())
	require.Equal(t, health.Degraded, got.Status)
	require.Equal(t, http.StatusOK, got.Code())
	require.Equal(t, health.ReadyCheck{State: health.Passed, Since: began}, got.Checks["database"], "unchanged since the first probe")
	require.Equal(t, health.ReadyCheck{State: health.Failed, Since: now}, got.Checks["temporal"])
	text, err := json.Marshal(got)
	require.NoError(t, err)
	require.NotContains(t, string(text), "canary", "the reason is for the log")
	require.Contains(t, log.String(), "canary")

	database = errors.New("away")
	require.Equal(t, health.Unavailable, m.Ready(t.Context()).Status)
	database, temporal = nil, nil
	m.Drain()
	got = m.Ready(t.Context())
	require.Equal(t, health.Draining, got.Status, "a process that stops takes nothing more, however well it is")
	require.Equal(t, http.StatusServiceUnavailable, got.Code())
}

// Probes come every second: an outage is logged when it begins, once a minute, and when it ends.
func TestAnOutageDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	var database error
	m := health.New(slog.New(slog.NewTextHandler(&log, nil)), func() time.Time { return now },
		health.Check{Name: "database", Run: func(context.Context) error { return database }},
		health.Check{Name: "temporal", Run: func(context.Context) error { return nil }})
	probeFor := func(d time.Duration) {
		for range int(d / time.Second) {
			m.Ready(t.Context())
			now = now.Add(time.Second)
		}
	}
	probeFor(time.Minute)
	require.Empty(t, log.String(), "all is well")
	database = errors.New("away")
	probeFor(3 * time.Minute)
	require.Equal(t, 3, strings.Count(log.String(), `msg="not ready" check=database error=away`), log.String())
	database = nil
	probeFor(time.Minute)
	require.Equal(t, 1, strings.Count(log.String(), `msg="ready again" check=database`), log.String())
	require.Equal(t, 4, strings.Count(log.String(), "\n"), log.String())
}

// Checks run side by side and none for longer than a probe waits.
func TestAHangingCheckIsGivenUp(t *testing.T) {
	t.Parallel()
	hang := func(ctx context.Context) error {
		<-ctx.Done()
		return ctx.Err()
	}
	m := health.New(slog.New(slog.DiscardHandler), time.Now, health.Check{Name: "a", Run: hang}, health.Check{Name: "b", Run: hang})
	got := m.Ready(t.Context())
	require.Equal(t, health.Unavailable, got.Status)
	require.Len(t, got.Checks, 2)
}
