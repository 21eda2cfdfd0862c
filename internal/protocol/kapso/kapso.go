// Package kapso tells our events in the words of Kapso's webhooks (docs.kapso.ai/docs/platform/webhooks), so that a program written
// for Kapso works with this server: whatsapp.message.* and whatsapp.conversation.* of one number, in payload version v2 or v1, and
// the project's workflow.execution.* with the older agent_execution_*. Agents' messages leave through Meta's Graph API.
//
// Kapso's workflows and agents are programs; here the execution is the hand-off and the agent is a person. A hand-off begins with an
// offload or with the message that opened a conversation (workflow.execution.handoff, agent_execution_handoff), its agent starts by
// claiming it (agent_execution_started), ends by resolving it (agent_execution_ended), and fails with each message of theirs that
// WhatsApp does not deliver (agent_execution_failed): the hand-off itself goes on. It has failed (workflow.execution.failed) where it
// timed out unanswered: inactivity ended the conversation, and nobody had written to the contact since it was opened.
//
// A message that was played is told as read: WhatsApp's two words for the same step, of which a message ever takes one.
package kapso

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"time"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// The events of one number.
const (
	EventMessageReceived      = "whatsapp.message.received"
	EventMessageSent          = "whatsapp.message.sent"
	EventMessageDelivered     = "whatsapp.message.delivered"
	EventMessageRead          = "whatsapp.message.read"
	EventMessageFailed        = "whatsapp.message.failed"
	EventConversationCreated  = "whatsapp.conversation.created"
	EventConversationEnded    = "whatsapp.conversation.ended"
	EventConversationInactive = "whatsapp.conversation.inactive"
)

// The events of a project, which an endpoint gets only if it asks for them.
const (
	EventWorkflowHandoff = "workflow.execution.handoff"
	EventWorkflowFailed  = "workflow.execution.failed"
	EventAgentStarted    = "agent_execution_started"
	EventAgentEnded      = "agent_execution_ended"
	EventAgentFailed     = "agent_execution_failed"
	EventAgentHandoff    = "agent_execution_handoff"
)

// The payload versions. An endpoint without one gets v2.
const (
	V1 = "v1"
	V2 = "v2"
)

// The limits of what an endpoint may ask for, as Kapso documents them. An endpoint that buffers holds the events of one conversation
// back for the window, or until there are as many as the size.
const (
	MinBufferWindow     = time.Second
	DefaultBufferWindow = 5 * time.Second
	MaxBufferWindow     = 60 * time.Second

	MinBufferSize     = 1
	DefaultBufferSize = 50
	MaxBufferSize     = 100

	MinInactivityMinutes     = 1
	DefaultInactivityMinutes = 60
	MaxInactivityMinutes     = 1440
)

// The vendor's headers. The signature is the caller's to add.
const (
	headerBatch          = "X-Webhook-Batch"
	headerBatchSize      = "X-Batch-Size"
	headerEvent          = "X-Webhook-Event"
	headerIdempotencyKey = "X-Idempotency-Key"
	headerVersion        = "X-Webhook-Payload-Version"
	headerSignature      = "X-Webhook-Signature"
)

var numberEvents = []string{
	EventMessageReceived, EventMessageSent, EventMessageDelivered, EventMessageRead, EventMessageFailed,
	EventConversationCreated, EventConversationEnded, EventConversationInactive,
}

var projectEvents = []string{
	EventWorkflowHandoff, EventWorkflowFailed, EventAgentStarted, EventAgentEnded, EventAgentFailed, EventAgentHandoff,
}

// Protocol is Kapso's, as the product sees it.
var Protocol = protocol.Protocol{
	Name:            handoff.ProtocolKapso,
	Events:          append(append([]string(nil), numberEvents...), projectEvents...),
	Defaults:        numberEvents,
	Transport:       handoff.TransportGraph,
	Window:          true,
	Timeout:         10 * time.Second,
	SignatureHeader: headerSignature,
	Tells: []handoff.EventType{
		handoff.EventOpened, handoff.EventOffloaded, handoff.EventInactive, handoff.EventClaimed, handoff.EventEnded,
		handoff.EventMessageReceived, handoff.EventMessageSent, handoff.EventMessageDelivered, handoff.EventMessageRead,
		handoff.EventMessagePlayed, handoff.EventMessageFailed,
	},
	Counts:   true,
	Webhooks: webhooks,
	Merge:    merge,
	Send:     send,
}

// Bufferable tells whether webhooks of the event may be held back and sent as one: Kapso's documents name received, and its API
// received and sent.
func Bufferable(event string) bool {
	return event == EventMessageReceived || event == EventMessageSent
}

// MetaHeader are the headers with which Meta's own body is passed on to a webhook of Kapso's kind "meta". Its idempotency key is the
// SHA-256 of the body, in hex, and no delivery's UUID. No other header is documented for this kind.
func MetaHeader(body []byte) map[string]string {
	sum := sha256.Sum256(body)
	return map[string]string{headerIdempotencyKey: hex.EncodeToString(sum[:])}
}

// send makes the call that takes an agent's message to Meta. Its id goes along as biz_opaque_callback_data, so that a status finds the
// message even if the answer of the call was lost.
func send(inbox protocol.Inbox, _ protocol.Contact, m handoff.OutboundMessage) (protocol.Call, error) {
	if inbox.PhoneNumberID == "" {
		return protocol.Call{}, handoff.Errorf(handoff.CodeInvalid, "the inbox has no phone number id to send from: set phone_number_id")
	}
	body, err := meta.Send(m, m.CallbackData)
	if err != nil {
		return protocol.Call{}, err
	}
	return protocol.Call{Path: "/" + url.PathEscape(inbox.PhoneNumberID) + "/messages", Body: body}, nil
}
