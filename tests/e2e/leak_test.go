package e2e_test

import (
	"context"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"

	"handoff/workflows"
)

// nothingLeaks looks for what people said and who they are, and for keys and secrets, where they may never be: in what Temporal
// stores and in the logs. The workflow itself must be found by its attributes and say in words what became of it.
func (s *stack) nothingLeaks(conv conversation, said ...string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	temporal := s.temporal()

	id := "conversation:" + s.inbox + ":" + conv.Contact.ID
	query := workflows.InboxAttribute.GetName() + " = '" + s.inbox + "' AND " + workflows.StatusAttribute.GetName() + " = 'ended'"
	until(s.T, readyWithin, "the workflow is found by its attributes and complete", func() bool {
		found, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Execution.WorkflowId == id &&
			found.Executions[0].Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	})
	described, err := temporal.DescribeWorkflowExecution(ctx, id, "")
	require.NoError(s, err)
	shown := described.String()
	require.Contains(s, shown, conv.Contact.ID)
	value, err := temporal.QueryWorkflow(ctx, id, "", "__temporal_workflow_metadata")
	require.NoError(s, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(s, value.Get(&metadata))
	require.Contains(s, metadata.CurrentDetails, "Ended (resolved)")
	shown += metadata.CurrentDetails

	stored := written(s.history(id))
	require.Contains(s, stored, conv.ID, "the history is there")
	secrets := []string{s.gatewayKey, s.anaKey, s.adminKey, s.secret, s.metaToken, s.keysetKey}
	for _, canary := range append(said, secrets...) {
		require.NotContains(s, stored, canary, "Temporal's history")
		require.NotContains(s, shown, canary, "Temporal's description")
		require.NotContains(s, s.serve.log(), canary, "the API's log")
		require.NotContains(s, s.worker.log(), canary, "the worker's log")
	}
	require.NotContains(s, s.serve.log()+s.worker.log(), strings.TrimPrefix(s.secret, "whsec_"))
}
