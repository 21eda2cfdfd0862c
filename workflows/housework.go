package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// step runs one step of an erasure and shows it.
func step[In, Out any](ctx workflow.Context, e *erasure, what string, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	e.show(ctx, "Now: "+what+".")
	return housework(ctx, what, activity, in)
}

// housework runs an activity that may take long and does its work in batches: it is retried until it is through, with whatever away.
func housework[In, Out any](ctx workflow.Context, what string, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	return bounded(ctx, 0, what, activity, in)
}

// bounded is the same for work that others wait behind: after so many tries it is given up. 0 is never.
func bounded[In, Out any](ctx workflow.Context, tries int32, what string, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 6 * time.Hour,
		HeartbeatTimeout:    time.Minute,
		Summary:             what,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute, MaximumAttempts: tries,
			NonRetryableErrorTypes: []string{activities.Unerased},
		},
	})
	var out Out
	err := execute(ctx, activity, in).Get(ctx, &out)
	return out, err
}
