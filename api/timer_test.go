package api_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

// timers are the timers of a conversation: kind and when it is due, in the order in which they are due.
func (w *world) timers(t *testing.T, c dbsqlc.Conversation) (kinds []string, due map[string]time.Time) {
	t.Helper()
	items, _ := w.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/timers", w.ana, nil).is(http.StatusOK).field("items").([]any)
	due = map[string]time.Time{}
	var last time.Time
	for _, item := range items {
		timer, _ := item.(map[string]any)
		kind, _ := timer["kind"].(string)
		text, _ := timer["due_at"].(string)
		at, err := time.Parse(time.RFC3339Nano, text)
		require.NoError(t, err)
		require.False(t, at.Before(last), "the earliest first")
		require.NotEmpty(t, timer["reason"])
		require.Equal(t, slices.Contains(handoff.MovableTimers, handoff.TimerKind(kind)), timer["movable"])
		kinds, due[kind], last = append(kinds, kind), at, at
	}
	return kinds, due
}

func TestTimersAreSeenMovedExtendedAndCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetInbox(t, "first_response_seconds = 600, warning_seconds = 60, team_id = $1", w.Team(t, "Support", "silent_seconds = 300"))
	c := w.conversation(t, "447700900123")
	kinds, _ := w.timers(t, c)
	require.Equal(t, []string{"response"}, kinds[:1])
	require.ElementsMatch(t, []string{"response", "window", "inactivity"}, kinds)
	w.command(t, c.ID, "claim", w.ana, nil).is(http.StatusOK)
	w.command(t, c.ID, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": w.Ben.Agent.ID}).is(http.StatusOK)
	w.command(t, c.ID, "resolve", w.ana, map[string]any{"undo_seconds": 60}).is(http.StatusOK)
	w.command(t, c.ID, "scheduled-messages", w.ana, map[string]any{
		"otherwise": map[string]any{"type": "text", "text": "later"}, "due_at": time.Now().Add(time.Hour),
	}).is(http.StatusCreated)
	_, before := w.timers(t, c)
	for _, kind := range []string{"response", "silent", "offer", "resolve", "inactivity", "window", "scheduled"} {
		require.Contains(t, before, kind)
	}
	for _, kind := range []string{"response", "silent", "offer", "resolve", "inactivity"} {
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"extend_seconds": 30, "reason": "busy"}).is(http.StatusOK)
		_, after := w.timers(t, c)
		require.Equal(t, before[kind].Add(30*time.Second), after[kind], kind)
		at := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Microsecond)
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"due_at": at}).is(http.StatusOK)
		_, after = w.timers(t, c)
		require.Equal(t, at, after[kind], kind)
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"due_at": time.Now().Add(-time.Second)}).says(invalid, handoff.CodeInvalid, "in the past")
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"cancel": true}).is(http.StatusOK)
		kinds, _ = w.timers(t, c)
		require.NotContains(t, kinds, kind)
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"cancel": true}).says(conflict, handoff.CodeConflict, "no timer of the kind "+kind)
		w.command(t, c.ID, "timers/"+kind, w.ana, map[string]any{"extend_seconds": 5}).says(conflict, handoff.CodeConflict, "no timer of the kind "+kind)
	}
	require.Equal(t, 15, w.events(t, handoff.EventTimerMoved))
	require.Equal(t, 1, w.events(t, handoff.EventResolveUndone))
	kinds, _ = w.timers(t, c)
	require.Equal(t, []string{"scheduled", "window"}, kinds)
	w.command(t, c.ID, "accept", w.ben, nil).says(conflict, handoff.CodeConflict, "nothing is offered")
	w.command(t, c.ID, "resolve", w.ana, nil).is(http.StatusOK)
	kinds, _ = w.timers(t, c)
	require.Empty(t, kinds, "what has ended waits for nothing")
}

func TestTimersThatCannotBeMoved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123").ID
	for _, body := range []string{`{}`, `{"cancel":true,"extend_seconds":5}`, `{"due_at":"2036-01-01T00:00:00Z","cancel":true}`} {
		w.command(t, c, "timers/inactivity", w.ana, body).says(invalid, handoff.CodeInvalid, "give one of")
	}
	for _, body := range []string{`{"extend_seconds":0}`, `{"extend_seconds":-5}`, `{"extend_seconds":2592001}`, `{"due_at":"tomorrow"}`} {
		w.command(t, c, "timers/inactivity", w.ana, body).refused(invalid, handoff.CodeInvalid)
	}
	for _, kind := range []string{"window", "silence", "scheduled", "lunch"} {
		w.command(t, c, "timers/"+kind, w.ana, `{"cancel":true}`).refused(invalid, handoff.CodeInvalid)
	}
}

func TestASnoozeIsMovedAndEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.command(t, c.ID, "snooze", w.ana, map[string]any{"until": time.Now().Add(-time.Minute)}).says(invalid, handoff.CodeInvalid, "in the past")
	w.command(t, c.ID, "wake", w.ana, nil).says(conflict, handoff.CodeConflict, "not snoozed")
	w.command(t, c.ID, "claim", w.ana, nil).is(http.StatusOK)
	_, before := w.timers(t, c)
	got := w.command(t, c.ID, "snooze", w.ana, map[string]any{"until": time.Now().Add(time.Hour)}).is(http.StatusOK)
	require.Equal(t, "snoozed", got.text("status"))
	require.Equal(t, "Ana", got.text("assignee.name"))

	// Inactivity does not end what is put aside for longer.
	until := time.Now().Add(72 * time.Hour).UTC().Truncate(time.Microsecond)
	w.command(t, c.ID, "timers/snooze", w.ana, map[string]any{"due_at": until}).is(http.StatusOK)
	_, moved := w.timers(t, c)
	require.Equal(t, until, moved["snooze"])
	require.Equal(t, until.Add(24*time.Hour), moved["inactivity"])

	require.Equal(t, "assigned", w.command(t, c.ID, "wake", w.ana, nil).is(http.StatusOK).text("status"))
	_, after := w.timers(t, c)
	require.WithinRange(t, after["inactivity"], before["inactivity"], time.Now().Add(24*time.Hour), "it counts from the end of the snooze")

	w.command(t, c.ID, "snooze", w.ana, nil).is(http.StatusOK)
	_, forever := w.timers(t, c)
	require.NotContains(t, forever, "snooze", "until the contact writes")
	w.command(t, c.ID, "timers/snooze", w.ana, map[string]any{"extend_seconds": 5}).says(conflict, handoff.CodeConflict, "no timer of the kind snooze")
	require.Equal(t, "waiting", w.command(t, c.ID, "release", w.ana, nil).is(http.StatusOK).text("status"))
	w.command(t, c.ID, "snooze", w.ana, map[string]any{"until": time.Now().Add(time.Hour)}).is(http.StatusOK)
	require.Equal(t, "waiting", w.command(t, c.ID, "timers/snooze", w.ana, map[string]any{"cancel": true}).is(http.StatusOK).text("status"))
}

// A response that is put off is warned of before it is late, as it would have been.
func TestAResponseThatIsPutOffIsWarnedOf(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetInbox(t, "first_response_seconds = 600, warning_seconds = 60")
	c := w.conversation(t, "447700900123")
	w.command(t, c.ID, "timers/response", w.ana, map[string]any{"extend_seconds": 600}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "conversations", "response_due_at - response_notice_at = interval '60 seconds'"))
}
