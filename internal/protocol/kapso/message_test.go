package kapso_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
)

// part is what stands at a path of a body, as compact JSON.
func part(t *testing.T, body []byte, path ...string) string {
	t.Helper()
	for _, key := range path {
		var keys map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(body, &keys), path)
		require.Contains(t, keys, key, path)
		body = keys[key]
	}
	return string(body)
}

// sentOf is an agent's message of a type.
func sentOf(kind, text, content string) protocol.Event {
	return with(onMyWay(), func(e *protocol.Event) {
		e.Message.Type, e.Message.Text, e.Message.Content = kind, text, json.RawMessage(content)
	})
}

func TestMessageTypes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		event    protocol.Event
		kind     string
		own      string // the object under the type
		content  string
		hasMedia string
		data     string // message_type_data of v1
	}{
		"text":      {hello(), "text", `{"body":"Hello"}`, `"Hello"`, "false", `{"text":"Hello"}`},
		"text sent": {onMyWay(), "text", `{"body":"On my way"}`, `"On my way"`, "false", `{"text":"On my way"}`},
		"image": {
			image(), "image", `{"caption":"Photo description","id":"media_id_123"}`,
			`"Photo description Image attached (photo.jpg) [Size: 200 KB | Type: image/jpeg] URL: https://api.kapso.ai/media/..."`, "true",
			`{"caption":"Photo description"}`,
		},
		"video": {
			with(receivedOf("video", `{"type":"video","video":{"id":"9","mime_type":"video/mp4"}}`)(), func(e *protocol.Event) {
				e.Message.Media = &protocol.Media{State: handoff.MediaPending, MIMEType: "video/mp4"}
			}), "video", `{"id":"9","mime_type":"video/mp4"}`, `"[Video attached] [Type: video/mp4]"`, "true", `{}`,
		},
		"audio": {
			audio(), "audio", `{"id":"media_id_456"}`,
			`"[Audio attached] (voice.ogg) [Size: 50 KB | Type: audio/ogg] URL: https://api.kapso.ai/media/..."`, "true", `{}`,
		},
		"document": {
			with(sentOf("document", "Your bill", `{"link":"https://x.example/b.pdf?a=1&b=<2>","filename":"b.pdf","caption":"Your bill"}`),
				func(e *protocol.Event) { e.Message.Media = &protocol.Media{Filename: "b.pdf"} }),
			"document", `{"link":"https://x.example/b.pdf?a=1&b=<2>","filename":"b.pdf","caption":"Your bill"}`,
			`"Your bill Document attached (b.pdf)"`, "true", `{"caption":"Your bill","filename":"b.pdf"}`,
		},
		"sticker": {
			receivedOf("sticker", `{"sticker":{"id":"7"},"type":"sticker"}`)(), "sticker", `{"id":"7"}`, `"[Sticker attached]"`, "true", `{}`,
		},
		"location": {
			receivedOf("location", `{"location":{"latitude":37.7749,"longitude":-122.4194}}`)(), "location",
			`{"latitude":37.7749,"longitude":-122.4194}`, `""`, "false", `{"location":{"latitude":37.7749,"longitude":-122.4194}}`,
		},
		"template": {
			sentOf("template", "Hello Ann", `{"name":"hello","language":{"code":"en_US"},"components":[]}`), "template",
			`{"name":"hello","language":{"code":"en_US"},"components":[]}`, `"Hello Ann"`, "false",
			`{"template":{"name":"hello","language":{"code":"en_US"},"components":[]}}`,
		},
		"interactive sent": {
			sentOf("interactive", "Which?", `{"type":"button","body":{"text":"Which?"},"action":{"buttons":[]}}`), "interactive",
			`{"type":"button","body":{"text":"Which?"},"action":{"buttons":[]}}`, `"Which?"`, "false",
			`{"interactive":{"type":"button","body":{"text":"Which?"},"action":{"buttons":[]}}}`,
		},
		"reaction sent": {
			sentOf("reaction", "👍", `{"message_id":"wamid.123","emoji":"👍"}`), "reaction", `{"message_id":"wamid.123","emoji":"👍"}`,
			`"👍"`, "false", `{"reaction":{"message_id":"wamid.123","emoji":"👍"}}`,
		},
		"contacts": {
			receivedOf("contacts", `{"contacts":[{"name":{"formatted_name":"Ann"}}],"type":"contacts"}`)(), "contacts",
			`[{"name":{"formatted_name":"Ann"}}]`, `""`, "false", `{"contacts":[{"name":{"formatted_name":"Ann"}}]}`,
		},
		"contacts sent": {
			sentOf("contacts", "Ann", `[{"name":{"formatted_name":"Ann"}}]`), "contacts", `[{"name":{"formatted_name":"Ann"}}]`, `"Ann"`, "false",
			`{"contacts":[{"name":{"formatted_name":"Ann"}}]}`,
		},
		"a turn that has only a text": {
			sentOf("text", "9-5 <daily>", `{}`), "text", `{"body":"9-5 <daily>"}`, `"9-5 <daily>"`, "false", `{"text":"9-5 <daily>"}`,
		},
		"no content at all": {sentOf("text", "Hi", ``), "text", `{"body":"Hi"}`, `"Hi"`, "false", `{"text":"Hi"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v2 := tellAll(t, tt.event)[0].Body
			require.Equal(t, `"`+tt.kind+`"`, part(t, v2, "message", "type"))
			require.Equal(t, tt.own, part(t, v2, "message", tt.kind))
			require.Equal(t, tt.content, part(t, v2, "message", "kapso", "content"))
			require.Equal(t, tt.hasMedia, part(t, v2, "message", "kapso", "has_media"))

			v1 := tellAll(t, with(tt.event, func(e *protocol.Event) { e.Endpoint.PayloadVersion = "v1" }))[0].Body
			require.Equal(t, `"`+tt.kind+`"`, part(t, v1, "message", "message_type"))
			require.Equal(t, tt.content, part(t, v1, "message", "content"))
			require.Equal(t, tt.hasMedia, part(t, v1, "message", "has_media"))
			require.Equal(t, tt.data, part(t, v1, "message", "message_type_data"))
		})
	}
}

func TestUnsupportedMessageKeepsWhatSurroundsIt(t *testing.T) {
	t.Parallel()
	e := receivedOf("unsupported", `{"errors":[{"code":131051}],"hologram":{"id":1},"type":"hologram","kapso":{"forged":1},"id":"x"}`)()
	require.Equal(t, `{"id":"wamid.123","timestamp":"1730092800","type":"unsupported","errors":[{"code":131051}],"hologram":{"id":1},`+
		`"kapso":{"direction":"inbound","status":"received","processing_status":"pending","origin":"cloud_api","has_media":false,"content":""}}`,
		part(t, tellAll(t, e)[0].Body, "message"))
}

func TestAudioWithoutTranscript(t *testing.T) {
	t.Parallel()
	sample := parseTree(t, corpora.File(t, "vendors", "kapso-webhooks", "14-Audio-messages.json"))
	var content string
	require.NoError(t, json.Unmarshal([]byte(part(t, tellAll(t, audio())[0].Body, "message", "kapso", "content")), &content))
	require.Equal(t, sample.at("message.kapso.content").scalar, content+"\nTranscript: Hello, I need help with my order")
}

func TestTemplateKeepsItsLanguage(t *testing.T) {
	t.Parallel()
	sample := parseTree(t, corpora.File(t, "vendors", "kapso-webhooks", "16-Template-messages.json"))
	body := parseTree(t, tellAll(t, sentOf("template", "", `{"name":"order_confirmation","language":{"code":"en_US"},"components":[]}`))[0].Body)
	require.Empty(t, differences("", sample, body.at("message.template.language")))
}

func TestSizesForPeople(t *testing.T) {
	t.Parallel()
	for size, want := range map[int64]string{
		1: "[Size: 1 Bytes]", 1023: "[Size: 1023 Bytes]", 1024: "[Size: 1 KB]", 1536: "[Size: 1.5 KB]", 204800: "[Size: 200 KB]",
		1023 << 10: "[Size: 1023 KB]", 1 << 20: "[Size: 1 MB]", 1532000: "[Size: 1.46 MB]", 100 << 20: "[Size: 100 MB]", 1 << 42: "[Size: 4096 GB]",
	} {
		e := with(audio(), func(e *protocol.Event) { e.Message.Media = &protocol.Media{Size: size} })
		require.Equal(t, `"[Audio attached] `+want+`"`, part(t, tellAll(t, e)[0].Body, "message", "kapso", "content"))
	}
}

func TestOriginAndContext(t *testing.T) {
	t.Parallel()
	echo := sentOf("text", "From my phone", `{"context":{"id":"wamid.1"},"text":{"body":"From my phone"},"type":"text"}`)
	body := tellAll(t, echo)[0].Body
	require.Equal(t, `"business_app"`, part(t, body, "message", "kapso", "origin"))
	require.Equal(t, `{"body":"From my phone"}`, part(t, body, "message", "text"))
	require.Equal(t, `{"id":"wamid.1"}`, part(t, body, "message", "context"))
	require.Equal(t, []string{"id", "timestamp", "type", "text", "context", "kapso"}, parseTree(t, body).at("message").keys)

	bot := with(echo, func(e *protocol.Event) {
		said := *e.Message
		said.Author = handoff.AuthorBot
		e.Message = &said
	})
	require.Equal(t, `"cloud_api"`, part(t, tellAll(t, bot)[0].Body, "message", "kapso", "origin"))

	reply := with(onMyWay(), func(e *protocol.Event) { e.Message.ReplyTo = "wamid.123" })
	body = tellAll(t, reply)[0].Body
	require.Equal(t, `"cloud_api"`, part(t, body, "message", "kapso", "origin"))
	require.Equal(t, `{"id":"wamid.123"}`, part(t, body, "message", "context"))
	reply.Message.Type, reply.Message.Content = "reaction", json.RawMessage(`{"message_id":"wamid.123","emoji":"x"}`)
	require.NotContains(t, string(tellAll(t, reply)[0].Body), "context")
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	phone := handoff.Identity{Kind: handoff.IdentityPhone, Value: "1"}
	bsuid := handoff.Identity{Kind: handoff.IdentityBSUID, Value: "US.1"}
	username := handoff.Identity{Kind: handoff.IdentityUsername, Value: "@ann"}
	for name, tt := range map[string]struct {
		identities []handoff.Identity
		keys       []string
		recipient  string
	}{
		"none":    {nil, nil, ""},
		"session": {[]handoff.Identity{{Kind: handoff.IdentitySession, Value: "s"}}, nil, ""},
		"phone":   {[]handoff.Identity{phone}, []string{"phone_number"}, `,"recipient_id":"1"`},
		"user id and name": {
			[]handoff.Identity{bsuid, username},
			[]string{"business_scoped_user_id", "username"},
			`,"recipient_user_id":"US.1"`,
		},
		"all": {
			[]handoff.Identity{bsuid, username, phone},
			[]string{"phone_number", "business_scoped_user_id", "username"},
			`,"recipient_id":"1"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := with(delivered(), func(e *protocol.Event) { e.Contact = protocol.Contact{Identities: tt.identities} })
			body := tellAll(t, e)[0].Body
			want := append([]string{"id"}, tt.keys...)
			want = append(want, "status", "last_active_at", "created_at", "updated_at", "metadata", "phone_number_id", "kapso")
			require.Equal(t, want, parseTree(t, body).at("conversation").keys)
			require.Equal(t, `null`, part(t, body, "conversation", "kapso", "contact_name"))
			require.Equal(t, `[{"id":"wamid.456","status":"delivered","timestamp":"1730092888"`+tt.recipient+`}]`,
				part(t, body, "message", "kapso", "statuses"))
		})
	}
}

func TestMessageOfNoConversationStillSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	e := with(hello(), func(e *protocol.Event) { e.Conversation, e.Message.ExternalID = nil, "" })
	body := tellAll(t, e)[0].Body
	require.Equal(t, `{"id":null,"phone_number":"+15551234567","status":null,"last_active_at":null,"created_at":null,"updated_at":null,"metadata":{},`+
		`"phone_number_id":"123456789012345","kapso":{"contact_name":"John Doe","messages_count":0,"last_message_id":null,"last_message_type":null,`+
		`"last_message_timestamp":null,"last_message_text":null,"last_inbound_at":null,"last_outbound_at":null}}`, part(t, body, "conversation"))
	require.Equal(t, `false`, part(t, body, "is_new_conversation"))
	require.Equal(t, `"`+e.Message.ID.String()+`"`, part(t, body, "message", "id"), "our id until the wamid is known")
}

func TestOnlyTheFirstMessageIsNew(t *testing.T) {
	t.Parallel()
	second := with(hello(), func(e *protocol.Event) { e.Conversation.MessagesCount = 2 })
	require.Equal(t, `false`, part(t, tellAll(t, second)[0].Body, "is_new_conversation"))
	status := with(delivered(), func(e *protocol.Event) { e.Conversation.MessagesCount = 1 })
	require.Equal(t, `false`, part(t, tellAll(t, status)[0].Body, "is_new_conversation"))
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for code, tt := range map[string]struct{ reason, want string }{
		"131026":        {"Message undeliverable", `{"code":131026,"title":"Message undeliverable","message":"Message undeliverable"}`},
		"131047":        {"Re-engagement message: Too late", `{"code":131047,"title":"Re-engagement message","message":"Too late"}`},
		"window_closed": {"closed: too late", `{"code":131047,"title":"Re-engagement message","message":"closed: too late"}`},
		"unknown":       {"Meta gave no reason", `{"code":131000,"title":"unknown","message":"Meta gave no reason"}`},
	} {
		e := with(failed(), func(e *protocol.Event) {
			e.Details, e.Message.Failure = nil, &handoff.Failure{Code: code, Reason: tt.reason}
		})
		require.Equal(t, `[{"id":"wamid.789","status":"failed","timestamp":"1730093200","recipient_id":"15551234567","errors":[`+tt.want+`]}]`,
			part(t, tellAll(t, e)[0].Body, "message", "kapso", "statuses"), code)
	}
	e := with(failed(), func(e *protocol.Event) { e.Details = nil })
	require.Contains(t, string(tellAll(t, e)[0].Body), `"errors":[{"code":131000,`)
}

