package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a process of the product, with a log that outlives its restarts.
type process struct {
	path, dir string
	args, env []string
	logFile   string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// launch starts a process of the product, which is killed at the end of the test. Its log is shown if the test fails.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{
		path: binary(t), args: args, env: env, dir: checkout,
		logFile: filepath.Join(t.TempDir(), args[0]+".log"),
	}
	require.NoError(t, p.start())
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", args[0], tail(p.log()))
		}
	})
	return p
}

func (p *process) start() error {
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(p.path, p.args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(os.Environ(), p.env...), p.dir, log, log
	cmd.SysProcAttr = attributes()
	started, exited := make(chan error), make(chan struct{})
	go func() {
		// The kernel takes the end of the thread that started a process for the end of its parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(exited)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.args[0], err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cmd, p.exited = cmd, exited
	return nil
}

// signal sends a signal and waits until the process is gone.
func (p *process) signal(signal syscall.Signal, within time.Duration) bool {
	p.mu.Lock()
	cmd, exited := p.cmd, p.exited
	p.mu.Unlock()
	_ = cmd.Process.Signal(signal)
	select {
	case <-exited:
		return true
	case <-time.After(within):
		return false
	}
}

func (p *process) kill() { p.signal(syscall.SIGKILL, readyWithin) }

// ended tells whether the process is gone, and how.
func (p *process) ended() (code int, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode(), true
	default:
		return 0, false
	}
}

func (p *process) log() string {
	content, _ := os.ReadFile(p.logFile)
	return string(content)
}

func tail(text string) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

// command runs a command of the product to its end and gives what it prints. Where Temporal is too busy for it, it is run again, as whoever
// reads what it says would do.
func command(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	var out []byte
	var problems strings.Builder
	var err error
	waitFor(readyWithin, func() bool {
		cmd := exec.Command(binary(t), args...)
		cmd.Env = append(os.Environ(), env...)
		problems.Reset()
		cmd.Stderr = &problems
		out, err = cmd.Output()
		return err == nil || !strings.Contains(problems.String(), "failed reaching server")
	})
	require.NoError(t, err, "handoff %s: %s", strings.Join(args, " "), problems.String())
	return out
}
