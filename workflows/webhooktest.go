package workflows

import (
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"handoff/activities"
)

// WebhookTest sends one delivery that belongs to no conversation, on the schedule of every other delivery.
func WebhookTest(ctx workflow.Context, in WebhookTestInput) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Minute,
		HeartbeatTimeout:    5 * time.Second,
		Summary:             "a webhook of no conversation",
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Second, BackoffCoefficient: 2, MaximumInterval: time.Minute},
	})
	var result activities.DeliverResult
	return execute(ctx, a.TestDelivery, in.TestDeliveryInput).Get(ctx, &result)
}
