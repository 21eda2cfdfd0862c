package kapso_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
)

// golden is one of Kapso's samples, and the event that it describes.
type golden struct {
	file, webhook string
	event         func() protocol.Event
	// differs are the places of the sample that our body does not repeat, and why.
	differs map[string]string
}

const (
	ourID        = "our conversations have UUIDs"
	earlierTold  = "each status is told once: the earlier one was told by the event before"
	noTranscript = "nobody writes down what is said in a voice note"
	ownTracking  = "the id of our event is a UUID"
	ownReason    = "the reason is ours: a person is waited for, and no program runs"
)

var conversationID = map[string]string{"conversation.id": ourID}

var goldens = []golden{
	{"02-workflow.execution.handoff.json", kapso.EventWorkflowHandoff, offloaded, map[string]string{
		"tracking_id": ownTracking, "whatsapp_conversation_id": ourID,
	}},
	{"03-workflow.execution.failed.json", kapso.EventWorkflowFailed, unanswered, map[string]string{
		"tracking_id": ownTracking, "whatsapp_conversation_id": ourID, "error.message": ownReason,
	}},
	{"04-whatsapp.message.received.json", kapso.EventMessageReceived, hello, conversationID},
	{"05-whatsapp.message.sent.json", kapso.EventMessageSent, onMyWay, conversationID},
	{"06-whatsapp.message.delivered.json", kapso.EventMessageDelivered, delivered, map[string]string{
		"conversation.id": ourID, "message.kapso.statuses.0": earlierTold,
	}},
	{"07-whatsapp.message.failed.json", kapso.EventMessageFailed, failed, map[string]string{
		"conversation.id": ourID, "message.kapso.statuses.0": earlierTold,
	}},
	{"08-whatsapp.conversation.created.json", kapso.EventConversationCreated, created, conversationID},
	{"09-whatsapp.conversation.ended.json", kapso.EventConversationEnded, ended, conversationID},
	{"10-whatsapp.conversation.inactive.json", kapso.EventConversationInactive, inactive, conversationID},
	{"13-Media-messages-image-video-document-.json", kapso.EventMessageReceived, image, nil},
	{"14-Audio-messages.json", kapso.EventMessageReceived, audio, map[string]string{
		"message.kapso.transcript": noTranscript, "message.kapso.content": noTranscript + "; TestAudioWithoutTranscript has the rest",
	}},
	{"15-Location-messages.json", kapso.EventMessageReceived, receivedOf("location",
		`{"location":{"latitude":37.7749,"longitude":-122.4194,"name":"San Francisco","address":"San Francisco, CA, USA"},"type":"location"}`), nil},
	{"17-Interactive-messages.json", kapso.EventMessageReceived, receivedOf("interactive",
		`{"interactive":{"type":"button_reply","button_reply":{"id":"btn_1","title":"Confirm"}},"type":"interactive"}`), nil},
	{"18-Reaction-messages.json", kapso.EventMessageReceived, receivedOf("reaction",
		`{"reaction":{"message_id":"wamid.HBgNNTU0MTIzNDU2Nzg5MA","emoji":"👍"},"type":"reaction"}`), nil},
}

// noGoldens are the files of the corpus that are no body of ours.
var noGoldens = map[string]string{
	"01-whatsapp.phone-number.created.json": "a number that is connected is no event of a conversation",
	"11-Multiple-inactivity-timeouts.json":  "the configuration of a webhook",
	"12-Status-object-structure.json":       "the prices of a status, which are not kept",
	"16-Template-messages.json":             "a piece of a template; TestTemplateKeepsItsLanguage has it",
	"webhook-config-example.json":           "the configuration of a webhook",
}

func TestGoldens(t *testing.T) {
	t.Parallel()
	for _, g := range goldens {
		t.Run(g.file, func(t *testing.T) {
			t.Parallel()
			raw := corpora.File(t, "vendors", "kapso-webhooks", g.file)
			ours := parseTree(t, tell(t, g.event(), g.webhook).Body)
			for path := range g.differs {
				require.NotEmpty(t, differences("", sampleWithout(t, raw, g.differs, path), ours), "%s does not differ any more", path)
			}
			sample := sampleWithout(t, raw, g.differs, "")
			require.Empty(t, differences("", sample, ours))
		})
	}
}

