package testenv

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"handoff/internal/devtemporal"
	"handoff/internal/pgserver"
	"handoff/internal/proc"
)

const (
	dirPrefix    = "handoff-test-"
	closeTimeout = time.Minute
)

// Session is a directory under the system's temporary one with servers for tests. Its name holds our pid, by which a later
// session finds what a killed one has left behind.
type Session struct {
	dir      string
	log      io.Writer
	postgres server
	temporal server
}

// server is started once, on demand.
type server struct {
	mu      sync.Mutex
	address string
}

// NewSession removes the leftovers of dead sessions and makes a new one.
func NewSession(log io.Writer) (*Session, error) {
	if err := RemoveLeftovers(); err != nil {
		_, _ = fmt.Fprintln(log, "testenv: leftovers of an earlier run stay:", err)
	}
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-*", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("create test directory: %w", err)
	}
	return &Session{dir: dir, log: log}, nil
}

// RemoveLeftovers stops the servers of sessions whose process is gone, and deletes their data.
func RemoveLeftovers() error {
	return removeLeftovers(os.TempDir())
}

func removeLeftovers(parent string) error {
	dirs, err := filepath.Glob(filepath.Join(parent, dirPrefix+"*"))
	if err != nil {
		return fmt.Errorf("look for leftovers: %w", err)
	}
	var errs []error
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		pid, err := strconv.Atoi(owner)
		if err != nil || proc.Alive(pid) {
			continue
		}
		errs = append(errs, (&Session{dir: dir}).Close())
	}
	return errors.Join(errs...)
}

// Postgres returns the URL of a PostgreSQL server, and starts it the first time.
func (s *Session) Postgres(ctx context.Context) (string, error) {
	return s.postgres.get(func() (string, error) {
		if err := pgserver.EnsureInstalled(ctx, s.log); err != nil {
			return "", err
		}
		dir, err := s.StateDir()
		if err != nil {
			return "", err
		}
		pg, err := pgserver.Start(ctx, pgserver.Config{Dir: dir, Fast: true, Log: s.log})
		if err != nil {
			return "", err
		}
		return pg.URL("postgres"), nil
	})
}

// Temporal returns the address of a Temporal server, and starts it the first time.
func (s *Session) Temporal(ctx context.Context) (string, error) {
	return s.temporal.get(func() (string, error) {
		dir, err := s.StateDir()
		if err != nil {
			return "", err
		}
		temporal, err := devtemporal.Start(ctx, devtemporal.Config{StateDir: dir, Headless: true, Log: s.log})
		if err != nil {
			return "", err
		}
		return temporal.GRPCAddress, nil
	})
}

// StateDir makes a directory whose servers are stopped with the session.
func (s *Session) StateDir() (string, error) {
	dir, err := os.MkdirTemp(s.dir, "*")
	if err != nil {
		return "", fmt.Errorf("create test directory: %w", err)
	}
	return dir, nil
}

// Close stops everything that runs in the session's directories, and deletes them.
func (s *Session) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()

	dirs, err := filepath.Glob(filepath.Join(s.dir, "*"))
	errs := []error{err}
	for _, dir := range dirs {
		errs = append(errs, destroyState(ctx, dir))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stop the servers of a test run: %w", err)
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return fmt.Errorf("remove test directory: %w", err)
	}
	return nil
}

// destroyState is right for any state directory: there is nothing to stop where nothing was started.
func destroyState(ctx context.Context, dir string) error {
	temporal := devtemporal.StopRecorded(ctx, dir)
	if errors.Is(temporal, proc.ErrKilled) {
		temporal = nil
	}
	if err := errors.Join(temporal, pgserver.Destroy(ctx, dir)); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func (s *server) get(start func() (string, error)) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.address != "" {
		return s.address, nil
	}
	address, err := start()
	s.address = address
	return address, err
}
