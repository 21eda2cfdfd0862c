package hitlchat

import (
	"handoff"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// Protocol is HitlChat's dialect. Its guide knows two events, one endpoint and no signature; what a message needs on the way (id,
// signature, attempt) stands in headers.
var Protocol = protocol.Protocol{
	Name:      handoff.ProtocolHitlChat,
	Events:    []string{EventOutboundMessage, EventConversationResolved},
	Defaults:  []string{EventOutboundMessage, EventConversationResolved},
	Carrier:   EventOutboundMessage,
	Transport: handoff.TransportWebhook,
	Window:    true,
	Handover:  true,
	Tells:     []handoff.EventType{handoff.EventMessageQueued, handoff.EventEnded},
	Webhooks:  webhooks,
}

// webhooks tells of an agent's message and of the end of a conversation. The error is invalid: a message to a contact whom WhatsApp
// cannot send to. The end of such a contact's conversation is no news to a gateway that knows contacts by their number only.
func webhooks(e protocol.Event) ([]protocol.Webhook, error) {
	var name string
	var body []byte
	var err error
	switch {
	case e.Type == handoff.EventMessageQueued && e.Message != nil:
		name = EventOutboundMessage
		body, err = OutboundMessage(Inbox{PhoneNumberID: e.Inbox.PhoneNumberID, CallbackData: e.Inbox.CallbackData}, handoff.OutboundMessage{
			ID: e.Message.ID, To: e.Contact.Identities, Type: e.Message.Type, Content: e.Message.Content, ReplyTo: e.Message.ReplyTo,
		})
	case e.Type == handoff.EventEnded && e.Conversation != nil:
		status, tell := resolvedStatus(e.Inbox, e.Conversation.EndReason)
		if _, err := meta.Address(e.Contact.Identities); err != nil || !tell {
			return nil, nil
		}
		name = EventConversationResolved
		body, err = ConversationResolved(e.Contact.Identities, status, e.At)
	}
	if name == "" || err != nil {
		return nil, err
	}
	return []protocol.Webhook{{Event: name, Body: body}}, nil
}

// resolvedStatus is what the gateway is told of an end. The guide describes the end by a person only, so an inbox chooses whether
// it wants to hear of inactivity, and in which words.
func resolvedStatus(inbox protocol.Inbox, reason handoff.EndReason) (status string, tell bool) {
	if reason == handoff.EndInactivity {
		return inbox.InactivityStatus, inbox.NotifyInactivity
	}
	return inbox.ResolvedStatus, true
}
