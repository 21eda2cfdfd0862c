package activities

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

type mender = func(context.Context, pgx.Tx, *dbsqlc.Queries) (string, error)

// sendAgain makes the deliveries of an event for those endpoints that want them, as they are rendered now; only, where given, is the one
// that is made. They come behind what their lanes hold. Nothing is done where nothing is due: an end that the inbox does not tell.
func (l *ledgerLook) sendAgain(g dbsqlc.LedgerGapInsertParams, want func(dbsqlc.Endpoint) bool, only string) mender {
	return func(ctx context.Context, tx pgx.Tx, q *dbsqlc.Queries) (string, error) {
		made, err := l.reopen(ctx, tx, q, g)
		if err != nil || made == nil {
			return "", err
		}
		rows, err := made.retell(ctx, g, want)
		if err != nil {
			return "", err
		}
		made.deliveries = slices.DeleteFunc(rows, func(d dbsqlc.DeliveryInsertParams) bool { return only != "" && d.EventType != only })
		if len(made.deliveries) == 0 {
			return "", nil
		}
		if err := made.flush(ctx); err != nil {
			return "", err
		}
		_, err = q.WakeRaiseByConversation(ctx, dbsqlc.WakeRaiseByConversationParams{InboxID: g.InboxID, ContactID: *g.ContactID})
		return "the delivery was made, behind those that its endpoint had to get since", err
	}
}

// takeOut sees to a message that nothing takes out. A gateway is sent it; whether a vendor has it nobody knows, and it is not sent twice.
func (l *ledgerLook) takeOut(g dbsqlc.LedgerGapInsertParams) mender {
	return func(ctx context.Context, tx pgx.Tx, q *dbsqlc.Queries) (string, error) {
		made, err := l.reopen(ctx, tx, q, g)
		if err != nil || made == nil {
			return "", err
		}
		if made.protocol.Transport == handoff.TransportWebhook {
			return l.sendAgain(g, made.carries, made.protocol.Carrier)(ctx, tx, q)
		}
		m, err := q.MessageLock(ctx, *g.MessageID)
		if err != nil {
			return "", err
		}
		if err := made.advance(ctx, m, handoff.MessageUncertain, nil); err != nil {
			return "", err
		}
		return "nobody knows whether the vendor has it: the message is uncertain, and can be sent again by its agent", made.flush(ctx)
	}
}

// reopen locks the conversation of a gap; nil where it is gone.
func (l *ledgerLook) reopen(ctx context.Context, tx pgx.Tx, q *dbsqlc.Queries, g dbsqlc.LedgerGapInsertParams) (*locked, error) {
	made, err := l.lockConversation(ctx, tx, Ref{AccountID: g.AccountID, InboxID: g.InboxID, ContactID: *g.ContactID}, l.now)
	if err != nil || made == nil {
		return nil, err
	}
	if g.ConversationID != nil {
		conv, err := q.ConversationLock(ctx, dbsqlc.ConversationLockParams{AccountID: g.AccountID, ID: *g.ConversationID})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		made.conv = &conv
	}
	return made, made.load(ctx)
}

// retell renders an event that happened before.
func (l *locked) retell(ctx context.Context, g dbsqlc.LedgerGapInsertParams, want func(dbsqlc.Endpoint) bool) ([]dbsqlc.DeliveryInsertParams, error) {
	happened, err := l.q.LedgerEvent(ctx, dbsqlc.LedgerEventParams{AccountID: g.AccountID, ID: *g.EventID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	row := dbsqlc.EventInsertParams{
		ID: happened.ID, AccountID: happened.AccountID, InboxID: happened.InboxID, ConversationID: happened.ConversationID, Seq: happened.Seq,
		Type: happened.Type, ActorType: happened.ActorType, ActorID: happened.ActorID, MessageID: happened.MessageID, Data: happened.Data,
		OccurredAt: happened.At,
	}
	var h happening
	if row.MessageID != nil {
		m, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: g.AccountID, ID: *row.MessageID})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, nil // it was erased
		}
		if err != nil {
			return nil, err
		}
		h.message = &m
	}
	event, err := l.event(ctx, row, h)
	if err != nil {
		return nil, err
	}
	vendor := l.protocol.Name != handoff.ProtocolNative && l.protocol.Webhooks != nil && slices.Contains(l.protocol.Tells, row.Type)
	for _, endpoint := range l.endpoints {
		if want(endpoint) {
			if err := l.tell(ctx, endpoint, event, row, vendor); err != nil {
				return nil, err
			}
		}
	}
	return l.deliveries, nil
}

// tellGap makes the event of a gap that was found or is gone, with the webhooks of it, and writes down what was done.
func (l *ledgerLook) tellGap(ctx context.Context, q *dbsqlc.Queries, g dbsqlc.LedgerGap, kind handoff.EventType) error {
	data := map[string]any{"gap_id": g.ID, "kind": g.Kind, "repaired": g.RepairedAt != nil, "note": g.Note}
	for name, id := range map[string]*handoff.ID{"conversation_id": g.ConversationID, "message_id": g.MessageID, "endpoint_id": g.EndpointID} {
		if id != nil {
			data[name] = id
		}
	}
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	event := dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: g.AccountID, InboxID: &g.InboxID, Type: kind, ActorType: handoff.AuthorSystem, Data: text, OccurredAt: l.now,
	}
	if err := db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{event})); err != nil {
		return err
	}
	if err := l.tellOperators(ctx, q, event, handoff.ID{}); err != nil {
		return err
	}
	if g.RepairedAt == nil || kind != handoff.EventGapFound {
		return nil
	}
	detail, err := json.Marshal(map[string]any{"kind": g.Kind, "note": g.Note})
	if err != nil {
		return err
	}
	return q.AuditInsert(ctx, dbsqlc.AuditInsertParams{
		ID: handoff.NewID(), AccountID: g.AccountID, At: l.now, ActorType: "system", Action: "repair-ledger-gap", TargetType: "ledger_gap",
		TargetID: &g.ID, Detail: detail,
	})
}
