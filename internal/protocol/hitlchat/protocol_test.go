package hitlchat_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/hitlchat"
)

func event(eventType handoff.EventType, reason handoff.EndReason) protocol.Event {
	return protocol.Event{
		Type: eventType, At: time.Date(2026, 6, 9, 10, 5, 0, 0, time.UTC),
		Inbox: protocol.Inbox{
			PhoneNumberID: "YOUR_PHONE_NUMBER_ID", ResolvedStatus: "Resolved by Human", InactivityStatus: "Closed by Inactivity", NotifyInactivity: true,
		},
		Contact:      protocol.Contact{Identities: john},
		Conversation: &protocol.Conversation{EndReason: reason},
		Message: &protocol.Message{
			ID: uuid.MustParse("01980000-0000-7000-8000-000000000001"), Type: "text", Content: json.RawMessage(`{"body": "Hi John, happy to help!"}`),
		},
	}
}

func only(t *testing.T, e protocol.Event) protocol.Webhook {
	t.Helper()
	webhooks, err := hitlchat.Protocol.Webhooks(e)
	require.NoError(t, err)
	require.Len(t, webhooks, 1)
	require.Empty(t, webhooks[0].Header)
	return webhooks[0]
}

func TestAnAgentsMessageIsOutboundMessage(t *testing.T) {
	t.Parallel()
	webhook := only(t, event(handoff.EventMessageQueued, ""))
	require.Equal(t, hitlchat.EventOutboundMessage, webhook.Event)
	require.Equal(t, `{"event":"outbound_message","contact_number":"447700900123","phone_number_id":"YOUR_PHONE_NUMBER_ID",`+
		`"meta_payload":{"messaging_product":"whatsapp","to":"447700900123","type":"text","text":{"body":"Hi John, happy to help!"}}}`, string(webhook.Body))
}

func TestAnInboxMayAskForItsOwnIDInMetasStatuses(t *testing.T) {
	t.Parallel()
	e := event(handoff.EventMessageQueued, "")
	e.Inbox.CallbackData, e.Message.ReplyTo = true, "wamid.1"
	require.Contains(t, string(only(t, e).Body), `"context":{"message_id":"wamid.1"},"biz_opaque_callback_data":"01980000-0000-7000-8000-000000000001"}`)
}

func TestAnEndIsConversationResolved(t *testing.T) {
	t.Parallel()
	for reason, status := range map[handoff.EndReason]string{
		handoff.EndResolved: "Resolved by Human", handoff.EndAdmin: "Resolved by Human", handoff.EndGateway: "Resolved by Human",
		handoff.EndInactivity: "Closed by Inactivity",
	} {
		webhook := only(t, event(handoff.EventEnded, reason))
		require.Equal(t, hitlchat.EventConversationResolved, webhook.Event)
		require.Equal(t, `{"event":"conversation_resolved","contact_number":"447700900123","resolved_status":"`+status+
			`","resolved_datetime":"2026-06-09T10:05:00Z"}`, string(webhook.Body))
	}
}

func TestAnInboxMayKeepQuietAboutInactivity(t *testing.T) {
	t.Parallel()
	e := event(handoff.EventEnded, handoff.EndInactivity)
	e.Inbox.NotifyInactivity = false
	webhooks, err := hitlchat.Protocol.Webhooks(e)
	require.NoError(t, err)
	require.Empty(t, webhooks)
	e.Conversation.EndReason = handoff.EndResolved
	only(t, e)
}

func TestOtherEventsAreNotHitlChats(t *testing.T) {
	t.Parallel()
	for _, eventType := range handoff.EventTypes {
		if eventType == handoff.EventMessageQueued || eventType == handoff.EventEnded {
			continue
		}
		webhooks, err := hitlchat.Protocol.Webhooks(event(eventType, handoff.EndResolved))
		require.NoError(t, err)
		require.Empty(t, webhooks, eventType)
	}
}

func TestAContactWhomWhatsAppCannotSendTo(t *testing.T) {
	t.Parallel()
	e := event(handoff.EventMessageQueued, "")
	e.Contact.Identities = []handoff.Identity{{Kind: handoff.IdentitySession, Value: "s"}}
	_, err := hitlchat.Protocol.Webhooks(e)
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), "the agent is told that the message cannot leave")

	e.Type = handoff.EventEnded
	webhooks, err := hitlchat.Protocol.Webhooks(e)
	require.NoError(t, err, "the conversation has to be able to end")
	require.Empty(t, webhooks)
}
