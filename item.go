package handoff

import (
	"encoding/json"
	"time"
)

// ItemKind says what one element of an accepted body is.
type ItemKind string

// The kinds of items.
const (
	ItemMessage ItemKind = "message" // something said, by the contact or to the contact
	ItemStatus  ItemKind = "status"  // how far an earlier outbound message has come
	ItemOffload ItemKind = "offload" // the gateway's request for a person
	ItemEnd     ItemKind = "end"     // the gateway says that the conversation is over
	ItemEvent   ItemKind = "event"   // something that happened and is neither: a group or account notice, a field we do not know
	ItemIgnored ItemKind = "ignored" // nothing came of it; Reason says why
)

// Item is one element of an accepted body, in the words of the product and free of its protocol.
type Item struct {
	Kind ItemKind
	// Location is the element's place in the body, such as entry[0].changes[0].value.messages[2].
	Location string
	// Route names the inbox that the element is meant for, by its vendor ids. It is empty where the address of the request named it.
	Route Route
	// ExternalID is the vendor's id of the message, such as a wamid. For a status it is the id of the message that it is about. For a
	// vendor that gives no ids it is made of what it says, so that a repeat finds itself; the same for offloads and ends.
	ExternalID string
	// Contact is who it is from or about; nil where the vendor does not say.
	Contact *ItemContact
	// Message is set for ItemMessage.
	Message *ItemMessageBody
	// Status is set for ItemStatus.
	Status *ItemStatusBody
	// Offload is set for ItemOffload.
	Offload *ItemOffloadBody
	// Reason says in words why an item is ignored, or what an event is.
	Reason string
}

// Route names an inbox by the ids that its vendor puts into every body.
type Route struct {
	WABAID        string // WhatsApp Business Account id: entry[].id
	PhoneNumberID string // value.metadata.phone_number_id
}

// IdentityKind is the kind of a contact's identity.
type IdentityKind string

// The kinds of identities, strongest first: a business-scoped user id names one person for one business portfolio, while a
// phone number can change hands.
const (
	IdentityBSUID    IdentityKind = "bsuid"
	IdentityPhone    IdentityKind = "phone" // digits with country code, as WhatsApp's wa_id writes them
	IdentityUsername IdentityKind = "username"
	IdentitySession  IdentityKind = "session" // an id that the gateway gives, such as Chatlayer's sessionId
)

// Identity is one name under which a contact is known.
type Identity struct {
	Kind  IdentityKind `json:"kind"`
	Value string       `json:"value"`
}

// ItemContact is the contact as one body describes it.
type ItemContact struct {
	Name       string // as the contact calls itself; may be empty
	Identities []Identity
}

// ItemMessageBody is a message as a body carries it.
type ItemMessageBody struct {
	Direction Direction
	Author    AuthorType
	// Type is the vendor's type: text, image, … or "unsupported" where neither we nor the vendor know better.
	Type string
	// Text is what a person would read: the body, the caption, the title of the button that was pressed.
	Text string
	// Content is the vendor's object for the type and what surrounds it (context, referral, errors), made safe for jsonb.
	Content json.RawMessage
	// ReplyTo is the external id of the message that is quoted or reacted to.
	ReplyTo string
	// Media refers to a file, if there is one.
	Media *ItemMedia
	// At is the vendor's time of the message; zero where it gives none.
	At time.Time
	// Opens says whether the message may open a conversation: content of the contact does; reactions, revokes and system
	// notices do not.
	Opens bool
	// Shadow says that the bot holds the conversation: the message is kept as its transcript. It joins the conversation that is
	// open, or the next one that an offload opens, and wakes nobody until then.
	Shadow bool
	// EchoKey is by which a message of the bot's is known as one that an agent sent through us; empty where the vendor reports no
	// such echoes.
	EchoKey string
	// History is the conversation before the hand-over, oldest first. It counts only if this message opens a conversation.
	History []HistoryTurn
}

// ItemOffloadBody is a request for a person.
type ItemOffloadBody struct {
	// Reason is why the bot asks, in words; may be empty.
	Reason string `json:"reason,omitempty"`
	// Payload is what the bot's builder configured for the hand-over, such as a queue or a priority: a JSON object, made safe for
	// jsonb; empty where there is none.
	Payload json.RawMessage `json:"payload,omitempty"`
	// Source says who passed control: the inbox's bot, or Meta's own agent (SourceMeta).
	Source OffloadSource `json:"source,omitempty"`
	// BotVersion is LIVE or DRAFT of Chatlayer's bot, which hold the sessions of each apart: answers go back to the one that asked.
	BotVersion string `json:"bot_version,omitempty"`
	// Transcript is everything that was said before, oldest first.
	Transcript []HistoryTurn `json:"transcript,omitempty"`
	// At is the vendor's time of the request; zero where it gives none.
	At time.Time `json:"at,omitzero"`
}

// OffloadSource says who passed control to people.
type OffloadSource string

// The sources of an offload. Control that Meta passed is given back to Meta when the conversation ends.
const (
	SourceGateway OffloadSource = "gateway"
	SourceMeta    OffloadSource = "meta" // conversation routing: control_passed
)

// ItemMedia refers to a file at the vendor: by an id that the vendor gives an address for, or by the address itself.
type ItemMedia struct {
	ID       string
	URL      string
	MIMEType string
	SHA256   string // as the vendor writes it
	Filename string
}

// ItemStatusBody is how far an outbound message has come, as a body tells it.
type ItemStatusBody struct {
	Status MessageStatus
	At     time.Time
	// CallbackData is biz_opaque_callback_data: our own message id, where the message carried it.
	CallbackData string
	Failure      *Failure
}

// Failure says why a message was not delivered.
type Failure struct {
	Code   string `json:"code"`
	Reason string `json:"reason"`
}

// HistoryTurn is one message of the conversation before the hand-over.
type HistoryTurn struct {
	Direction Direction `json:"direction"`
	// Author is the bot or the contact; empty means the one that the direction implies.
	Author AuthorType `json:"author,omitempty"`
	// Type and Content are as in ItemMessageBody; an empty Type means text.
	Type    string          `json:"type,omitempty"`
	Text    string          `json:"text"`
	Content json.RawMessage `json:"content,omitempty"`
	// ExternalID makes the turn one with the message that was accepted before with the same id.
	ExternalID string    `json:"external_id,omitempty"`
	At         time.Time `json:"timestamp,omitzero"`
}

// OutboundMessage is an agent's message on its way out, in the words of the product.
type OutboundMessage struct {
	ID ID
	// To is the contact, with the identity to send to first.
	To []Identity
	// Type is text, image, video, audio, document, sticker, template, interactive, reaction, location or contacts.
	Type string
	// Content is the object for the type, as Meta's send API takes it.
	Content json.RawMessage
	// ReplyTo is the external id of the message that is quoted.
	ReplyTo string
	// CallbackData is what Meta repeats in every status of the message: our id unless the gateway gave something of its own.
	CallbackData string
}
