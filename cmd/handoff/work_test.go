package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	sdkworker "go.temporal.io/sdk/worker"
)

// hired is a worker of which only its start and its stop are known.
type hired struct {
	sdkworker.Worker
	starts func() error
	stops  func()
}

func (h hired) Start() error { return h.starts() }

func (h hired) Stop() { h.stops() }

// A namespace that is away for two minutes makes the SDK's worker stop for good. Its process lives on, and nothing would start it again.
func TestAWorkerThatGivesUpIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := &stack{log: slog.New(slog.NewTextHandler(&log, nil))}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var told []string
	tell := func(what string) { told = append(told, what) }
	workers := 0
	require.NoError(t, s.keepWorking(ctx, func(ctx context.Context) bool {
		tell("await Temporal")
		return ctx.Err() == nil
	}, func(gaveUp func(error)) (sdkworker.Worker, error) {
		workers++
		return hired{starts: func() error {
			tell("start")
			if workers < 3 {
				gaveUp(errors.New("namespace is not found"))
			}
			return nil
		}, stops: func() { tell("stop") }}, nil
	}, func(ctx context.Context) {
		tell("schedules")
		if workers == 3 {
			require.NoError(t, ctx.Err())
			stop()
		}
	}))
	one := []string{"await Temporal", "start", "schedules", "stop"}
	require.Equal(t, append(append(append(one, one...), one...), "await Temporal"), told)
	require.Equal(t, 2, bytes.Count(log.Bytes(), []byte(`msg="the worker gave up; another one is started" error="namespace is not found"`)), log.String())

	broken := errors.New("no such build")
	require.ErrorIs(t, s.keepWorking(t.Context(), func(context.Context) bool { return true }, func(func(error)) (sdkworker.Worker, error) {
		return hired{starts: func() error { return broken }}, nil
	}, func(context.Context) {}), broken)
}

// A Temporal that has just answered may take too long for the next call, on a busy machine or while it moves. The process of the worker ended
// with it, and whoever has nothing that starts it again had no worker from then on.
func TestAWorkerThatTemporalKeepsFromStartingIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &stack{log: slog.New(slog.NewTextHandler(&log, nil))}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		failures := []error{
			fmt.Errorf("failed reaching server: %w", serviceerror.NewDeadlineExceeded("context deadline exceeded")),
			fmt.Errorf("failed reaching server: %w", serviceerror.NewUnavailable("connection refused")),
		}
		started := false
		require.NoError(t, s.keepWorking(ctx, func(ctx context.Context) bool { return ctx.Err() == nil }, func(func(error)) (sdkworker.Worker, error) {
			return hired{starts: func() error {
				if len(failures) == 0 {
					return nil
				}
				err := failures[0]
				failures = failures[1:]
				return err
			}, stops: func() {}}, nil
		}, func(context.Context) {
			started = true
			stop()
		}))
		require.True(t, started)
		require.Equal(t, 2, bytes.Count(log.Bytes(), []byte(`msg="the worker did not start; another one is started"`)), log.String())
	})
}
