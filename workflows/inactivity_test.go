package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

func TestOnlyMessagesPutOffTheEndByInactivity(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.Gateway.Answer(func(int) (int, string) { return 200, `{"messages":[{"id":"wamid.1"}]}` })
	s.at(time.Hour, func() { s.reply(s.Ana, "Hi John") })
	s.at(2*time.Hour, func() { s.says("hello?"); s.wake() })
	s.at(3*time.Hour, func() { s.accept(s.StatusBody("wamid.1", "delivered")) })
	s.at(4*time.Hour, func() { s.note("he has called before") })
	s.at(5*time.Hour, func() { s.release(s.Ana) })
	s.at(6*time.Hour, func() { s.claim(s.Ben) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 26*time.Hour, s.passed(), "a day after the last message")
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventClaimed, handoff.EventMessageQueued,
		handoff.EventMessageDeliveredToGateway, handoff.EventMessageReceived, handoff.EventMessageDelivered, handoff.EventNoteAdded,
		handoff.EventReleased, handoff.EventClaimed, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

// note writes one as the API does: without the workflow.
func (s *story) note(text string) {
	s.Helper()
	ctx, q, conv := context.Background(), dbsqlc.New(s.DB), s.conversation()
	_, err := q.NoteInsert(ctx, dbsqlc.NoteInsertParams{
		ID: handoff.NewID(), AccountID: s.Account.ID, ConversationID: conv.ID, AgentID: s.Ana.AgentID(), Text: text, CreatedAt: s.env.Now(),
	})
	require.NoError(s, err)
	seq, err := q.ConversationNextSeq(ctx, conv.ID)
	require.NoError(s, err)
	q.EventInsert(ctx, []dbsqlc.EventInsertParams{{
		ID: handoff.NewID(), AccountID: s.Account.ID, InboxID: &conv.InboxID, ConversationID: &conv.ID, Seq: &seq,
		Type: handoff.EventNoteAdded, ActorType: handoff.AuthorAgent, Data: []byte(`{}`), OccurredAt: s.env.Now(),
	}}).Exec(func(_ int, err error) { require.NoError(s, err) })
}

func TestEachInboxHasItsOwnInactivity(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.Inactivity = 90 * time.Minute })
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.says("hello?"); s.wake() })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, 150*time.Minute, s.passed())
}

func TestAnEndByInactivityIsNotToldWhereTheInboxDoesNotWantIt(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.NotifyInactivity = false })
	s.says("I need to speak to a human")
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
	require.Empty(t, s.Gateway.Requests())
}

func TestAnEndByAnAgentIsToldWhereInactivityIsNot(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.NotifyInactivity = false })
	s.says("I need to speak to a human")
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, s.Gateway.Requests(), 1)
	require.Contains(t, s.Gateway.Requests()[0].Body, `"resolved_status":"Resolved by Human"`)
}

func TestWhatIsAcceptedBeforeTheTimerFiresKeepsTheConversation(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(24*time.Hour-time.Millisecond, func() { s.says("wait!") }) // and its signal is not there yet
	s.at(24*time.Hour+time.Second, func() { s.wake() })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, s.conversations(), 1)
	require.Equal(t, 48*time.Hour, s.conversation().EndedAt.Sub(s.start), "a day after it was taken in")
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventMessageReceived, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

func TestWhatIsAcceptedAfterTheEndOpensTheNextConversation(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	first := s.conversation()

	s.restart()
	s.says("one more thing")
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Len(t, s.conversations(), 2)
	second := s.conversation()
	require.NotEqual(t, first.ID, second.ID)
	require.Equal(t, first.ContactID, second.ContactID)
	for _, conv := range []handoff.ID{first.ID, second.ID} {
		require.Equal(t, []handoff.EventType{handoff.EventOpened, handoff.EventMessageReceived, handoff.EventEnded}, s.events(conv))
	}
}

// The run is still there: it drains a lane when the message comes.
func TestWhatIsAcceptedBesideTheEndIsAppliedBeforeTheRunCompletes(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.NotifyInactivity = false })
	s.says("I need to speak to a human")
	resolved := false
	s.afterWrite(handoff.StatusEnded, func() { resolved = true; s.says("one more thing") })
	s.run()

	require.True(t, resolved)
	require.True(t, s.continued(), "the message opened a conversation, and the next run serves it: %v", s.env.GetWorkflowError())
	require.Len(t, s.conversations(), 2)
}
