package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/sdk/testsuite"

	"handoff"
	"handoff/activities"
	"handoff/worker"
	"handoff/workflows"
)

func TestTheLedgerSaysInWordsWhatItFound(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	worker.RegisterWorkflows(env)
	worker.RegisterActivities(env, &activities.Activities{})
	env.OnActivity("CheckLedger", mock.Anything, activities.LedgerInput{}).Return(activities.LedgerReport{
		Events: 12, Through: time.Date(2026, 6, 8, 9, 14, 0, 0, time.UTC), Behind: true, Closed: 1, Open: 2,
		Found:    map[handoff.GapKind]int{handoff.GapEventMissing: 2, handoff.GapDeliveryMissing: 3},
		Repaired: map[handoff.GapKind]int{handoff.GapDeliveryMissing: 3},
	}, nil)
	env.ExecuteWorkflow(workflows.LedgerName)
	require.NoError(t, env.GetWorkflowError())
	value, err := env.QueryWorkflow("__temporal_workflow_metadata")
	require.NoError(t, err)
	var metadata sdkpb.WorkflowMetadata
	require.NoError(t, value.Get(&metadata))
	require.Equal(t, `looked at 12 events, through 2026-06-08 09:14:00

there are more: the next run goes on

delivery_missing: 3 found, 3 repaired

event_missing: 2 found, 0 repaired

1 that were open are gone

2 are open: GET /v1/ledger/gaps says what to do`, metadata.CurrentDetails)
}
