package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"handoff"
	"handoff/workflows"
)

// A batch operation sends one payload to many conversations. The first that carried it out must not be the only one.
func TestACommandIDOfAnOperatorsIsForOneConversation(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		s.Exec(t, "INSERT INTO commands (id, conversation_id, created_at) SELECT $1, id, now() FROM conversations", "clean-up for conversation:another")
		s.Exec(t, "INSERT INTO commands (id, conversation_id, created_at) SELECT $1, id, now() FROM conversations", "clean-up")
		s.signals("Resolve", `{"by": "Olga", "command_id": "clean-up"}`)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, time.Minute, s.passed())
	require.Equal(t, handoff.EndAdmin, *s.conversation().EndReason)
	require.Equal(t, []audited{{"operator", "Olga", "resolve-conversation", "conversation", ""}}, s.audited())
}

// The prefix of the commands of an erasure is no way past the audit log.
func TestNoCommandIDKeepsASignalOutOfTheAuditLog(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.signals("Resolve", `{"by": "Olga", "command_id": "erasure:none"}`) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []audited{{"operator", "Olga", "resolve-conversation", "conversation", ""}}, s.audited())
}

// Temporal sends the signals of a run again when it is reset. The conversation that is open by then is another one.
func TestAResetDoesNotCarryOutAnOldSignalAgain(t *testing.T) {
	t.Parallel()
	l := newLive(t, asInProduction)
	l.says("I need to speak to a human")
	first := l.opened()
	require.NoError(t, l.client.SignalWorkflow(t.Context(), l.id(), "", workflows.ResolveSignal, map[string]string{"by": "Olga"}))
	l.wait()
	run := l.run
	l.says("It is me again")
	second := l.opened()
	require.NotEqual(t, first.ID, second.ID)
	var task int64
	for _, e := range l.history(run).Events {
		if e.EventType == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			task = e.EventId
			break
		}
	}
	_, err := l.client.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &common.WorkflowExecution{WorkflowId: l.id(), RunId: run}, Reason: "a test",
		WorkflowTaskFinishEventId: task, RequestId: handoff.NewID().String(), ResetReapplyType: enums.RESET_REAPPLY_TYPE_ALL_ELIGIBLE, //nolint:staticcheck // what the UI sends
	})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for _, e := range l.history("").Events {
			if e.GetWorkflowExecutionSignaledEventAttributes().GetSignalName() == workflows.ResolveSignal {
				_, err := l.client.QueryWorkflow(t.Context(), l.id(), "", workflows.StateQuery)
				return err == nil
			}
		}
		return false
	}, 30*time.Second, 50*time.Millisecond)
	l.says("Still here?")
	open := l.opened()
	require.Equal(t, second.ID, open.ID)
	require.Equal(t, handoff.StatusWaiting, open.Status)
}