// sampleWithout is the sample without the places that differ, but for one.
func sampleWithout(t *testing.T, raw []byte, differs map[string]string, but string) *tree {
	t.Helper()
	sample := parseTree(t, raw)
	for path := range differs {
		if path != but {
			sample.cut(t, path)
		}
	}
	return sample
}

func TestEveryFileOfTheCorpusIsKnown(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, g := range goldens {
		known[g.file] = true
	}
	for file := range noGoldens {
		known[file] = true
	}
	files, err := os.ReadDir(filepath.Join(corpora.Dir(t), "vendors", "kapso-webhooks"))
	require.NoError(t, err)
	for _, file := range files {
		require.True(t, known[file.Name()], "%s is neither a golden nor said not to be one", file.Name())
	}
	require.Len(t, files, len(known))
}

// at is a time as the samples write it.
func at(s string) time.Time {
	parsed, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return parsed
}

func pointer(at time.Time) *time.Time { return &at }

// base is what all samples have in common. Their unix times are a year before the others, which nothing depends on.
func base(kind handoff.EventType, activeAt string) protocol.Event {
	return protocol.Event{
		ID: uuid.MustParse("01980000-0000-7000-8000-00000000000e"), Type: kind, At: at("2025-12-08T12:00:00Z"), Details: json.RawMessage(`{}`),
		Inbox: protocol.Inbox{
			ID:        uuid.MustParse("880e8400-e29b-41d4-a716-446655440001"),
			AccountID: uuid.MustParse("990e8400-e29b-41d4-a716-446655440004"),
			Name:      "Support", PhoneNumberID: "123456789012345", DisplayPhoneNumber: "+1 (555) 000-1111",
		},
		Contact: protocol.Contact{Name: "John Doe", Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "15551234567"}}},
		Conversation: &protocol.Conversation{
			ID: uuid.MustParse("770e8400-e29b-41d4-a716-446655440002"), Status: handoff.StatusWaiting,
			OpenedAt: at("2025-10-28T13:40:00Z"), LastActivityAt: at(activeAt),
		},
	}
}

func hello() protocol.Event {
	e := base(handoff.EventMessageReceived, "2025-10-28T14:25:01Z")
	e.Message = &protocol.Message{
		ID: uuid.MustParse("01980000-0000-7000-8000-000000000001"), Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text",
		Text: "Hello", Content: json.RawMessage(`{"text": {"body": "Hello"}, "type": "text"}`), ExternalID: "wamid.123", SentAt: time.Unix(1730092800, 0),
		CreatedAt: at("2025-10-28T14:25:02Z"),
	}
	last := *e.Message
	last.SentAt = at("2025-10-28T14:25:01Z")
	e.Conversation.MessagesCount, e.Conversation.LastMessage, e.Conversation.LastInboundAt = 1, &last, &last.SentAt
	return e
}

func onMyWay() protocol.Event {
	e := base(handoff.EventMessageSent, "2025-10-28T14:31:00Z")
	e.At = time.Unix(1730092860, 0)
	e.Message = &protocol.Message{
		ID: uuid.MustParse("01980000-0000-7000-8000-000000000002"), Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "text",
		Text: "On my way", Content: json.RawMessage(`{"body": "On my way"}`), Status: handoff.MessageSent, ExternalID: "wamid.456",
		CreatedAt: at("2025-10-28T14:31:00Z"),
	}
	e.Conversation.MessagesCount, e.Conversation.LastMessage = 2, e.Message
	e.Conversation.LastInboundAt, e.Conversation.LastOutboundAt = pointer(at("2025-10-28T14:25:01Z")), &e.Message.CreatedAt
	return e
}

