package workflows_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"handoff"
	"handoff/workflows"
)

// The contact writes again while an endpoint keeps a webhook of the conversation that is over for as long as it may. The run that goes on
// in a new one has to wait for that attempt, and served nobody meanwhile: agents could not claim the next conversation.
func TestTheNextConversationIsServedWhileAnAttemptOfTheLastIsUnderWay(t *testing.T) {
	t.Parallel()
	l := newLive(t, asInProduction)
	asked, answer := make(chan struct{}, 10), make(chan struct{})
	release := sync.OnceFunc(func() { close(answer) })
	t.Cleanup(release)
	l.Gateway.Answer(func(int) (int, string) {
		asked <- struct{}{}
		<-answer
		return http.StatusOK, ""
	})
	l.says("I need to speak to a human")
	require.NoError(t, l.reply(l.Ana))
	<-asked
	require.NoError(t, l.resolveBy(l.Ana))
	first := l.run
	l.says("one more thing")
	require.Eventually(t, func() bool { return l.conversation().Status == handoff.StatusWaiting }, 30*time.Second, 10*time.Millisecond)
	require.NoError(t, l.update(workflows.ClaimUpdate, workflows.ClaimInput{CommandInput: workflows.CommandInput{
		CommandID: handoff.NewID().String(), ConversationID: l.conversation().ID, Actor: l.Ben,
	}}))

	claimed := false
	for _, e := range l.history(first).Events {
		switch {
		case e.GetWorkflowExecutionUpdateAcceptedEventAttributes().GetAcceptedRequest().GetInput().GetName() == workflows.ClaimUpdate:
			claimed = true
		case e.GetWorkflowExecutionUpdateCompletedEventAttributes() != nil:
			claimed = false
		case claimed:
			require.NotContains(t, []enumspb.EventType{
				enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED,
			}, e.EventType, "the claim waited for the endpoint")
		}
	}
	require.Equal(t, handoff.StatusAssigned, l.conversation().Status)
	release()
	require.NoError(t, l.resolveBy(l.Ben))
	l.wait()
	require.Equal(t, 2, l.Count(t, "conversations", "status = 'ended'"))
	require.Zero(t, l.Count(t, "deliveries", "state <> 'delivered'"))
}
