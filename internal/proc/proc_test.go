package proc_test

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/proc"
)

func TestAlive(t *testing.T) {
	t.Parallel()

	require.True(t, proc.Alive(os.Getpid()))
	require.False(t, proc.Alive(0))
	require.False(t, proc.Alive(-1))
}

func TestAliveIsFalseForZombie(t *testing.T) {
	t.Parallel()

	cmd := exec.Command("true")
	require.NoError(t, cmd.Start())
	// Nobody has called Wait, so the process stays a zombie after its end.
	require.NoError(t, proc.Wait(testContext(t), cmd.Process.Pid))
	require.NoError(t, cmd.Wait())
}

func TestCommandLine(t *testing.T) {
	t.Parallel()

	require.Equal(t, os.Args, proc.CommandLine(os.Getpid()))
	require.Nil(t, proc.CommandLine(1<<30))
}

func TestStop(t *testing.T) {
	t.Parallel()

	t.Run("a process that obeys", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("cat")
		_, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		require.NoError(t, proc.Stop(testContext(t), cmd.Process.Pid, syscall.SIGTERM))
		require.Error(t, cmd.Wait())
	})

	t.Run("a process that ignores the signal is killed", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("cat")
		_, err := cmd.StdinPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())

		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err = proc.Stop(ctx, cmd.Process.Pid, syscall.SIGCONT)
		require.ErrorIs(t, err, proc.ErrKilled)
		require.False(t, proc.Alive(cmd.Process.Pid))
		require.Error(t, cmd.Wait())
	})

	t.Run("a process that is gone", func(t *testing.T) {
		t.Parallel()
		cmd := exec.Command("true")
		require.NoError(t, cmd.Run())
		require.NoError(t, proc.Stop(testContext(t), cmd.Process.Pid, syscall.SIGTERM))
	})
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
