package workflows_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fakechatlayer"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/workflows"
)

// newGraphStory is the story of a number whose replies leave through Meta's Graph API.
func newGraphStory(t *testing.T) (*story, *fakegraph.Graph, dbsqlc.Endpoint) {
	t.Helper()
	s := &story{T: t, World: fixture.New(t, dbtest.Pool(t))}
	meta, out := s.SpeakKapso(t, handoff.ProtocolKapso)
	s.restart()
	return s, meta, out
}

func TestRepliesLeaveInOrderBehindANumberThatMetaLimits(t *testing.T) {
	t.Parallel()
	s, meta, out := newGraphStory(t)
	meta.Fail(fakegraph.Fault{Path: "/messages", Code: 130429, Times: 3})
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first"); s.reply(s.Ana, "second") })
	s.at(time.Minute+time.Second, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	sent := meta.Sent()
	require.Len(t, sent, 2)
	require.Contains(t, string(sent[0].Body), "first")
	require.Contains(t, string(sent[1].Body), "second")
	require.NotNil(t, s.EndpointState(t, out.ID).PausedUntil)
	require.Less(t, starts, 12)
	require.Less(t, s.passed(), 2*time.Minute)
}

func TestARunEndsThoughItsRepliesAreHeld(t *testing.T) {
	t.Parallel()
	s, meta, out := newGraphStory(t)
	meta.Token(fixture.VendorToken, false)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() { s.reply(s.Ana, "first"); s.reply(s.Ana, "second") })
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Empty(t, meta.Sent())
	require.Equal(t, handoff.EndpointDisabled, s.EndpointState(t, out.ID).State)
	require.Equal(t, 2, s.Count(t, "deliveries", "state = 'held'"))
	require.Less(t, starts, 12)
}

func TestAnUncertainSendHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s, meta, _ := newGraphStory(t)
	meta.Fail(fakegraph.Fault{Path: "/messages", Hang: true})
	s.says("I need to speak to a human")
	var first, second handoff.ID
	s.at(time.Minute, func() { first, _ = s.reply(s.Ana, "first"); second, _ = s.reply(s.Ana, "second") })
	s.at(2*time.Minute, func() {
		require.Equal(t, handoff.MessageUncertain, *s.message(first).Status)
		require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(second).Status)
		s.accept(s.Envelope(map[string]any{"statuses": []any{map[string]any{
			"id": meta.Sent()[0].ID, "status": "delivered", "timestamp": "1733670000", "recipient_id": john, "biz_opaque_callback_data": first.String(),
		}}}))
	})
	s.at(3*time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.MessageDelivered, *s.message(first).Status)
	require.Len(t, meta.Sent(), 2)
}

func TestHeldBackWebhooksLeaveInTime(t *testing.T) {
	t.Parallel()
	s, _, _ := newGraphStory(t)
	s.Exec(t, `UPDATE endpoints SET buffer_seconds = 5, buffer_size = 3, buffer_events = '{whatsapp.message.received}' WHERE id = $1`, s.Endpoint.ID)
	s.says("one")
	for i, text := range []string{"two", "three", "four"} {
		s.at(time.Duration(i+1)*3*time.Second, func() { s.accept(s.Body(john, text)) })
	}
	s.at(time.Minute, func() {
		requests := s.Gateway.Requests()
		require.Len(t, requests, 3)
		require.Equal(t, "3", requests[1].Header.Get("X-Batch-Size"), "a full batch does not wait")
		require.Equal(t, "1", requests[2].Header.Get("X-Batch-Size"))
		s.accept(s.Body(john, "five"))
		s.resolveBy(s.Ana)
	})
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, time.Minute, s.passed(), "the end does not wait for the window")
	require.Equal(t, []string{
		"whatsapp.conversation.created", "whatsapp.message.received", "whatsapp.message.received", "whatsapp.message.received", "whatsapp.conversation.ended",
	}, eventsOf(s.Gateway))
	require.Less(t, starts, 12)
}

