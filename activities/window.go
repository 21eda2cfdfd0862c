package activities

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// freshFor is how long the look at the service window that came with the command is good for. One that waited behind others has
// not been tried, and its window may be as closed as theirs.
const freshFor = 10 * time.Second

// expired fails a free-form reply whose service window closed while its endpoint was down: Meta would refuse it.
func (l *lane) expired(ctx context.Context, d dbsqlc.Delivery) (bool, error) {
	fresh := d.Attempts == 0 && l.Now().Sub(d.CreatedAt) < freshFor
	if !l.protocol.Window || d.MessageID == nil || d.ContactID == nil || d.ManualAt != nil || fresh {
		return false, nil
	}
	var expired bool
	err := db.InTx(ctx, l.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		conversation, err := l.lockConversation(ctx, tx, Ref{AccountID: d.AccountID, InboxID: d.InboxID, ContactID: *d.ContactID}, l.Now())
		if err != nil || conversation == nil { // the contact has been erased meanwhile
			return err
		}
		m, err := q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: d.AccountID, ID: *d.MessageID})
		if err != nil {
			return err
		}
		var control handoff.Control
		if conversation.open() {
			control.WindowExpiresAt = conversation.conv.WindowExpiresAt
		}
		if at := conversation.wake.LastInboundAt; at != nil {
			if end := at.Add(serviceWindow); control.WindowExpiresAt == nil || end.After(*control.WindowExpiresAt) {
				control.WindowExpiresAt = &end
			}
		}
		var closed *handoff.Error
		if !errors.As(control.CheckWindow(m.Type, l.Now()), &closed) {
			return nil
		}
		expired, l.rippled = true, true
		l.reread()
		if err := conversation.load(ctx); err != nil {
			return err
		}
		now := l.Now()
		err = q.DeliveryFail(ctx, dbsqlc.DeliveryFailParams{ID: d.ID, Failure: handoff.FailureWindowClosed, FinishedAt: &now})
		if err != nil {
			return err
		}
		if err := markGap(ctx, q, d); err != nil {
			return err
		}
		return conversation.undeliverable(ctx, d, handoff.Failure{
			Code: handoff.FailureWindowClosed, Reason: "the 24-hour service window closed before the gateway took the message",
		})
	})
	return expired, err
}
