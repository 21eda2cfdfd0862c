package e2e_test

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"

	"handoff/workflows"
)

// TestDelivery_51_AnOperatorFollowsALateDelivery goes the way of an operator: from the metrics of both processes, by the API, to the
// workflow in the Temporal UI that sends it.
func TestDelivery_51_AnOperatorFollowsALateDelivery(t *testing.T) {
	t.Parallel()
	s := newStack(t, "message.received")
	s.gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	into[receipt](t, s.post(text("447700900123", "wamid.late", "Is anybody there?")), http.StatusOK)
	conv := s.open()

	worker := s.metrics(s.worker, "", s.workerURL())
	api := s.metrics(s.serve, "serving metrics", "")
	until(t, readyWithin, "the worker counts the failed attempt", func() bool {
		return strings.Contains(worker(), `handoff_delivery_attempts_total{class="5xx",outcome="retry",transport="webhook",trigger="schedule"} `)
	})
	aged := regexp.MustCompile(`handoff_endpoint_oldest_undelivered_age_seconds\{endpoint_id="` + s.endpoint + `",state="pending"\} [0-9.]+`)
	for name, scrape := range map[string]func() string{"worker": worker, "serve": api} {
		until(t, readyWithin, name+" tells the age of the delivery", func() bool { return aged.MatchString(scrape()) })
	}
	require.Equal(t, http.StatusNotFound, call(t, http.MethodGet, s.url+"/metrics", s.adminKey, nil).status, "not on the API's port")

	type health struct {
		Pending int64   `json:"pending"`
		Age     float64 `json:"oldest_undelivered_age_seconds"`
		Recent  struct {
			Classes map[string]int `json:"attempts_by_class"`
		} `json:"last_5_minutes"`
	}
	path := s.url + "/v1/endpoints/" + s.endpoint + "/health"
	var told health
	until(t, readyWithin, "the failed attempt is written down", func() bool {
		told = into[health](t, call(t, http.MethodGet, path, s.adminKey, nil), http.StatusOK)
		return told.Recent.Classes["5xx"] > 0
	})
	require.EqualValues(t, 1, told.Pending)
	require.Positive(t, told.Age)

	type delivery struct {
		ConversationID string `json:"conversation_id"`
	}
	late := into[list[delivery]](t, call(t, http.MethodGet, s.url+"/v1/deliveries?state=pending&endpoint_id="+s.endpoint, s.adminKey, nil), http.StatusOK)
	require.Len(t, late.Items, 1)
	require.Equal(t, conv.ID, late.Items[0].ConversationID)
	s.foundInTemporal("conversation:"+conv.InboxID+":"+conv.Contact.ID, "HTTP 503")
}

// workerURL is where the worker's health and metrics are.
func (s *stack) workerURL() string {
	s.Helper()
	for _, variable := range slices.Backward(s.env) { // the last one counts
		if address, found := strings.CutPrefix(variable, "HANDOFF_WORKER_LISTEN="); found {
			return "http://" + address
		}
	}
	require.Fail(s, "the worker has no HANDOFF_WORKER_LISTEN")
	return ""
}

// metrics scrapes a process, at url or at the address that its log names beside said.
func (s *stack) metrics(p *process, said, url string) func() string {
	s.Helper()
	if url == "" {
		found := regexp.MustCompile(said + `.*address=(\S+)`).FindStringSubmatch(p.log())
		require.NotNil(s, found, p.log())
		url = "http://" + found[1]
	}
	return func() string {
		a, err := send(http.MethodGet, url+"/metrics", "", nil)
		if err != nil || a.status != http.StatusOK {
			return ""
		}
		return string(a.body)
	}
}

// foundInTemporal finds a running workflow by its inbox's search attribute, and what the Temporal UI shows of it: in words, what waits, and
// of the activity that sends it, the latest failure.
func (s *stack) foundInTemporal(id, says string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	temporal := s.temporal()
	query := "WorkflowType = '" + workflows.ConversationName + "' AND " + workflows.InboxAttribute.GetName() + " = '" + s.inbox +
		"' AND ExecutionStatus = 'Running'"
	until(s.T, readyWithin, "the workflow is found by its inbox", func() bool {
		found, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query})
		return err == nil && len(found.Executions) == 1 && found.Executions[0].Execution.WorkflowId == id
	})
	until(s.T, readyWithin, "its pending activity says why the delivery is late", func() bool {
		described, err := temporal.DescribeWorkflowExecution(ctx, id, "")
		return err == nil && len(described.PendingActivities) == 1 &&
			strings.Contains(described.PendingActivities[0].GetLastFailure().GetMessage(), says)
	})
	value, err := temporal.QueryWorkflow(ctx, id, "", "__temporal_workflow_metadata")
	require.NoError(s, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(s, value.Get(&metadata))
	require.Contains(s, metadata.CurrentDetails, "1 webhook for `"+strings.TrimPrefix(s.gateway.URL, "http://")+"`")
}
