package activities

import (
	"context"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

const (
	// retentionPage is how many conversations are listed at once, and retentionEvents how many events those may have together that one
	// transaction deletes.
	retentionPage   = 200
	retentionEvents = 2000
)

// RetentionListInput asks for the inboxes that forget.
type RetentionListInput struct{}

// RetentionInput is an inbox that forgets, and from when on it keeps.
type RetentionInput struct {
	AccountID handoff.ID `json:"account_id"`
	InboxID   handoff.ID `json:"inbox_id"`
	Before    time.Time  `json:"before"`
}

// RetentionList lists the inboxes that forget.
func (a *Activities) RetentionList(ctx context.Context, _ RetentionListInput) ([]RetentionInput, error) {
	rows, err := a.queries().RetentionInboxes(ctx)
	if err != nil {
		return nil, a.storeFailed(ctx, "list the inboxes that forget", err)
	}
	out := make([]RetentionInput, 0, len(rows))
	for _, row := range rows {
		before := a.Now().AddDate(0, 0, -int(row.RetentionDays)).UTC()
		out = append(out, RetentionInput{AccountID: row.AccountID, InboxID: row.ID, Before: before})
	}
	return out, nil
}

// retention is one sweep.
type retention struct {
	a       *Activities
	in      RetentionInput
	deleted Counts
}

// RetentionSweep deletes the inbox's conversations that ended before a time, messages and webhooks of no conversation, and then contacts
// that have nothing left. Run again it goes on with what is left.
func (a *Activities) RetentionSweep(ctx context.Context, in RetentionInput) (Counts, error) {
	defer heartbeat(ctx)()
	r := &retention{a: a, in: in, deleted: Counts{}}
	for _, part := range []func(context.Context) error{r.conversations, r.loose, r.deliveries, r.contacts} {
		if err := part(ctx); err != nil {
			return nil, a.storeFailed(ctx, "delete what is past its time", err)
		}
	}
	return r.deleted, nil
}

// run deletes in one transaction, and stops between two when the activity is cancelled.
func (r *retention) run(ctx context.Context, do func(*deletion) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	batch := Counts{}
	err := r.a.deleteIn(ctx, r.in.AccountID, do, func(_ *dbsqlc.Queries, counts Counts) error {
		batch = counts
		return nil
	})
	if err == nil {
		r.deleted.Add(batch)
	}
	return err
}

func (r *retention) conversations(ctx context.Context) error {
	for {
		rows, err := r.a.queries().RetentionConversations(ctx, dbsqlc.RetentionConversationsParams{
			InboxID: r.in.InboxID, Before: r.in.Before, RowLimit: retentionPage,
		})
		if err != nil || len(rows) == 0 {
			return err
		}
		before := r.deleted[kindConversations]
		for len(rows) > 0 {
			n, events := 0, int64(0)
			for n < len(rows) && (n == 0 || events+rows[n].LastSeq <= retentionEvents) {
				events += rows[n].LastSeq
				n++
			}
			if err := r.batch(ctx, rows[:n]); err != nil {
				return err
			}
			rows = rows[n:]
		}
		if r.deleted[kindConversations] == before {
			return nil // what is listed cannot be deleted now; the next run sees
		}
	}
}

func (r *retention) batch(ctx context.Context, rows []dbsqlc.RetentionConversationsRow) error {
	ids := make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	for more := true; more; {
		err := r.run(ctx, func(d *deletion) error {
			if err := d.q.PrivacyWakeLock(ctx, ids); err != nil {
				return err
			}
			still, err := d.q.RetentionStill(ctx, dbsqlc.RetentionStillParams{Ids: ids, Before: r.in.Before})
			if err != nil {
				return err
			}
			more, err = d.conversations(ctx, still)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// loose deletes messages that belong to no conversation: what was passed through, shadows, echoes.
func (r *retention) loose(ctx context.Context) error {
	page := dbsqlc.RetentionLooseMessagesParams{InboxID: r.in.InboxID, Before: r.in.Before, BeforeID: idAt(r.in.Before.Add(time.Hour)), RowLimit: eraseLimit}
	for {
		rows, err := r.a.queries().RetentionLooseMessages(ctx, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		ids := make([]handoff.ID, 0, len(rows))
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		if err := r.run(ctx, func(d *deletion) error { return d.loose(ctx, ids) }); err != nil {
			return err
		}
		page.AfterID = rows[len(rows)-1].ID
	}
}

// loose deletes those of these messages that still belong to no conversation.
func (d *deletion) loose(ctx context.Context, ids []handoff.ID) error {
	rows, err := d.q.RetentionStillLoose(ctx, ids)
	if err != nil {
		return err
	}
	gone := goneMessages{}
	for _, row := range rows {
		gone.add(row.ID, row.MediaID)
	}
	return d.messages(ctx, gone)
}

// deliveries deletes webhooks that belong to no conversation and to no message: bytes that went on as they came. Each endpoint's are gone
// through in their order, up to the first that is young enough.
func (r *retention) deliveries(ctx context.Context) error {
	endpoints, err := r.a.queries().RetentionEndpoints(ctx, dbsqlc.RetentionEndpointsParams{AccountID: r.in.AccountID, InboxID: r.in.InboxID})
	if err != nil {
		return err
	}
	for _, endpoint := range endpoints {
		for _, state := range []handoff.DeliveryState{handoff.DeliveryDelivered, handoff.DeliveryFailed, handoff.DeliveryHeld} {
			if err := r.deliveriesTo(ctx, endpoint, state); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *retention) deliveriesTo(ctx context.Context, endpoint handoff.ID, state handoff.DeliveryState) error {
	page := dbsqlc.RetentionDeliveriesParams{EndpointID: endpoint, State: state, RowLimit: eraseLimit}
	for {
		rows, err := r.a.queries().RetentionDeliveries(ctx, page)
		if err != nil {
			return err
		}
		ids := []handoff.ID{}
		young := slices.IndexFunc(rows, func(row dbsqlc.RetentionDeliveriesRow) bool { return !row.CreatedAt.Before(r.in.Before) })
		last := young >= 0 || len(rows) < eraseLimit
		if young >= 0 {
			rows = rows[:young]
		}
		for _, row := range rows {
			if row.Loose {
				ids = append(ids, row.ID)
			}
			page.AfterPosition = row.Position
		}
		if len(ids) > 0 {
			err = r.run(ctx, func(d *deletion) error {
				return counted(ctx, d, kindDeliveries, d.q.RetentionDeleteDeliveries, ids)
			})
		}
		if err != nil || last {
			return err
		}
	}
}

// contacts deletes contacts that have nothing left anywhere, and have not written since.
func (r *retention) contacts(ctx context.Context) error {
	page := dbsqlc.RetentionContactsParams{InboxID: r.in.InboxID, Before: r.in.Before, RowLimit: scanPage}
	for {
		rows, err := r.a.queries().RetentionContacts(ctx, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			if !row.Due {
				continue
			}
			err := r.run(ctx, func(d *deletion) error {
				_, err := d.emptyContact(ctx, row.ContactID)
				return err
			})
			if err != nil {
				return err
			}
		}
		page.AfterID = rows[len(rows)-1].ContactID
	}
}

// RetentionReceipts deletes receipts of an account once all inboxes that they are of would have forgotten them.
func (a *Activities) RetentionReceipts(ctx context.Context, in RetentionInput) (Counts, error) {
	defer heartbeat(ctx)()
	deleted := Counts{}
	least, err := a.queries().RetentionLeast(ctx, in.AccountID)
	if err != nil || least == 0 { // nobody asks for it any more
		return deleted, a.storeFailed(ctx, "read how long is kept", err)
	}
	page := dbsqlc.RetentionReceiptsParams{
		AccountID: in.AccountID, AsOf: a.Now(), Before: in.Before, BeforeID: idAt(a.Now().AddDate(0, 0, -int(least)).Add(time.Hour)), RowLimit: scanPage,
	}
	for {
		rows, err := a.queries().RetentionReceipts(ctx, page)
		if err != nil || len(rows) == 0 {
			return deleted, a.storeFailed(ctx, "list receipts past their time", err)
		}
		ids := []handoff.ID{}
		for _, row := range rows {
			if page.AfterID = row.ID; row.Due {
				ids = append(ids, row.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		n, err := a.queries().RetentionDeleteReceipts(ctx, ids)
		if err != nil {
			return deleted, a.storeFailed(ctx, "delete receipts", err)
		}
		deleted.add(kindReceipts, n)
	}
}
