package workflowclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"handoff"
	"handoff/activities"
	"handoff/workflows"
)

// Erase sees to it that an erasure has a workflow.
func (c *Client) Erase(ctx context.Context, account, erasure, contact handoff.ID) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := c.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflows.ErasureID(contact), TaskQueue: workflows.TaskQueue,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowTaskTimeout:      taskTimeout,
		StaticSummary:            fmt.Sprintf("erase contact %s", contact),
	}, workflows.ErasureName, workflows.NewErasureInput(account, erasure, contact))
	return explain(err)
}

// Resolve asks a contact's run to end a conversation, by the signal that operators have.
func (c *Client) Resolve(ctx context.Context, ref activities.Ref, conversation handoff.ID, command string) error {
	in := workflows.ConversationInput{Ref: ref}
	options := c.startOptions(ctx, in)
	signal := workflows.ResolveInput{CommandInput: workflows.CommandInput{CommandID: command, ConversationID: conversation}}
	_, err := c.temporal.SignalWithStartWorkflow(ctx, options.ID, workflows.ResolveSignal, signal, options, workflows.ConversationName, in)
	return err
}

// Terminate ends a contact's run, if there is one.
func (c *Client) Terminate(ctx context.Context, ref activities.Ref) error {
	err := c.temporal.TerminateWorkflow(ctx, workflows.ConversationID(ref.InboxID, ref.ContactID), "", "the contact is being erased")
	var gone *serviceerror.NotFound
	if errors.As(err, &gone) {
		return nil
	}
	return err
}

// Forget deletes the histories of a contact's runs, as far as they can be listed by now, and tells how many that are. One that a server
// does not let us delete is kept until its retention is over.
func (c *Client) Forget(ctx context.Context, ref activities.Ref) (int, error) {
	id, deleted := workflows.ConversationID(ref.InboxID, ref.ContactID), 0
	var page []byte
	for {
		list, err := c.temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
			Query: fmt.Sprintf("WorkflowId = '%s'", id), NextPageToken: page,
		})
		if err != nil {
			return deleted, err
		}
		for _, execution := range list.Executions {
			_, err := c.temporal.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
				Namespace:         cmp.Or(c.Namespace, client.DefaultNamespace),
				WorkflowExecution: &common.WorkflowExecution{WorkflowId: id, RunId: execution.Execution.RunId},
			})
			var denied *serviceerror.PermissionDenied
			var unknown *serviceerror.Unimplemented
			var gone *serviceerror.NotFound
			switch {
			case err == nil:
				deleted++
			case errors.As(err, &denied), errors.As(err, &unknown), errors.As(err, &gone):
			default:
				return deleted, err
			}
		}
		if page = list.NextPageToken; len(page) == 0 {
			return deleted, nil
		}
	}
}
