package workflows_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/proxy"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/worker"
	"handoff/workflows"
)

// recordVariable makes TestRecordHistories record: `make histories` sets it.
const recordVariable = "HANDOFF_RECORD_HISTORIES"

const histories = "testdata/histories"

func recorded(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(histories + "/*.json")
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 7, "histories are checked in; `make histories` records them")
	return files
}

// Conversations that began under an older version of the code go on under this one. A history is recorded once for each released
// shape and then kept: a change that it does not survive needs workflow.GetVersion.
func TestRecordedHistoriesReplay(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			r := sdkworker.NewWorkflowReplayer()
			worker.RegisterWorkflows(r)
			require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(nil, file))
		})
	}
}

// The replayer is worth nothing if it takes anything. Each of these changes would break a conversation that is under way.
func TestAnIncompatibleChangeDoesNotReplay(t *testing.T) {
	t.Parallel()
	for name, changed := range map[string]func(workflow.Context, workflows.ConversationInput) error{
		"a timer before everything": func(ctx workflow.Context, in workflows.ConversationInput) error {
			if err := workflow.Sleep(ctx, time.Second); err != nil {
				return err
			}
			return workflows.Conversation(ctx, in)
		},
		"a side effect at the start": func(ctx workflow.Context, in workflows.ConversationInput) error {
			workflow.SideEffect(ctx, func(workflow.Context) any { return 1 })
			return workflows.Conversation(ctx, in)
		},
		"no work at all": func(workflow.Context, workflows.ConversationInput) error { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, file := range recorded(t) {
				r := sdkworker.NewWorkflowReplayer()
				r.RegisterWorkflowWithOptions(changed, workflow.RegisterOptions{Name: workflows.ConversationName})
				require.Error(t, r.ReplayWorkflowHistoryFromJSONFile(nil, file), file)
			}
		})
	}
}

var (
	digits = regexp.MustCompile(`[0-9]{9,}`)
	// A UUID can hold nine digits in a row by chance.
	ownID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// What is in a Temporal history cannot be erased and is shown in its UI.
func TestHistoriesHoldNoPersonalData(t *testing.T) {
	t.Parallel()
	for _, file := range recorded(t) {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		h, err := client.HistoryFromJSON(bytes.NewReader(data), client.HistoryJSONOptions{})
		require.NoError(t, err)
		requireNothingPersonal(t, h)
	}
}

func requireNothingPersonal(t *testing.T, h *historypb.History) {
	t.Helper()
	payloads := 0
	err := proxy.VisitPayloads(t.Context(), h, proxy.VisitPayloadsOptions{
		Visitor: func(_ *proxy.VisitPayloadsContext, list []*commonpb.Payload) ([]*commonpb.Payload, error) {
			for _, p := range list {
				payloads++
				for _, said := range []string{john, "speak to a human", "Hi John", "one more thing", "wamid.", "John"} {
					require.NotContains(t, string(p.Data), said)
				}
			}
			return list, nil
		},
	})
	require.NoError(t, err)
	require.Positive(t, payloads)
	for _, e := range h.Events {
		text, err := protojson.Marshal(e)
		require.NoError(t, err)
		for _, line := range strings.Split(string(text), ",") {
			if strings.Contains(line, "workflow_id") || strings.Contains(line, "workflowId") {
				require.NotRegexp(t, digits, ownID.ReplaceAllString(line, "ID"), "our ids alone name a workflow")
			}
		}
	}
}

func TestRecordHistories(t *testing.T) {
	if os.Getenv(recordVariable) != "1" {
		t.Skip("records only with " + recordVariable + "=1")
	}
	require.NoError(t, os.MkdirAll(histories, 0o755))
	for name, scenario := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLive(t, asInProduction)
			runs := scenario(l)
			for i, run := range runs {
				file := name
				if i > 0 {
					file += "-" + string(rune('1'+i))
				}
				l.write(filepath.Join(histories, file+".json"), run)
			}
		})
	}
}

func (l *live) write(file, run string) {
	l.Helper()
	h := l.history(run)
	requireNothingPersonal(l.T, h)
	data, err := protojson.MarshalOptions{Indent: " "}.Marshal(h)
	require.NoError(l, err)
	require.NoError(l, os.WriteFile(file, append(data, '\n'), 0o644))
}

func (l *live) delivery() (id handoff.ID) {
	l.Helper()
	require.NoError(l, l.DB.QueryRow(l.Context(), "SELECT id FROM deliveries ORDER BY position LIMIT 1").Scan(&id))
	return id
}

