package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// Replay says which deliveries of an endpoint are sent again, each by one attempt more.
type Replay struct {
	AccountID, EndpointID handoff.ID
	States                []handoff.DeliveryState
	// Since and Until bound when they were made, FailedSince bounds when they were given up; zero is no bound.
	Since, Until, FailedSince time.Time
	// EventTypes are as the endpoint sees them; all where there are none.
	EventTypes []string
	// UnlessAsked leaves those out that an attempt was asked for already, and not made yet: an earlier request, cut short, did that.
	UnlessAsked bool
	// After is the position from which on they are taken.
	After int64
	At    time.Time
}

// Replayed is what one batch has asked for.
type Replayed struct {
	Deliveries int
	// Last is the position of the last one; More tells that there are others behind it.
	Last int64
	More bool
	// Wakes are the contacts in whose lanes they stand. Alone are those of no contact: each is sent by a workflow of its own.
	Wakes []Wake
	Alone []handoff.ID
}

// rangeSlack is by how much deliveries may be made in another order than that of their times: a time is taken before its transaction
// begins, and a workflow's may be that of its last task.
const rangeSlack = time.Hour

// ReplayStart moves a replay to where its range begins, so that no batch reads the years before it.
func ReplayStart(ctx context.Context, db DB, r Replay) (Replay, error) {
	if r.After > 0 || r.Since.IsZero() {
		return r, nil
	}
	err := Planned(ctx, db, func(q *dbsqlc.Queries) error {
		var err error
		r.After, err = q.DeliveryReplayFrom(ctx, dbsqlc.DeliveryReplayFromParams{
			AccountID: r.AccountID, EndpointID: r.EndpointID, States: stateNames(r.States), Before: r.Since.Add(-rangeSlack),
		})
		return err
	})
	return r, err
}

// ReplayBatch asks for one attempt more of the first deliveries of a replay, at most limit, in one transaction. The error is a conflict
// while the endpoint is disabled.
func ReplayBatch(ctx context.Context, db DB, r Replay, limit int32) (Replayed, error) {
	var rows []dbsqlc.DeliveryListReplayRow
	err := Planned(ctx, db, func(q *dbsqlc.Queries) error {
		var err error
		rows, err = q.DeliveryListReplay(ctx, dbsqlc.DeliveryListReplayParams{
			AccountID: r.AccountID, EndpointID: r.EndpointID, States: stateNames(r.States), Since: bound(r.Since), Until: bound(r.Until),
			FailedSince: bound(r.FailedSince), EventTypes: append([]string{}, r.EventTypes...), UnlessAsked: r.UnlessAsked,
			AfterPosition: r.After, RowLimit: limit + 1,
		})
		return err
	})
	if err != nil || len(rows) == 0 {
		return Replayed{Last: r.After}, err
	}
	out := Replayed{More: len(rows) > int(limit)}
	if out.More {
		rows = rows[:limit]
	}
	out.Last = rows[len(rows)-1].Position
	err = InTx(ctx, db, func(_ pgx.Tx, q *dbsqlc.Queries) error { return out.ask(ctx, q, r, rows) })
	return out, err
}

func (out *Replayed) ask(ctx context.Context, q *dbsqlc.Queries, r Replay, rows []dbsqlc.DeliveryListReplayRow) error {
	endpoint, err := Replayable(ctx, q, r.AccountID, r.EndpointID)
	if err != nil {
		return err
	}
	ids, contacts, seen := make([]handoff.ID, 0, len(rows)), []handoff.ID{}, map[handoff.ID]bool{}
	for _, row := range rows {
		ids = append(ids, row.ID)
		switch {
		case row.ContactID == nil:
			out.Alone = append(out.Alone, row.ID)
		case !seen[*row.ContactID]:
			seen[*row.ContactID] = true
			contacts = append(contacts, *row.ContactID)
		}
	}
	if out.Wakes, err = RaiseContacts(ctx, q, endpoint.InboxID, contacts); err != nil {
		return err
	}
	asked, err := q.DeliveryReplay(ctx, dbsqlc.DeliveryReplayParams{Ids: ids, Now: &r.At})
	out.Deliveries = int(asked)
	return err
}

// Replayable is an endpoint to which several deliveries may be sent again at once; a conflict says why not.
func Replayable(ctx context.Context, q *dbsqlc.Queries, account, id handoff.ID) (dbsqlc.Endpoint, error) {
	endpoint, err := q.EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: account, ID: id})
	if err != nil {
		return endpoint, NotFound(err, "endpoint")
	}
	if endpoint.Transport != handoff.TransportWebhook {
		return endpoint, handoff.Errorf(handoff.CodeConflict, "this endpoint is the inbox's own way to its vendor, which cannot tell a repetition: "+
			"customers would get messages twice. Send one of them again by POST /v1/deliveries/{id}/redeliver")
	}
	if endpoint.State == handoff.EndpointDisabled {
		return endpoint, handoff.Errorf(handoff.CodeConflict, "the endpoint is disabled: enable it first, which sends what is held for it")
	}
	return endpoint, nil
}

// Revive takes somebody's word that an endpoint is well: a pause and an open circuit breaker end, lanes that wait for it are woken, and
// what is held for it though it is enabled is let go. It gives the contacts to wake for that. The error is a conflict while it is disabled.
func Revive(ctx context.Context, db DB, account, id handoff.ID, at time.Time) ([]Wake, error) {
	var wakes []Wake
	err := InTx(ctx, db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if _, err := Replayable(ctx, q, account, id); err != nil {
			return err
		}
		var err error
		if wakes, err = RaiseHeld(ctx, q, id); err != nil {
			return err
		}
		revived, err := q.EndpointRevive(ctx, dbsqlc.EndpointReviveParams{AccountID: account, ID: id, Now: &at})
		if err != nil {
			return err
		}
		if revived == 0 {
			return handoff.Errorf(handoff.CodeConflict, "the endpoint was disabled just now: enable it first, which sends what is held for it")
		}
		_, err = q.DeliveryRelease(ctx, id)
		return err
	})
	return wakes, err
}

func stateNames(states []handoff.DeliveryState) []string {
	names := make([]string, 0, len(states))
	for _, state := range states {
		names = append(names, string(state))
	}
	return names
}

func bound(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}
