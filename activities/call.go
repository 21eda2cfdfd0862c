package activities

import (
	"cmp"
	"context"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// The event types of calls to a vendor, as deliveries show them, beside db.EventSend.
const (
	callResume  = "resume_bot"
	callRelease = "release_control"
)

// checkWayOut tells why an agent's message could not leave.
func (l *locked) checkWayOut() error {
	if l.protocol.Transport == handoff.TransportWebhook {
		carried := slices.ContainsFunc(l.endpoints, func(e dbsqlc.Endpoint) bool {
			return e.Transport == handoff.TransportWebhook && e.Payload != admin.PayloadMeta && l.carries(e)
		})
		if !carried {
			return handoff.Errorf(handoff.CodeConflict, "no endpoint of the inbox takes %s: add one, then send again", l.protocol.Carrier)
		}
		return nil
	}
	if l.transport(l.protocol.Transport) == nil {
		return handoff.Errorf(handoff.CodeConflict, "the inbox has no access_token to send with: save one, then send again")
	}
	return nil
}

func (l *locked) carries(e dbsqlc.Endpoint) bool {
	if l.protocol.Name == handoff.ProtocolNative {
		return handoff.Subscribed(e.EventTypes, handoff.EventType(l.protocol.Carrier))
	}
	return slices.Contains(e.EventTypes, l.protocol.Carrier)
}

// transport is the endpoint by which we call a vendor ourselves; nil where the inbox has none.
func (l *locked) transport(t handoff.Transport) *dbsqlc.Endpoint {
	i := slices.IndexFunc(l.endpoints, func(e dbsqlc.Endpoint) bool { return e.Transport == t })
	if i < 0 {
		return nil
	}
	return &l.endpoints[i]
}

// call makes the deliveries to a vendor's API that follow from an event.
func (l *locked) call(ctx context.Context, event protocol.Event, row dbsqlc.EventInsertParams, m *dbsqlc.Message) error {
	if row.Type == handoff.EventMessageQueued {
		return l.callSend(ctx, event, row, m)
	}
	if row.Type == handoff.EventEnded && l.conv.Status == handoff.StatusBot {
		return nil // it has control already
	}
	if l.protocol.End != nil {
		if endpoint := l.transport(l.protocol.Transport); endpoint != nil {
			call, err := l.protocol.End(event.Inbox, event.Contact, *event.Conversation)
			l.addEndCall(*endpoint, row, callResume, call, err)
		}
	}
	l.release(event, row)
	return nil
}

// addEndCall adds a call that gives control back. One that cannot be made keeps no conversation from ending: it is a failed delivery,
// for the operator to see.
func (l *locked) addEndCall(endpoint dbsqlc.Endpoint, row dbsqlc.EventInsertParams, name string, call protocol.Call, err error) {
	if err == nil {
		l.addCall(endpoint, row, name, call, nil)
		return
	}
	d, reason := l.deliveryRow(endpoint, row, name), err.Error()
	d.Body, d.State, d.NextAttemptAt, d.Failure, d.FinishedAt = []byte{}, handoff.DeliveryFailed, nil, &reason, &l.now
	l.deliveries = append(l.deliveries, d)
}

func (l *locked) callSend(ctx context.Context, event protocol.Event, row dbsqlc.EventInsertParams, m *dbsqlc.Message) error {
	endpoint := l.transport(l.protocol.Transport)
	if endpoint == nil {
		return nil
	}
	out := outboundMessage(*m, event.Contact)
	call, err := l.protocol.Send(event.Inbox, event.Contact, out)
	if err != nil {
		return err
	}
	l.addCall(*endpoint, row, db.EventSend, call, &m.ID)
	if l.protocol.Echoes == nil {
		return nil
	}
	return l.later.MessageSetEchoKeys(ctx, dbsqlc.MessageSetEchoKeysParams{ID: m.ID, EchoKeys: l.protocol.Echoes(out)})
}

// release gives control back to Meta where Meta's own agent had passed it (formats of conversation routing: thread_control).
func (l *locked) release(event protocol.Event, row dbsqlc.EventInsertParams) {
	endpoint := l.transport(handoff.TransportGraph)
	if endpoint == nil || event.Conversation.Source != handoff.SourceMeta {
		return
	}
	body, err := meta.ThreadControl(event.Contact.Identities, "release")
	l.addEndCall(*endpoint, row, callRelease, protocol.Call{Path: "/" + l.inbox.PhoneNumberID + "/thread_control", Body: body}, err)
}

func (l *locked) addCall(endpoint dbsqlc.Endpoint, row dbsqlc.EventInsertParams, name string, call protocol.Call, message *handoff.ID) {
	if call.Path == "" {
		return
	}
	d := l.deliveryRow(endpoint, row, name)
	d.Path, d.Body, d.MessageID = call.Path, call.Body, message
	l.deliveries = append(l.deliveries, d)
}

func outboundMessage(m dbsqlc.Message, to protocol.Contact) handoff.OutboundMessage {
	return handoff.OutboundMessage{
		ID: m.ID, To: to.Identities, Type: m.Type, Content: m.Content, ReplyTo: db.OrEmpty(m.ReplyTo),
		CallbackData: cmp.Or(db.OrEmpty(m.CallbackData), m.ID.String()),
	}
}
