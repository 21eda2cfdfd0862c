package workflows_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestInactivityEndsExactlyADayAfterTheLastMessage(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	var reply *answer
	s.at(2*time.Hour, func() { s.says("hello?"); s.wake() })
	s.at(5*time.Hour, func() { _, reply = s.reply(s.Ana, "Hi John") })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, reply.err)
	require.Equal(t, 29*time.Hour, s.env.Now().Sub(s.start), "a day after the reply, which was the last message")
	ended := s.conversation()
	require.Equal(t, handoff.StatusEnded, ended.Status)
	require.Equal(t, handoff.EndInactivity, *ended.EndReason)
	require.Equal(t, []handoff.EventType{
		handoff.EventOpened, handoff.EventMessageReceived, handoff.EventMessageReceived, handoff.EventClaimed,
		handoff.EventMessageQueued, handoff.EventMessageDeliveredToGateway, handoff.EventEnded,
	}, s.events(ended.ID))
	requests := s.Gateway.Requests()
	require.Len(t, requests, 2)
	require.JSONEq(t, `{"event":"outbound_message","contact_number":"447700900123","phone_number_id":"106540352242922","meta_payload":
		{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"body":"Hi John"}}}`, requests[0].Body)
	require.Contains(t, requests[1].Body, `"resolved_status":"Closed by Inactivity"`)
}

func TestResolveWhileAWebhookFailsForThirtyHours(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.Gateway.Answer(func(int) (int, string) {
		if s.env.Now().Sub(s.start) < 30*time.Hour {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, ""
	})
	var claimed, resolved *answer
	s.at(time.Minute, func() { claimed = s.claim(s.Ana) })
	s.at(2*time.Minute, func() { resolved = s.resolveBy(s.Ana) })
	s.at(3*time.Minute, func() { require.Equal(t, handoff.StatusEnded, s.conversation().Status) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.NoError(t, claimed.err)
	require.NoError(t, resolved.err)
	requests := s.Gateway.Requests()
	ids := map[string]bool{}
	for _, r := range requests {
		ids[r.Header.Get("webhook-id")] = true
	}
	require.Len(t, ids, 1, "every attempt carries the same id")
	require.Greater(t, s.env.Now().Sub(s.start), 30*time.Hour)
}
