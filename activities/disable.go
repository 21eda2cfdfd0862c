package activities

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

// reasonAsked is why an endpoint was disabled that asked for it with an answer that is otherwise a success or any other.
const reasonAsked = "its receiver asked for it (webhook-delivery: disable)"

// noteHealth takes in what an attempt says of its endpoint.
func (l *lane) noteHealth(ctx context.Context, healthy *bool, ruled ruling) error {
	if ruled.disable && ruled.verdict != verdictGone {
		l.reread()
		return db.InTx(ctx, l.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error { return l.disableFor(ctx, q, reasonAsked) })
	}
	if healthy == nil || *healthy {
		return nil
	}
	return l.noteFailure(ctx)
}

// hold takes what the lane finds of an endpoint that is disabled out of it.
func (l *lane) hold(ctx context.Context) error {
	l.reread()
	held, err := l.queries().DeliveryHoldLane(ctx, dbsqlc.DeliveryHoldLaneParams{
		InboxID: l.in.InboxID, ContactID: &l.in.ContactID, EndpointID: l.endpoint.ID,
	})
	if err == nil && held == 0 {
		return &waiting{wait: time.Millisecond, reason: l.host + " was enabled meanwhile"}
	}
	return err
}

// moved tells whether the endpoint has another address than the one that an attempt was made at. What was said there says nothing of it.
func (l *lane) moved(ctx context.Context) bool {
	row, err := l.queries().DeliveryEndpoint(ctx, dbsqlc.DeliveryEndpointParams{ID: l.endpoint.ID, Now: l.Now()})
	if err != nil {
		l.Log.WarnContext(ctx, "read an endpoint's address", "endpoint", l.endpoint.ID, "error", err)
		return false
	}
	return row.Endpoint.URL != l.endpoint.URL
}

// disableFor disables the endpoint, holds what is on its way to it, and tells of it. Of several lanes that find a reason at once one does it.
func (l *lane) disableFor(ctx context.Context, q *dbsqlc.Queries, reason string) error {
	disabled, err := q.EndpointDisable(ctx, dbsqlc.EndpointDisableParams{ID: l.endpoint.ID, URL: l.endpoint.URL, Reason: reason})
	if err != nil || disabled == 0 {
		return err
	}
	l.endpoint.State = handoff.EndpointDisabled
	l.reread()
	if _, err := q.DeliveryHold(ctx, l.endpoint.ID); err != nil {
		return err
	}
	data, err := json.Marshal(map[string]any{"endpoint_id": l.endpoint.ID, "reason": reason})
	if err != nil {
		return err
	}
	event := dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: l.endpoint.AccountID, InboxID: &l.endpoint.InboxID, Type: handoff.EventEndpointDisabled,
		ActorType: handoff.AuthorSystem, Data: data, OccurredAt: l.Now(),
	}
	if err := db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{event})); err != nil {
		return err
	}
	return l.tellOperators(ctx, q, event, l.endpoint.ID)
}

// tellOperators makes deliveries of an event of no conversation for the endpoints that ask for it, but for the one that it is about: of the
// account, by name or family, and of the event's inbox also by "*".
func (a *Activities) tellOperators(ctx context.Context, q *dbsqlc.Queries, e dbsqlc.EventInsertParams, about handoff.ID) error {
	endpoints, err := q.EndpointListTold(ctx, e.AccountID)
	if err != nil {
		return err
	}
	endpoints = slices.DeleteFunc(endpoints, func(other dbsqlc.Endpoint) bool {
		types := other.EventTypes
		if other.InboxID != *e.InboxID {
			types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "*" })
		}
		return other.ID == about || other.Payload == admin.PayloadMeta || !handoff.Subscribed(types, e.Type)
	})
	if len(endpoints) == 0 {
		return nil
	}
	hooks, err := native.Webhooks(protocol.Event{
		ID: e.ID, Type: e.Type, At: e.OccurredAt, Actor: protocol.Actor{Type: e.ActorType}, Details: e.Data,
		Inbox: protocol.Inbox{ID: *e.InboxID, AccountID: e.AccountID},
	})
	if err != nil {
		return err
	}
	var rows []dbsqlc.DeliveryInsertParams
	now := a.Now()
	for _, endpoint := range endpoints {
		for _, hook := range hooks {
			rows = append(rows, dbsqlc.DeliveryInsertParams{
				ID: handoff.NewID(), AccountID: e.AccountID, EndpointID: endpoint.ID, InboxID: endpoint.InboxID, EventID: &e.ID,
				EventType: hook.Event, WebhookID: handoff.NewWebhookID(), Body: hook.Body, State: handoff.DeliveryPending,
				NextAttemptAt: &now, CreatedAt: now,
			})
		}
	}
	return db.ExecBatch(q.DeliveryInsert(ctx, rows))
}
