package main

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/api/serviceerror"
	sdkworker "go.temporal.io/sdk/worker"

	"handoff/internal/workflowclient"
)

// keepWorking runs a worker until ctx is done, and another one where that gives up: the SDK's worker stops for good when its namespace has
// been missing for two minutes, as that of a Temporal whose store was lost is until `handoff migrate` has made it again; and it does not start
// where Temporal, ready a moment ago, takes more than the SDK's 5 s to answer. meanwhile is run beside each worker until its context is done.
func (s *stack) keepWorking(ctx context.Context, ready func(context.Context) bool, hire func(gaveUp func(error)) (sdkworker.Worker, error),
	meanwhile func(context.Context),
) error {
	for ready(ctx) {
		alive, gaveUp := context.WithCancelCause(ctx)
		w, err := hire(gaveUp)
		if err == nil {
			err = w.Start()
		}
		if err != nil {
			gaveUp(nil)
			if ctx.Err() != nil {
				return nil
			}
			if !ofTemporal(err) {
				return err
			}
			s.log.WarnContext(ctx, "the worker did not start; another one is started", "error", err)
			pause(ctx, lookAgain)
			continue
		}
		meanwhile(alive)
		<-alive.Done()
		w.Stop()
		gaveUp(nil)
		if ctx.Err() == nil {
			s.log.ErrorContext(ctx, "the worker gave up; another one is started", "error", context.Cause(alive))
		}
	}
	return nil
}

// ofTemporal tells an error that a call of Temporal ended with from one of our own.
func ofTemporal(err error) bool {
	var answered serviceerror.ServiceError
	return errors.As(err, &answered) || errors.Is(err, context.DeadlineExceeded)
}

// missedEvery is how often a schedule that is gone is made again.
const missedEvery = 10 * time.Minute

// keepSchedules makes the schedules as they are declared, and later those that are gone, with a Temporal store that was lost: what they
// start deletes what is past its time. It does not change those that are there: a worker of another version may have declared them.
// A worker works without them.
func (s *stack) keepSchedules(ctx context.Context, schedules *workflowclient.Client) {
	there := s.await(ctx, "a schedule", schedules.EnsureSchedules)
	for there && pause(ctx, missedEvery) {
		there = s.await(ctx, "a schedule", schedules.RestoreSchedules)
	}
}
