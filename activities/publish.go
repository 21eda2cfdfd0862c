package activities

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

// publish makes the deliveries of an event: one for every endpoint that asked for it, in the words of the inbox's protocol and in our
// own, and the call by which a message of an agent's, or control, goes back to the vendor. Bodies are rendered here, once.
func (l *locked) publish(ctx context.Context, row dbsqlc.EventInsertParams, h happening) error {
	// The native protocol tells our own events, which every endpoint may ask for whatever its inbox speaks.
	vendor := l.protocol.Name != handoff.ProtocolNative && l.protocol.Webhooks != nil && slices.Contains(l.protocol.Tells, row.Type)
	own := slices.ContainsFunc(l.endpoints, func(e dbsqlc.Endpoint) bool { return l.wantsNative(e, row.Type) })
	calls := row.Type == handoff.EventEnded || row.Type == handoff.EventPassed || (row.Type == handoff.EventMessageQueued && l.protocol.Transport != handoff.TransportWebhook)
	if !vendor && !own && !calls {
		return nil
	}
	event, err := l.event(ctx, row, h)
	if err != nil {
		return err
	}
	for _, endpoint := range l.endpoints {
		if endpoint.Transport != handoff.TransportWebhook || endpoint.Payload == admin.PayloadMeta {
			continue
		}
		if err := l.tell(ctx, endpoint, event, row, vendor); err != nil {
			return err
		}
	}
	if !calls {
		return nil
	}
	return l.call(ctx, event, row, h.message)
}

func (l *locked) wantsNative(e dbsqlc.Endpoint, t handoff.EventType) bool {
	return e.Transport == handoff.TransportWebhook && e.Payload != admin.PayloadMeta && handoff.Subscribed(e.EventTypes, t)
}

// tell makes one endpoint's deliveries of an event.
func (l *locked) tell(ctx context.Context, endpoint dbsqlc.Endpoint, event protocol.Event, row dbsqlc.EventInsertParams, vendor bool) error {
	event.Endpoint = protocol.Endpoint{PayloadVersion: endpoint.PayloadVersion}
	var hooks []protocol.Webhook
	if vendor && l.dueFor(endpoint, row) {
		told, err := l.protocol.Webhooks(event)
		if err != nil {
			return err
		}
		hooks = slices.DeleteFunc(told, func(w protocol.Webhook) bool { return !slices.Contains(endpoint.EventTypes, w.Event) })
	}
	if l.wantsNative(endpoint, row.Type) {
		told, err := native.Webhooks(event)
		if err != nil {
			return err
		}
		hooks = append(hooks, told...)
	}
	for _, hook := range hooks {
		if err := l.deliver(ctx, endpoint, row, hook); err != nil {
			return err
		}
	}
	return nil
}

// dueFor tells whether an endpoint is told of an event: of a silence, only those are whose time has come.
func (l *locked) dueFor(endpoint dbsqlc.Endpoint, row dbsqlc.EventInsertParams) bool {
	if row.Type != handoff.EventInactive {
		return true
	}
	var silence struct {
		Minutes int32 `json:"minutes"`
	}
	return json.Unmarshal(row.Data, &silence) == nil && endpoint.InactivityMinutes != nil && *endpoint.InactivityMinutes == silence.Minutes
}

func (l *locked) deliver(ctx context.Context, endpoint dbsqlc.Endpoint, e dbsqlc.EventInsertParams, hook protocol.Webhook) error {
	row := l.deliveryRow(endpoint, e, hook.Event)
	row.Body = hook.Body
	if hook.Event == l.protocol.Carrier {
		row.MessageID = e.MessageID
	}
	var err error
	if row.Headers, err = headerColumn(hook.Header, row.ID); err != nil {
		return err
	}
	row.Buffered = endpoint.BufferSeconds != nil && slices.Contains(endpoint.BufferEvents, hook.Event)
	if err := l.fit(&row); err != nil {
		return err
	}
	if row.Buffered && row.State == handoff.DeliveryPending {
		until := l.now.Add(time.Duration(*endpoint.BufferSeconds) * time.Second)
		row.NextAttemptAt = &until
		if err := l.debounce(ctx, endpoint.ID, until); err != nil {
			return err
		}
	}
	l.deliveries = append(l.deliveries, row)
	return nil
}

// debounce makes what is held back already wait for as long as the newest.
func (l *locked) debounce(ctx context.Context, endpoint handoff.ID, until time.Time) error {
	for i := range l.deliveries {
		if l.deliveries[i].EndpointID == endpoint && l.deliveries[i].Buffered && l.deliveries[i].State == handoff.DeliveryPending {
			l.deliveries[i].NextAttemptAt = &until
		}
	}
	return l.later.DeliveryDebounce(ctx, dbsqlc.DeliveryDebounceParams{
		InboxID: l.ref.InboxID, ContactID: &l.ref.ContactID, EndpointID: endpoint, Until: &until,
	})
}

func (l *locked) deliveryRow(endpoint dbsqlc.Endpoint, e dbsqlc.EventInsertParams, eventType string) dbsqlc.DeliveryInsertParams {
	row := dbsqlc.DeliveryInsertParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, EndpointID: endpoint.ID, InboxID: l.ref.InboxID, ContactID: &l.ref.ContactID,
		ConversationID: e.ConversationID, EventID: &e.ID, EventType: eventType, Seq: e.Seq, WebhookID: handoff.NewWebhookID(),
		State: handoff.DeliveryPending, NextAttemptAt: &l.now, CreatedAt: l.now,
	}
	if endpoint.State == handoff.EndpointDisabled {
		row.State, row.NextAttemptAt = handoff.DeliveryHeld, nil
	}
	return row
}

// headerColumn is the vendor's own headers, with the delivery's id where they want one.
func headerColumn(header map[string]string, id handoff.ID) (json.RawMessage, error) {
	if len(header) == 0 {
		return nil, nil
	}
	out := make(map[string]string, len(header))
	for name, value := range header {
		out[name] = strings.ReplaceAll(value, "{id}", id.String())
	}
	return json.Marshal(out)
}
