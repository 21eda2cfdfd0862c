package testenv

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/pgserver"
	"handoff/internal/proc"
)

func TestRemoveLeftovers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()

	// A session of a process that is gone, with a server that nobody has stopped, and one of a living process.
	gone := exec.Command("true")
	require.NoError(t, gone.Run())
	parent := t.TempDir()
	dead := filepath.Join(parent, fmt.Sprintf("%s%d-1", dirPrefix, gone.Process.Pid))
	living := filepath.Join(parent, fmt.Sprintf("%s%d-1", dirPrefix, os.Getpid()))
	foreign := filepath.Join(parent, dirPrefix+"notes")
	for _, dir := range []string{filepath.Join(dead, "state"), living, foreign} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
	}
	pg, err := pgserver.Start(ctx, pgserver.Config{Dir: filepath.Join(dead, "state"), Fast: true})
	require.NoError(t, err)

	require.NoError(t, removeLeftovers(parent))
	require.False(t, proc.Alive(pg.PID()))
	require.NoDirExists(t, pg.DataDir())
	require.NoDirExists(t, dead)
	require.DirExists(t, living)
	require.DirExists(t, foreign)
}
