package e2e_test

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/devtemporal"
	"handoff/internal/testenv"
)

// temporalServer is a Temporal server that a test has for itself, to stop and kill it. Its state is in a file and its port stays.
type temporalServer struct {
	config devtemporal.Config

	mu     sync.Mutex
	server *devtemporal.Server
}

func newTemporal(t *testing.T) *temporalServer {
	t.Helper()
	dir := testenv.StateDir(t)
	s := &temporalServer{config: devtemporal.Config{
		StateDir: dir, DBFile: filepath.Join(dir, "temporal.db"), GRPCPort: freePort(t), Headless: true,
	}}
	require.NoError(t, s.start(t.Context()))
	return s
}

func (s *temporalServer) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	server, err := devtemporal.Start(ctx, s.config)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server = server
	return err
}

func (s *temporalServer) address() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server.GRPCAddress
}

func (s *temporalServer) stop(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), readyWithin)
	defer cancel()
	require.NoError(t, s.server.Stop(ctx))
}

func (s *temporalServer) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server.PID
}

func (s *temporalServer) kill(ctx context.Context) error { return kill(ctx, s.pid()) }