// A full batch whose gateway is away waits for its attempts like any other webhook, and is not tried again and again for being full.
func TestAFullBatchThatIsNotTakenWaits(t *testing.T) {
	t.Parallel()
	s, _, _ := newGraphStory(t)
	s.patient()
	s.Exec(t, `UPDATE endpoints SET buffer_seconds = 5, buffer_size = 2, buffer_events = '{whatsapp.message.received}' WHERE id = $1`, s.Endpoint.ID)
	s.Gateway.Answer(func(n int) (int, string) {
		if n > 1 && n < 5 {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, ""
	})
	s.says("one", "two")
	for i := range 20 {
		s.at(time.Duration(i+1)*10*time.Second, func() { s.accept(s.Body(john, "more")) })
	}
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	starts := 0
	s.countLanes(&starts)
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Less(t, starts, 45)
	require.Len(t, s.Gateway.Requests(), 1+3+11+1, "opened, three failures, eleven batches of two, ended")
}

// newChatlayerStory is the story of a Chatlayer bot that has asked for a person.
func newChatlayerStory(t *testing.T, resumeCall string) (*story, *fakechatlayer.Chatlayer) {
	t.Helper()
	s := &story{T: t, World: fixture.New(t, dbtest.Pool(t))}
	vendor, _ := s.SpeakChatlayer(t, resumeCall)
	s.restart()
	body, err := json.Marshal(fakechatlayer.Offload{
		Event: "offload", BotID: "bot1", Version: "LIVE", SessionID: "session1", Timestamp: fakechatlayer.Timestamp(s.start),
		Transcript: []fakechatlayer.Entry{fakechatlayer.UserText("session1", "John", "a person please", s.start.Add(-time.Second))},
	})
	require.NoError(t, err)
	for _, wake := range s.AcceptChatlayer(t, body, s.start).Wakes {
		s.in = workflows.NewConversationInput(wake.AccountID, wake.InboxID, wake.ContactID)
	}
	return s, vendor
}

func TestAnOffloadIsAnsweredAndTheBotResumed(t *testing.T) {
	t.Parallel()
	s, vendor := newChatlayerStory(t, `{"unpause":true}`)
	var id handoff.ID
	s.at(time.Minute, func() { id, _ = s.reply(s.Ana, "Hi John") })
	s.at(2*time.Minute, func() {
		vendor.Fail(2, 500)
		s.resolveBy(s.Ana)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	calls := vendor.Calls()
	require.Len(t, calls, 4)
	require.JSONEq(t, `{"unpause":true}`, string(calls[3].Body))
	require.Equal(t, http.StatusOK, calls[3].Status)
	require.Equal(t, 2*time.Minute+5*time.Second+5*time.Minute, s.passed())
	require.Equal(t, handoff.MessageDeliveredToGateway, *s.message(id).Status)
	require.Equal(t, []handoff.EventType{
		handoff.EventMessageHistory, handoff.EventOpened, handoff.EventOffloaded, handoff.EventClaimed, handoff.EventMessageQueued,
		handoff.EventMessageDeliveredToGateway, handoff.EventEnded,
	}, s.events(s.conversation().ID))
}

// The timer of an end that was refused was armed again every second, for ever.
func TestInactivityEndsAConversationWhoseBotCannotBeResumed(t *testing.T) {
	t.Parallel()
	s, vendor := newChatlayerStory(t, `{"unpause":true}`)
	s.Exec(t, "UPDATE inboxes SET bot_id = ''")
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.EndInactivity, *s.conversation().EndReason)
	require.Equal(t, 24*time.Hour, s.passed())
	require.Empty(t, vendor.Calls())
}

// The gateway ends the conversation by itself.
func TestAnEndByTheGatewayCompletesTheRun(t *testing.T) {
	t.Parallel()
	s, _ := newChatlayerStory(t, "")
	s.at(time.Minute, func() {
		s.AcceptItems(t, []byte(`{}`), []handoff.Item{{
			Kind: handoff.ItemEnd, ExternalID: "end:1", Reason: "the user left",
			Contact: &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: "session1"}}},
		}}, s.env.Now())
		s.wake()
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.EndGateway, *s.conversation().EndReason)
	require.Equal(t, time.Minute, s.passed())
}
