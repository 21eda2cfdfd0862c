package aksita

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/signature"
)

// example is the page's example without its line breaks, and exampleHMAC is its signature under "aksita-secret", computed with openssl.
const (
	example = `{"response":["hello"],"message_id":"2125","conversation_id":"2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc","credits":0,` +
		`"remaining_credits":1234,"additional_context":"","source":"human_agent","timestamp":"2026-01-22T15:18:18+07:00"}`
	exampleHMAC = "e281f4e2b329b26908e6c6c1b3dd657a2aef6186bb13e77471a691a7419b8797"
)

func hello() protocol.Event {
	return protocol.Event{
		Type: handoff.EventMessageQueued, At: time.Date(2026, 1, 22, 8, 18, 18, 999_000_000, time.UTC),
		Inbox: protocol.Inbox{TimeZone: time.FixedZone("WIB", 7*3600)},
		Contact: protocol.Contact{Identities: []handoff.Identity{
			{Kind: handoff.IdentityPhone, Value: "6281234567890"}, {Kind: handoff.IdentitySession, Value: "2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc"},
		}},
		Conversation: &protocol.Conversation{ID: uuid.MustParse("01980000-0000-7000-8000-000000000002")},
		Message: &protocol.Message{
			ID: uuid.MustParse("01980000-0000-7000-8000-000000000001"), Type: "text", Text: "hello", Content: json.RawMessage(`{"body":"hello"}`),
		},
	}
}

func body(t *testing.T, e protocol.Event) string {
	t.Helper()
	webhooks, err := Protocol.Webhooks(e)
	require.NoError(t, err)
	require.Len(t, webhooks, 1)
	require.Equal(t, EventHumanAgent, webhooks[0].Event)
	return string(webhooks[0].Body)
}

func TestTheBodyIsThePagesExampleByteForByte(t *testing.T) {
	t.Parallel()
	require.Len(t, example, 223)
	got, err := encode(reply{
		Response: []string{"hello"}, MessageID: "2125", ConversationID: "2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc",
		RemainingCredits: 1234, Source: EventHumanAgent, Timestamp: "2026-01-22T15:18:18+07:00",
	})
	require.NoError(t, err)
	require.Equal(t, example, string(got))
	mac, err := signature.SignHex("aksita-secret", got)
	require.NoError(t, err)
	require.Equal(t, exampleHMAC, mac)
}

func TestAReplyDiffersFromTheExampleInItsIDAndItsCreditsOnly(t *testing.T) {
	t.Parallel()
	want := strings.NewReplacer(`"2125"`, `"01980000-0000-7000-8000-000000000001"`, `1234`, `0`).Replace(example)
	require.Equal(t, want, body(t, hello()))
}

func TestAContactWithoutASessionHasOurIDOfTheConversation(t *testing.T) {
	t.Parallel()
	e := hello()
	e.Contact.Identities = e.Contact.Identities[:1]
	require.Contains(t, body(t, e), `"conversation_id":"01980000-0000-7000-8000-000000000002"`)
}

func TestTimesWithoutATimeZoneAreUTC(t *testing.T) {
	t.Parallel()
	e := hello()
	e.Inbox.TimeZone = nil
	require.Contains(t, body(t, e), `"timestamp":"2026-01-22T08:18:18Z"`)
}

func TestTheAgentsWordsAreNotEscaped(t *testing.T) {
	t.Parallel()
	e := hello()
	e.Message.Text = `<b>5 & "6"</b>`
	require.Contains(t, body(t, e), `{"response":["<b>5 & \"6\"</b>"],`)
}

func TestEveryTypeBecomesTexts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message protocol.Message
		want    []string
	}{
		"image with a caption": {
			protocol.Message{Type: "image", Text: "Receipt", Content: json.RawMessage(`{"link":"https://a.example/1.jpg","caption":"Receipt"}`)},
			[]string{"Receipt", "https://a.example/1.jpg"},
		},
		"file of ours": {
			protocol.Message{
				Type: "document", Text: "Invoice", Content: json.RawMessage(`{"id":"5"}`), Media: &protocol.Media{URL: "https://us.example/m/t"},
			},
			[]string{"Invoice", "https://us.example/m/t"},
		},
		"audio": {
			protocol.Message{Type: "audio", Content: json.RawMessage(`{"link":"https://a.example/1.ogg"}`)}, []string{"https://a.example/1.ogg"},
		},
		"location": {
			protocol.Message{Type: "location", Content: json.RawMessage(`{"latitude":50.85,"longitude":"4.35","name":"Shop","address":"Main St 1"}`)},
			[]string{"Shop, Main St 1, 50.85, 4.35"},
		},
		"contacts": {
			protocol.Message{Type: "contacts", Content: json.RawMessage(
				`[{"name":{"formatted_name":"Ann Lee"},"phones":[{"phone":"+44 7700 900123"}]},{"name":{"formatted_name":"Bo"}}]`)},
			[]string{"Ann Lee, +44 7700 900123\nBo"},
		},
		"buttons": {
			protocol.Message{Type: "interactive", Text: "Which?", Content: json.RawMessage(
				`{"type":"button","body":{"text":"Which?"},"action":{"buttons":[{"reply":{"title":"A"}},{"reply":{"title":"B"}}]}}`)},
			[]string{"Which?\nA\nB"},
		},
		"list": {
			protocol.Message{Type: "interactive", Content: json.RawMessage(
				`{"type":"list","body":{"text":"Which?"},"action":{"button":"Show","sections":[{"rows":[{"title":"A"}]}]}}`)},
			[]string{"Which?\nA"},
		},
		"web address": {
			protocol.Message{Type: "interactive", Content: json.RawMessage(
				`{"type":"cta_url","body":{"text":"Look"},"action":{"name":"cta_url","parameters":{"display_text":"Shop","url":"https://a.example"}}}`)},
			[]string{"Look\nShop: https://a.example"},
		},
		"reaction":            {protocol.Message{Type: "reaction", Text: "👍", Content: json.RawMessage(`{"emoji":"👍"}`)}, []string{"👍"}},
		"reaction taken back": {protocol.Message{Type: "reaction", Content: json.RawMessage(`{"emoji":""}`)}, []string{"[reaction]"}},
		"no content":          {protocol.Message{Type: "sticker"}, []string{"[sticker]"}},
		"odd content":         {protocol.Message{Type: "interactive", Text: "x", Content: json.RawMessage(`[{"action":7}]`)}, []string{"x"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, response(c.message))
		})
	}
}

func TestOnlyAnAgentsMessageIsTold(t *testing.T) {
	t.Parallel()
	for _, eventType := range handoff.EventTypes {
		e := hello()
		e.Type = eventType
		webhooks, err := Protocol.Webhooks(e)
		require.NoError(t, err)
		require.Len(t, webhooks, map[bool]int{true: 1}[eventType == handoff.EventMessageQueued], eventType)
	}
	e := hello()
	e.Conversation = nil
	webhooks, err := Protocol.Webhooks(e)
	require.NoError(t, err)
	require.Empty(t, webhooks)
}

func TestTheVendorsHeaders(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Aksita-Webhook/1.0", Protocol.UserAgent)
	require.Equal(t, "X-Webhook-Signature", Protocol.SignatureHeader)
	require.Equal(t, 10*time.Second, Protocol.Timeout)
}