// scenarios give the runs that they went through.
var scenarios = map[string]func(*live) []string{
	"answered-and-resolved": func(l *live) []string {
		l.says("I need to speak to a human")
		require.NoError(l, l.claim(l.Ana))
		require.NoError(l, l.reply(l.Ana))
		l.says("one more thing")
		require.NoError(l, l.resolveBy(l.Ana))
		l.wait()
		return []string{l.run}
	},
	"second-claim-rejected": func(l *live) []string {
		l.says("I need to speak to a human")
		one, other := l.command(l.Ana), l.command(l.Ben)
		var both sync.WaitGroup
		both.Go(func() { _ = l.update(workflows.ClaimUpdate, workflows.ClaimInput{CommandInput: one}) })
		both.Go(func() { _ = l.update(workflows.ClaimUpdate, workflows.ClaimInput{CommandInput: other}) })
		both.Wait()
		require.Error(l, l.claim(l.Agent(l.T, "Cem")))
		require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", workflows.ResolveSignal, nil))
		l.wait()
		return []string{l.run}
	},
	"inactivity": func(l *live) []string {
		l.Exec(l.T, "UPDATE inboxes SET inactivity = '2 seconds'")
		l.says("I need to speak to a human")
		require.NoError(l, l.reply(l.Ana))
		l.wait()
		return []string{l.run}
	},
	"continued-as-new": func(l *live) []string {
		l.Gateway.Answer(func(n int) (int, string) {
			if n == 1 {
				return http.StatusServiceUnavailable, ""
			}
			return http.StatusOK, ""
		})
		l.says("I need to speak to a human")
		require.NoError(l, l.reply(l.Ana))
		require.NoError(l, l.resolveBy(l.Ana))
		first := l.run
		l.says("one more thing")
		require.NoError(l, l.resolveBy(l.Ben))
		second := l.client.GetWorkflow(l.Context(), l.id(), "").GetRunID()
		l.wait()
		return []string{first, second}
	},
	"delivery-retried": func(l *live) []string {
		l.Gateway.Answer(func(n int) (int, string) {
			if n == 1 {
				return http.StatusServiceUnavailable, ""
			}
			return http.StatusOK, `{"messages":[{"id":"wamid.recorded"}]}`
		})
		l.says("I need to speak to a human")
		require.NoError(l, l.reply(l.Ana))
		require.NoError(l, l.resolveBy(l.Ana))
		l.wait()
		return []string{l.run}
	},
	"timed": func(l *live) []string {
		team := l.Team(l.T, "Support", "", l.Ana, l.Ben)
		l.says("I need to speak to a human")
		soon := time.Now().Add(2 * time.Second)
		offer := activities.Offer{AgentID: l.Ben.AgentID(), Seconds: 1}
		for _, in := range []func(workflows.CommandInput) workflows.Input{
			func(c workflows.CommandInput) workflows.Input { return workflows.ClaimInput{CommandInput: c} },
			func(c workflows.CommandInput) workflows.Input {
				return workflows.OfferInput{CommandInput: c, Offer: offer}
			},
			func(c workflows.CommandInput) workflows.Input {
				return workflows.SnoozeInput{CommandInput: c, Snooze: activities.Snooze{Until: &soon}}
			},
			func(c workflows.CommandInput) workflows.Input {
				return workflows.TransferInput{CommandInput: c, Transfer: activities.Transfer{TeamID: &team}}
			},
			func(c workflows.CommandInput) workflows.Input {
				return workflows.ResolveInput{CommandInput: c, UndoSeconds: 60}
			},
			func(c workflows.CommandInput) workflows.Input { return workflows.UndoResolveInput{CommandInput: c} },
			func(c workflows.CommandInput) workflows.Input {
				return workflows.ResolveInput{CommandInput: c, UndoSeconds: 1}
			},
		} {
			input := in(l.command(l.Ana))
			require.NoError(l, l.update(input.UpdateName(), input))
		}
		l.wait()
		return []string{l.run}
	},
	"operated": func(l *live) []string {
		team := l.Team(l.T, "Support", "", l.Ana, l.Ben)
		l.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
		l.says("I need to speak to a human")
		require.NoError(l, l.reply(l.Ana))
		require.NoError(l, l.reply(l.Ana))
		require.Eventually(l, func() bool { return l.Count(l.T, "deliveries", "attempts >= 2") == 1 }, time.Minute, 50*time.Millisecond)
		for signal, payload := range map[string]any{
			workflows.ReassignSignal:      workflows.ReassignInput{TeamID: team.String(), Operated: workflows.Operated{By: "Olga"}},
			workflows.RetryDeliverySignal: workflows.DeliverySignal{Operated: workflows.Operated{By: "Olga"}},
		} {
			require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", signal, payload))
		}
		require.Eventually(l, func() bool { return l.Count(l.T, "audit_entries", "true") == 2 }, time.Minute, 50*time.Millisecond)
		skip := workflows.DeliverySignal{Operated: workflows.Operated{By: "Olga", Reason: "it is refused"}}
		require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", workflows.SkipDeliverySignal, skip))
		l.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
		require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", workflows.SkipDeliverySignal, "no object"))
		require.Eventually(l, func() bool { return l.Count(l.T, "deliveries", "state = 'delivered'") == 1 }, time.Minute, 50*time.Millisecond)
		require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", workflows.ResolveSignal, workflows.ResolveInput{By: "Olga"}))
		l.wait()
		return []string{l.run}
	},
	"reopened": func(l *live) []string {
		l.says("I need to speak to a human")
		require.NoError(l, l.resolveBy(l.Ana))
		l.wait()
		ended := l.command(l.Ana).ConversationID
		c := workflows.CommandInput{CommandID: handoff.NewID().String(), Actor: l.Ben}
		require.NoError(l, l.update(workflows.StartUpdate, workflows.StartInput{CommandInput: c, PreviousID: &ended}))
		second := l.client.GetWorkflow(l.Context(), l.id(), "").GetRunID()
		require.NoError(l, l.resolveBy(l.Ben))
		l.wait()
		return []string{l.run, second}
	},
	"redelivered": func(l *live) []string {
		l.Gateway.Answer(func(n int) (int, string) {
			if n == 1 {
				return http.StatusServiceUnavailable, ""
			}
			return http.StatusOK, ""
		})
		l.says("I need to speak to a human")
		require.NoError(l, l.reply(l.Ana))
		_, err := dbsqlc.New(l.DB).DeliveryRequest(l.Context(), dbsqlc.DeliveryRequestParams{AccountID: l.Account.ID, ID: l.delivery()})
		require.NoError(l, err)
		require.NoError(l, l.client.SignalWorkflow(l.Context(), l.id(), "", workflows.InboundSignal, workflows.InboundInput{}))
		require.NoError(l, l.resolveBy(l.Ana))
		l.wait()
		return []string{l.run}
	},
}
