package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"handoff"
	"handoff/activities"
	"handoff/worker"
	"handoff/workflows"
)

// forgetting is an erasure in virtual time, whose activities say what they are told to.
type forgetting struct {
	*testing.T
	env   *testsuite.TestWorkflowEnvironment
	began time.Time
	in    workflows.ErasureInput
	order []string
}

func newForgetting(t *testing.T) *forgetting {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	f := &forgetting{T: t, env: suite.NewTestWorkflowEnvironment(), in: workflows.NewErasureInput(handoff.NewID(), handoff.NewID(), handoff.NewID())}
	worker.RegisterWorkflows(f.env)
	worker.RegisterActivities(f.env, &activities.Activities{})
	f.began = f.env.Now()
	for _, name := range []string{"EraseRuns", "EraseAnswers", "EraseRows", "EraseReceipts", "EraseHistories"} {
		f.env.OnActivity(name, mock.Anything, mock.Anything).Return(func(context.Context, activities.ErasureInput) (struct{}, error) {
			f.order = append(f.order, name)
			return struct{}{}, nil
		})
	}
	return f
}

// closes says what is open and on its way, by what is asked.
func (f *forgetting) closes(left func(activities.EraseCloseInput) activities.EraseCloseResult) {
	f.env.OnActivity("EraseClose", mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.EraseCloseInput) (activities.EraseCloseResult, error) {
			return left(in), nil
		})
}

func (f *forgetting) atOnce() {
	f.closes(func(activities.EraseCloseInput) activities.EraseCloseResult { return activities.EraseCloseResult{} })
}

func (f *forgetting) shares(waiting func(activities.EraseSharedInput) int) {
	f.env.OnActivity("EraseShared", mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.EraseSharedInput) (int, error) { return waiting(in), nil })
}

// verifies finds something left the first times.
func (f *forgetting) verifies(times int) {
	f.env.OnActivity("EraseVerify", mock.Anything, mock.Anything).Return(
		func(context.Context, activities.ErasureInput) (map[string]int64, error) {
			if times > 0 {
				times--
				return nil, temporal.NewApplicationError("something came", activities.Unerased)
			}
			return map[string]int64{"receipts": 0}, nil
		})
	f.env.OnActivity("EraseFinish", mock.Anything, mock.Anything).Return(
		func(_ context.Context, in activities.EraseFinishInput) (struct{}, error) {
			f.order = append(f.order, "EraseFinish")
			require.Equal(f.T, map[string]int64{"receipts": 0}, in.Verified)
			return struct{}{}, nil
		})
}

func (f *forgetting) run() error {
	f.env.ExecuteWorkflow(workflows.ErasureName, f.in)
	require.True(f.T, f.env.IsWorkflowCompleted())
	return f.env.GetWorkflowError()
}

func none(activities.EraseSharedInput) int { return 0 }

func TestAnErasureDoesItsStepsInOrder(t *testing.T) {
	t.Parallel()
	f := newForgetting(t)
	f.atOnce()
	f.shares(none)
	f.verifies(0)
	require.NoError(t, f.run())
	require.Equal(t, []string{"EraseRuns", "EraseAnswers", "EraseRows", "EraseReceipts", "EraseHistories", "EraseFinish"}, f.order)
	value, err := f.env.QueryWorkflow(workflows.ErasureQuery)
	require.NoError(t, err)
	var state workflows.ErasureState
	require.NoError(t, value.Get(&state))
	require.Equal(t, workflows.ErasureState{Step: "Everything is erased.", Rounds: 1}, state)
}

func TestAnErasureBeginsAnewWhereSomethingHasCome(t *testing.T) {
	t.Parallel()
	f := newForgetting(t)
	f.atOnce()
	f.shares(none)
	f.verifies(2)
	require.NoError(t, f.run())
	require.Len(t, f.order, 3*5+1)
}

func TestAnErasureThatNeverGetsThroughSaysSo(t *testing.T) {
	t.Parallel()
	f := newForgetting(t)
	f.atOnce()
	f.shares(none)
	f.verifies(1000)
	var failed *temporal.ApplicationError
	require.ErrorAs(t, f.run(), &failed)
	require.Equal(t, activities.Unerased, failed.Type())
	require.NotContains(t, f.order, "EraseFinish", "there is no certificate of what is not so")
}

