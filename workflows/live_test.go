package workflows_test

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
	"handoff/worker"
	"handoff/workflows"
)

// live is one contact served by a real Temporal server, in real time.
type live struct {
	*testing.T
	*fixture.World
	client client.Client
	queue  string
	in     workflows.ConversationInput
	run    string // that took the latest signal
}

// register is how a live test registers its worker.
type register func(sdkworker.Registry, *activities.Activities)

func asInProduction(r sdkworker.Registry, a *activities.Activities) {
	worker.RegisterWorkflows(r)
	worker.RegisterActivities(r, a)
}

func newLive(t *testing.T, with register, eventTypes ...string) *live {
	t.Helper()
	quiet := log.NewStructuredLogger(slog.New(slog.DiscardHandler))
	c, err := client.Dial(client.Options{HostPort: testenv.Temporal(t), Logger: quiet, Identity: "test"})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	l := &live{T: t, World: fixture.New(t, dbtest.Pool(t), eventTypes...), client: c, queue: "test-" + handoff.NewID().String()}
	w := sdkworker.New(c, l.queue, sdkworker.Options{Identity: "test", WorkerStopTimeout: 5 * time.Second})
	with(w, l.Activities(t, time.Now))
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)
	return l
}

// says lets John write and wakes the conversation, as intake and dispatcher do.
func (l *live) says(text string) {
	l.Helper()
	for _, wake := range l.Accept(l.T, l.Body(john, text), time.Now()).Wakes {
		l.signal(wake)
	}
}

func (l *live) signal(wake db.Wake) {
	l.Helper()
	l.in = workflows.NewConversationInput(wake.AccountID, wake.InboxID, wake.ContactID)
	signal := workflows.InboundInput{}
	for _, item := range wake.Items {
		signal.Items = append(signal.Items, workflows.InboundItem{Kind: item.Kind, ID: item.ID})
	}
	run, err := l.client.SignalWithStartWorkflow(l.Context(), l.id(), workflows.InboundSignal, signal, client.StartWorkflowOptions{
		TaskQueue: l.queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, workflows.ConversationName, l.in)
	require.NoError(l, err)
	l.run = run.GetRunID()
}

func (l *live) id() string { return workflows.ConversationID(l.in.InboxID, l.in.ContactID) }

func (l *live) conversation() dbsqlc.Conversation {
	l.Helper()
	rows, err := dbsqlc.New(l.DB).ConversationList(l.Context(), dbsqlc.ConversationListParams{
		AccountID: l.Account.ID, Statuses: []string{}, RowLimit: 1,
	})
	require.NoError(l, err)
	require.NotEmpty(l, rows)
	return rows[0].Conversation
}

// opened waits until the conversation is there: a query is answered after the first task.
func (l *live) opened() dbsqlc.Conversation {
	l.Helper()
	_, err := l.client.QueryWorkflow(l.Context(), l.id(), "", workflows.StateQuery)
	require.NoError(l, err)
	return l.conversation()
}

func (l *live) command(actor handoff.Actor) workflows.CommandInput {
	return workflows.CommandInput{CommandID: handoff.NewID().String(), ConversationID: l.opened().ID, Actor: actor}
}

// update sends a command as the API does: if its task fails under it, the same command is sent again.
func (l *live) update(name string, arg any) error {
	ctx, cancel := context.WithTimeout(l.Context(), 30*time.Second)
	defer cancel()
	for {
		start := l.client.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
			ID: l.id(), TaskQueue: l.queue, WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		}, workflows.ConversationName, l.in)
		handle, err := l.client.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: start, UpdateOptions: client.UpdateWorkflowOptions{
				WorkflowID: l.id(), UpdateName: name, Args: []any{arg}, WaitForStage: client.WorkflowUpdateStageCompleted,
			},
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		var again *serviceerror.WorkflowNotReady
		if !errors.As(err, &again) {
			return err
		}
	}
}

func (l *live) claim(actor handoff.Actor) error {
	return l.update(workflows.ClaimUpdate, workflows.ClaimInput{CommandInput: l.command(actor)})
}

func (l *live) resolveBy(actor handoff.Actor) error {
	return l.update(workflows.ResolveUpdate, workflows.ResolveInput{CommandInput: l.command(actor)})
}

func (l *live) reply(actor handoff.Actor) error {
	l.Helper()
	text := "Hi John"
	conv := l.opened()
	row, err := dbsqlc.New(l.DB).MessageInsertOutbound(l.Context(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: l.Account.ID, InboxID: conv.InboxID, ContactID: conv.ContactID,
		AuthorType: handoff.AuthorAgent, AuthorID: actor.AgentID(), AuthorName: &actor.Agent.Name, Type: "text", Text: &text,
		Content: []byte(`{"body":` + strconv.Quote(text) + `}`), CreatedAt: time.Now(),
	})
	require.NoError(l, err)
	return l.update(workflows.ReplyUpdate, workflows.ReplyInput{CommandInput: l.command(actor), MessageID: row.ID, Type: "text"})
}

// wait waits for the end of the contact's last run, through those that continue it.
func (l *live) wait() {
	l.Helper()
	ctx, cancel := context.WithTimeout(l.Context(), time.Minute)
	defer cancel()
	require.NoError(l, l.client.GetWorkflow(ctx, l.id(), "").Get(ctx, nil))
}

// history is that of a run, "" for the last.
func (l *live) history(run string) *historypb.History {
	l.Helper()
	out := &historypb.History{}
	events := l.client.GetWorkflowHistory(l.Context(), l.id(), run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		require.NoError(l, err)
		out.Events = append(out.Events, e)
	}
	return out
}

// tasksFailed counts the workflow tasks that failed, by cause.
func tasksFailed(h *historypb.History) map[enumspb.WorkflowTaskFailedCause]int {
	out := map[enumspb.WorkflowTaskFailedCause]int{}
	for _, e := range h.Events {
		if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil {
			out[failed.Cause]++
		}
	}
	return out
}
