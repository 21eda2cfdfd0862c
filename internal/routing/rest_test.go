package routing_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/routing"
)

// An agent alone in the team who declines must not be offered the same conversation in the same moment, for ever.
func TestWhatWasPassedByComesBackOnlyAfterAWhile(t *testing.T) {
	t.Parallel()
	ana := routing.Agent{ID: handoff.NewID()}
	waiting := routing.Waiting{ID: handoff.NewID(), PassedBy: []handoff.ID{ana.ID}}
	plan := func(w routing.Waiting, agents ...routing.Agent) []routing.Match {
		return routing.Plan(handoff.AssignLeastLoaded, []routing.Waiting{w}, agents)
	}
	require.Len(t, plan(waiting, ana), 1)

	asked := ana
	asked.JustAsked = true
	require.Empty(t, plan(waiting, asked), "she has just declined it")

	back := waiting
	back.JustPassed = true
	require.Empty(t, plan(back, ana), "she has just given it back")

	ben := routing.Agent{ID: handoff.NewID(), JustAsked: true}
	require.Equal(t, []routing.Match{{Conversation: waiting.ID, Agent: ben.ID}}, plan(back, asked, ben), "others get it at once")
}
