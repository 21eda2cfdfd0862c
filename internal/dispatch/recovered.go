package dispatch

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	recoveredEvery = time.Second
	// recoveredLimit is how many lanes are woken at once for an endpoint that answers again: it has just come up.
	recoveredLimit = 200

	aloneEvery = 5 * time.Second
	aloneLimit = 100
)

// page is how far the contacts of an endpoint that answers again have been gone through.
type page struct {
	recoveredAt time.Time
	after       handoff.ID
}

// wakeRecovered wakes the lanes that wait for endpoints that answer again, some each time. If an endpoint fails once more meanwhile, it
// is left alone until it has succeeded again.
func (d *Dispatcher) wakeRecovered(ctx context.Context) error {
	endpoints, err := dbsqlc.New(d.db).EndpointListRecovered(ctx)
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		if err := d.wakeWaiting(ctx, endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (d *Dispatcher) wakeWaiting(ctx context.Context, e dbsqlc.EndpointListRecoveredRow) error {
	at := d.pages[e.ID]
	if !at.recoveredAt.Equal(e.RecoveredAt) {
		at = page{recoveredAt: e.RecoveredAt}
	}
	q := dbsqlc.New(d.db)
	heads, err := q.DeliveryListWaiting(ctx, dbsqlc.DeliveryListWaitingParams{
		InboxID: e.InboxID, EndpointID: e.ID, AfterContact: &at.after, RecoveredAt: e.RecoveredAt, RecoveredFrom: e.RecoveredFrom,
		RowLimit: recoveredLimit,
	})
	if err != nil {
		return err
	}
	var ids, contacts []handoff.ID
	for _, head := range heads {
		at.after = head.ContactID
		if head.Due {
			ids, contacts = append(ids, head.ID), append(contacts, head.ContactID)
		}
	}
	if err := d.hasten(ctx, e, ids, contacts); err != nil {
		return err
	}
	if len(heads) == recoveredLimit {
		d.pages[e.ID] = at
		return nil
	}
	delete(d.pages, e.ID)
	return q.EndpointRecoveryDone(ctx, dbsqlc.EndpointRecoveryDoneParams{ID: e.ID, RecoveredAt: &e.RecoveredAt})
}

func (d *Dispatcher) hasten(ctx context.Context, e dbsqlc.EndpointListRecoveredRow, ids, contacts []handoff.ID) error {
	if len(ids) == 0 {
		return nil
	}
	var wakes []db.Wake
	err := db.InTx(ctx, d.db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		var err error
		if wakes, err = db.RaiseContacts(ctx, q, e.InboxID, contacts); err != nil {
			return err
		}
		return q.DeliveryHasten(ctx, dbsqlc.DeliveryHastenParams{
			Ids: ids, InboxID: e.InboxID, ContactIds: contacts, EndpointID: e.ID, RecoveredFrom: e.RecoveredFrom, Now: time.Now(),
		})
	})
	if err != nil {
		return err
	}
	d.log.InfoContext(ctx, "an endpoint answers again, and what waits for it is sent", "endpoint", e.ID, "lanes", len(ids))
	for _, wake := range wakes {
		d.Wake(wake)
	}
	return nil
}

// deliverAlone sees to deliveries that belong to no conversation. Whoever makes one starts its workflow, or died before.
func (d *Dispatcher) deliverAlone(ctx context.Context) error {
	if d.Deliver == nil {
		return nil
	}
	rows, err := dbsqlc.New(d.db).DeliveryListAlone(ctx, dbsqlc.DeliveryListAloneParams{
		DueBefore: time.Now().Add(-time.Second), RowLimit: aloneLimit,
	})
	for _, row := range rows {
		if err := d.Deliver(ctx, row.AccountID, row.ID); err != nil {
			return err
		}
	}
	return err
}
