package kapso

import (
	"encoding/json"

	"handoff"
	"handoff/internal/protocol"
)

// teller tells events to one endpoint: in its payload version, one webhook after the other.
type teller struct {
	protocol.Event
	version string
	details details
	told    []protocol.Webhook
}

// details are the events' own data, as far as they are told.
type details struct {
	Reason       string            `json:"reason"`
	Failure      *handoff.Failure  `json:"failure"`
	Assignee     *handoff.AgentRef `json:"assignee"`
	Minutes      int               `json:"minutes"`
	SinceMessage *sinceMessage     `json:"since_message"`
}

// statusEvents are the events of a message that is on its way, and what Kapso calls the state it has reached.
var statusEvents = map[handoff.EventType]struct{ event, status string }{
	handoff.EventMessageSent:      {EventMessageSent, "sent"},
	handoff.EventMessageDelivered: {EventMessageDelivered, "delivered"},
	handoff.EventMessageRead:      {EventMessageRead, "read"},
	handoff.EventMessagePlayed:    {EventMessageRead, "read"},
	handoff.EventMessageFailed:    {EventMessageFailed, "failed"},
}

func webhooks(e protocol.Event) ([]protocol.Webhook, error) {
	t, err := newTeller(e)
	if err != nil {
		return nil, err
	}
	switch e.Type {
	case handoff.EventMessageReceived:
		err = t.message(EventMessageReceived, "received")
	case handoff.EventMessageSent, handoff.EventMessageDelivered, handoff.EventMessageRead, handoff.EventMessagePlayed, handoff.EventMessageFailed:
		err = t.status()
	case handoff.EventOpened:
		err = t.opened()
	case handoff.EventOffloaded:
		err = t.handoff(t.details.Reason)
	case handoff.EventInactive:
		err = t.conversation(EventConversationInactive)
	case handoff.EventClaimed:
		err = t.execution(EventAgentStarted, "running", t.agent())
	case handoff.EventEnded:
		err = t.ended()
	default: // Kapso has no word for the rest
	}
	if err != nil {
		return nil, err
	}
	return t.told, nil
}

func newTeller(e protocol.Event) (*teller, error) {
	t := &teller{Event: e, version: e.Endpoint.PayloadVersion}
	if t.version == "" {
		t.version = V2
	}
	if t.version != V1 && t.version != V2 {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the endpoint's payload version has to be %s or %s", V1, V2)
	}
	if len(e.Details) == 0 {
		return t, nil
	}
	if err := json.Unmarshal(e.Details, &t.details); err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "the details of %s are not what the event has", e.Type)
	}
	return t, nil
}

// add makes a webhook of a body.
func (t *teller) add(event string, body object) error {
	encoded, err := encode(event, body)
	if err != nil {
		return err
	}
	t.told = append(t.told, protocol.Webhook{Event: event, Body: encoded, Header: map[string]string{
		headerEvent: event, headerIdempotencyKey: "{id}", headerVersion: t.version,
	}})
	return nil
}

func (t *teller) message(event, status string) error {
	if t.Message == nil {
		return handoff.Errorf(handoff.CodeInternal, "the event %s has no message", t.Type)
	}
	c, err := readContent(*t.Message)
	if err != nil {
		return err
	}
	if t.version == V1 {
		return t.add(event, object{
			{"message", t.messageV1(c, status)},
			{"conversation", t.conversationV1()},
			{"is_new_conversation", t.isNew()},
			{"whatsapp_config", t.config()},
		})
	}
	return t.add(event, object{
		{"message", t.messageV2(c, status)},
		{"conversation", t.conversationV2()},
		{"is_new_conversation", t.isNew()},
		{"phone_number_id", t.Inbox.PhoneNumberID},
	})
}

// isNew tells whether this is the message that opened the conversation: it was received and is the only one so far. The time of
// opening would say less, since all messages of one of Meta's bodies are accepted at the same moment. A conversation that brings
// along what was said to the bot is not new in that sense.
func (t *teller) isNew() bool {
	return t.Type == handoff.EventMessageReceived && t.Conversation != nil && t.Conversation.MessagesCount == 1
}

func (t *teller) status() error {
	state := statusEvents[t.Type]
	if err := t.message(state.event, state.status); err != nil {
		return err
	}
	if t.Type != handoff.EventMessageFailed || t.Message.Author != handoff.AuthorAgent || t.Conversation == nil {
		return nil
	}
	return t.executionFailed(EventAgentFailed, t.failure().Reason)
}

func (t *teller) opened() error {
	if err := t.conversation(EventConversationCreated); err != nil {
		return err
	}
	if t.Conversation.Source != "" {
		return nil // the offload tells of the hand-off, and why
	}
	return t.handoff("")
}

func (t *teller) ended() error {
	if err := t.conversation(EventConversationEnded); err != nil {
		return err
	}
	reason := handoff.EndReason(t.details.Reason)
	if reason == "" {
		reason = t.Conversation.EndReason
	}
	if reason == handoff.EndResolved {
		return t.execution(EventAgentEnded, "ended", nil)
	}
	answered := t.Conversation.LastOutboundAt != nil && !t.Conversation.LastOutboundAt.Before(t.Conversation.OpenedAt)
	if reason == handoff.EndInactivity && !answered {
		return t.executionFailed(EventWorkflowFailed, "nobody answered before the conversation ended for inactivity")
	}
	return nil
}

func (t *teller) conversation(event string) error {
	if t.Conversation == nil {
		return t.noConversation()
	}
	body := object{{"conversation", t.conversationV2()}}
	if t.version == V1 {
		body = object{{"conversation", t.conversationV1()}}
	}
	if event == EventConversationInactive {
		body = append(body, field{"since_message", t.since()}, field{"inactivity", object{{"minutes", t.details.Minutes}}})
	}
	if t.version == V1 {
		return t.add(event, body.with("whatsapp_config", t.config()))
	}
	return t.add(event, body.with("phone_number_id", t.Inbox.PhoneNumberID))
}

func (t *teller) noConversation() error {
	return handoff.Errorf(handoff.CodeInternal, "the event %s has no conversation", t.Type)
}

// failure is why the message failed.
func (t *teller) failure() handoff.Failure {
	for _, failure := range []*handoff.Failure{t.details.Failure, t.Message.Failure} {
		if failure != nil {
			return *failure
		}
	}
	return handoff.Failure{Code: "unknown", Reason: "no reason is known"}
}

// phone is the contact's number in digits; empty where it has none.
func (t *teller) phone() string { return t.Contact.Identity(handoff.IdentityPhone) }

// isStatus tells whether the event says how far a message has come.
func (t *teller) isStatus() bool {
	_, ok := statusEvents[t.Type]
	return ok
}
