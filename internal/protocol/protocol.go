// Package protocol is what all wire dialects have in common. A dialect is a folder below this one and a value of Protocol that the
// registry package lists; it is pure: bytes in, items out; event in, bytes out.
package protocol

import (
	"encoding/json"
	"time"

	"handoff"
)

// Protocol is one dialect, seen from the product: what may be subscribed to, and how an event is told. How it reads what a gateway
// sends is a function of its own package, because each has its own routes.
type Protocol struct {
	Name handoff.Protocol
	// Events are the vendor's events by name, as an endpoint subscribes to them; Defaults are what a new endpoint gets.
	Events, Defaults []string
	// Carrier is the event that brings an agent's message to the gateway; empty where Transport takes messages out itself. An inbox
	// without an endpoint that takes its carrier cannot answer.
	Carrier string
	// Transport takes agents' messages out: TransportWebhook where the carrier does.
	Transport handoff.Transport
	// Window says that WhatsApp's 24-hour service window limits what agents may send.
	Window bool
	// Timeout of one webhook; 0 is the default of 15 seconds.
	Timeout time.Duration
	// UserAgent of the webhooks; empty is ours.
	UserAgent string
	// SignatureHeader carries the hex HMAC-SHA256 of the body under the endpoint's vendor secret, where it has one; empty for none.
	SignatureHeader string

	// Handover tells that the gateway posts only what is for people: a message takes a conversation back from the bot.
	Handover bool
	// Tells are the events of ours that Webhooks tells; the others are not rendered at all.
	Tells []handoff.EventType
	// Counts says that Webhooks wants the counts of Event.Conversation, which cost a query.
	Counts bool
	// Webhooks tells an event in the vendor's words: none, one or more webhooks. The caller sends those whose name an endpoint
	// subscribes to.
	Webhooks func(Event) ([]Webhook, error)
	// Merge makes one body of several that are held back and sent together; nil where the protocol has no batches. The parts are in
	// order and of one event.
	Merge func(event string, parts []Part, window time.Duration) (Webhook, error)
	// Send is the call that takes an agent's message out; nil where a webhook does.
	Send func(Inbox, Contact, handoff.OutboundMessage) (Call, error)
	// Echoes are the keys by which the vendor's report of a send of ours is known (handoff.ItemMessageBody.EchoKey), one for each part
	// of it; nil where the vendor reports none.
	Echoes func(handoff.OutboundMessage) []string
	// End is the call that gives control back when a conversation is over; no call where it gives an empty path. nil for none.
	End func(Inbox, Contact, Conversation) (Call, error)
}

// Event is what happened, with all that a dialect may say of it.
type Event struct {
	ID   handoff.ID
	Type handoff.EventType
	At   time.Time
	// Seq is the event's number in its conversation; nil where it has none.
	Seq   *int64
	Actor Actor
	// Details is the event's own data as a JSON object, {} where there is none: {"reason":"resolved"} of conversation.ended,
	// {"failure":{code,reason}} of message.failed, {"assignee":{id,name}} of conversation.claimed, {"reason","payload"} of
	// conversation.offloaded, {"minutes":60} of conversation.inactive.
	Details json.RawMessage

	Inbox        Inbox
	Endpoint     Endpoint
	Contact      Contact
	Conversation *Conversation // nil where the event belongs to none
	Message      *Message      // nil where the event is about none
}

// Actor is who did it.
type Actor struct {
	Type handoff.AuthorType
	ID   *handoff.ID
}

// Inbox is what the dialects need to know of an inbox.
type Inbox struct {
	ID                 handoff.ID
	AccountID          handoff.ID
	Name               string
	PhoneNumberID      string
	DisplayPhoneNumber string // as WhatsApp shows it; may be empty
	// CallbackData puts our message id into biz_opaque_callback_data of HitlChat's meta_payload.
	CallbackData bool
	// ResolvedStatus and InactivityStatus are HitlChat's resolved_status for the two ways in which a conversation ends by us.
	ResolvedStatus, InactivityStatus string
	NotifyInactivity                 bool
	// TimeZone is that of the times which a dialect writes with an offset; UTC where none is set.
	TimeZone *time.Location
	// BotID and BotVersion (DRAFT or LIVE) name the Chatlayer bot; ResumeCall is the JSON template of the call that resumes it.
	BotID, BotVersion string
	ResumeCall        json.RawMessage
}

// Endpoint is what the dialects need to know of an endpoint.
type Endpoint struct {
	// PayloadVersion is v1 or v2 of Kapso's events.
	PayloadVersion string
}

// Contact is the customer.
type Contact struct {
	ID         handoff.ID
	Name       string
	Identities []handoff.Identity // in the order in which they were learned
}

// Identity is the contact's first identity of a kind; empty where it has none.
func (c Contact) Identity(kind handoff.IdentityKind) string {
	for _, identity := range c.Identities {
		if identity.Kind == kind {
			return identity.Value
		}
	}
	return ""
}

// Conversation is one hand-off.
type Conversation struct {
	ID             handoff.ID
	Status         handoff.Status
	EndReason      handoff.EndReason // empty until it has ended
	OpenedAt       time.Time
	LastActivityAt time.Time
	EndedAt        *time.Time
	// Source says who passed control to people; empty where a message opened the conversation.
	Source handoff.OffloadSource
	// MessagesCount and what follows describe the conversation as of this event, this event's message included.
	MessagesCount  int
	LastMessage    *Message // with its own status; nil where nobody has said anything
	LastInboundAt  *time.Time
	LastOutboundAt *time.Time
}

// Message is one turn.
type Message struct {
	ID        handoff.ID
	Direction handoff.Direction
	Author    handoff.AuthorType
	Type      string
	Text      string
	// Content is as in handoff.ItemMessageBody for an inbound message: Meta's object with its type and what surrounds it. For an
	// outbound one of ours it is the object for the type alone, as Meta's send API takes it.
	Content    json.RawMessage
	Status     handoff.MessageStatus // empty for inbound ones
	Failure    *handoff.Failure
	ExternalID string // the wamid, once it is known
	ReplyTo    string // the external id of the message that is quoted
	Media      *Media
	// SentAt is the vendor's time of the message, CreatedAt is when we accepted it.
	SentAt    time.Time
	CreatedAt time.Time
}

// At is the time of the message: the vendor's, where it gave one.
func (m Message) At() time.Time {
	if m.SentAt.IsZero() {
		return m.CreatedAt
	}
	return m.SentAt
}

// Media is the file of a message.
type Media struct {
	State    handoff.MediaState
	URL      string // a public link, once the file is ready; empty before
	MIMEType string
	Filename string
	Size     int64 // bytes
}

// Webhook is one request to an endpoint, before it has an id and a signature.
type Webhook struct {
	// Event is the name under which an endpoint subscribes to it.
	Event string
	Body  []byte
	// Header are the vendor's own headers, the same on every attempt. {id} in a value stands for the UUID of the delivery.
	Header map[string]string
}

// Part is one webhook of a batch.
type Part struct {
	Body []byte
	Seq  int64 // of its event in the conversation
}

// Call is a request to a vendor's API. The transport knows the host and the credentials.
type Call struct {
	Path string // with its query, from the base address
	Body []byte
}
