package db

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// FindContact finds the contact that an agent wants to write to in an inbox, or makes one, by the rules of intake.
func FindContact(ctx context.Context, db DB, inbox dbsqlc.Inbox, to handoff.ItemContact, at time.Time) (handoff.ID, error) {
	return unlessErased(func() (handoff.ID, error) { return findContactOnce(ctx, db, inbox, to, at) })
}

func findContactOnce(ctx context.Context, db DB, inbox dbsqlc.Inbox, to handoff.ItemContact, at time.Time) (handoff.ID, error) {
	a := &acceptance{receipt: NewReceipt{AccountID: inbox.AccountID, Protocol: inbox.Protocol, At: at}}
	s := &slot{inbox: &inbox, item: &handoff.Item{
		Kind: handoff.ItemMessage, Contact: &to, Message: &handoff.ItemMessageBody{Direction: handoff.Outbound},
	}}
	a.slots = []*slot{s}
	err := InTx(ctx, db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if err := checkMode(ctx, q, inbox); err != nil {
			return err
		}
		if err := a.findContacts(ctx, q); err != nil {
			return err
		}
		if err := a.lockWakes(ctx, q); err != nil {
			return err
		}
		return a.setNames(ctx, q)
	})
	return s.contact, err
}
