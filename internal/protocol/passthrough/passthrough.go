// Package passthrough lets a program of the business speak to Meta through us (documentation.indigitall.com,
// whatsapp-passthrough-configuration). It is pure: bytes in, a message out; message in, bytes out.
//
//	program ── ParseSend ──▶ handoff.OutboundMessage ── Protocol.Send ──▶ Meta
//	program ◀── Answer ────────────────────────────── Meta's answer ◀──┘
//	program ◀── the bytes of Meta's webhook, as they came
//
// There are no conversations and no agents. What Meta posts is forwarded as the bytes that came, so no event is ever rendered here.
package passthrough

import (
	"handoff"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// EventMeta is the one event: a webhook body of Meta's, forwarded as its bytes.
const EventMeta = "meta"

// Protocol is the passthrough dialect.
var Protocol = protocol.Protocol{
	Name:      handoff.ProtocolPassthrough,
	Events:    []string{EventMeta},
	Defaults:  []string{EventMeta},
	Transport: handoff.TransportGraph,
	Send:      send,
}

// send is the call to Meta. It always carries our message id, which Meta repeats in every status: where the answer to a send is
// lost, the status is the only proof that the message left.
func send(inbox protocol.Inbox, contact protocol.Contact, m handoff.OutboundMessage) (protocol.Call, error) {
	if inbox.PhoneNumberID == "" {
		return protocol.Call{}, handoff.Errorf(handoff.CodeInvalid, "the inbox has no phone number id: save it, and send again")
	}
	if len(m.To) == 0 {
		m.To = contact.Identities
	}
	body, err := meta.Send(m, m.CallbackData)
	if err != nil {
		return protocol.Call{}, err
	}
	return protocol.Call{Path: "/" + inbox.PhoneNumberID + "/messages", Body: body}, nil
}
