package testenv_test

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff/internal/pgserver"
	"handoff/internal/proc"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestPostgres(t *testing.T) {
	t.Parallel()

	url := testenv.Postgres(t)
	require.Equal(t, url, testenv.Postgres(t))
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func TestTemporal(t *testing.T) {
	t.Parallel()

	address := testenv.Temporal(t)
	require.Equal(t, address, testenv.Temporal(t))
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	require.NoError(t, conn.Close())
}

func TestSessionLeavesNothing(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	session, err := testenv.NewSession(io.Discard)
	require.NoError(t, err)
	dir, err := session.StateDir()
	require.NoError(t, err)
	pg, err := pgserver.Start(ctx, pgserver.Config{Dir: dir, Fast: true})
	require.NoError(t, err)

	require.NoError(t, session.Close())
	require.False(t, proc.Alive(pg.PID()))
	require.NoDirExists(t, pg.DataDir())
	require.NoDirExists(t, filepath.Dir(dir))
}
