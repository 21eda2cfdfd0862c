package hitlchat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol/hitlchat"
)

var (
	john  = []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "447700900123"}}
	inbox = hitlchat.Inbox{PhoneNumberID: "YOUR_PHONE_NUMBER_ID"}
)

// compact takes the line breaks out of an example of the guide. Nothing else may differ.
func compact(t *testing.T, example string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, []byte(example)))
	return out.String()
}

func TestOutboundMessageIsTheGuidesExample(t *testing.T) {
	t.Parallel()
	body, err := hitlchat.OutboundMessage(inbox, handoff.OutboundMessage{
		ID: handoff.NewID(), To: john, Type: "text", Content: json.RawMessage(`{ "body": "Hi John, happy to help!" }`),
	})
	require.NoError(t, err)
	require.Equal(t, compact(t, `{
  "event": "outbound_message",
  "contact_number": "447700900123",
  "phone_number_id": "YOUR_PHONE_NUMBER_ID",
  "meta_payload": {
    "messaging_product": "whatsapp", "to": "447700900123",
    "type": "text", "text": { "body": "Hi John, happy to help!" }
  }
}`), string(body))
}

func TestOutboundImageIsTheGuidesExample(t *testing.T) {
	t.Parallel()
	body, err := hitlchat.OutboundMessage(inbox, handoff.OutboundMessage{
		To: john, Type: "image", Content: json.RawMessage(`{ "link": "https://example.com/a.jpg?a=1&b=<2>" }`),
	})
	require.NoError(t, err)
	require.Equal(t, `{"event":"outbound_message","contact_number":"447700900123","phone_number_id":"YOUR_PHONE_NUMBER_ID",`+
		`"meta_payload":{"messaging_product":"whatsapp","to":"447700900123","type":"image",`+
		`"image":{"link":"https://example.com/a.jpg?a=1&b=<2>"}}}`, string(body))
}

func TestConversationResolvedIsTheGuidesExample(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 6, 9, 12, 5, 0, 999, time.FixedZone("CEST", 7200))
	body, err := hitlchat.ConversationResolved(john, "Resolved by Human", at)
	require.NoError(t, err)
	require.Equal(t, compact(t, `{
  "event": "conversation_resolved",
  "contact_number": "447700900123",
  "resolved_status": "Resolved by Human",
  "resolved_datetime": "2026-06-09T10:05:00Z"
}`), string(body))
}

func TestOutboundMessageToAUserID(t *testing.T) {
	t.Parallel()
	id := uuid.MustParse("01980000-0000-7000-8000-000000000001")
	body, err := hitlchat.OutboundMessage(hitlchat.Inbox{PhoneNumberID: "2", CallbackData: true}, handoff.OutboundMessage{
		ID: id, To: []handoff.Identity{{Kind: handoff.IdentityBSUID, Value: "GB.1"}}, Type: "text",
		Content: json.RawMessage(`{"body":"Hi"}`), ReplyTo: "wamid.1",
	})
	require.NoError(t, err)
	require.Equal(t, `{"event":"outbound_message","contact_number":"GB.1","phone_number_id":"2","meta_payload":{"messaging_product":"whatsapp",`+
		`"recipient":"GB.1","type":"text","text":{"body":"Hi"},"context":{"message_id":"wamid.1"},"biz_opaque_callback_data":"`+id.String()+`"}}`, string(body))
	requireSchema(t, body)
}

func requireSchema(t *testing.T, body []byte) {
	t.Helper()
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(corpora.File(t, "meta", "meta-send-message.repaired.schema.json")))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("send.json", schema))
	compiled, err := compiler.Compile("send.json")
	require.NoError(t, err)
	var event struct {
		MetaPayload json.RawMessage `json:"meta_payload"`
	}
	require.NoError(t, json.Unmarshal(body, &event))
	payload, err := jsonschema.UnmarshalJSON(bytes.NewReader(event.MetaPayload))
	require.NoError(t, err)
	require.NoError(t, compiled.Validate(payload))
}

func TestNobodyToSendTo(t *testing.T) {
	t.Parallel()
	session := []handoff.Identity{{Kind: handoff.IdentitySession, Value: "s"}}
	_, err := hitlchat.OutboundMessage(inbox, handoff.OutboundMessage{To: session, Type: "text", Content: json.RawMessage(`{}`)})
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	_, err = hitlchat.ConversationResolved(session, "Resolved by Human", time.Now())
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
}

