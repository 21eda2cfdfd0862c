package devtemporal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"handoff/internal/devtemporal"
	"handoff/internal/proc"
	"handoff/internal/testenv"
)

const (
	// buildTimeout allows for a cold build on a small machine.
	buildTimeout   = 9 * time.Minute
	suspendTimeout = 10 * time.Second
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestStartStop(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	s := start(ctx, t, cfg)
	require.False(t, s.Adopted)
	require.True(t, proc.Alive(s.PID))

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.UIURL+"/namespaces/default/workflows", nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	require.NoError(t, s.Stop(ctx))
	require.False(t, proc.Alive(s.PID))
	require.NoError(t, s.Stop(ctx), "stopping twice is fine")
}

func TestStatePersistsOverRestart(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)
	cfg.DBFile = filepath.Join(cfg.StateDir, "temporal.db")
	cfg.Headless = true

	first := start(ctx, t, cfg)
	require.Empty(t, first.UIURL)
	startWorkflow(ctx, t, first, "kept over a stop")
	require.NoError(t, first.Stop(ctx))

	second := start(ctx, t, cfg)
	require.False(t, second.Adopted)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, workflowStatus(ctx, t, second, "kept over a stop"))
	startWorkflow(ctx, t, second, "kept over a kill")
	kill(ctx, t, second.PID)

	third := start(ctx, t, cfg)
	require.False(t, third.Adopted)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, workflowStatus(ctx, t, third, "kept over a kill"))
}

func TestStartAdoptsRunningServer(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)
	cfg.Headless = true

	first := start(ctx, t, cfg)
	second := start(ctx, t, cfg)
	require.True(t, second.Adopted)
	require.Equal(t, first.PID, second.PID)
	require.Equal(t, first.GRPCAddress, second.GRPCAddress)

	require.NoError(t, second.Stop(ctx))
	require.False(t, proc.Alive(first.PID))
}

func TestStartReplacesServer(t *testing.T) {
	t.Parallel()

	t.Run("with other settings", func(t *testing.T) {
		t.Parallel()
		ctx, cfg := testConfig(t)
		cfg.Headless = true
		first := start(ctx, t, cfg)

		cfg.DBFile = filepath.Join(cfg.StateDir, "temporal.db")
		second := start(ctx, t, cfg)
		require.False(t, second.Adopted)
		require.False(t, proc.Alive(first.PID))
	})

	t.Run("that does not answer", func(t *testing.T) {
		t.Parallel()
		ctx, cfg := testConfig(t)
		cfg.Headless = true
		first := start(ctx, t, cfg)
		suspend(t, first.PID)

		second := start(ctx, t, cfg)
		require.False(t, second.Adopted)
		require.False(t, proc.Alive(first.PID))
	})
}

func TestForeignProcessIsLeftAlone(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)

	// The record of an earlier run names a pid that belongs to somebody else by now: this very test.
	content, err := json.Marshal(map[string]any{"pid": os.Getpid(), "args": []string{"--db", "x"}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(cfg.StateDir, "temporal-process.json"), content, 0o600))

	require.NoError(t, devtemporal.StopRecorded(ctx, cfg.StateDir))
	require.NoFileExists(t, filepath.Join(cfg.StateDir, "temporal-process.json"))
}

func TestStartReportsWhyTheServerEnded(t *testing.T) {
	t.Parallel()
	ctx, cfg := testConfig(t)
	cfg.DBFile = filepath.Join(cfg.StateDir, "temporal.db")
	require.NoError(t, os.WriteFile(cfg.DBFile, []byte("hello"), 0o600))

	_, err := devtemporal.Start(ctx, cfg)
	require.ErrorContains(t, err, "ended before it was usable")
	require.ErrorContains(t, err, "is not a SQLite database")
}

func TestStartNeedsStateDirectory(t *testing.T) {
	t.Parallel()
	_, err := devtemporal.Start(t.Context(), devtemporal.Config{})
	require.ErrorContains(t, err, "no state directory")
}

// testConfig is a server of its own that leaves nothing behind.
func testConfig(t *testing.T) (context.Context, devtemporal.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), buildTimeout)
	t.Cleanup(cancel)

	return ctx, devtemporal.Config{StateDir: testenv.StateDir(t), Log: t.Output()}
}

func start(ctx context.Context, t *testing.T, cfg devtemporal.Config) *devtemporal.Server {
	t.Helper()
	s, err := devtemporal.Start(ctx, cfg)
	require.NoError(t, err)
	return s
}

func kill(ctx context.Context, t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
	require.NoError(t, proc.Wait(ctx, pid))
}

// suspend returns once every thread has stopped: SIGSTOP only asks, and a thread on a busy machine may still answer one more call.
func suspend(t *testing.T, pid int) {
	t.Helper()
	require.NoError(t, syscall.Kill(pid, syscall.SIGSTOP))
	require.Eventually(t, func() bool {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		return err == nil && !slices.ContainsFunc(threads, func(path string) bool {
			status, err := os.ReadFile(path)
			return err == nil && !bytes.Contains(status, []byte("State:\tT"))
		})
	}, suspendTimeout, time.Millisecond)
}

func dial(t *testing.T, s *devtemporal.Server) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: s.GRPCAddress})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func startWorkflow(ctx context.Context, t *testing.T, s *devtemporal.Server, id string) {
	t.Helper()
	_, err := dial(t, s).ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "nobody-" + strconv.Itoa(s.PID)}, "Any")
	require.NoError(t, err)
}

func workflowStatus(ctx context.Context, t *testing.T, s *devtemporal.Server, id string) enumspb.WorkflowExecutionStatus {
	t.Helper()
	resp, err := dial(t, s).DescribeWorkflowExecution(ctx, id, "")
	require.NoError(t, err)
	return resp.GetWorkflowExecutionInfo().GetStatus()
}
