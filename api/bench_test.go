package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/db/dbtest"
	"handoff/internal/admin"
	"handoff/internal/fixture"
	"handoff/internal/health"
	"handoff/internal/outbound"
)

// BenchmarkInbound posts one message a body, each of one of 500 contacts, over a real connection.
func BenchmarkInbound(b *testing.B) {
	pool := dbtest.Pool(b)
	w := &world{World: fixture.New(b, pool), waker: &waker{}, commands: &commands{}}
	_, key, err := w.admin().CreateKey(b.Context(), w.Account.ID, admin.NewKey{Name: "bench", Scope: handoff.ScopeGateway})
	require.NoError(b, err)
	handler, err := api.New(api.Deps{
		DB: pool, Commands: w.commands, Waker: w.waker, Box: w.Box, CheckURL: func(string) error { return nil },
		CheckHeaders: outbound.CheckHeaders, Log: slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Ready: func(context.Context) health.Ready { return health.Of(nil) }, Store: w.Activities(b, time.Now).Store,
	})
	require.NoError(b, err)
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)

	var took []time.Duration
	for n := 0; b.Loop(); n++ {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, server.URL+"/v1/public/inbound",
			bytes.NewReader(w.Body(fmt.Sprintf("4477009%05d", n%500), "Hello")))
		require.NoError(b, err)
		request.Header.Set("X-API-Key", key)
		start := time.Now()
		response, err := http.DefaultClient.Do(request)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(b, err)
		require.NoError(b, response.Body.Close())
		took = append(took, time.Since(start))
		require.Equal(b, http.StatusOK, response.StatusCode)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
}
