package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
)

// A run failed after ten seconds without Postgres: the SDK takes the time for one execution as that for all retries, unless it is told
// otherwise.
func TestARunOutlivesAnHourWithoutPostgres(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	failed := 0
	s.env.OnActivity("ApplyInbound", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.ApplyInboundInput) (activities.Snapshot, error) {
			if s.passed() < time.Hour {
				failed++
				return activities.Snapshot{}, errors.New("the database is away")
			}
			return s.real.ApplyInbound(ctx, in)
		})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Greater(t, failed, 100)
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
}
