// Command testrun runs a command, usually `go test ./...`, with one PostgreSQL server and one Temporal server for all of
// it. They are gone when it ends, however it ends.
//
//	go run ./internal/testenv/testrun -- go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"handoff/internal/testenv"
)

const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	os.Exit(run(os.Args[1:]))
}

// run returns the exit code of the command.
func run(args []string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: testrun -- command [argument ...]")
		return exitUsage
	}

	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	parent := os.Getppid()

	session, err := testenv.NewSession(os.Stderr)
	if err != nil {
		return fail(err)
	}
	code := runWith(session, args, signals, parent)
	err = session.Close()
	// Tests that had to be killed could not stop their own servers.
	if err := errors.Join(err, testenv.RemoveLeftovers()); err != nil {
		return max(code, fail(err))
	}
	return code
}

func runWith(session *testenv.Session, args []string, signals <-chan os.Signal, parent int) int {
	env, err := startServers(session)
	if err != nil {
		return fail(err)
	}
	c, err := startCommand(args, env)
	if err != nil {
		return fail(err)
	}
	return c.supervise(signals, parent)
}

// startServers starts those that the environment does not name already, side by side.
func startServers(session *testenv.Session) ([]string, error) {
	// The caller's channel gets the signal too; here it ends the wait for a server.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()

	servers := []struct {
		variable string
		start    func(context.Context) (string, error)
		address  string
		err      error
	}{
		{variable: testenv.PostgresVar, start: session.Postgres},
		{variable: testenv.TemporalVar, start: session.Temporal},
	}
	var wg sync.WaitGroup
	for i := range servers {
		s := &servers[i]
		if s.address = os.Getenv(s.variable); s.address == "" {
			wg.Go(func() { s.address, s.err = s.start(ctx) })
		}
	}
	wg.Wait()

	env := os.Environ()
	for _, s := range servers {
		if s.err != nil {
			return nil, s.err
		}
		env = append(env, s.variable+"="+s.address)
	}
	return env, nil
}

func fail(err error) int {
	fmt.Fprintln(os.Stderr, "testrun:", err)
	return exitFailure
}
