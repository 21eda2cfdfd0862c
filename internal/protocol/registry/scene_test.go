package registry_test

import (
	"encoding/json"
	"iter"
	"time"

	"github.com/google/uuid"

	"handoff"
	"handoff/internal/protocol"
)

var (
	noon  = time.Date(2026, 6, 9, 12, 0, 0, 123_456_789, time.UTC)
	ended = noon.Add(time.Hour)
	seq   = int64(7)
	agent = uuid.MustParse("01980000-0000-7000-8000-00000000000a")
)

// identities are one of each kind.
var identities = []handoff.Identity{
	{Kind: handoff.IdentityBSUID, Value: "GB.13491208655302741918"},
	{Kind: handoff.IdentityPhone, Value: "447700900123"},
	{Kind: handoff.IdentityUsername, Value: "ann <&> \"lee\""},
	{Kind: handoff.IdentitySession, Value: "wvywhtspp_1_2"},
}

// messages are what may be said: the first by an agent, the others of every kind, of every state, and with as little as possible.
var messages = []protocol.Message{
	{
		ID: uuid.MustParse("01980000-0000-7000-8000-00000000000b"), Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "text",
		Text: "Hi <b> & \"you\"", Content: json.RawMessage(`{"body": "Hi <b> & \"you\""}`), Status: handoff.MessageQueued, ReplyTo: "wamid.1", CreatedAt: noon,
	},
	{
		ID: uuid.MustParse("01980000-0000-7000-8000-00000000000c"), Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text",
		Text: "Hi", Content: json.RawMessage(`{"type":"text","text":{"body":"Hi"}}`), ExternalID: "wamid.2", SentAt: noon, CreatedAt: noon,
	},
	{
		Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "image", Text: "Receipt", ExternalID: "wamid.3", CreatedAt: noon,
		Content: json.RawMessage(`{"link":"https://a.example/1.jpg","caption":"Receipt"}`), Status: handoff.MessageFailed,
		Failure: &handoff.Failure{Code: "131047", Reason: "more than 24 hours"},
		Media:   &protocol.Media{State: handoff.MediaReady, URL: "https://us.example/m/t", MIMEType: "image/jpeg", Filename: "1.jpg", Size: 7},
	},
	{
		Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "image", Content: json.RawMessage(`{"type":"image","image":{"id":"1"}}`),
		Media: &protocol.Media{State: handoff.MediaPending}, CreatedAt: noon,
	},
	{
		Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "interactive", Text: "Which?", CreatedAt: noon, Content: json.RawMessage(
			`{"type":"button","body":{"text":"Which?"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}`),
	},
	{
		Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "template", Text: "hello", CreatedAt: noon,
		Content: json.RawMessage(`{"name":"hello","language":{"code":"en"}}`), Status: handoff.MessageUncertain,
	},
	{Direction: handoff.Outbound, Author: handoff.AuthorAgent, Type: "contacts", Content: json.RawMessage(`[{"name":{"formatted_name":"A"}}]`)},
	{Direction: handoff.Outbound, Author: handoff.AuthorBot, Type: "unsupported", Content: json.RawMessage(`{}`)},
	{Type: "text", Content: json.RawMessage(`{"body":7}`)},
}

// details are what events say besides; the last belongs to no event.
var details = map[handoff.EventType]string{
	handoff.EventEnded: `{"reason":"inactivity"}`, handoff.EventMessageFailed: `{"failure":{"code":"1","reason":"x"}}`,
	handoff.EventClaimed:   `{"assignee":{"id":"01980000-0000-7000-8000-00000000000a","name":"Ana"}}`,
	handoff.EventOffloaded: `{"reason":"asked","payload":{"queue":"a"}}`, handoff.EventInactive: `{"minutes":60}`,
}

// event is one with an inbox of everything, a contact of every identity, and an open conversation.
func event(eventType handoff.EventType) protocol.Event {
	e := protocol.Event{
		ID: uuid.MustParse("01980000-0000-7000-8000-000000000001"), Type: eventType, At: noon, Seq: &seq,
		Actor: protocol.Actor{Type: handoff.AuthorAgent, ID: &agent}, Details: json.RawMessage(`{}`),
		Inbox: protocol.Inbox{
			ID: uuid.MustParse("01980000-0000-7000-8000-000000000002"), AccountID: uuid.MustParse("01980000-0000-7000-8000-000000000003"),
			Name: "Shop", PhoneNumberID: "777", DisplayPhoneNumber: "+44 20 7946 0000", CallbackData: true, ResolvedStatus: "Resolved by Human",
			InactivityStatus: "Closed by Inactivity", NotifyInactivity: true, TimeZone: time.FixedZone("WIB", 7*3600),
			BotID: "bot-1", BotVersion: "LIVE", ResumeCall: json.RawMessage(`{"path":"/v1/x","body":{"resume":true}}`),
		},
		Contact:      protocol.Contact{ID: uuid.MustParse("01980000-0000-7000-8000-000000000004"), Name: "Ann", Identities: identities},
		Conversation: &conversations[0],
	}
	if text, ok := details[eventType]; ok {
		e.Details = json.RawMessage(text)
	}
	return e
}

var conversations = []protocol.Conversation{
	{
		ID: uuid.MustParse("01980000-0000-7000-8000-000000000005"), Status: handoff.StatusAssigned, OpenedAt: noon, LastActivityAt: noon,
		Source: handoff.SourceGateway, MessagesCount: 2, LastMessage: &messages[1], LastInboundAt: &noon, LastOutboundAt: &noon,
	},
	{
		ID: uuid.MustParse("01980000-0000-7000-8000-000000000006"), Status: handoff.StatusEnded, EndReason: handoff.EndInactivity,
		OpenedAt: noon, LastActivityAt: noon, EndedAt: &ended,
	},
	{ID: uuid.MustParse("01980000-0000-7000-8000-000000000007"), Status: handoff.StatusEnded, EndReason: handoff.EndResolved, EndedAt: &ended},
}

// events are all combinations of a type, a contact, a conversation or none, a message or none, and a payload version; and for each
// type one that says nothing at all.
func events() iter.Seq[protocol.Event] {
	contacts := [][]handoff.Identity{nil, identities}
	for i := range identities {
		contacts = append(contacts, identities[i:i+1])
	}
	return func(yield func(protocol.Event) bool) {
		for _, eventType := range eventTypes {
			if !yield(protocol.Event{Type: eventType}) {
				return
			}
			for _, contact := range contacts {
				if !combinations(eventType, contact, yield) {
					return
				}
			}
		}
	}
}

func combinations(eventType handoff.EventType, contact []handoff.Identity, yield func(protocol.Event) bool) bool {
	for c := -1; c < len(conversations); c++ {
		for m := -1; m < len(messages); m++ {
			for _, version := range []string{"v1", "v2"} {
				e := event(eventType)
				e.Contact.Identities, e.Conversation, e.Endpoint.PayloadVersion = contact, nil, version
				if c >= 0 {
					e.Conversation = &conversations[c]
				}
				if m >= 0 {
					e.Message = &messages[m]
				}
				if !yield(e) {
					return false
				}
			}
		}
	}
	return true
}

// outbound is the event's message on its way out.
func outbound(e protocol.Event) handoff.OutboundMessage {
	m := e.Message
	return handoff.OutboundMessage{ID: m.ID, To: e.Contact.Identities, Type: m.Type, Content: m.Content, ReplyTo: m.ReplyTo}
}