// TestAnErasureWaitsForNobodyForEver has a gateway that does not take the end of a conversation, and then a run that does not answer.
func TestAnErasureWaitsForNobodyForEver(t *testing.T) {
	t.Parallel()
	f := newForgetting(t)
	calls, dropped, forced := 0, time.Duration(0), time.Duration(0)
	f.closes(func(in activities.EraseCloseInput) activities.EraseCloseResult {
		calls++
		since := f.env.Now().Sub(f.began)
		require.Equal(t, calls == 1 || since > time.Minute, in.Drop, "what was on its way is given up first, and the ends after a minute: %s", since)
		if in.Drop && calls > 1 && dropped == 0 {
			dropped = since
		}
		if in.Force {
			forced = since
			return activities.EraseCloseResult{}
		}
		return activities.EraseCloseResult{Open: 1, Pending: 1}
	})
	f.shares(none)
	f.verifies(0)
	require.NoError(t, f.run())
	require.InDelta(t, time.Minute, dropped, float64(15*time.Second))
	require.InDelta(t, 5*time.Minute, forced, float64(15*time.Second))
}

// TestAnErasureWaitsForBytesThatAreOthersMessages for an hour, and no longer.
func TestAnErasureWaitsForBytesThatAreOthersMessages(t *testing.T) {
	t.Parallel()
	f := newForgetting(t)
	f.atOnce()
	f.shares(func(in activities.EraseSharedInput) int {
		require.Equal(t, f.began.Add(time.Hour).Unix(), in.Until.Unix())
		if f.env.Now().Before(in.Until) {
			return 1
		}
		return 0
	})
	f.verifies(0)
	require.NoError(t, f.run())
	require.InDelta(t, time.Hour, f.env.Now().Sub(f.began), float64(2*time.Minute))
}

func TestRetentionSaysInWordsWhatItDid(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	worker.RegisterWorkflows(env)
	worker.RegisterActivities(env, &activities.Activities{})
	account, before := handoff.NewID(), time.Date(2026, 6, 8, 0, 0, 0, 0, time.UTC)
	inboxes := []activities.RetentionInput{
		{AccountID: account, InboxID: handoff.NewID(), Before: before}, {AccountID: account, InboxID: handoff.NewID(), Before: before},
	}
	env.OnActivity("RetentionList", mock.Anything, mock.Anything).Return(inboxes, nil)
	sweeps, receipts := 0, 0
	env.OnActivity("RetentionSweep", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RetentionInput) (activities.Counts, error) {
		require.Equal(t, inboxes[sweeps], in)
		sweeps++
		return activities.Counts{"conversations": 2, "files": 1}, nil
	})
	env.OnActivity("RetentionReceipts", mock.Anything, mock.Anything).Return(func(context.Context, activities.RetentionInput) (activities.Counts, error) {
		receipts++
		return activities.Counts{"receipts": 3}, nil
	})
	env.ExecuteWorkflow(workflows.RetentionName)
	require.NoError(t, env.GetWorkflowError())
	var out workflows.RetentionResult
	require.NoError(t, env.GetWorkflowResult(&out))
	require.Equal(t, 2, sweeps)
	require.Equal(t, 1, receipts, "receipts are an account's")
	require.Equal(t, "Deleted from 2 inboxes: 4 conversations, 2 files, 3 receipts.", out.Summary)
}

// TestRetentionGoesOnBehindAnInboxThatItCannotEmpty has a file that its store does not give up.
func TestRetentionGoesOnBehindAnInboxThatItCannotEmpty(t *testing.T) {
	t.Parallel()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	worker.RegisterWorkflows(env)
	worker.RegisterActivities(env, &activities.Activities{})
	inboxes := []activities.RetentionInput{
		{AccountID: handoff.NewID(), InboxID: handoff.NewID(), Before: env.Now()}, {AccountID: handoff.NewID(), InboxID: handoff.NewID(), Before: env.Now()},
	}
	env.OnActivity("RetentionList", mock.Anything, mock.Anything).Return(inboxes, nil)
	var swept, receipts []handoff.ID
	env.OnActivity("RetentionSweep", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RetentionInput) (activities.Counts, error) {
		if in.InboxID == inboxes[0].InboxID {
			return nil, temporal.NewApplicationError("delete what is past its time failed", "internal")
		}
		swept = append(swept, in.InboxID)
		return activities.Counts{"conversations": 2}, nil
	})
	env.OnActivity("RetentionReceipts", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.RetentionInput) (activities.Counts, error) {
		receipts = append(receipts, in.AccountID)
		return activities.Counts{"receipts": 1}, nil
	})
	began := env.Now()
	env.ExecuteWorkflow(workflows.RetentionName)
	require.ErrorContains(t, env.GetWorkflowError(), "inbox "+inboxes[0].InboxID.String(), "an operator sees which")
	require.NotContains(t, env.GetWorkflowError().Error(), inboxes[1].InboxID.String())
	require.Equal(t, []handoff.ID{inboxes[1].InboxID}, swept)
	require.Equal(t, []handoff.ID{inboxes[0].AccountID, inboxes[1].AccountID}, receipts)
	require.Greater(t, env.Now().Sub(began), 5*time.Minute, "a store that is away for a while is waited for")
	require.Less(t, env.Now().Sub(began), time.Hour)
}
