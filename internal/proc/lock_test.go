package proc_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/proc"
)

func TestLockHasOneHolder(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := proc.TryLock(path)
	require.NoError(t, err)
	_, err = proc.TryLock(path)
	require.ErrorIs(t, err, proc.ErrLocked)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = proc.Lock(ended, path)
	require.ErrorIs(t, err, proc.ErrLocked)
	require.ErrorIs(t, err, context.Canceled)

	waited := make(chan error)
	go func() {
		second, err := proc.Lock(context.WithoutCancel(ended), path)
		if err == nil {
			second()
		}
		waited <- err
	}()
	unlock()
	require.NoError(t, <-waited)
}
