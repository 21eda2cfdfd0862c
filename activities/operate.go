package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// LaneCommand is for deliveries of one contact that wait.
type LaneCommand struct {
	Command
	// DeliveryID is the one that is meant; nil for the first of every lane that fails.
	DeliveryID *handoff.ID `json:"delivery_id,omitempty"`
}

// The reasons of deliveries that somebody gave up.
const (
	reasonSkipped        = "skipped by operator"
	reasonSkippedByAdmin = "skipped by an admin"
)

// SkipDelivery gives deliveries up, and lets what waits behind them go on, which says then that something is missing.
func (a *Activities) SkipDelivery(ctx context.Context, c LaneCommand) (Result, error) {
	failure := reasonSkipped
	if c.Operator == nil {
		failure = reasonSkippedByAdmin
	}
	return a.onLanes(ctx, c, func(l *locked, d dbsqlc.Delivery) error { return l.skip(ctx, d, failure) })
}

// RetryDelivery has deliveries tried now, whatever they wait for.
func (a *Activities) RetryDelivery(ctx context.Context, c LaneCommand) (Result, error) {
	return a.onLanes(ctx, c, func(l *locked, d dbsqlc.Delivery) error {
		if len(d.Body) == 0 {
			return handoff.Errorf(handoff.CodeConflict, "there is nothing to send again: %s", cmp.Or(db.OrEmpty(d.Failure), "it has no bytes of its own"))
		}
		endpoint, err := l.q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: l.ref.AccountID, ID: d.EndpointID})
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if err != nil || endpoint.State == handoff.EndpointDisabled {
			return handoff.Errorf(handoff.CodeConflict, "the endpoint is disabled or deleted: enable it first, which sends what is held for it")
		}
		_, err = l.q.DeliveryRequest(ctx, dbsqlc.DeliveryRequestParams{AccountID: l.ref.AccountID, ID: d.ID})
		return err
	})
}

// onLanes runs a change of deliveries. Like a command it is carried out once; unlike one it needs no open conversation, for lanes outlive
// it, and no version of it.
func (a *Activities) onLanes(ctx context.Context, c LaneCommand, change func(*locked, dbsqlc.Delivery) error) (Result, error) {
	var out Result
	err := db.InTx(ctx, a.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		out = Result{}
		l, err := a.lockConversation(ctx, tx, c.Ref, c.Now)
		if err != nil {
			return err
		}
		if l == nil {
			return handoff.Errorf(handoff.CodeNotFound, "nothing was ever sent for this contact")
		}
		done, err := q.CommandDone(ctx, c.ID)
		if err != nil {
			return err
		}
		if !done {
			if out.Deliveries, err = l.changeLanes(ctx, c, change); err != nil {
				return err
			}
		}
		out.Snapshot, err = l.snapshot(ctx)
		return err
	})
	if refusal := refusalIn(err); refusal != nil {
		return a.refused(ctx, c.Command, refusal)
	}
	return out, a.storeFailed(ctx, "command", err)
}

func (l *locked) changeLanes(ctx context.Context, c LaneCommand, change func(*locked, dbsqlc.Delivery) error) (int, error) {
	found, err := l.deliveriesMeant(ctx, c.DeliveryID)
	if err != nil {
		return 0, err
	}
	if err := l.load(ctx); err != nil {
		return 0, err
	}
	for _, d := range found {
		if err := change(l, d); err != nil {
			return 0, err
		}
		if err := l.audit(ctx, c.Command, "delivery", d.ID); err != nil {
			return 0, err
		}
	}
	if err := l.write(ctx); err != nil {
		return 0, err
	}
	if l.conv == nil {
		return len(found), nil // a command is kept with its conversation
	}
	return len(found), l.later.CommandInsert(ctx, dbsqlc.CommandInsertParams{ID: c.ID, ConversationID: l.conv.ID, CreatedAt: c.Now})
}

// deliveriesMeant are those that a command is for.
func (l *locked) deliveriesMeant(ctx context.Context, id *handoff.ID) ([]dbsqlc.Delivery, error) {
	if id != nil {
		d, err := l.q.DeliveryGetOfContact(ctx, dbsqlc.DeliveryGetOfContactParams{InboxID: l.ref.InboxID, ContactID: &l.ref.ContactID, ID: *id})
		if errors.Is(err, pgx.ErrNoRows) {
			return nil, handoff.Errorf(handoff.CodeNotFound, "delivery_id names no delivery of this contact")
		}
		return []dbsqlc.Delivery{d}, err
	}
	if l.conv == nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "name the delivery: delivery_id is missing, and there is no conversation")
	}
	found, err := l.q.DeliveryListStuck(ctx, dbsqlc.DeliveryListStuckParams{InboxID: l.ref.InboxID, ContactID: &l.ref.ContactID})
	if err == nil && len(found) == 0 {
		err = handoff.Errorf(handoff.CodeConflict, "nothing is stuck: no delivery of this contact waits after a failed attempt")
	}
	return found, err
}

// skip gives one delivery up, and with it its message, unless that may yet arrive by another endpoint.
func (l *locked) skip(ctx context.Context, d dbsqlc.Delivery, failure string) error {
	rows, err := l.q.DeliveryGiveUp(ctx, dbsqlc.DeliveryGiveUpParams{ID: d.ID, Failure: failure, FinishedAt: &l.now})
	if err != nil {
		return err
	}
	if rows == 0 {
		return handoff.Errorf(handoff.CodeConflict, "the delivery does not wait any more: it is %s", d.State)
	}
	if err := markGap(ctx, l.q, d); err != nil {
		return err
	}
	return l.undeliverable(ctx, d, handoff.Failure{Code: failureUndeliverable, Reason: failure})
}

// audit keeps what an operator did, in the transaction that does it.
func (l *locked) audit(ctx context.Context, c Command, kind string, target handoff.ID) error {
	if c.Operator == nil || (l.wake.Erasing && strings.HasPrefix(c.ID, ErasureCommand)) { // who asked for an erasure is written down with it
		return nil
	}
	detail := map[string]any{}
	if c.Operator.Reason != "" {
		detail["reason"] = c.Operator.Reason
	}
	if l.conv != nil {
		detail["conversation_id"] = l.conv.ID
	}
	text, err := json.Marshal(detail)
	if err != nil {
		return err
	}
	return l.later.AuditInsert(ctx, dbsqlc.AuditInsertParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, At: l.now, ActorType: "operator", ActorName: c.Operator.By,
		Action: c.Operator.Action, TargetType: kind, TargetID: &target, Detail: text, RequestID: c.ID,
	})
}
