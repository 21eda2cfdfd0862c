package activities

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/hitlchat"
)

// publish makes one delivery of an event for every endpoint that asked for it. The body is rendered here, once.
func (l *ledger) publish(ctx context.Context, e dbsqlc.EventInsertParams, m *dbsqlc.Message) error {
	for _, endpoint := range l.endpoints {
		if name := vendorEvent(e.Type); name != "" && slices.Contains(endpoint.EventTypes, name) {
			body, err := l.vendorBody(ctx, e, m)
			if err != nil {
				return err
			}
			if body != nil {
				l.deliver(endpoint, e, name, body)
			}
		}
		if publishable(e.Type) && subscribed(endpoint.EventTypes, string(e.Type)) {
			body, err := nativeBody(e, m)
			if err != nil {
				return err
			}
			l.deliver(endpoint, e, string(e.Type), body)
		}
	}
	return nil
}

func (l *ledger) deliver(endpoint dbsqlc.Endpoint, e dbsqlc.EventInsertParams, eventType string, body []byte) {
	row := dbsqlc.DeliveryInsertParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, EndpointID: endpoint.ID, InboxID: l.ref.InboxID, ContactID: &l.ref.ContactID,
		ConversationID: e.ConversationID, EventID: &e.ID, EventType: eventType, Seq: e.Seq, WebhookID: handoff.NewWebhookID(), Body: body,
		State: handoff.DeliveryPending, NextAttemptAt: &l.now, CreatedAt: l.now,
	}
	if eventType == hitlchat.EventOutboundMessage {
		row.MessageID = e.MessageID
	}
	if endpoint.State == handoff.EndpointDisabled {
		row.State, row.NextAttemptAt = handoff.DeliveryHeld, nil
	}
	l.deliveries = append(l.deliveries, row)
}

// takes tells whether any endpoint asks for a vendor's event.
func (l *ledger) takes(vendorEvent string) bool {
	return slices.ContainsFunc(l.endpoints, func(e dbsqlc.Endpoint) bool { return slices.Contains(e.EventTypes, vendorEvent) })
}

// vendorEvent is the name under which the inbox's protocol knows an event, "" where it knows none.
func vendorEvent(t handoff.EventType) string {
	switch t {
	case handoff.EventMessageQueued:
		return hitlchat.EventOutboundMessage
	case handoff.EventEnded:
		return hitlchat.EventConversationResolved
	default:
		return ""
	}
}

// vendorBody renders an event as the inbox's protocol writes it; nil where the inbox does not want it.
func (l *ledger) vendorBody(ctx context.Context, e dbsqlc.EventInsertParams, m *dbsqlc.Message) ([]byte, error) {
	identities, err := l.contactIdentities(ctx)
	if err != nil {
		return nil, err
	}
	if e.Type == handoff.EventEnded {
		status := l.inbox.ResolvedStatus
		if *l.conv.EndReason == handoff.EndInactivity {
			if !l.inbox.NotifyInactivity {
				return nil, nil
			}
			status = l.inbox.InactivityStatus
		}
		return hitlchat.ConversationResolved(identities, status, l.now)
	}
	out := handoff.OutboundMessage{ID: m.ID, To: identities, Type: m.Type, Content: m.Content}
	if m.ReplyTo != nil {
		out.ReplyTo = *m.ReplyTo
	}
	return hitlchat.OutboundMessage(hitlchat.Inbox{PhoneNumberID: l.inbox.PhoneNumberID, CallbackData: l.inbox.CallbackData}, out)
}

// nativeEvent is the body of an event that no vendor's protocol describes: the envelope of Standard Webhooks.
type nativeEvent struct {
	Type      handoff.EventType `json:"type"`
	Timestamp string            `json:"timestamp"`
	Data      nativeData        `json:"data"`
}

type nativeData struct {
	EventID        handoff.ID      `json:"event_id"`
	InboxID        *handoff.ID     `json:"inbox_id,omitempty"`
	ConversationID *handoff.ID     `json:"conversation_id,omitempty"`
	Seq            *int64          `json:"seq,omitempty"`
	Actor          nativeActor     `json:"actor"`
	Message        *nativeMessage  `json:"message,omitempty"`
	Details        json.RawMessage `json:"details,omitempty"`
}

type nativeActor struct {
	Type handoff.AuthorType `json:"type"`
	ID   *handoff.ID        `json:"id,omitempty"`
}

type nativeMessage struct {
	ID         handoff.ID            `json:"id"`
	Direction  handoff.Direction     `json:"direction"`
	Type       string                `json:"type"`
	Text       *string               `json:"text,omitempty"`
	Content    json.RawMessage       `json:"content"`
	Status     handoff.MessageStatus `json:"status,omitempty"`
	ExternalID *string               `json:"external_id,omitempty"`
}

func nativeBody(e dbsqlc.EventInsertParams, m *dbsqlc.Message) ([]byte, error) {
	event := nativeEvent{Type: e.Type, Timestamp: e.OccurredAt.UTC().Format("2006-01-02T15:04:05.000Z"), Data: nativeData{
		EventID: e.ID, InboxID: e.InboxID, ConversationID: e.ConversationID, Seq: e.Seq, Actor: nativeActor{e.ActorType, e.ActorID},
	}}
	if string(e.Data) != "{}" {
		event.Data.Details = e.Data
	}
	if m != nil {
		event.Data.Message = &nativeMessage{
			ID: m.ID, Direction: m.Direction, Type: m.Type, Text: m.Text, Content: m.Content, ExternalID: m.ExternalID,
		}
		if m.Status != nil {
			event.Data.Message.Status = *m.Status
		}
	}
	return json.Marshal(event)
}

// publishable tells whether an endpoint may ask for an event. Notes never leave.
func publishable(t handoff.EventType) bool { return slices.Contains(handoff.EventTypes, t) }

// subscribed tells whether one of an endpoint's event types is name, or is a wildcard over it: "*", "conversation.*". Wildcards
// cover our own events only: with a vendor's too, an endpoint would get everything twice.
func subscribed(eventTypes []string, name string) bool {
	for _, t := range eventTypes {
		if t == name || t == "*" {
			return true
		}
		if prefix, ok := strings.CutSuffix(t, "*"); ok && strings.HasSuffix(prefix, ".") && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
