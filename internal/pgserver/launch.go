package pgserver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"handoff/internal/proc"
)

const (
	readyPoll = 5 * time.Millisecond
	retryWait = 100 * time.Millisecond
	// Free ports come from below the range that Linux hands out to outgoing connections (32768 and up), which
	// could otherwise take the port between our check and the server's bind.
	firstFreePort = 20000
	lastFreePort  = 32000
	portAttempts  = 200
	tailBytes     = 2000
)

// startError is a server that ended before it was ready, with what it wrote to its log.
type startError struct{ log string }

func (e *startError) Error() string {
	return "PostgreSQL ended before it was ready:\n" + e.log
}

// transient reports whether another attempt can work: after a kill -9 of the server its children need a moment to notice
// and let go of the shared memory, and a free port can be taken in the last instant.
func (e *startError) transient(fixedPort bool) bool {
	return strings.Contains(e.log, "pre-existing shared memory block") ||
		!fixedPort && strings.Contains(e.log, "could not create any TCP/IP sockets")
}

// adopt waits until a running server accepts connections: it may have been started an instant ago.
func (c *cluster) adopt(ctx context.Context, pid int) (*Server, error) {
	port, err := c.waitReady(ctx, pid, nil)
	if err != nil {
		return nil, fmt.Errorf("adopt running PostgreSQL: %w", err)
	}
	c.logf("PostgreSQL: using the running server on port %d (pid %d)", port, pid)
	return &Server{pid: pid, port: port, adopted: true, cluster: c}, nil
}

// launch starts the server, again if the failure is of a kind that passes.
func (c *cluster) launch(ctx context.Context) (*Server, error) {
	for {
		s, err := c.launchOnce(ctx)
		var failed *startError
		if !errors.As(err, &failed) || !failed.transient(c.cfg.Port != 0) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(retryWait):
		}
	}
}

func (c *cluster) launchOnce(ctx context.Context) (*Server, error) {
	port, err := choosePort(c.cfg.Port)
	if err != nil {
		return nil, err
	}
	c.dropForeignPIDFile()

	// A file and not a pipe: the server must be able to write after we are gone.
	log, err := os.OpenFile(filepath.Join(c.base, "postgres.log"), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL log: %w", err)
	}
	defer func() { _ = log.Close() }()

	cmd := c.command(context.WithoutCancel(ctx), "postgres", c.serverArgs(port)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()

	if _, err := c.waitReady(ctx, cmd.Process.Pid, exited); err != nil {
		_ = cmd.Process.Kill()
		<-exited
		return nil, err
	}
	c.logf("PostgreSQL: ready on port %d (pid %d)", port, cmd.Process.Pid)
	return &Server{pid: cmd.Process.Pid, port: port, cluster: c}, nil
}

func (c *cluster) serverArgs(port int) []string {
	sockets := c.sockets
	if len(sockets) > maxSocketDir {
		sockets = ""
	}
	args := []string{
		"-D", c.data,
		"-h", host,
		"-k", sockets,
		"-p", strconv.Itoa(port),
		"-c", "log_timezone=UTC",
		"-c", "max_connections=200",
		"-c", "timezone=UTC",
	}
	if c.cfg.Fast {
		args = append(args,
			"-c", "fsync=off",
			"-c", "full_page_writes=off",
			"-c", "synchronous_commit=off",
		)
	}
	return args
}

// waitReady returns the server's port once it accepts connections.
func (c *cluster) waitReady(ctx context.Context, pid int, exited <-chan struct{}) (int, error) {
	ticker := time.NewTicker(readyPoll)
	defer ticker.Stop()
	for {
		if f, err := c.readPIDFile(); err == nil && f.pid == pid && f.ready {
			return f.port, nil
		}
		if exited == nil && !proc.Alive(pid) {
			return 0, &startError{log: c.logTail()}
		}
		select {
		case <-exited:
			return 0, &startError{log: c.logTail()}
		case <-ctx.Done():
			return 0, fmt.Errorf("wait for PostgreSQL (log: %s): %w", filepath.Join(c.base, "postgres.log"), ctx.Err())
		case <-ticker.C:
		}
	}
}

func (c *cluster) logTail() string {
	content, err := os.ReadFile(filepath.Join(c.base, "postgres.log"))
	if err != nil {
		return "(no log: " + err.Error() + ")"
	}
	return string(content[max(0, len(content)-tailBytes):])
}

// pidFile is what postmaster.pid says.
type pidFile struct {
	pid   int
	port  int
	ready bool
}

func (c *cluster) pidPath() string { return filepath.Join(c.data, "postmaster.pid") }

// readPIDFile reads pid, data directory, start time, port, socket directory, address, shared memory and status, a line each.
// The server fills the lines in as it gets there.
func (c *cluster) readPIDFile() (pidFile, error) {
	file, err := os.Open(c.pidPath())
	if err != nil {
		return pidFile{}, err
	}
	defer func() { _ = file.Close() }()

	var lines [8]string
	scanner := bufio.NewScanner(file)
	for i := 0; i < len(lines) && scanner.Scan(); i++ {
		lines[i] = strings.TrimSpace(scanner.Text())
	}
	pid, err := strconv.Atoi(lines[0])
	if err != nil {
		return pidFile{}, fmt.Errorf("read %s: %w", c.pidPath(), err)
	}
	port, _ := strconv.Atoi(lines[3])
	return pidFile{pid: pid, port: port, ready: lines[7] == "ready"}, nil
}

// livePID is the server that runs on the cluster.
func (c *cluster) livePID() (int, bool) {
	f, err := c.readPIDFile()
	if err != nil || !c.owns(f.pid) {
		return 0, false
	}
	return f.pid, true
}

// dropForeignPIDFile removes the file of a killed server whose pid belongs to an unrelated process by now, which PostgreSQL
// could take for itself. The file of a dead pid stays: PostgreSQL needs it to look for surviving children.
func (c *cluster) dropForeignPIDFile() {
	f, err := c.readPIDFile()
	if errors.Is(err, fs.ErrNotExist) || err == nil && !proc.Alive(f.pid) {
		return
	}
	_ = os.Remove(c.pidPath())
}

func choosePort(want int) (int, error) {
	if want != 0 {
		l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(want)))
		if err != nil {
			return 0, fmt.Errorf("port %d for PostgreSQL cannot be used: %w; configure another one", want, err)
		}
		return want, l.Close()
	}
	for range portAttempts {
		port := firstFreePort + rand.IntN(lastFreePort-firstFreePort)
		if l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("no free port for PostgreSQL between %d and %d", firstFreePort, lastFreePort)
}
