package pgserver_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff/internal/pgserver"
	"handoff/internal/proc"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestStartStop(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	first := start(ctx, t, cfg)
	require.False(t, first.Adopted())
	require.True(t, proc.Alive(first.PID()))
	require.NoError(t, first.CreateDatabase(ctx, "app-1"))
	require.NoError(t, first.CreateDatabase(ctx, "app-1"), "an existing database is fine")
	exec(ctx, t, first.URL("app-1"), "CREATE TABLE notes AS SELECT 'kept' AS text")

	require.NoError(t, first.Stop(ctx))
	require.False(t, proc.Alive(first.PID()))
	require.NoError(t, first.Stop(ctx), "stopping twice is fine")

	second := start(ctx, t, cfg)
	require.Equal(t, first.DataDir(), second.DataDir())
	require.Equal(t, "kept", query(ctx, t, second.URL("app-1"), "SELECT text FROM notes"))
	require.Equal(t, "UTF8", query(ctx, t, second.URL("app-1"), "SHOW server_encoding"))
}

func TestDurableClusterKeepsFsync(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)
	cfg.Fast = false

	s := start(ctx, t, cfg)
	require.Equal(t, "on", query(ctx, t, s.URL("postgres"), "SHOW fsync"))
	require.Equal(t, "127.0.0.1", query(ctx, t, s.URL("postgres"), "SHOW listen_addresses"))
}

func TestStartAdoptsRunningServer(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	first := start(ctx, t, cfg)
	second := start(ctx, t, cfg)
	require.True(t, second.Adopted())
	require.Equal(t, first.PID(), second.PID())
	require.Equal(t, first.URL("postgres"), second.URL("postgres"))
	require.Equal(t, "1", query(ctx, t, second.URL("postgres"), "SELECT '1'"))

	require.NoError(t, second.Stop(ctx))
	require.False(t, proc.Alive(first.PID()))
}

func TestConcurrentStartsShareOneServer(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	const starts = 4
	pids := make(chan int, starts)
	var wg sync.WaitGroup
	for range starts {
		wg.Go(func() {
			s, err := pgserver.Start(ctx, cfg)
			if err != nil {
				t.Error(err)
				pids <- 0
				return
			}
			pids <- s.PID()
		})
	}
	wg.Wait()

	pid := <-pids
	for range starts - 1 {
		require.Equal(t, pid, <-pids)
	}
}

func TestStartAfterKill(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)
	cfg.Fast = false

	first := start(ctx, t, cfg)
	exec(ctx, t, first.URL("postgres"), "CREATE TABLE notes AS SELECT 'survived' AS text")
	// An open connection makes a child that outlives the killed server for a moment.
	conn, err := pgx.Connect(ctx, first.URL("postgres"))
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	require.NoError(t, syscall.Kill(first.PID(), syscall.SIGKILL))
	require.NoError(t, proc.Wait(ctx, first.PID()))
	require.FileExists(t, filepath.Join(first.DataDir(), "postmaster.pid"))

	second := start(ctx, t, cfg)
	require.False(t, second.Adopted())
	require.Equal(t, "survived", query(ctx, t, second.URL("postgres"), "SELECT text FROM notes"))
}

func TestStartWithPIDFileOfUnrelatedProcess(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	first := start(ctx, t, cfg)
	require.NoError(t, first.Stop(ctx))
	// As after a crash and a reboot: the recorded pid belongs to a process that has nothing to do with PostgreSQL.
	file := filepath.Join(first.DataDir(), "postmaster.pid")
	require.NoError(t, os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644))

	second := start(ctx, t, cfg)
	require.False(t, second.Adopted())
	require.NotEqual(t, os.Getpid(), second.PID())
}

func TestStartOnGivenPort(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	free := start(ctx, t, cfg)
	u, err := url.Parse(free.URL("postgres"))
	require.NoError(t, err)
	port, err := strconv.Atoi(u.Port())
	require.NoError(t, err)

	_, other := testConfig(t)
	other.Port = port
	_, err = pgserver.Start(ctx, other)
	require.ErrorContains(t, err, "port "+u.Port()+" for PostgreSQL cannot be used")

	require.NoError(t, free.Stop(ctx))
	require.Equal(t, free.URL("app"), start(ctx, t, other).URL("app"))
}

func TestDestroy(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	s := start(ctx, t, cfg)
	require.NoError(t, pgserver.Destroy(ctx, cfg.Dir))
	require.False(t, proc.Alive(s.PID()))
	require.NoDirExists(t, s.DataDir())
	require.NoDirExists(t, filepath.Dir(s.DataDir()))
	require.NoError(t, pgserver.Destroy(ctx, cfg.Dir), "nothing left to destroy is fine")
}

func TestStartNeedsDirectory(t *testing.T) {
	t.Parallel()
	_, err := pgserver.Start(t.Context(), pgserver.Config{})
	require.ErrorContains(t, err, "no state directory")
}

// testConfig is a cluster of its own that leaves nothing behind.
func testConfig(t *testing.T) (context.Context, pgserver.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)

	return ctx, pgserver.Config{Dir: testenv.StateDir(t), Fast: true, Log: t.Output()}
}

func start(ctx context.Context, t *testing.T, cfg pgserver.Config) *pgserver.Server {
	t.Helper()
	s, err := pgserver.Start(ctx, cfg)
	require.NoError(t, err)
	return s
}

func exec(ctx context.Context, t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	require.NoError(t, err)
}

func query(ctx context.Context, t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	var answer string
	require.NoError(t, conn.QueryRow(ctx, sql).Scan(&answer))
	return answer
}