func TestPlayedKeepsMetasWord(t *testing.T) {
	t.Parallel()
	e := with(delivered(), func(e *protocol.Event) { e.Type = handoff.EventMessagePlayed })
	body := tell(t, e, kapso.EventMessageRead).Body
	require.Equal(t, `"read"`, part(t, body, "message", "kapso", "status"))
	require.Contains(t, part(t, body, "message", "kapso", "statuses"), `"status":"played"`)
}

func TestInactiveWithoutWords(t *testing.T) {
	t.Parallel()
	e := with(inactive(), func(e *protocol.Event) { e.Details = json.RawMessage(`{"minutes":5}`) })
	body := tellAll(t, e)[0].Body
	require.Equal(t, `null`, part(t, body, "since_message"))
	require.Equal(t, `{"minutes":5}`, part(t, body, "inactivity"))
	e.Conversation.LastMessage = onMyWay().Message
	e.Conversation.LastMessage.ExternalID = ""
	require.Equal(t, `{"id":"01980000-0000-7000-8000-000000000002","whatsapp_message_id":null,"direction":"outbound",`+
		`"created_at":"2025-10-28T14:31:00Z"}`,
		part(t, tellAll(t, e)[0].Body, "since_message"))
}

func TestTheMessageItselfIsActivity(t *testing.T) {
	t.Parallel()
	e := with(hello(), func(e *protocol.Event) { e.Conversation.LastActivityAt = e.Conversation.OpenedAt })
	body := tellAll(t, e)[0].Body
	require.Equal(t, `"2025-10-28T14:25:01Z"`, part(t, body, "conversation", "last_active_at"))
	require.Equal(t, `"2025-10-28T14:25:01Z"`, part(t, body, "conversation", "updated_at"))
}

func TestTimesAreUTC(t *testing.T) {
	t.Parallel()
	e := with(created(), func(e *protocol.Event) {
		e.Conversation.OpenedAt = time.Date(2025, 10, 28, 16, 0, 0, 999_999_999, time.FixedZone("CEST", 7200))
	})
	require.Equal(t, `"2025-10-28T14:00:00Z"`, part(t, tellAll(t, e)[0].Body, "conversation", "created_at"))
}
