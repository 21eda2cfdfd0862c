package main

import (
	"context"
	"time"

	"handoff/internal/temporalclient"
)

// While a process waits for something, it looks every lookAgain and says so every sayAgain.
const (
	lookAgain = 2 * time.Second
	sayAgain  = time.Minute
)

// await looks until it finds no error, and tells whether it did before ctx was done.
func (s *stack) await(ctx context.Context, what string, look func(context.Context) error) bool {
	var said time.Time
	for {
		err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil:
			if !said.IsZero() {
				s.log.InfoContext(ctx, what+" is there")
			}
			return true
		case said.IsZero() || time.Since(said) >= sayAgain:
			said = time.Now()
			s.log.WarnContext(ctx, what+" is not there yet", "error", err)
		}
		if !pause(ctx, lookAgain) {
			return false
		}
	}
}

// pause tells whether d has passed: where ctx is done before, it has not.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// awaitSchema keeps what works by itself from a database that it does not know: its looks would fail several times a second.
func (s *stack) awaitSchema(ctx context.Context) bool {
	return s.await(ctx, "the schema", s.checkSchema)
}

// awaitTemporal waits for a Temporal that may be starting beside us.
func (s *stack) awaitTemporal(ctx context.Context) bool {
	return s.await(ctx, "Temporal", func(ctx context.Context) error { return temporalclient.Check(ctx, s.temporal, s.namespace) })
}
