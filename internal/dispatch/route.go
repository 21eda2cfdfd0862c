package dispatch

import (
	"context"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/lineup"
)

const (
	// routeEvery is how soon a conversation goes to an agent who has become free.
	routeEvery = time.Second
	routeLimit = 200
)

// routeLines wakes the conversations that an agent is free for, and those whose agent has gone. Who gets what is decided in each
// conversation's own transaction, by the same plan: to wake one in vain does nothing.
func (d *Dispatcher) routeLines(ctx context.Context) error {
	q := dbsqlc.New(d.db)
	teams, err := q.LineTeams(ctx)
	if err != nil {
		return err
	}
	for _, team := range teams {
		line, err := lineup.Read(ctx, q, team, time.Now(), handoff.ID{})
		if err != nil {
			return err
		}
		for _, row := range line.Planned() {
			if err := d.raise(ctx, team.AccountID, row.InboxID, row.ContactID); err != nil {
				return err
			}
		}
	}
	deserted, err := q.LineDeserted(ctx, dbsqlc.LineDesertedParams{Now: time.Now(), RowLimit: routeLimit})
	if err != nil {
		return err
	}
	for _, row := range deserted {
		if err := d.raise(ctx, row.AccountID, row.InboxID, row.ContactID); err != nil {
			return err
		}
	}
	return nil
}

// raise raises a flag that is down, and has its conversation woken. One that is up is on its way.
func (d *Dispatcher) raise(ctx context.Context, account, inbox, contact handoff.ID) error {
	raised, err := dbsqlc.New(d.db).WakeRaiseIfLow(ctx, dbsqlc.WakeRaiseIfLowParams{InboxID: inbox, ContactID: contact})
	if err == nil && raised > 0 {
		d.queue.offer(db.Wake{AccountID: account, InboxID: inbox, ContactID: contact, Items: []db.WakeItem{{Kind: "route", ID: contact}}})
	}
	return err
}
