package main

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/api"
	"handoff/internal/health"
)

// healthOf serves /livez and /readyz with a check that answers failure, and returns its address.
func healthOf(t *testing.T, failure error) string {
	t.Helper()
	server := httptest.NewServer(api.Health(func(context.Context) health.Ready { return health.Of(map[string]error{"database": failure}) }))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// nobody is an address on which nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	return listener.Addr().String()
}

func TestAHealthcheckAsksWhoListens(t *testing.T) {
	t.Parallel()
	well, ill := healthOf(t, nil), healthOf(t, errors.New("the schema is behind"))
	_, port, err := net.SplitHostPort(well)
	require.NoError(t, err)
	for _, c := range []struct {
		name           string
		listen, worker string
		path           string
		says           string // in the error; empty: well
	}{
		{"serve", well, nobody(t), "/readyz", ""},
		{"serve on all addresses", ":" + port, "", "/readyz", ""},
		{"serve on all addresses, written out", "0.0.0.0:" + port, "", "/readyz", ""},
		{"serve on all addresses of IPv6", "[::]:" + port, "", "/readyz", ""},
		{"a worker, where no serve listens", nobody(t), well, "/readyz", ""},
		{"a serve that is not ready, beside a worker that is", ill, well, "/readyz", "503"},
		{"a serve that is not ready but lives", ill, "", "/livez", ""},
		{"nobody", nobody(t), nobody(t), "/readyz", "connection refused"},
		{"no address", "8080", "", "/readyz", `read the address "8080"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := (&healthcheckCmd{Listen: c.listen, WorkerListen: c.worker, Path: c.path}).Run(t.Context())
			if c.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.says)
		})
	}
}
