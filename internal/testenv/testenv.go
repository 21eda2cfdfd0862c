// Package testenv gives tests a PostgreSQL server and a Temporal server.
//
// The whole test run shares one of each when it is started through the testrun command, which `make test` does. A package
// that is tested alone starts what it asks for, and stops it at its end; for that its TestMain calls Main.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	// PostgresVar names the variable with the URL of the shared database server.
	PostgresVar = "HANDOFF_TEST_DATABASE_URL"
	// TemporalVar names the variable with the address of the shared Temporal server.
	TemporalVar = "HANDOFF_TEST_TEMPORAL_ADDRESS"

	// startTimeout allows for a cold build of the Temporal server on a small machine.
	startTimeout       = 9 * time.Minute
	exitAfterInterrupt = 130
)

// process holds what this test process has started. It is the one global: TestMain and the tests have nothing else in common.
var process environment

// environment starts a session when the first test needs one.
type environment struct {
	managed atomic.Bool // Main runs, so that the session will be closed
	mu      sync.Mutex
	closed  bool
	session *Session
}

// Main runs the tests of a package and ends the process. Call it from TestMain in every package whose tests use this one.
func Main(m *testing.M) {
	process.managed.Store(true)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		_ = process.close()
		os.Exit(exitAfterInterrupt)
	}()

	code := m.Run()
	if err := process.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testenv:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// Postgres returns the URL of a database on a PostgreSQL server where the test may create databases.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return serverFor(tb, PostgresVar, (*Session).Postgres)
}

// Temporal returns the address of a Temporal server with the namespace "default". It is shared, so each test needs a task
// queue and workflow ids of its own.
func Temporal(tb testing.TB) string {
	tb.Helper()
	return serverFor(tb, TemporalVar, (*Session).Temporal)
}

// StateDir returns an empty directory for servers that the test itself starts. Unlike those in tb.TempDir they are
// stopped even if the test run is interrupted or killed.
func StateDir(tb testing.TB) string {
	tb.Helper()
	session := current(tb)
	dir, err := session.StateDir()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := destroyState(context.WithoutCancel(tb.Context()), dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}

func serverFor(tb testing.TB, variable string, start func(*Session, context.Context) (string, error)) string {
	tb.Helper()
	if shared := os.Getenv(variable); shared != "" {
		return shared
	}
	session := current(tb)
	ctx, cancel := context.WithTimeout(tb.Context(), startTimeout)
	defer cancel()
	address, err := start(session, ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

func current(tb testing.TB) *Session {
	tb.Helper()
	if !process.managed.Load() {
		tb.Fatal("nothing would stop the servers of this test: add `func TestMain(m *testing.M) { testenv.Main(m) }` to the package")
	}
	session, err := process.open()
	if err != nil {
		tb.Fatal(err)
	}
	return session
}

func (e *environment) open() (*Session, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, errors.New("the test run is ending")
	}
	if e.session != nil {
		return e.session, nil
	}
	var err error
	e.session, err = NewSession(os.Stderr)
	return e.session, err
}

func (e *environment) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	if e.session == nil {
		return nil
	}
	session := e.session
	e.session = nil
	return session.Close()
}
