package e2e_test

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	activitypb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"handoff/workflows"
)

// operator is somebody who sits before the Temporal UI, which speaks to the same API.
type operator struct {
	*stack
	client client.Client
	id     string // of the workflow that is looked at
}

func (s *stack) operator(codec ...converter.PayloadCodec) *operator {
	s.Helper()
	c := s.dial(client.Options{
		HostPort: s.temporalAddress, Namespace: s.namespace,
		DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), codec...),
	})
	s.Cleanup(c.Close)
	return &operator{stack: s, client: c}
}

func (o *operator) execution() *activitypb.WorkflowExecution {
	return &activitypb.WorkflowExecution{WorkflowId: o.id}
}

// finds are the workflows that a query of the list finds.
func (o *operator) finds(query string) []*workflowpb.WorkflowExecutionInfo {
	o.Helper()
	ctx, cancel := context.WithTimeout(o.Context(), time.Minute)
	defer cancel()
	found, err := o.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
	require.NoError(o, err, query)
	return found.Executions
}

// details are what the page says of the conversation at the moment; nothing while a busy machine's worker does not answer the query.
func (o *operator) details() string {
	o.Helper()
	value, err := o.client.QueryWorkflow(o.Context(), o.id, "", "__temporal_workflow_metadata")
	if err != nil {
		o.Logf("asked for what the page says: %v", err)
		return ""
	}
	var metadata sdkpb.WorkflowMetadata
	require.NoError(o, value.Get(&metadata))
	return metadata.CurrentDetails
}

func (o *operator) says(text string) {
	o.Helper()
	until(o.T, readyWithin, "the page says "+text, func() bool { return strings.Contains(o.details(), text) })
}

func (o *operator) signal(name, payload string) {
	o.Helper()
	// As the UI sends it: JSON that somebody typed.
	require.NoError(o, o.client.SignalWorkflow(o.Context(), o.id, "", name, rawJSON(payload)))
}

type rawJSON string

// MarshalJSON gives the text as it is.
func (r rawJSON) MarshalJSON() ([]byte, error) { return []byte(r), nil }

// savedViews are the queries of docs/temporal-ui.md.
func savedViews(t *testing.T) []string {
	t.Helper()
	page, err := os.ReadFile(checkout + "/docs/temporal-ui.md")
	require.NoError(t, err)
	var queries []string
	for _, block := range regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		for _, line := range strings.Split(block[1], "\n") {
			if strings.TrimSpace(line) != "" {
				queries = append(queries, line)
			}
		}
	}
	require.GreaterOrEqual(t, len(queries), 8)
	return queries
}

func TestAnOperatorFindsAndFreesAStuckConversation(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	o := s.operator()
	var down atomic.Bool
	down.Store(true)
	s.gateway.AnswerTo(func(string) int {
		if down.Load() {
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	into[receipt](t, s.post(text("447700900123", "wamid.operator", "I need to speak to a human")), http.StatusOK)
	open := s.open()
	into[message](t, s.command(s.anaKey, open.ID, "messages", []byte(`{"type":"text","text":"first"}`)), http.StatusCreated)

	stuck := "HandoffTrouble IS NOT NULL AND ExecutionStatus = 'Running'"
	until(t, readyWithin, "it is listed as stuck after its second attempt", func() bool { return len(o.finds(stuck)) == 1 })
	o.id = o.finds(stuck)[0].Execution.WorkflowId
	host := strings.TrimPrefix(s.gateway.URL, "http://")
	require.Len(t, o.finds("HandoffTrouble = '"+host+"'"), 1)
	require.Len(t, o.finds("HandoffAccount = '"+s.account+"' AND HandoffInbox = '"+s.inbox+"' AND HandoffAssignee = '"+s.ana+"'"), 1)
	o.says("1 webhook for `" + host + "`: the first one **is stuck** since ")
	o.says("(HTTP 500, attempt 2), next attempt at ")
	o.says("Assigned to Ana since ")
	o.says("[Open the conversation](<" + s.url + "/v1/conversations/" + open.ID + ">)")
	described, err := o.client.DescribeWorkflow(t.Context(), o.id, "")
	require.NoError(t, err)
	summary, err := described.GetStaticSummary()
	require.NoError(t, err)
	require.Equal(t, "Support (hitlchat)", summary)
	for _, query := range savedViews(t) {
		query = strings.NewReplacer("INBOX_ID", s.inbox, "AGENT_ID", s.ana, "TEAM_ID", s.inbox, "ACCOUNT_ID", s.account, "HOST", host).Replace(query)
		o.finds(query)
	}

	o.pauseHolds(&down)
	o.says("Reassign at")
	o.signal(workflows.ResolveSignal, `{"by":"Olga","reason":"over"}`)
	until(t, readyWithin, "it has ended and is in no trouble", func() bool {
		return len(o.finds(stuck)) == 0 && len(o.finds("HandoffStatus = 'ended' AND ExecutionStatus = 'Completed'")) == 1
	})
	require.Len(t, s.gateway.Requests(), 4, "two attempts in vain, the first message, and the end")
}

// pauseHolds pauses the lane's activity, as the UI's button does: what its endpoint would take by now stays. Unpaused it leaves at once.
func (o *operator) pauseHolds(down *atomic.Bool) {
	o.Helper()
	service := o.client.WorkflowService()
	byType := &workflowservice.PauseActivityRequest_Type{Type: "DeliverWebhooks"}
	_, err := service.PauseActivity(o.Context(), &workflowservice.PauseActivityRequest{
		Namespace: o.namespace, Execution: o.execution(), Identity: "olga", Activity: byType,
	})
	require.NoError(o, err)
	down.Store(false)
	o.signal(workflows.ReassignSignal, `{"by":"Olga"`+`,"agent_id":"`+o.ana+`","typo":1}`)
	o.says("refused because the payload cannot be read: json: unknown field \"typo\".")
	described, err := o.client.DescribeWorkflowExecution(o.Context(), o.id, "")
	require.NoError(o, err)
	require.Len(o, described.PendingActivities, 1)
	require.True(o, described.PendingActivities[0].Paused)
	require.Contains(o, described.PendingActivities[0].GetLastFailure().GetMessage(), "did not take a webhook: HTTP 500. Attempt 2 failed; the next one is at ")
	require.Len(o, o.gateway.Requests(), 2, "nothing leaves while it is paused")

	// Five minutes later.
	database, err := pgx.Connect(o.Context(), o.databaseURL)
	require.NoError(o, err)
	_, err = database.Exec(o.Context(), "UPDATE deliveries SET next_attempt_at = now()")
	require.NoError(o, err)
	require.NoError(o, database.Close(o.Context()))
	require.Len(o, o.gateway.Requests(), 2, "nothing leaves while it is paused")
	_, err = service.UnpauseActivity(o.Context(), &workflowservice.UnpauseActivityRequest{
		Namespace: o.namespace, Execution: o.execution(), Identity: "olga",
		Activity: &workflowservice.UnpauseActivityRequest_Type{Type: "DeliverWebhooks"},
	})
	require.NoError(o, err)
	until(o.T, readyWithin, "the webhook has arrived", func() bool { return len(o.gateway.Requests()) == 3 })
}
