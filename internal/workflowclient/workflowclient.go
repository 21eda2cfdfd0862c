// Package workflowclient speaks to the conversations' workflows for the API and the dispatcher: it knows Temporal, they do not.
package workflowclient

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/workflows"
)

// timeout bounds every call. The SDK retries within it while Temporal is away, and after it the caller is told to come back.
const timeout = 5 * time.Second

// taskTimeout is as long as the heartbeat time-out of a lane's activity: whatever a worker dies in, others go on after five seconds. Tasks
// that take longer, with a database that is slow, are kept alive by the SDK.
const taskTimeout = 5 * time.Second

// Client sends signals and updates to conversations.
type Client struct {
	temporal client.Client
	// Inbox names an inbox for operators; nil where nobody can. It is asked for each signal, so it must know most answers.
	Inbox func(ctx context.Context, inbox handoff.ID) (name string, protocol handoff.Protocol, err error)
	// Namespace is where histories are deleted; "default" if absent.
	Namespace string
}

// droppedPause is the wait before an update is sent again whose task failed.
const droppedPause = 20 * time.Millisecond

// New makes a Client over a connection to Temporal.
func New(c client.Client) *Client { return &Client{temporal: c} }

// Signal wakes a contact's conversation, and starts a run where there is none.
func (c *Client) Signal(ctx context.Context, w db.Wake) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	in := workflows.NewConversationInput(w.AccountID, w.InboxID, w.ContactID)
	signal := workflows.InboundInput{Items: make([]workflows.InboundItem, 0, len(w.Items))}
	for _, item := range w.Items {
		signal.Items = append(signal.Items, workflows.InboundItem{Kind: item.Kind, ID: item.ID})
	}
	options := c.startOptions(ctx, in)
	_, err := c.temporal.SignalWithStartWorkflow(ctx, options.ID, workflows.InboundSignal, signal, options, workflows.ConversationName, in)
	return err
}

// startOptions let a signal or update land in the open run or start the next one, and never fail for either.
func (c *Client) startOptions(ctx context.Context, in workflows.ConversationInput) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:                       workflows.ConversationID(in.InboxID, in.ContactID),
		TaskQueue:                workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		// A task whose worker died is run again by another after this time. The server's default is 10 s.
		WorkflowTaskTimeout: taskTimeout,
		StaticSummary:       c.summary(ctx, in),
		StaticDetails:       details(in),
	}
}

// Update carries out a command and waits for its outcome.
func (c *Client) Update(ctx context.Context, conv workflows.ConversationInput, in workflows.Input) error {
	return c.update(ctx, conv, in.UpdateName(), in.Common().CommandID, in)
}

// TestWebhook sends one delivery that belongs to no conversation, now.
func (c *Client) TestWebhook(ctx context.Context, in workflows.WebhookTestInput) error {
	return c.startDelivery(ctx, in, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING)
}

// Deliver sees to it that a delivery that belongs to no conversation has a workflow that sends it.
func (c *Client) Deliver(ctx context.Context, account, delivery handoff.ID) error {
	return c.startDelivery(ctx, workflows.NewWebhookTestInput(account, delivery), enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
}

func (c *Client) startDelivery(ctx context.Context, in workflows.WebhookTestInput, existing enumspb.WorkflowIdConflictPolicy) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.WebhookTestID(in.DeliveryID), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: existing,
		StaticSummary:            "a webhook of no conversation",
	}, workflows.WebhookTestName, in)
	return explain(err)
}

// update sends an update and waits for its outcome. An open conversation whose run is gone (a Temporal store that was lost) gets a
// new run, which reads its rows first.
func (c *Client) update(ctx context.Context, conv workflows.ConversationInput, name, id string, arg any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	options := client.UpdateWorkflowOptions{
		UpdateID: id, WorkflowID: workflows.ConversationID(conv.InboxID, conv.ContactID), UpdateName: name, Args: []any{arg},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
	for {
		err := c.updateOnce(ctx, conv, options)
		// The task that carried it out failed, because a signal came while it was completing the run, and the update was dropped.
		// The command may be done; it has the same id, so that it is not done twice.
		var dropped *serviceerror.WorkflowNotReady
		if !errors.As(err, &dropped) {
			return explain(err)
		}
		select {
		case <-ctx.Done():
			return explain(err)
		case <-time.After(droppedPause):
		}
	}
}

func (c *Client) updateOnce(ctx context.Context, conv workflows.ConversationInput, options client.UpdateWorkflowOptions) error {
	handle, err := c.temporal.UpdateWorkflow(ctx, options)
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		start := c.temporal.NewWithStartWorkflowOperation(c.startOptions(ctx, conv), workflows.ConversationName, conv)
		handle, err = c.temporal.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start, UpdateOptions: options,
		})
	}
	if err != nil {
		return err
	}
	var out workflows.Outcome
	return handle.Get(ctx, &out)
}

// explain puts an error of Temporal into the product's vocabulary.
func explain(err error) error {
	if err == nil {
		return nil
	}
	var refused *temporal.ApplicationError
	if errors.As(err, &refused) {
		var r activities.Refusal
		if refused.HasDetails() && refused.Details(&r) == nil && r.Code != "" {
			return &handoff.Error{Code: r.Code, Message: r.Message, Assignee: r.Assignee}
		}
		return &handoff.Error{Code: handoff.CodeInternal, Message: "the command failed", Err: err}
	}
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return &handoff.Error{Code: handoff.CodeConflict, Message: "the conversation has ended", Err: err}
	}
	// Everything else is Temporal being away, overloaded or slow. The command may still be carried out, so the same
	// Idempotency-Key must be used again.
	return &handoff.Error{
		Code: handoff.CodeUnavailable, RetryAfter: 2 * time.Second, Err: err,
		Message: "commands cannot be carried out just now: try again with the same Idempotency-Key",
	}
}
