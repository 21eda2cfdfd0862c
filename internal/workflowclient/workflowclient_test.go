package workflowclient_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/mocks"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/internal/workflowclient"
	"handoff/workflows"
)

var (
	conv  = workflows.NewConversationInput(handoff.NewID(), handoff.NewID(), handoff.NewID())
	claim = workflows.ClaimInput{CommandInput: workflows.CommandInput{CommandID: "c-1", ConversationID: handoff.NewID()}}
)

func newClient(t *testing.T) (*mocks.Client, *workflowclient.Client) {
	t.Helper()
	m := &mocks.Client{}
	t.Cleanup(func() { m.AssertExpectations(t) })
	return m, workflowclient.New(m)
}

// handle is the handle of an update that ended with err.
func handle(err error) client.WorkflowUpdateHandle {
	h := &mocks.WorkflowUpdateHandle{}
	h.On("Get", mock.Anything, mock.Anything).Return(err)
	return h
}

func anUpdate(t *testing.T) any {
	t.Helper()
	return mock.MatchedBy(func(o client.UpdateWorkflowOptions) bool {
		t.Helper()
		require.Equal(t, "c-1", o.UpdateID, "the command's id makes the update idempotent at the server as well")
		require.Equal(t, workflows.ConversationID(conv.InboxID, conv.ContactID), o.WorkflowID)
		require.Equal(t, workflows.ClaimUpdate, o.UpdateName)
		return true
	})
}

func TestASignalStartsARunWhereThereIsNone(t *testing.T) {
	t.Parallel()
	m, c := newClient(t)
	item := handoff.NewID()
	m.On("SignalWithStartWorkflow", mock.Anything, workflows.ConversationID(conv.InboxID, conv.ContactID), workflows.InboundSignal,
		workflows.InboundInput{Items: []workflows.InboundItem{{Kind: "message", ID: item}}},
		mock.MatchedBy(func(o client.StartWorkflowOptions) bool {
			return o.TaskQueue == workflows.TaskQueue && o.WorkflowIDConflictPolicy == enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING &&
				o.WorkflowIDReusePolicy == enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
		}), workflows.ConversationName, conv).Return(nil, nil).Once()
	require.NoError(t, c.Signal(t.Context(), db.Wake{
		AccountID: conv.AccountID, InboxID: conv.InboxID, ContactID: conv.ContactID, Items: []db.WakeItem{{Kind: "message", ID: item}},
	}))
}

func TestACommandWhoseTaskFailedIsSentAgainUnderItsId(t *testing.T) {
	t.Parallel()
	m, c := newClient(t)
	dropped := fmt.Errorf("failed workflow update: %w", serviceerror.NewWorkflowNotReady("unexpected workflow task failure"))
	m.On("UpdateWorkflow", mock.Anything, anUpdate(t)).Return(handle(dropped), nil).Twice()
	m.On("UpdateWorkflow", mock.Anything, anUpdate(t)).Return(handle(nil), nil).Once()
	require.NoError(t, c.Update(t.Context(), conv, claim))
}

// The Temporal store was lost: the row is open and its run is gone.
func TestACommandForAConversationWithoutARunStartsOne(t *testing.T) {
	t.Parallel()
	m, c := newClient(t)
	m.On("UpdateWorkflow", mock.Anything, anUpdate(t)).Return(nil, serviceerror.NewNotFound("no such run")).Once()
	m.On("NewWithStartWorkflowOperation", mock.Anything, workflows.ConversationName, conv).Return(nil).Once()
	m.On("UpdateWithStartWorkflow", mock.Anything, mock.Anything).Return(handle(nil), nil).Once()
	require.NoError(t, c.Update(t.Context(), conv, claim))
}

func TestErrorsOfTemporalInTheProductsWords(t *testing.T) {
	t.Parallel()
	ana := &handoff.AgentRef{ID: handoff.NewID(), Name: "Ana"}
	refusal := activities.Refusal{Code: handoff.CodeConflict, Message: "Ana has it", Assignee: ana}
	for name, c := range map[string]struct {
		err  error
		code handoff.Code
	}{
		"a refusal": {temporal.NewApplicationErrorWithOptions("Ana has it", "conflict",
			temporal.ApplicationErrorOptions{Details: []any{refusal}}), handoff.CodeConflict},
		"a failure of ours":         {temporal.NewApplicationError("boom", "internal"), handoff.CodeInternal},
		"a run that has just ended": {serviceerror.NewNotFound("workflow execution already completed"), handoff.CodeConflict},
		"too many at once":          {serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_CONCURRENT_LIMIT, "10"), handoff.CodeUnavailable},
		"a server that is away":     {serviceerror.NewUnavailable("connection refused"), handoff.CodeUnavailable},
		"no answer in time":         {errors.New("context deadline exceeded"), handoff.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, client := newClient(t)
			m.On("UpdateWorkflow", mock.Anything, mock.Anything).Return(handle(c.err), nil).Once()
			err := client.Update(t.Context(), conv, workflows.ResolveInput{CommandInput: claim.CommandInput})
			var told *handoff.Error
			require.ErrorAs(t, err, &told)
			require.Equal(t, c.code, told.Code)
			if name == "a refusal" {
				require.Equal(t, ana, told.Assignee)
				require.Equal(t, "Ana has it", told.Message)
			}
			if c.code == handoff.CodeUnavailable {
				require.Equal(t, 2*time.Second, told.RetryAfter)
				require.NotContains(t, told.Message, "connection")
			}
		})
	}
}
