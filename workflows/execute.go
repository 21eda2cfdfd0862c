package workflows

import (
	"context"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// a names activities as method values. It is never dereferenced: the worker runs the registered instance.
var a *activities.Activities

// execute starts an activity. The SDK takes any argument for any activity and finds a wrong one only in the worker, where it is
// retried for ever; through this the compiler finds it.
func execute[In, Out any](ctx workflow.Context, activity func(context.Context, In) (Out, error), in In) workflow.Future {
	return workflow.ExecuteActivity(ctx, activity, in)
}

// foreverTimeout is longer than any outage.
const foreverTimeout = 10 * 365 * 24 * time.Hour

// local runs a local activity: a write to Postgres within the workflow task, which takes half of the events and two thirds of
// the time of a regular one. It is retried until it succeeds, with Postgres away for however long.
func local[In, Out any](ctx workflow.Context, summary string, activity func(context.Context, In) (Out, error), in In) (Out, error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 10 * time.Second,
		// Left out, it is as long as one execution may take, and ends the retries: the run failed after ten seconds without Postgres.
		ScheduleToCloseTimeout: foreverTimeout,
		Summary:                summary,
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: 50 * time.Millisecond, BackoffCoefficient: 2, MaximumInterval: 10 * time.Second,
		},
	})
	var out Out
	err := workflow.ExecuteLocalActivity(ctx, activity, in).Get(ctx, &out)
	return out, err
}

// executeLocal starts a local activity that is tried once: what it does not do is done otherwise.
func executeLocal[In, Out any](ctx workflow.Context, summary string, activity func(context.Context, In) (Out, error), in In) workflow.Future {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{
		StartToCloseTimeout: 5 * time.Second,
		Summary:             summary,
		RetryPolicy:         &temporal.RetryPolicy{MaximumAttempts: 1},
	})
	return workflow.ExecuteLocalActivity(ctx, activity, in)
}

func applyInbound(ctx workflow.Context, in activities.ApplyInboundInput) (activities.Snapshot, error) {
	return local(ctx, "apply inbound", a.ApplyInbound, in)
}
