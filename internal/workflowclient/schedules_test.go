package workflowclient_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"handoff"
	"handoff/internal/testenv"
	"handoff/internal/workflowclient"
	"handoff/workflows"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestSchedulesAreMadeChangedAndLeftAlone(t *testing.T) {
	t.Parallel()
	temporal, err := client.Dial(client.Options{HostPort: testenv.Temporal(t)})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	c := workflowclient.New(temporal)
	s := workflowclient.Schedule{ID: "test-" + handoff.NewID().String(), Workflow: "NobodyRunsIt", Every: 24 * time.Hour, For: "a test"}
	handle := temporal.ScheduleClient().GetHandle(t.Context(), s.ID)
	t.Cleanup(func() { require.NoError(t, handle.Delete(context.WithoutCancel(t.Context()))) })
	require.NoError(t, c.EnsureSchedule(t.Context(), s))
	require.NoError(t, c.EnsureSchedule(t.Context(), s), "it is there already")

	require.NoError(t, handle.Pause(t.Context(), client.SchedulePauseOptions{Note: "we upgrade"}))
	s.Every = 48 * time.Hour
	require.NoError(t, c.EnsureSchedule(t.Context(), s))
	found, err := handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 48*time.Hour, found.Schedule.Spec.Intervals[0].Every, "a changed interval is taken over")
	require.Len(t, found.Schedule.Spec.Intervals, 1)
	require.True(t, found.Schedule.State.Paused, "what an operator has paused stays paused")
	require.Equal(t, "we upgrade", found.Schedule.State.Note)
	require.Equal(t, enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, found.Schedule.Policy.Overlap)
	action := found.Schedule.Action.(*client.ScheduleWorkflowAction)
	require.Equal(t, workflows.TaskQueue, action.TaskQueue)
	require.Equal(t, "NobodyRunsIt", action.Workflow)
}

// A Temporal store that was lost takes the schedules with it, while the workers go on: retention would never be run again.
func TestAScheduleThatIsGoneIsMadeAgainAndTheOthersAreLeft(t *testing.T) {
	t.Parallel()
	temporal, err := client.Dial(client.Options{HostPort: testenv.Temporal(t)})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	c := workflowclient.New(temporal)
	s := workflowclient.Schedule{ID: "test-" + handoff.NewID().String(), Workflow: "NobodyRunsIt", Every: 24 * time.Hour, For: "a test"}
	handle := temporal.ScheduleClient().GetHandle(t.Context(), s.ID)
	t.Cleanup(func() { require.NoError(t, handle.Delete(context.WithoutCancel(t.Context()))) })
	require.NoError(t, c.EnsureSchedule(t.Context(), s))
	older := s
	older.Every = 48 * time.Hour
	require.NoError(t, c.RestoreSchedule(t.Context(), older))
	found, err := handle.Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, 24*time.Hour, found.Schedule.Spec.Intervals[0].Every, "workers of two versions do not change it to and fro")

	require.NoError(t, handle.Delete(t.Context()))
	require.Eventually(t, func() bool {
		if err := c.RestoreSchedule(t.Context(), s); err != nil {
			return false
		}
		_, err := handle.Describe(t.Context())
		return err == nil
	}, time.Minute, 100*time.Millisecond)
}
