package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

func (s *story) snooze(actor handoff.Actor, until *time.Time) *answer {
	return s.update(workflows.SnoozeUpdate, workflows.SnoozeInput{CommandInput: s.command(actor), Snooze: activities.Snooze{Until: until}})
}

func (s *story) moveTimer(actor handoff.Actor, kind handoff.TimerKind, at *time.Time) *answer {
	return s.update(workflows.MoveTimerUpdate, workflows.MoveTimerInput{
		CommandInput: s.command(actor), MoveTimer: activities.MoveTimer{Kind: kind, At: at},
	})
}

func (s *story) after(d time.Duration) *time.Time {
	at := s.start.Add(d)
	return &at
}

// seen notes the state of the conversation at a time of the story.
func (s *story) seen(after time.Duration) *dbsqlc.Conversation {
	var out dbsqlc.Conversation
	s.at(after, func() { out = s.conversation() })
	return &out
}

// when is how long after the start of the story an event happened, for each of its kind.
func (s *story) when(kind handoff.EventType) []time.Duration {
	s.Helper()
	rows, err := s.DB.Query(s.Context(), "SELECT at FROM events WHERE account_id = $1 AND type = $2 ORDER BY position", s.Account.ID, kind)
	require.NoError(s, err)
	defer rows.Close()
	var out []time.Duration
	for rows.Next() {
		var at time.Time
		require.NoError(s, rows.Scan(&at))
		out = append(out, at.Sub(s.start))
	}
	return out
}

func TestASnoozeEndsAtItsTime(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var snoozed *answer
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(time.Hour, func() { snoozed = s.snooze(s.Ana, s.after(72*time.Hour)) })
	asleep, awake := s.seen(71*time.Hour), s.seen(72*time.Hour+time.Minute)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, snoozed.err)
	require.Equal(t, handoff.StatusSnoozed, asleep.Status, "inactivity does not end it before")
	require.Equal(t, s.Ana.AgentID(), asleep.AssigneeID)
	require.Equal(t, handoff.StatusAssigned, awake.Status)
	require.Equal(t, []time.Duration{72 * time.Hour}, s.when(handoff.EventWoken))
	require.Equal(t, 96*time.Hour, s.passed(), "a day of inactivity after it")
}

func TestAContactWhoWritesEndsASnooze(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.snooze(s.Ana, nil) })
	s.at(5*time.Hour, func() { s.accept(s.Body(john, "hello?")) })
	asleep, awake := s.seen(4*time.Hour), s.seen(5*time.Hour+time.Minute)
	s.run()
	require.Equal(t, handoff.StatusSnoozed, asleep.Status)
	require.Equal(t, handoff.StatusWaiting, awake.Status)
	require.Equal(t, asleep.QueuedAt, awake.QueuedAt, "it has its old place in line")
	require.Equal(t, []time.Duration{5 * time.Hour}, s.when(handoff.EventWoken))
}

func TestAnOfferExpires(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var offered, late, stranger *answer
	offer := func(seconds int) *answer {
		return s.update(workflows.OfferUpdate, workflows.OfferInput{
			CommandInput: s.command(s.Ana), Offer: activities.Offer{AgentID: s.Ben.AgentID(), Seconds: seconds},
		})
	}
	accept := func(actor handoff.Actor) *answer {
		return s.update(workflows.AcceptUpdate, workflows.AcceptInput{CommandInput: s.command(actor)})
	}
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(2*time.Minute, func() { offered = offer(60) })
	s.at(2*time.Minute+30*time.Second, func() { stranger = accept(s.Ana) })
	s.at(4*time.Minute, func() { late = accept(s.Ben) })
	s.at(5*time.Minute, func() { offer(60) })
	s.at(5*time.Minute+10*time.Second, func() { accept(s.Ben) })
	between, after := s.seen(4*time.Minute+30*time.Second), s.seen(6*time.Minute)
	s.run()
	require.NoError(t, offered.err)
	require.Equal(t, handoff.CodeConflict, stranger.refusal(t).Code)
	require.Equal(t, s.Ben.Agent, stranger.refusal(t).Assignee, "it says to whom it is offered")
	require.Equal(t, handoff.CodeConflict, late.refusal(t).Code)
	require.Equal(t, s.Ana.AgentID(), between.AssigneeID, "whoever had it keeps it")
	require.Equal(t, s.Ben.AgentID(), after.AssigneeID)
	require.Equal(t, []time.Duration{3 * time.Minute}, s.when(handoff.EventOfferExpired))
}

