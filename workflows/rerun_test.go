package workflows_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"handoff"
	"handoff/activities"
	"handoff/internal/fixture"
	"handoff/internal/protocol/hitlchat"
	"handoff/worker"
	"handoff/workflows"
)

// tally counts the runs of local activities and calls after once, when the first run of the named one has committed.
type tally struct {
	mu    sync.Mutex
	runs  map[string]int
	after map[string]func()
}

func (c *tally) ran(name string) {
	c.mu.Lock()
	c.runs[name]++
	f := c.after[name]
	delete(c.after, name)
	c.mu.Unlock()
	if f != nil {
		f()
	}
}

func (c *tally) count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.runs[name]
}

// watched registers an activity so that the tally sees its runs after they have committed.
func watched[In, Out any](r sdkworker.Registry, c *tally, name string, f func(context.Context, In) (Out, error)) {
	r.RegisterActivityWithOptions(func(ctx context.Context, in In) (Out, error) {
		out, err := f(ctx, in)
		c.ran(name)
		return out, err
	}, activity.RegisterOptions{Name: name})
}

func (c *tally) register(r sdkworker.Registry, a *activities.Activities) {
	watched(r, c, "ApplyInbound", a.ApplyInbound)
	watched(r, c, "Claim", a.Claim)
	watched(r, c, "Release", a.Release)
	watched(r, c, "Reply", a.Reply)
	watched(r, c, "End", a.End)
	watched(r, c, "DeliverWebhooks", a.DeliverWebhooks)
}

// A signal that arrives during the task that completes the workflow fails that task. Its local activities have committed, and
// their results are lost with it.
func TestATaskThatASignalCutsShortIsRunAgainAndAppliesNothingTwice(t *testing.T) {
	t.Parallel()
	c := &tally{runs: map[string]int{}, after: map[string]func(){}}
	l := newLive(t, func(r sdkworker.Registry, a *activities.Activities) {
		worker.RegisterWorkflows(r)
		c.register(r, a)
	}, hitlchat.EventOutboundMessage)
	l.says("I need to speak to a human")
	require.NoError(t, l.claim(l.Ana))
	first := l.conversation()
	c.mu.Lock()
	c.after["End"] = func() { l.says("one more thing") }
	c.mu.Unlock()
	require.NoError(t, l.resolveBy(l.Ana))

	// What came with the signal opened the next conversation: the run went on as a new one.
	require.NoError(t, l.claim(l.Ben))
	second := l.conversation()
	require.NotEqual(t, first.ID, second.ID)
	require.NoError(t, l.resolveBy(l.Ben))
	l.wait()
	for _, conv := range []handoff.ID{first.ID, second.ID} {
		require.Equal(t, []handoff.EventType{
			handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventEnded,
		}, typesOf(l.Events(t, conv)))
	}
}

// The same with a task that fails for any other reason, after each of the writes in turn.
func TestATaskThatFailsAfterItsWriteIsRunAgainAndAppliesNothingTwice(t *testing.T) {
	t.Parallel()
	for _, write := range []string{"ApplyInbound", "Claim", "Reply", "Release", "End"} {
		t.Run(write, func(t *testing.T) {
			t.Parallel()
			c := &tally{runs: map[string]int{}, after: map[string]func(){}}
			var broken sync.Mutex
			fail := false
			c.after[write] = func() { broken.Lock(); fail = true; broken.Unlock() }
			l := newLive(t, func(r sdkworker.Registry, a *activities.Activities) {
				r.RegisterWorkflowWithOptions(func(ctx workflow.Context, in workflows.ConversationInput) error {
					workflow.Go(ctx, func(ctx workflow.Context) {
						_ = workflow.Await(ctx, func() bool {
							broken.Lock()
							defer broken.Unlock()
							if fail {
								fail = false
								panic("the task fails, once")
							}
							return false
						})
					})
					return workflows.Conversation(ctx, in)
				}, workflow.RegisterOptions{Name: workflows.ConversationName})
				c.register(r, a)
			})
			l.says("I need to speak to a human")
			require.NoError(t, l.claim(l.Ana))
			require.NoError(t, l.reply(l.Ana))
			require.NoError(t, l.update(workflows.ReleaseUpdate, workflows.ReleaseInput{CommandInput: l.command(l.Ana)}))
			require.NoError(t, l.resolveBy(l.Ben))
			l.wait()

			require.GreaterOrEqual(t, c.count(write), 2, "it was run again")
			require.Equal(t, 1, tasksFailed(l.history(l.run))[enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE])
			require.ElementsMatch(t, []handoff.EventType{
				handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventMessageQueued,
				handoff.EventMessageDeliveredToGateway, handoff.EventReleased, handoff.EventEnded,
			}, typesOf(l.Events(t, l.conversation().ID)))
			require.Equal(t, []string{"outbound_message", "conversation_resolved"}, eventsOf(l.Gateway))
		})
	}
}

// The closing task fails with UnhandledCommand: the signal brings nothing, so that the run must complete all the same.
func TestAClosingTaskThatMeetsASignalClosesAgain(t *testing.T) {
	t.Parallel()
	c := &tally{runs: map[string]int{}, after: map[string]func(){}}
	l := newLive(t, func(r sdkworker.Registry, a *activities.Activities) {
		worker.RegisterWorkflows(r)
		c.register(r, a)
	}, hitlchat.EventOutboundMessage)
	l.says("I need to speak to a human")
	require.NoError(t, l.claim(l.Ana))
	c.mu.Lock()
	c.after["End"] = func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = l.client.SignalWorkflow(ctx, l.id(), "", workflows.InboundSignal, workflows.InboundInput{})
	}
	c.mu.Unlock()
	require.NoError(t, l.resolveBy(l.Ana))
	l.wait()
	require.Equal(t, 1, tasksFailed(l.history(l.run))[enumspb.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND])
	require.GreaterOrEqual(t, c.count("End"), 2)
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventEnded,
	}, typesOf(l.Events(t, l.conversation().ID)))
}

// The Temporal UI sends a signal with no payload at all, or with null.
func TestAnOperatorsBareSignalEndsTheConversation(t *testing.T) {
	t.Parallel()
	l := newLive(t, asInProduction)
	l.says("I need to speak to a human")
	l.opened()
	require.NoError(t, l.signalBare(workflows.ResolveSignal))
	l.wait()
	require.Equal(t, handoff.EndAdmin, *l.conversation().EndReason)
}

func (l *live) signalBare(name string) error {
	_, err := l.client.WorkflowService().SignalWorkflowExecution(l.Context(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: l.id()}, SignalName: name,
	})
	return err
}

func typesOf(events []fixture.Event) (out []handoff.EventType) {
	for _, e := range events {
		out = append(out, e.Type)
	}
	return out
}
