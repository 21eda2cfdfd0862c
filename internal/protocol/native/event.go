package native

import (
	"encoding/json"
	"slices"
	"time"

	"handoff"
	"handoff/internal/protocol"
)

// EventBody is the body of one event: the envelope of Standard Webhooks.
type EventBody struct {
	Type      handoff.EventType `json:"type" doc:"What happened." example:"message.queued"`
	Timestamp string            `json:"timestamp" format:"date-time" doc:"When it happened, in UTC."`
	Data      EventData         `json:"data"`
}

// EventData is what an event says.
type EventData struct {
	EventID        handoff.ID         `json:"event_id" format:"uuid"`
	InboxID        *handoff.ID        `json:"inbox_id,omitempty" format:"uuid"`
	ConversationID *handoff.ID        `json:"conversation_id,omitempty" format:"uuid"`
	Seq            *int64             `json:"seq,omitempty" doc:"The event's number in its conversation. Those that you did not ask for, and notes, have numbers too."`
	Actor          EventActor         `json:"actor" doc:"Who did it."`
	Message        *EventMessage      `json:"message,omitempty" doc:"The message that the event is about."`
	Details        json.RawMessage    `json:"details,omitempty" doc:"What the type adds, such as {\"reason\":\"resolved\"} of conversation.ended."`
	Contact        *EventContact      `json:"contact,omitempty"`
	Conversation   *EventConversation `json:"conversation,omitempty" doc:"The conversation as of this event."`
	Truncated      bool               `json:"truncated,omitempty" doc:"The event would have been larger than 256 KiB: the message's text and content are left out, and, where that is not enough, details and what is said of the contact."`
	URL            string             `json:"url,omitempty" format:"uri-reference" doc:"Of a truncated event: where the whole can be read, as a path of this API, with an agent's key."`
}

// EventActor is who did it.
type EventActor struct {
	Type handoff.AuthorType `json:"type" enum:"contact,bot,agent,system"`
	ID   *handoff.ID        `json:"id,omitempty" format:"uuid" doc:"The agent."`
}

// EventMessage is the message that an event is about.
type EventMessage struct {
	ID         handoff.ID            `json:"id" format:"uuid"`
	Direction  handoff.Direction     `json:"direction" enum:"inbound,outbound"`
	Type       string                `json:"type" example:"text"`
	Text       string                `json:"text,omitempty" doc:"What a person would read."`
	Content    json.RawMessage       `json:"content" doc:"Of an agent's message the object for its type, as WhatsApp's send API takes it: {\"body\":\"Hi\"} of a text."`
	Status     handoff.MessageStatus `json:"status,omitempty" doc:"How far an outbound message has come."`
	ExternalID string                `json:"external_id,omitempty" doc:"The gateway's or vendor's id of it, once it is known."`
	ReplyTo    string                `json:"reply_to,omitempty" doc:"The external id of the message that is quoted."`
	Media      *EventMedia           `json:"media,omitempty" doc:"Its file."`
	Author     *EventAuthor          `json:"author,omitempty" doc:"Who wrote it."`
	CreatedAt  string                `json:"created_at,omitempty" format:"date-time" doc:"When it was accepted, in UTC."`
}

// EventMedia is the file of a message.
type EventMedia struct {
	State    handoff.MediaState `json:"state" enum:"pending,ready,failed"`
	URL      string             `json:"url,omitempty" format:"uri" doc:"A link that needs no key and expires, once the file is ready."`
	MIMEType string             `json:"mime_type,omitempty" example:"image/jpeg"`
	Filename string             `json:"filename,omitempty"`
	Size     int64              `json:"size,omitempty" doc:"Bytes."`
}

// EventAuthor is who wrote a message.
type EventAuthor struct {
	Type handoff.AuthorType `json:"type" enum:"contact,bot,agent,system"`
}

// EventContact is the customer.
type EventContact struct {
	ID         handoff.ID      `json:"id" format:"uuid"`
	Name       string          `json:"name,omitempty" doc:"As the contact calls itself."`
	Identities []EventIdentity `json:"identities" doc:"How the contact is known. The contact.id of the gateway is the one of kind session."`
}

// EventIdentity is one name under which the contact is known.
type EventIdentity struct {
	Kind  handoff.IdentityKind `json:"kind" enum:"bsuid,phone,username,session"`
	Value string               `json:"value"`
}

// EventConversation is the conversation as of an event.
type EventConversation struct {
	ID        handoff.ID        `json:"id" format:"uuid"`
	Status    handoff.Status    `json:"status" enum:"bot,waiting,assigned,snoozed,ended"`
	EndReason handoff.EndReason `json:"end_reason,omitempty" enum:"resolved,inactivity,gateway,admin"`
	OpenedAt  string            `json:"opened_at" format:"date-time"`
	EndedAt   string            `json:"ended_at,omitempty" format:"date-time"`
}

// Webhooks tells an event that an endpoint may subscribe to; none for any other. Keys are only ever added, and at the end, so that
// an event says the same bytes before the new ones.
func Webhooks(e protocol.Event) ([]protocol.Webhook, error) {
	if !slices.Contains(handoff.EventTypes, e.Type) {
		return nil, nil
	}
	body, err := encode(EventBody{Type: e.Type, Timestamp: written(e.At), Data: data(e)})
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "encode event %s: %w", e.ID, err)
	}
	return []protocol.Webhook{{Event: string(e.Type), Body: body}}, nil
}

func data(e protocol.Event) EventData {
	d := EventData{EventID: e.ID, InboxID: known(e.Inbox.ID), Seq: e.Seq, Actor: EventActor(e.Actor)}
	if string(e.Details) != "{}" {
		d.Details = e.Details
	}
	if e.Contact.ID != (handoff.ID{}) {
		d.Contact = contactOf(e.Contact)
	}
	if c := e.Conversation; c != nil {
		d.ConversationID = known(c.ID)
		d.Conversation = &EventConversation{ID: c.ID, Status: c.Status, EndReason: c.EndReason, OpenedAt: written(c.OpenedAt)}
		if c.EndedAt != nil {
			d.Conversation.EndedAt = written(*c.EndedAt)
		}
	}
	if e.Message != nil {
		d.Message = messageOf(*e.Message)
	}
	return d
}

func contactOf(c protocol.Contact) *EventContact {
	out := EventContact{ID: c.ID, Name: c.Name, Identities: []EventIdentity{}}
	for _, identity := range c.Identities {
		out.Identities = append(out.Identities, EventIdentity(identity))
	}
	return &out
}

func messageOf(m protocol.Message) *EventMessage {
	out := EventMessage{
		ID: m.ID, Direction: m.Direction, Type: m.Type, Text: m.Text, Content: m.Content, Status: m.Status, ExternalID: m.ExternalID, ReplyTo: m.ReplyTo,
	}
	if len(out.Content) == 0 {
		out.Content = json.RawMessage(`{}`)
	}
	if m.Media != nil {
		media := EventMedia(*m.Media)
		out.Media = &media
	}
	if m.Author != "" {
		out.Author = &EventAuthor{Type: m.Author}
	}
	if !m.CreatedAt.IsZero() {
		out.CreatedAt = written(m.CreatedAt)
	}
	return &out
}

func known(id handoff.ID) *handoff.ID {
	if id == (handoff.ID{}) {
		return nil
	}
	return &id
}

// written is a time in UTC and milliseconds, always with three digits of them.
func written(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }
