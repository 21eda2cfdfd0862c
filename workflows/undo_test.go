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

func (s *story) resolveSoon(actor handoff.Actor, seconds int) {
	s.update(workflows.ResolveUpdate, workflows.ResolveInput{CommandInput: s.command(actor), UndoSeconds: seconds, Disposition: "answered"})
}

func TestAResolveThatNobodyUndoesEndsTheConversation(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.claim(s.Ana) })
	s.at(time.Hour, func() { s.resolveSoon(s.Ana, 5) })
	before := s.seen(time.Hour + 3*time.Second)
	s.run()
	require.Equal(t, handoff.StatusAssigned, before.Status)
	require.NotNil(t, before.ResolveAt)
	ended := s.conversation()
	require.Equal(t, time.Hour+5*time.Second, ended.EndedAt.Sub(s.start))
	require.Equal(t, handoff.EndResolved, *ended.EndReason)
	require.Equal(t, "answered", *ended.Disposition)
	events := s.Events(t, ended.ID)
	require.Equal(t, s.Ana.AgentID(), events[len(events)-1].ActorID, "it is the agent who resolved it")
	require.Len(t, s.Gateway.Requests(), 1, "the gateway is told once it is true")
}

func TestAResolveCanBeUndone(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var undone, late *answer
	undo := func() *answer {
		return s.update(workflows.UndoResolveUpdate, workflows.UndoResolveInput{CommandInput: s.command(s.Ana)})
	}
	s.at(time.Minute, func() { s.resolveSoon(s.Ana, 5) })
	s.at(time.Minute+4*time.Second, func() { undone = undo() })
	s.at(time.Minute+20*time.Second, func() { late = undo() })
	// A contact who writes and an agent who answers have thought better of it too.
	s.at(time.Hour, func() { s.resolveSoon(s.Ana, 60) })
	s.at(time.Hour+30*time.Second, func() { s.accept(s.Body(john, "wait!")) })
	s.at(2*time.Hour, func() { s.resolveSoon(s.Ana, 60) })
	s.at(2*time.Hour+30*time.Second, func() { s.reply(s.Ana, "one more thing") })
	s.run()
	require.NoError(t, undone.err)
	require.Equal(t, handoff.CodeConflict, late.refusal(t).Code)
	require.Len(t, s.when(handoff.EventResolveUndone), 3)
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
	require.Len(t, s.conversations(), 1)
}

// draftOf writes a message's row, as the API does before a command.
func (s *story) draftOf(kind, text, content string) *handoff.ID {
	s.Helper()
	conv := s.conversation()
	row, err := dbsqlc.New(s.DB).MessageInsertOutbound(s.Context(), dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: conv.InboxID, ContactID: conv.ContactID,
		AuthorType: handoff.AuthorAgent, AuthorID: s.Ana.AgentID(), AuthorName: &s.Ana.Agent.Name, Type: kind, Text: &text,
		Content: []byte(content), CreatedAt: s.env.Now(),
	})
	require.NoError(s, err)
	return &row.ID
}

// promise schedules a text for when John writes, or else a template for a time.
func (s *story) promise(due time.Duration) {
	s.update(workflows.ScheduleUpdate, workflows.ScheduleInput{CommandInput: s.command(s.Ana), Schedule: activities.Schedule{
		ScheduledID: handoff.NewID(), DueAt: s.after(due),
		MessageID:   s.draftOf("text", "Here it is", `{"body":"Here it is"}`),
		OtherwiseID: s.draftOf("template", "reminder", `{"name":"reminder","language":{"code":"en"}}`),
	}})
}

func TestAScheduledMessageLeavesWhenTheContactWrites(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.promise(23 * time.Hour) })
	s.at(10*time.Hour, func() { s.accept(s.Body(john, "anything new?")) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []time.Duration{10 * time.Hour}, s.when(handoff.EventMessageQueued))
	require.Contains(t, s.Gateway.Requests()[0].Body, "Here it is")
	require.Equal(t, 1, s.Count(t, "scheduled_messages", "state = 'sent' AND sent_id = message_id"))
	require.Equal(t, handoff.StatusEnded, s.conversation().Status)
}

func TestAScheduledTemplateLeavesBeforeTheWindowCloses(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.promise(23*time.Hour + 55*time.Minute) })
	// The contact writes too late, and gets nothing twice.
	s.at(30*time.Hour, func() { s.accept(s.Body(john, "oh")) })
	s.run()
	require.Equal(t, []time.Duration{23*time.Hour + 55*time.Minute}, s.when(handoff.EventMessageQueued))
	require.Contains(t, s.Gateway.Requests()[0].Body, "reminder")
	require.Equal(t, 1, s.Count(t, "scheduled_messages", "state = 'sent' AND sent_id = otherwise_id"))
}

func TestTheEndCancelsWhatIsScheduled(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.promise(23 * time.Hour) })
	s.at(2*time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()
	require.Empty(t, s.when(handoff.EventMessageQueued))
	require.Equal(t, []time.Duration{2 * time.Hour}, s.when(handoff.EventMessageUnscheduled))
	require.Equal(t, 1, s.Count(t, "scheduled_messages", "state = 'cancelled'"))
	events := s.events(s.conversation().ID)
	require.Equal(t, handoff.EventEnded, events[len(events)-1])
}

// A scheduled message that nothing can take any more must not keep what the contact wrote from being applied.
func TestAScheduledMessageThatCannotLeaveHoldsUpNothing(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.promise(23 * time.Hour) })
	s.at(2*time.Hour, func() {
		s.Exec(t, "UPDATE endpoints SET event_types = '{conversation_resolved}' WHERE id = $1", s.Endpoint.ID)
		s.accept(s.Body(john, "hello?"))
	})
	s.run()
	require.Len(t, s.when(handoff.EventMessageReceived), 2)
	require.Equal(t, 1, s.Count(t, "scheduled_messages", "state = 'failed'"))
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
}
