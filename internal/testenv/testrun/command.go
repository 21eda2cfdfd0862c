package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	// killAfter is how long an interrupted command may clean up.
	killAfter  = 15 * time.Second
	parentPoll = 500 * time.Millisecond
	signalBase = 128
)

// command runs in a process group of its own, so that a signal reaches the test binaries too: `go test` does not pass on a
// SIGTERM, and dies before them.
type command struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

func startCommand(args, env []string) (*command, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	c := &command{cmd: cmd, exited: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(c.exited)
	}()
	return c, nil
}

// supervise forwards signals until the command ends, and returns its exit code. The second signal kills.
func (c *command) supervise(signals <-chan os.Signal, parent int) int {
	// What is left of the group has lost the command that would have ended it.
	defer c.signalGroup(syscall.SIGKILL)

	// `go run` dies of a SIGTERM without a word to us: a change of parent is the only sign.
	orphaned := time.NewTicker(parentPoll)
	defer orphaned.Stop()
	var deadline <-chan time.Time

	stop := func(sig syscall.Signal) {
		if deadline != nil {
			sig = syscall.SIGKILL
		}
		c.signalGroup(sig)
		deadline = time.After(killAfter)
	}
	for {
		select {
		case <-c.exited:
			return c.exitCode()
		case sig := <-signals:
			stop(sig.(syscall.Signal))
		case <-deadline:
			c.signalGroup(syscall.SIGKILL)
		case <-orphaned.C:
			if os.Getppid() != parent {
				orphaned.Stop()
				stop(syscall.SIGTERM)
			}
		}
	}
}

func (c *command) signalGroup(sig syscall.Signal) {
	_ = syscall.Kill(-c.cmd.Process.Pid, sig)
}

// exitCode follows the shell's convention for a command that a signal has ended.
func (c *command) exitCode() int {
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return signalBase + int(status.Signal())
	}
	return c.cmd.ProcessState.ExitCode()
}
