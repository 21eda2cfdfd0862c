package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// Something else has written the row: a run that was reset, or a worker that was taken for dead. The run is told, adopts what the
// row says, and its command goes on from there.
func TestARunAdoptsWhatTheRowSays(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var claimed, replied *answer
	s.at(time.Minute, func() {
		s.Exec(t, "UPDATE conversations SET version = version + 7")
		claimed = s.claim(s.Ana)
	})
	s.at(2*time.Minute, func() {
		require.Equal(t, s.conversation().Version, s.state().Conversation.Version)
		s.Exec(t, "UPDATE conversations SET version = version + 1, assignee_id = $1", s.Ben.Agent.ID)
		_, replied = s.reply(s.Ana, "Hi John") // the run takes Ana for the assignee, and lets it through to the row
	})
	s.at(3*time.Minute, func() {
		require.Equal(t, "Ben", s.state().Conversation.Assignee.Name)
		s.resolveBy(s.Ben)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, claimed.err)
	require.Equal(t, s.Ben.Agent, replied.refusal(t).Assignee)
	require.Equal(t, []string{"resolved"}, s.arrived())
}

// The row has ended behind the run's back: it says so to whoever commands, and completes.
func TestARunWhoseConversationHasEndedElsewhereCompletes(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var claimed *answer
	s.at(time.Minute, func() {
		s.Exec(t, `UPDATE conversations SET version = version + 1, status = 'ended', end_reason = 'admin', ended_at = now(),
			inactive_at = NULL`)
		claimed = s.claim(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.CodeConflict, claimed.refusal(t).Code)
	require.Equal(t, time.Minute, s.passed())
}
