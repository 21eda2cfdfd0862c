package workflows_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

func (s *story) answersWithWamid(wamid string) {
	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, `{"messages":[{"id":"` + wamid + `"}]}` })
}

func TestMessageStatusesClimbWhateverTheirOrder(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		statuses []string
		end      handoff.MessageStatus
		events   []handoff.EventType
	}{
		"in order": {[]string{"sent", "delivered", "read"}, handoff.MessageRead, []handoff.EventType{
			handoff.EventMessageSent, handoff.EventMessageDelivered, handoff.EventMessageRead,
		}},
		"backwards": {[]string{"read", "delivered", "sent"}, handoff.MessageRead, []handoff.EventType{handoff.EventMessageRead}},
		"twice":     {[]string{"sent", "sent"}, handoff.MessageSent, []handoff.EventType{handoff.EventMessageSent}},
		"failed, then delivered": {[]string{"failed", "delivered"}, handoff.MessageDelivered, []handoff.EventType{
			handoff.EventMessageFailed, handoff.EventMessageDelivered,
		}},
		"failed after delivered": {[]string{"delivered", "failed"}, handoff.MessageDelivered, []handoff.EventType{
			handoff.EventMessageDelivered,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStory(t)
			s.answersWithWamid("wamid.1")
			s.says("I need to speak to a human")
			var id handoff.ID
			s.at(time.Minute, func() { id, _ = s.reply(s.Ana, "Hi John") })
			for i, status := range c.statuses {
				s.at(time.Duration(i+2)*time.Minute, func() { s.accept(s.StatusBody("wamid.1", status)) })
			}
			s.at(time.Hour, func() { s.resolveBy(s.Ana) })
			s.run()

			require.NoError(t, s.env.GetWorkflowError())
			m := s.message(id)
			require.Equal(t, c.end, *m.Status)
			require.Nil(t, m.FailureCode, "proof of a later state lifts a failure")
			events := s.events(s.conversation().ID)
			require.Equal(t, c.events, events[5:len(events)-1], "after the gateway has it, before the end")
		})
	}
}

func TestAStatusAfterTheEndHasAnEventWithoutANumber(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.answersWithWamid("wamid.1")
	s.says("I need to speak to a human")
	var id handoff.ID
	s.at(time.Minute, func() { id, _ = s.reply(s.Ana, "Hi John") })
	s.at(2*time.Minute, func() { s.resolveBy(s.Ana) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	first := s.conversation()

	s.restart()
	require.Len(t, s.Accept(t, s.StatusBody("wamid.1", "read"), s.env.Now()).Wakes, 1)
	s.says("hello again")
	s.at(time.Hour, func() { s.resolveBy(s.Ben) })
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.MessageRead, *s.message(id).Status)
	require.Equal(t, handoff.EventEnded, last(s.events(first.ID)))
	all := s.Events(t, first.ID)
	require.Equal(t, handoff.EventMessageRead, all[len(all)-1].Type)
	require.Nil(t, all[len(all)-1].Seq)
	require.Equal(t, []handoff.EventType{handoff.EventOpened, handoff.EventMessageReceived, handoff.EventEnded},
		s.events(s.conversation().ID), "and the next conversation does not have it")
}

func last[T any](list []T) T { return list[len(list)-1] }

// Meta may be faster than the gateway: its status comes before the gateway's answer has told the wamid.
func TestAParkedStatusIsAppliedWhenTheGatewayTellsTheWamid(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.Gateway.Answer(func(n int) (int, string) {
		if n == 1 {
			return http.StatusServiceUnavailable, ""
		}
		return http.StatusOK, `{"messages":[{"id":"wamid.1"}]}`
	})
	s.says("I need to speak to a human")
	var id handoff.ID
	s.at(time.Minute, func() { id, _ = s.reply(s.Ana, "Hi John") })
	s.at(time.Minute+2*time.Second, func() {
		for _, status := range []string{"delivered", "sent"} {
			accepted := s.accept(s.StatusBody("wamid.1", status))
			require.Equal(t, db.OutcomeParked, accepted.Items[0].Outcome)
			require.Empty(t, accepted.Wakes)
		}
	})
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, handoff.MessageDelivered, *s.message(id).Status)
	require.Equal(t, "wamid.1", *s.message(id).ExternalID)
	require.Zero(t, s.Count(t, "parked_statuses", "true"))
}