func delivered() protocol.Event {
	e := onMyWay()
	e.Type, e.At, e.Conversation.LastActivityAt = handoff.EventMessageDelivered, time.Unix(1730092888, 0), at("2025-10-28T14:31:28Z")
	return e
}

func failed() protocol.Event {
	e := onMyWay()
	e.Type, e.At, e.Conversation.LastActivityAt = handoff.EventMessageFailed, time.Unix(1730093200, 0), at("2025-10-28T15:00:00Z")
	e.Message.ExternalID, e.Message.Text, e.Message.Content = "wamid.789", "This message failed", json.RawMessage(`{"body":"This message failed"}`)
	e.Details = json.RawMessage(`{"failure":{"code":"131047",` +
		`"reason":"Re-engagement message: More than 24 hours have passed since the recipient last replied"}}`)
	return e
}

func created() protocol.Event {
	e := base(handoff.EventOpened, "2025-10-28T14:00:00Z")
	e.Conversation.OpenedAt = at("2025-10-28T14:00:00Z")
	return e
}

func ended() protocol.Event {
	e := base(handoff.EventEnded, "2025-10-28T15:10:45Z")
	c := e.Conversation
	c.OpenedAt, c.MessagesCount = at("2025-10-28T14:00:00Z"), 15
	c.LastInboundAt, c.LastOutboundAt = &c.LastActivityAt, pointer(at("2025-10-28T15:10:30Z"))
	c.Status, c.EndReason, c.EndedAt = handoff.StatusEnded, handoff.EndResolved, &e.At
	c.LastMessage = &protocol.Message{
		Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Thanks!", ExternalID: "wamid.999", SentAt: c.LastActivityAt,
	}
	e.Details = json.RawMessage(`{"reason":"resolved"}`)
	return e
}

func unanswered() protocol.Event {
	e := ended()
	e.Conversation.EndReason, e.Conversation.LastOutboundAt = handoff.EndInactivity, nil
	e.Details = json.RawMessage(`{"reason":"inactivity"}`)
	return e
}

func inactive() protocol.Event {
	e := base(handoff.EventInactive, "2025-10-28T13:00:00Z")
	e.Conversation.OpenedAt = at("2025-10-28T12:00:00Z")
	e.Details = json.RawMessage(`{"minutes":60,"since_message":{"id":"msg_anchor","external_id":"wamid.ANCHOR","direction":"inbound",` +
		`"created_at":"2025-10-28T13:00:00Z"}}`)
	return e
}

func offloaded() protocol.Event {
	e := base(handoff.EventOffloaded, "2025-10-28T13:00:00Z")
	e.Conversation.Source = handoff.SourceGateway
	e.Details = json.RawMessage(`{"reason":"User requested human assistance","payload":{"queue":"billing"}}`)
	return e
}

func receivedOf(kind, content string) func() protocol.Event {
	return func() protocol.Event {
		e := hello()
		e.Message.Type, e.Message.Text, e.Message.Content = kind, "", json.RawMessage(content)
		return e
	}
}

func image() protocol.Event {
	e := receivedOf("image", `{"image":{"caption":"Photo description","id":"media_id_123"},"type":"image"}`)()
	e.Message.ExternalID, e.Message.SentAt, e.Message.Text = "wamid.789", time.Unix(1730093000, 0), "Photo description"
	e.Message.Media = &protocol.Media{
		State: handoff.MediaReady, URL: "https://api.kapso.ai/media/...", MIMEType: "image/jpeg", Filename: "photo.jpg", Size: 204800,
	}
	return e
}

func audio() protocol.Event {
	e := receivedOf("audio", `{"audio":{"id":"media_id_456"},"type":"audio"}`)()
	e.Message.ExternalID, e.Message.SentAt = "wamid.790", time.Unix(1730093100, 0)
	e.Message.Media = &protocol.Media{
		State: handoff.MediaReady, URL: "https://api.kapso.ai/media/...", MIMEType: "audio/ogg", Filename: "voice.ogg", Size: 51200,
	}
	return e
}
