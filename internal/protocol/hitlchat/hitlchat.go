// Package hitlchat speaks HitlChat's headless hand-off protocol (hitlchat.io/guides/headless-human-handoff): Meta's webhook
// body in, verbatim, and two events out. It is pure: bytes in, items out; event in, bytes out.
package hitlchat

import (
	"encoding/json"
	"time"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// The events of the protocol, as the key "event" names them.
const (
	EventOutboundMessage      = "outbound_message"
	EventConversationResolved = "conversation_resolved"
)

// Inbox is what the outbound bodies need to know of an inbox.
type Inbox struct {
	PhoneNumberID string
	// CallbackData puts our message id into biz_opaque_callback_data of each message, so that Meta's statuses name it: the
	// protocol has no other way by which the gateway tells us the wamid.
	CallbackData bool
}

type outboundMessage struct {
	Event         string          `json:"event"`
	ContactNumber string          `json:"contact_number"`
	PhoneNumberID string          `json:"phone_number_id"`
	MetaPayload   json.RawMessage `json:"meta_payload"`
}

// OutboundMessage is the body that brings an agent's message to the gateway; meta_payload is the exact body for Meta. Its keys
// are those of the guide and no others. contact_number is the contact's phone number, or its business-scoped user id where it
// has none: the guide was written before WhatsApp users could hide their number.
func OutboundMessage(inbox Inbox, m handoff.OutboundMessage) ([]byte, error) {
	callbackData := ""
	if inbox.CallbackData {
		callbackData = m.ID.String()
	}
	payload, err := meta.Send(m, callbackData)
	if err != nil {
		return nil, err
	}
	number, err := meta.Address(m.To)
	if err != nil {
		return nil, err
	}
	return encode(outboundMessage{
		Event: EventOutboundMessage, ContactNumber: number, PhoneNumberID: inbox.PhoneNumberID, MetaPayload: payload,
	})
}

type conversationResolved struct {
	Event            string `json:"event"`
	ContactNumber    string `json:"contact_number"`
	ResolvedStatus   string `json:"resolved_status"`
	ResolvedDatetime string `json:"resolved_datetime"`
}

// ConversationResolved is the body that tells the gateway that the conversation with a contact is over. contact_number is as in
// OutboundMessage; the time is written in UTC and whole seconds, as the guide's is.
func ConversationResolved(contact []handoff.Identity, resolvedStatus string, at time.Time) ([]byte, error) {
	number, err := meta.Address(contact)
	if err != nil {
		return nil, err
	}
	return encode(conversationResolved{
		Event: EventConversationResolved, ContactNumber: number, ResolvedStatus: resolvedStatus,
		ResolvedDatetime: at.UTC().Format(time.RFC3339),
	})
}

func encode(body any) ([]byte, error) {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "encode a HitlChat event: %w", err)
	}
	return out, nil
}