// guideBody is the body of the guide's curl, with more keys beside its entry.
func guideBody(extra string) []byte {
	return fmt.Appendf(nil, `{
  "object": "whatsapp_business_account",
  "entry": [{
    "id": "YOUR_WHATSAPP_BUSINESS_ID",
    "changes": [{
      "field": "messages",
      "value": {
        "messaging_product": "whatsapp",
        "metadata": { "phone_number_id": "YOUR_PHONE_NUMBER_ID" },
        "contacts": [{ "profile": { "name": "John" }, "wa_id": "447700900123" }],
        "messages": [
          {"from": "447700900123", "id": "wamid.R", "type": "reaction", "reaction": {"message_id": "wamid.0", "emoji": "👍"}},
          {"from": "447700900123", "id": "wamid.ABC", "timestamp": "1733670000", "type": "text", "text": { "body": "I need to speak to a human" }}
        ]
      }
    }]
  }]%s
}`, extra)
}

func TestParseWithHistory(t *testing.T) {
	t.Parallel()
	in, err := hitlchat.Parse(guideBody(`, "prior_history": [
  { "direction": "inbound", "text": "What are your hours?", "timestamp": "2026-06-08T09:14:00Z" },
  { "direction": "outbound", "text": "9am-5pm\u0000, Mon-Fri.", "timestamp": "2026-06-08T11:14:05+02:00" }
]`))
	require.NoError(t, err)
	require.Empty(t, in.Warnings)
	require.Len(t, in.Items, 2)
	require.Equal(t, handoff.Route{WABAID: "YOUR_WHATSAPP_BUSINESS_ID", PhoneNumberID: "YOUR_PHONE_NUMBER_ID"}, in.Items[1].Route)
	require.Empty(t, in.Items[0].Message.History, "a reaction opens nothing")
	require.Equal(t, []handoff.HistoryTurn{
		{Direction: handoff.Inbound, Text: "What are your hours?", At: time.Date(2026, 6, 8, 9, 14, 0, 0, time.UTC)},
		{Direction: handoff.Outbound, Text: "9am-5pm\uFFFD, Mon-Fri.", At: time.Date(2026, 6, 8, 9, 14, 5, 0, time.UTC)},
	}, in.Items[1].Message.History)
}

func TestParseWithFaultyHistory(t *testing.T) {
	t.Parallel()
	for history, want := range map[string]struct{ turns, warnings int }{
		`null`: {}, `[]`: {}, `"x"`: {0, 1}, `{}`: {0, 1},
		`[7,null,[],{"direction":"up","text":"x"},{"direction":"inbound"},{"direction":"inbound","text":" "},{"direction":"inbound","text":["x"]}]`: {0, 7},
		`[{"direction":"inbound","text":"x"}]`:                                          {1, 1},
		`[{"direction":"inbound","text":"x","timestamp":1733670000}]`:                   {1, 1},
		`[{"direction":"inbound","text":"x","timestamp":"9999-12-31T23:59:59-23:00"}]`:  {1, 1},
		`[{"direction":"outbound","text":"x","timestamp":"2026-06-08T09:14:00.123Z"}]`:  {1, 0},
		`[1,2,3,4,5,6,7,8,9,10,11,12,{"direction":"inbound","text":"x","timestamp":7}]`: {1, 11},
	} {
		in, err := hitlchat.Parse(guideBody(`,"prior_history":` + history))
		require.NoError(t, err, history)
		require.Len(t, in.Items[1].Message.History, want.turns, history)
		require.Len(t, in.Warnings, want.warnings, "%s: %q", history, in.Warnings)
		_, err = json.Marshal(in.Items[1].Message.History)
		require.NoError(t, err, history)
	}
}

func TestHistoryWithoutAnOpeningMessage(t *testing.T) {
	t.Parallel()
	in, err := hitlchat.Parse([]byte(`{"entry":[],"prior_history":[{"direction":"inbound","text":"x","timestamp":"2026-06-08T09:14:00Z"}]}`))
	require.NoError(t, err)
	require.Len(t, in.Warnings, 1)
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	_, err := hitlchat.Parse([]byte(`{`))
	require.Equal(t, handoff.CodeMalformed, handoff.ErrorCode(err))
	_, err = hitlchat.Parse([]byte(`{"prior_history":[]}`))
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
}

func TestParseReceipt(t *testing.T) {
	t.Parallel()
	wamid, ok := hitlchat.ParseReceipt([]byte(`{"messages":[{"id":"wamid.9"}]}`))
	require.True(t, ok)
	require.Equal(t, "wamid.9", wamid)
	_, ok = hitlchat.ParseReceipt([]byte(`{"status":"ok"}`))
	require.False(t, ok)
}

func FuzzParse(f *testing.F) {
	f.Add(guideBody(`,"prior_history":[{"direction":"inbound","text":"x","timestamp":"2026-06-08T09:14:00Z"}]`))
	f.Add([]byte(`{"entry":[{}],"prior_history":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		in, err := hitlchat.Parse(body)
		if err != nil {
			require.NotEqual(t, handoff.CodeInternal, handoff.ErrorCode(err))
			return
		}
		for _, item := range in.Items {
			_, err := json.Marshal(item)
			require.NoError(t, err)
		}
	})
}
