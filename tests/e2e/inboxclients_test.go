package e2e_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

func inboxClients(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "inbox-clients.md"))
	require.NoError(t, err)
	return string(content)
}

// tableOf are the cells of the first table below a heading, without its head.
func tableOf(t *testing.T, document, heading string) [][]string {
	t.Helper()
	_, section, found := strings.Cut(document, "\n"+heading+"\n")
	require.True(t, found, "no heading %q", heading)
	var rows [][]string
	for line := range strings.Lines(section) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") {
			if len(rows) > 0 {
				break
			}
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	require.Greater(t, len(rows), 2)
	return rows[2:]
}

var quoted = regexp.MustCompile("`([a-z_.]+)`")

func TestInboxClientsNamesEveryEvent(t *testing.T) {
	t.Parallel()
	known := append(slices.Clone(handoff.EventTypes), handoff.EventMessageHistory, handoff.EventNoteAdded, handoff.EventContactUpdated, handoff.EventPresenceChanged)
	var named []handoff.EventType
	for _, row := range tableOf(t, inboxClients(t), "## 9. Events") {
		for _, name := range quoted.FindAllStringSubmatch(row[0], -1) {
			named = append(named, handoff.EventType(name[1]))
		}
	}
	require.ElementsMatch(t, known, named)
}

func TestInboxClientsNamesEveryTimer(t *testing.T) {
	t.Parallel()
	var named, movable []handoff.TimerKind
	for _, row := range tableOf(t, inboxClients(t), "## 8. Timers") {
		kind := handoff.TimerKind(strings.Trim(row[0], "`"))
		named = append(named, kind)
		if row[3] != "cannot be" && row[3] != "cancel the message" {
			movable = append(movable, kind)
		}
	}
	require.ElementsMatch(t, handoff.MovableTimers, movable)
	require.ElementsMatch(t, append(slices.Clone(handoff.MovableTimers), handoff.TimerWindow, handoff.TimerSilence, handoff.TimerScheduled), named)
}

// TestInboxClientsTellsWhoMayDoWhat holds the guide's table to the rules themselves.
func TestInboxClientsTellsWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	me, other := &handoff.AgentRef{ID: handoff.NewID(), Name: "Ana"}, &handoff.AgentRef{ID: handoff.NewID(), Name: "Ben"}
	agent, admin := handoff.Actor{Agent: me}, handoff.Actor{Agent: me, Admin: true}
	columns := []handoff.Control{
		{Status: handoff.StatusWaiting},
		{Status: handoff.StatusAssigned, Assignee: me},
		{Status: handoff.StatusSnoozed},
		{Status: handoff.StatusSnoozed, Assignee: me},
		{Status: handoff.StatusBot},
		{Status: handoff.StatusEnded, Assignee: me},
	}
	rules := map[string]func(handoff.Control) error{
		"claim":       func(c handoff.Control) error { return c.CheckClaim(agent) },
		"send, retry": func(c handoff.Control) error { return c.CheckReply(agent, "template", time.Now()) },
		"schedule":    func(c handoff.Control) error { return c.CheckWrite(agent) },
		"release":     func(c handoff.Control) error { return c.CheckRelease(agent) },
		"transfer":    func(c handoff.Control) error { return c.CheckTransfer(agent) },
		"offer to an agent": func(c handoff.Control) error {
			to := handoff.NewID()
			return c.CheckOffer(agent, &to)
		},
		"pass":   func(c handoff.Control) error { return c.CheckPass(agent) },
		"snooze": func(c handoff.Control) error { return c.CheckSnooze(agent) },
		"wake":   func(c handoff.Control) error { return c.CheckWake(agent) },
		"resolve, move a timer": func(c handoff.Control) error {
			if err := c.CheckResolve(agent); err != nil {
				return err
			}
			return c.CheckMoveTimer(agent)
		},
		"take over (admin)": func(c handoff.Control) error { return c.CheckTakeOver(admin) },
	}
	checked := 0
	for _, row := range tableOf(t, inboxClients(t), "### Who may do what in which status") {
		require.Len(t, row, len(columns)+1)
		rule, found := rules[row[0]]
		if !found {
			// These need no control of a conversation.
			require.Contains(t, []string{"reopen", "note, tag, attribute, priority, read mark"}, row[0])
			continue
		}
		checked++
		for i, cell := range row[1:] {
			may, _, _ := strings.Cut(cell, ":")
			require.Contains(t, []string{"yes", "no"}, may, "%s: %q", row[0], cell)
			require.Equal(t, may == "yes", rule(columns[i]) == nil, "%s, column %d", row[0], i)
		}
		for _, status := range []handoff.Status{handoff.StatusAssigned, handoff.StatusSnoozed} {
			err := rule(handoff.Control{Status: status, Assignee: other})
			require.Equal(t, row[0] == "take over (admin)", err == nil, "%s what another agent has", row[0])
		}
	}
	require.Len(t, rules, checked)
}
