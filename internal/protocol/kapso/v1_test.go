package kapso_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
)

const (
	configV1 = `"whatsapp_config":{"id":"880e8400-e29b-41d4-a716-446655440001","name":"Support","phone_number_id":"123456789012345",` +
		`"display_name":"Support","display_phone_number":"+1 (555) 000-1111","display_phone_number_normalized":"15550001111"}`
	conversationV1 = `"conversation":{"id":"770e8400-e29b-41d4-a716-446655440002","phone_number":"+15551234567","status":"active",`
)

func v1(e protocol.Event) protocol.Event {
	e.Endpoint.PayloadVersion = "v1"
	return e
}

func TestV1Received(t *testing.T) {
	t.Parallel()
	require.Equal(t, `{"message":{"id":"01980000-0000-7000-8000-000000000001","phone_number":"+15551234567","message_type":"text","content":"Hello",`+
		`"direction":"inbound","status":"received","processing_status":"pending","origin":"cloud_api","whatsapp_message_id":"wamid.123",`+
		`"metadata":{},"has_media":false,"message_type_data":{"text":"Hello"},"created_at":"2024-10-28T05:20:00Z","updated_at":"2024-10-28T05:20:00Z"},`+
		conversationV1+`"last_active_at":"2025-10-28T14:25:01Z","created_at":"2025-10-28T13:40:00Z","updated_at":"2025-10-28T14:25:01Z",`+
		`"metadata":{},"whatsapp_config_id":"880e8400-e29b-41d4-a716-446655440001","kapso":{"contact_name":"John Doe","messages_count":1,`+
		`"last_message_id":"wamid.123","last_message_type":"text","last_message_timestamp":"2025-10-28T14:25:01Z","last_message_text":"Hello",`+
		`"last_inbound_at":"2025-10-28T14:25:01Z","last_outbound_at":null}},"is_new_conversation":true,`+configV1+`}`,
		string(tell(t, v1(hello()), kapso.EventMessageReceived).Body))
}

func TestV1Status(t *testing.T) {
	t.Parallel()
	body := tell(t, v1(failed()), kapso.EventMessageFailed).Body
	require.Equal(t, `"failed"`, part(t, body, "message", "status"))
	require.Equal(t, `"2024-10-28T05:26:40Z"`, part(t, body, "message", "updated_at"), "the time of the status")
	require.Equal(t, `"2025-10-28T14:31:00Z"`, part(t, body, "message", "created_at"))
	require.Contains(t, part(t, body, "message", "statuses"), `"code":131047`)
	body = tell(t, v1(with(onMyWay(), func(e *protocol.Event) { e.Message.ExternalID = "" })), kapso.EventMessageSent).Body
	require.Equal(t, `null`, part(t, body, "message", "whatsapp_message_id"))
}

func TestV1File(t *testing.T) {
	t.Parallel()
	body := tell(t, v1(image()), kapso.EventMessageReceived).Body
	require.Equal(t, `"https://api.kapso.ai/media/..."`, part(t, body, "message", "media_url"))
	require.Contains(t, part(t, body, "message", "media_data"), `"byte_size":204800`)
}

func TestV1Conversations(t *testing.T) {
	t.Parallel()
	for event, e := range map[string]protocol.Event{
		kapso.EventConversationCreated: created(), kapso.EventConversationEnded: ended(), kapso.EventConversationInactive: inactive(),
	} {
		body := tell(t, v1(e), event).Body
		keys := []string{"conversation", "whatsapp_config"}
		if event == kapso.EventConversationInactive {
			keys = []string{"conversation", "since_message", "inactivity", "whatsapp_config"}
		}
		tree := parseTree(t, body)
		require.Equal(t, keys, tree.keys, event)
		require.Equal(t, e.Inbox.ID.String(), tree.at("conversation.whatsapp_config_id").scalar)
		require.Nil(t, tree.at("conversation.phone_number_id"))
		require.Contains(t, string(body), configV1)
	}
}

func TestV1InboxWithoutANumberToShow(t *testing.T) {
	t.Parallel()
	e := with(created(), func(e *protocol.Event) { e.Inbox.DisplayPhoneNumber = "" })
	config := parseTree(t, tell(t, v1(e), kapso.EventConversationCreated).Body).at("whatsapp_config")
	require.Equal(t, []string{"id", "name", "phone_number_id", "display_name"}, config.keys)
}

func TestProjectEventsHaveOneShape(t *testing.T) {
	t.Parallel()
	require.Equal(t, tell(t, offloaded(), kapso.EventWorkflowHandoff).Body, tell(t, v1(offloaded()), kapso.EventWorkflowHandoff).Body)
}
