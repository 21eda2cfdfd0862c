package handoff_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	open := now.Add(time.Hour)
	ana := handoff.Actor{Agent: &handoff.AgentRef{ID: handoff.NewID(), Name: "Ana"}}
	ben := handoff.Actor{Agent: &handoff.AgentRef{ID: handoff.NewID(), Name: "Ben"}}
	program := handoff.Actor{Admin: true}
	benAsAdmin := handoff.Actor{Agent: ben.Agent, Admin: true}

	waiting := handoff.Control{Status: handoff.StatusWaiting, WindowExpiresAt: &open}
	anas := handoff.Control{Status: handoff.StatusAssigned, Assignee: ana.Agent, WindowExpiresAt: &open}
	ended := handoff.Control{Status: handoff.StatusEnded, Assignee: ana.Agent, WindowExpiresAt: &open}

	const yes = handoff.Code("")
	for _, c := range []struct {
		who                            string
		control                        handoff.Control
		actor                          handoff.Actor
		claim, release, reply, resolve handoff.Code
	}{
		{"anybody, while it waits", waiting, ana, yes, handoff.CodeConflict, yes, yes},
		{"the assignee", anas, ana, yes, yes, yes, yes},
		{"another agent", anas, ben, handoff.CodeConflict, handoff.CodeConflict, handoff.CodeConflict, handoff.CodeConflict},
		{"a program", anas, program, handoff.CodeInvalid, yes, handoff.CodeInvalid, yes},
		{"an admin for another agent", anas, benAsAdmin, handoff.CodeConflict, yes, handoff.CodeConflict, yes},
		{"the assignee, after the end", ended, ana, handoff.CodeConflict, handoff.CodeConflict, handoff.CodeConflict, handoff.CodeConflict},
		{"a program, after the end", ended, program, handoff.CodeInvalid, handoff.CodeConflict, handoff.CodeInvalid, handoff.CodeConflict},
	} {
		require.Equal(t, c.claim, handoff.ErrorCode(c.control.CheckClaim(c.actor)), "claim: %s", c.who)
		require.Equal(t, c.release, handoff.ErrorCode(c.control.CheckRelease(c.actor)), "release: %s", c.who)
		require.Equal(t, c.reply, handoff.ErrorCode(c.control.CheckReply(c.actor, "text", now)), "reply: %s", c.who)
		require.Equal(t, c.resolve, handoff.ErrorCode(c.control.CheckResolve(c.actor)), "resolve: %s", c.who)
	}
}

func TestAConflictNamesWhoHasTheConversation(t *testing.T) {
	t.Parallel()
	ana := &handoff.AgentRef{ID: handoff.NewID(), Name: "Ana"}
	ben := handoff.Actor{Agent: &handoff.AgentRef{ID: handoff.NewID(), Name: "Ben"}}
	var refusal *handoff.Error
	require.ErrorAs(t, handoff.Control{Status: handoff.StatusAssigned, Assignee: ana}.CheckClaim(ben), &refusal)
	require.Equal(t, ana, refusal.Assignee)
	require.Contains(t, refusal.Message, "Ana")
}

func TestOutsideTheWindowOnlyTemplatesLeave(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	c := handoff.Control{Status: handoff.StatusWaiting, WindowExpiresAt: &end}
	require.NoError(t, c.CheckWindow("text", end.Add(-time.Nanosecond)))
	require.Equal(t, handoff.CodeWindowClosed, handoff.ErrorCode(c.CheckWindow("text", end)))
	require.NoError(t, c.CheckWindow("template", end))
	require.Equal(t, handoff.CodeWindowClosed, handoff.ErrorCode(handoff.Control{}.CheckWindow("text", end)), "the contact has never written")
}
