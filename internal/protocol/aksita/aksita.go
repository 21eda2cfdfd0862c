// Package aksita tells gateways of agents' replies as Aksita's human-agent webhook does (aksita.ai/en/docs/human-agent-webhook). It
// is pure: event in, bytes out. What a gateway sends us comes in through the native protocol.
//
// The vendor's page knows one event, sent for every reply of a person. Its answer is any 2xx; it is given up after ten seconds. The
// vendor never retries; we do, with the same bytes.
package aksita

import (
	"cmp"
	"time"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/signature"
)

// EventHumanAgent is the one event, by the value of the key "source".
const EventHumanAgent = "human_agent"

const (
	timeout   = 10 * time.Second
	userAgent = "Aksita-Webhook/1.0"
)

// credits and remainingCredits are what a reply cost and what is left. "credits" is 0 at the vendor too, because replies of people
// are free there; we sell none, so nothing is left either.
const credits, remainingCredits = 0, 0

// Protocol is Aksita's dialect.
var Protocol = protocol.Protocol{
	Name:            handoff.ProtocolAksita,
	Events:          []string{EventHumanAgent},
	Defaults:        []string{EventHumanAgent},
	Carrier:         EventHumanAgent,
	Transport:       handoff.TransportWebhook,
	Timeout:         timeout,
	UserAgent:       userAgent,
	SignatureHeader: signature.HeaderHex,
	Tells:           []handoff.EventType{handoff.EventMessageQueued},
	Webhooks:        webhooks,
}

// reply is the body, its keys in the order of the vendor's example.
type reply struct {
	// Response holds what a person would read, then the link of a file: see response.
	Response []string `json:"response"`
	// MessageID is our UUID; the vendor's are decimal numbers such as "2125". Both are strings.
	MessageID string `json:"message_id"`
	// ConversationID is the session under which the gateway knows the contact; our UUID of the conversation where it gave none.
	ConversationID    string `json:"conversation_id"`
	Credits           int    `json:"credits"`
	RemainingCredits  int    `json:"remaining_credits"`
	AdditionalContext string `json:"additional_context"` // "" where none is set, as the vendor writes it
	Source            string `json:"source"`
	Timestamp         string `json:"timestamp"` // RFC 3339 in whole seconds, with the offset of the inbox's time zone
}

func webhooks(e protocol.Event) ([]protocol.Webhook, error) {
	if e.Type != handoff.EventMessageQueued || e.Message == nil || e.Conversation == nil {
		return nil, nil
	}
	zone := e.Inbox.TimeZone
	if zone == nil {
		zone = time.UTC
	}
	body, err := encode(reply{
		Response: response(*e.Message), MessageID: e.Message.ID.String(), ConversationID: conversationID(e),
		Credits: credits, RemainingCredits: remainingCredits, Source: EventHumanAgent, Timestamp: e.At.In(zone).Format(time.RFC3339),
	})
	if err != nil {
		return nil, err
	}
	return []protocol.Webhook{{Event: EventHumanAgent, Body: body}}, nil
}

// conversationID is the id that the gateway knows: it has never seen ours.
func conversationID(e protocol.Event) string {
	return cmp.Or(e.Contact.Identity(handoff.IdentitySession), e.Conversation.ID.String())
}

func encode(body reply) ([]byte, error) {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "encode an Aksita reply: %w", err)
	}
	return out, nil
}
