// Package proc looks after processes that may have been started by an earlier run of this program.
//
// A process of an earlier run is not our child: it cannot be waited for, and its pid may belong to somebody else by now.
// So callers check CommandLine before they signal, and Stop polls.
package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrKilled means that a process did not obey the signal in time. It is gone nevertheless.
var ErrKilled = errors.New("it did not stop in time and was killed")

const pollInterval = 5 * time.Millisecond

// Alive reports whether a process runs. A zombie does not: nobody may ever reap an orphan in a container.
func Alive(pid int) bool {
	if pid <= 0 {
		return false
	}
	if err := syscall.Kill(pid, 0); err != nil && !errors.Is(err, syscall.EPERM) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		// Without /proc (macOS) the signal's answer has to do.
		_, noProc := os.Stat("/proc/self")
		return noProc != nil
	}
	// The state follows the command name, which is in parentheses and may contain anything.
	_, state, found := bytes.Cut(stat[max(bytes.LastIndexByte(stat, ')'), 0):], []byte(" "))
	return !found || !bytes.HasPrefix(state, []byte("Z"))
}

// CommandLine returns the arguments of a running process, the program's name first; nil if there is no such process.
func CommandLine(pid int) []string {
	if content, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.FieldsFunc(string(content), func(r rune) bool { return r == 0 })
	}
	out, err := exec.Command("ps", "-o", "command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(out))
}

// Stop sends the signal and waits until the process is gone. If the context ends first the process is killed, and the error
// is ErrKilled.
func Stop(ctx context.Context, pid int, signal syscall.Signal) error {
	if err := syscall.Kill(pid, signal); err != nil {
		if errors.Is(err, syscall.ESRCH) {
			return nil
		}
		return fmt.Errorf("signal process %d: %w", pid, err)
	}
	if Wait(ctx, pid) == nil {
		return nil
	}

	_ = syscall.Kill(pid, syscall.SIGKILL)
	killed, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := Wait(killed, pid); err != nil {
		return fmt.Errorf("process %d survives SIGKILL: %w", pid, err)
	}
	return fmt.Errorf("send %s to process %d: %w", signal, pid, ErrKilled)
}

// Wait returns when the process is gone.
func Wait(ctx context.Context, pid int) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for Alive(pid) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
	return nil
}
