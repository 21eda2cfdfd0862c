package e2e_test

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/pgserver"
	"handoff/internal/proc"
	"handoff/internal/testenv"
)

// postgresServer is a PostgreSQL server that a test has for itself, to pause and kill it. Its port stays.
type postgresServer struct {
	config pgserver.Config
	server *pgserver.Server
}

// newPostgres starts a server that keeps what it has committed even if it is killed, which that of the test run does not.
func newPostgres(t *testing.T) *postgresServer {
	t.Helper()
	s := &postgresServer{config: pgserver.Config{Dir: testenv.StateDir(t), Port: freePort(t)}}
	testenv.Postgres(t) // installs the programs where they are missing
	require.NoError(t, s.start(t.Context()))
	return s
}

func (s *postgresServer) start(ctx context.Context) error {
	server, err := pgserver.Start(ctx, s.config)
	s.server = server
	return err
}

// database makes an empty database and gives its URL.
func (s *postgresServer) database(t *testing.T) string {
	t.Helper()
	require.NoError(t, s.server.CreateDatabase(t.Context(), "handoff"))
	return s.server.URL("handoff")
}

func (s *postgresServer) kill(ctx context.Context) error { return kill(ctx, s.server.PID()) }

func kill(ctx context.Context, pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	return proc.Wait(ctx, pid)
}

// signalAll sends a signal to a server and to the processes that it has started: PostgreSQL has one for every connection, and each
// is the leader of a group of its own.
func signalAll(ctx context.Context, server int, signal syscall.Signal) error {
	// The parent first: once it is paused there are no new ones.
	if err := syscall.Kill(server, signal); err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, "ps", "-A", "-o", "pid=", "-o", "ppid=").Output()
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(out)) {
		ids := strings.Fields(line)
		if len(ids) != 2 || ids[1] != strconv.Itoa(server) {
			continue
		}
		child, err := strconv.Atoi(ids[0])
		if err != nil {
			return err
		}
		_ = syscall.Kill(child, signal) // one that has just ended needs no pause
	}
	return nil
}