func TestResponsesAreDue(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.SetInbox(t, "first_response_seconds = 600, next_response_seconds = 1200, warning_seconds = 120")
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.reply(s.Ana, "Hi John") })
	s.at(2*time.Hour, func() { s.accept(s.Body(john, "and another thing")) })
	s.at(2*time.Hour+10*time.Minute, func() { s.reply(s.Ana, "Which?") })
	s.at(3*time.Hour, func() { s.accept(s.Body(john, "this one")) })
	s.run()
	require.Equal(t, []time.Duration{8 * time.Minute, 3*time.Hour + 18*time.Minute}, s.when(handoff.EventResponseDue))
	require.Equal(t, []time.Duration{10 * time.Minute, 3*time.Hour + 20*time.Minute}, s.when(handoff.EventResponseMissed))
}

func TestAResponseIsTimedWithinTheHours(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	// The inbox is open for the half hour in which the story begins, every day, and has a holiday tomorrow.
	from := s.start.Add(-10 * time.Minute)
	s.SetInbox(t, "response_hours = true, first_response_seconds = 3600, hours = $1, holidays = $2",
		`[{"days":["sun","mon","tue","wed","thu","fri","sat"],"from":"`+from.Format("15:04")+`","to":"`+from.Add(30*time.Minute).Format("15:04")+`"}]`,
		[]string{s.start.Add(24 * time.Hour).Format(time.DateOnly)})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.snooze(s.Ana, s.after(200*time.Hour)) })
	due := s.seen(2 * time.Minute)
	s.run()
	require.NotNil(t, due.ResponseDueAt)
	// Twenty minutes today at most, none on the holiday, thirty on the days after.
	require.Greater(t, due.ResponseDueAt.Sub(s.start), 71*time.Hour)
	require.Less(t, due.ResponseDueAt.Sub(s.start), 74*time.Hour)
}

func TestASilentAssigneeLosesTheConversationToItsPlaceInLine(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	team := s.Team(t, "Support", "silent_seconds = 300", s.Ana, s.Ben)
	s.SetInbox(t, "team_id = $1", team)
	s.says("I need to speak to a human")
	waiting := s.seen(30 * time.Second)
	s.at(time.Minute, func() { s.claim(s.Ana) })
	lost := s.seen(7 * time.Minute)
	s.at(10*time.Minute, func() { s.claim(s.Ben) })
	s.at(11*time.Minute, func() { s.reply(s.Ben, "Hi John") })
	kept := s.seen(time.Hour)
	s.run()
	require.Equal(t, []time.Duration{6 * time.Minute}, s.when(handoff.EventRequeued))
	require.Equal(t, handoff.StatusWaiting, lost.Status)
	require.Equal(t, waiting.QueuedAt, lost.QueuedAt)
	require.Contains(t, lost.PassedBy, *s.Ana.AgentID())
	require.Equal(t, s.Ben.AgentID(), kept.AssigneeID, "who has answered keeps it")
}

func TestTheEndOfTheWindowIsTold(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.SetInbox(t, "window_warning_minutes = 60")
	s.says("I need to speak to a human")
	s.at(10*time.Hour, func() { s.accept(s.Body(john, "hello?")) })
	s.at(20*time.Hour, func() { s.reply(s.Ana, "Hi John") })
	s.run()
	require.Equal(t, []time.Duration{33 * time.Hour}, s.when(handoff.EventWindowClosing))
	require.Equal(t, []time.Duration{34 * time.Hour}, s.when(handoff.EventWindowClosed))
	require.Equal(t, 44*time.Hour, s.passed())
}

func TestInactivityCanBePutOffAndCancelled(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var past, moved, cancelled *answer
	s.at(time.Hour, func() { past = s.moveTimer(s.Ana, handoff.TimerInactivity, s.after(time.Minute)) })
	s.at(2*time.Hour, func() { moved = s.moveTimer(s.Ana, handoff.TimerInactivity, s.after(100*time.Hour)) })
	s.at(3*time.Hour, func() { s.reply(s.Ana, "Hi John") })
	open := s.seen(99 * time.Hour)
	s.at(99*time.Hour, func() { cancelled = s.moveTimer(s.Ana, handoff.TimerInactivity, nil) })
	still := s.seen(300 * time.Hour)
	s.at(301*time.Hour, func() { s.accept(s.Body(john, "hello again")) })
	s.run()
	require.Equal(t, handoff.CodeInvalid, past.refusal(t).Code)
	require.NoError(t, moved.err)
	require.NoError(t, cancelled.err)
	require.NotEqual(t, handoff.StatusEnded, open.Status)
	require.NotEqual(t, handoff.StatusEnded, still.Status)
	require.Nil(t, still.InactiveAt)
	require.Equal(t, 325*time.Hour, s.passed(), "the next message starts it anew")
}
