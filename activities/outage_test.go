package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
)

// What was accepted while Temporal was away for longer than the inbox's inactivity was opened and ended in one breath: nobody had seen it.
func TestWhatWaitedForAnOutageIsNotInactiveBeforeAnybodySawIt(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.now = s.now.Add(30 * time.Hour)
	opened := s.apply().Conversation
	require.Equal(t, s.now.Add(24*time.Hour), opened.InactiveAt.UTC())
	require.Equal(t, s.now.Add(-30*time.Hour), s.conversation().OpenedAt.UTC(), "the contact has waited since they wrote")

	s.accept("still there?")
	s.now = s.now.Add(25 * time.Hour)
	s.apply()
	result, err := s.End(context.Background(), activities.EndCommand{
		Command: s.command("inactivity", handoff.Actor{Admin: true}), Reason: handoff.EndInactivity,
	})
	require.NoError(t, err)
	require.Nil(t, result.Refused)
	require.Equal(t, handoff.StatusWaiting, s.conversation().Status, "what came into an open one counts as well")
	require.Equal(t, s.now.Add(24*time.Hour), s.conversation().InactiveAt.UTC())
}
