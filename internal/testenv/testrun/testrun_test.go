package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/testenv"
)

// asTestrun makes this test binary behave as the command, which saves a build of it.
const asTestrun = "HANDOFF_TEST_AS_TESTRUN"

// report prints what the tests need to know, and that the command runs.
const report = `echo $HANDOFF_TEST_DATABASE_URL; echo $HANDOFF_TEST_TEMPORAL_ADDRESS; echo $$; `

func TestMain(m *testing.M) {
	if os.Getenv(asTestrun) != "" {
		os.Exit(run(os.Args[1:]))
	}
	testenv.Main(m)
}

func TestExitCodeAndTeardown(t *testing.T) {
	t.Parallel()

	for _, code := range []int{0, 7} {
		r := startRun(t, report+"exit "+strconv.Itoa(code))
		require.Equal(t, code, r.wait(t))
		r.requireNothingLeft(t)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()

	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			t.Parallel()
			// The command reacts to the signal, which shows that it was forwarded.
			r := startRun(t, "trap 'exit 5' INT TERM; "+report+"while :; do read -r line < fifo || :; done")
			require.NoError(t, r.cmd.Process.Signal(sig))
			require.Equal(t, 5, r.wait(t))
			r.requireNothingLeft(t)
		})
	}
}

func TestSecondSignalKills(t *testing.T) {
	t.Parallel()

	r := startRun(t, "trap 'echo interrupted' INT; "+report+"while :; do read -r line < fifo || :; done")
	require.NoError(t, r.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, "interrupted", r.line(t))
	require.NoError(t, r.cmd.Process.Signal(os.Interrupt))
	require.Equal(t, 128+int(syscall.SIGKILL), r.wait(t))
	r.requireNothingLeft(t)
}

func TestNextRunRemovesLeftoversOfKilledRun(t *testing.T) {
	t.Parallel()

	killed := startRun(t, report+"read -r line < fifo")
	require.NoError(t, killed.cmd.Process.Kill())
	// Nobody is left to end the command either, and it holds the pipes that wait reads to their end.
	require.NoError(t, syscall.Kill(-killed.commandPID, syscall.SIGKILL))
	require.Equal(t, -1, killed.wait(t))
	require.True(t, listens(killed.temporal))

	next := startRunIn(t, killed.dir, report)
	require.Equal(t, 0, next.wait(t))
	killed.requireNothingLeft(t)
	next.requireNothingLeft(t)
}

func TestGivenServersAreUsed(t *testing.T) {
	t.Parallel()

	r := startRun(t, report, "HANDOFF_TEST_DATABASE_URL=postgres://given:1/x", "HANDOFF_TEST_TEMPORAL_ADDRESS=given:2")
	require.Equal(t, 0, r.wait(t))
	require.Equal(t, "given:1", r.postgres)
	require.Equal(t, "given:2", r.temporal)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	require.Equal(t, exitUsage, run([]string{"--"}))
}

// testRun is a running testrun command.
type testRun struct {
	cmd        *exec.Cmd
	dir        string
	lines      *bufio.Scanner
	stderr     *bytes.Buffer
	postgres   string
	temporal   string
	commandPID int
}

func startRun(t *testing.T, script string, env ...string) *testRun {
	t.Helper()
	return startRunIn(t, t.TempDir(), script, env...)
}

// startRunIn runs a shell script under testrun, with a temporary directory of its own, and returns once the script has
// reported. The script can wait on a pipe named fifo that nobody writes to.
func startRunIn(t *testing.T, dir, script string, env ...string) *testRun {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)

	r := &testRun{dir: dir, stderr: new(bytes.Buffer)}
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, syscall.Mkfifo(fifo, 0o600))
	r.cmd = exec.Command(self, "--", "sh", "-c", strings.ReplaceAll(script, "fifo", fifo))
	r.cmd.Env = append(os.Environ(), asTestrun+"=1", "TMPDIR="+dir,
		testenv.PostgresVar+"=", testenv.TemporalVar+"=")
	r.cmd.Env = append(r.cmd.Env, env...)
	r.cmd.Stderr = r.stderr
	r.cmd.WaitDelay = 5 * time.Second
	// A pipe of our own: Wait would close the one from StdoutPipe before the output is read.
	out, in, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = out.Close() })
	r.cmd.Stdout = in
	require.NoError(t, r.cmd.Start())
	require.NoError(t, in.Close())
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })

	r.lines = bufio.NewScanner(io.Reader(out))
	database, err := url.Parse(r.line(t))
	require.NoError(t, err)
	r.postgres, r.temporal = database.Host, r.line(t)
	r.commandPID, err = strconv.Atoi(r.line(t))
	require.NoError(t, err)
	return r
}

func (r *testRun) line(t *testing.T) string {
	t.Helper()
	require.True(t, r.lines.Scan(), "the command has ended: %s", r.stderr)
	return r.lines.Text()
}

func (r *testRun) wait(t *testing.T) int {
	t.Helper()
	_ = r.cmd.Wait()
	return r.cmd.ProcessState.ExitCode()
}

func (r *testRun) requireNothingLeft(t *testing.T) {
	t.Helper()
	require.False(t, listens(r.postgres), "PostgreSQL still listens")
	require.False(t, listens(r.temporal), "Temporal still listens")
	left, err := os.ReadDir(r.dir)
	require.NoError(t, err)
	require.Empty(t, left, "stderr: %s", r.stderr)
}

func listens(address string) bool {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}