// Where the gateway tells nothing, Meta repeats our own id in each status.
func TestAStatusFindsItsMessageByTheCallbackData(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.set(func(p *dbsqlc.InboxUpdateParams) { p.CallbackData = true })
	s.says("I need to speak to a human")
	var id handoff.ID
	s.at(time.Minute, func() { id, _ = s.reply(s.Ana, "Hi John") })
	s.at(2*time.Minute, func() {
		parked := s.accept(s.StatusBody("wamid.1", "read"))
		require.Equal(t, db.OutcomeParked, parked.Items[0].Outcome, "it names no message of ours")
		status := strings.Replace(string(s.StatusBody("wamid.1", "sent")), `"id":"wamid.1"`,
			`"biz_opaque_callback_data":"`+id.String()+`","id":"wamid.1"`, 1)
		require.Len(t, s.accept([]byte(status)).Wakes, 1)
	})
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Contains(t, s.Gateway.Requests()[0].Body, `"biz_opaque_callback_data":"`+id.String()+`"`)
	require.Equal(t, "wamid.1", *s.message(id).ExternalID)
	require.Equal(t, handoff.MessageRead, *s.message(id).Status, "the parked one has found its message as well")
}

func TestWhatWasSaidBeforeTheHandOverComesFirst(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	var body map[string]any
	require.NoError(t, json.Unmarshal(s.Body(john, "I need to speak to a human"), &body))
	body["prior_history"] = []map[string]string{
		{"direction": "inbound", "text": "where is my parcel?", "timestamp": "2026-06-08T09:14:00Z"},
		{"direction": "outbound", "text": "I am only a bot", "timestamp": "2026-06-08T09:14:05Z"},
	}
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	s.in.Ref.AccountID = s.Account.ID
	wake := s.Accept(t, raw, s.env.Now()).Wakes[0]
	s.in.InboxID, s.in.ContactID = wake.InboxID, wake.ContactID
	s.at(time.Minute, func() { // it counts only in the item that opens a conversation
		s.accept([]byte(strings.Replace(string(raw), "wamid.", "wamid.again", 1)))
	})
	s.at(time.Hour, func() { s.resolveBy(s.Ana) })
	s.run()

	require.NoError(t, s.env.GetWorkflowError())
	require.Equal(t, []handoff.EventType{
		handoff.EventMessageHistory, handoff.EventMessageHistory, handoff.EventOpened, handoff.EventMessageReceived,
		handoff.EventMessageReceived, handoff.EventEnded,
	}, s.events(s.conversation().ID))
	require.Equal(t, 4, s.Count(t, "messages", "conversation_id IS NOT NULL"))
}

func TestAnEchoAndItsStatusInOnePassAreBothApplied(t *testing.T) {
	t.Parallel()
	s := newStory(t)
	s.says("I need to speak to a human")
	s.at(time.Minute, func() {
		s.Accept(s.T, s.Envelope(map[string]any{"message_echoes": []any{map[string]any{
			"from": "15550783881", "to": john, "id": "wamid.ECHO", "timestamp": "1733670000", "type": "text",
			"text": map[string]string{"body": "I answer on the phone"},
		}}}), s.env.Now())
		s.Accept(s.T, s.StatusBody("wamid.ECHO", "read"), s.env.Now())
		s.wake()
	})
	s.at(2*time.Minute, func() {
		var said []handoff.EventType
		for _, kind := range s.events(s.conversation().ID) {
			if kind == handoff.EventMessageSent || kind == handoff.EventMessageRead {
				said = append(said, kind)
			}
		}
		require.Equal(t, []handoff.EventType{handoff.EventMessageSent, handoff.EventMessageRead}, said)
	})
	s.run()
	require.NoError(t, s.env.GetWorkflowError())
}
