package db

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
)

// RaiseContacts raises the flags of contacts of an inbox, and gives them to be woken once the transaction is through. It comes before
// anything else of those contacts: their wake rows are locked first, in the order that everybody follows.
func RaiseContacts(ctx context.Context, q *dbsqlc.Queries, inbox handoff.ID, contacts []handoff.ID) ([]Wake, error) {
	rows, err := q.WakeRaiseContacts(ctx, dbsqlc.WakeRaiseContactsParams{InboxID: inbox, ContactIds: contacts})
	wakes := make([]Wake, 0, len(rows))
	for _, row := range rows {
		wakes = append(wakes, Wake{AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID})
	}
	return wakes, err
}

// RaiseHeld does the same for the contacts for whom something is held for an endpoint.
func RaiseHeld(ctx context.Context, q *dbsqlc.Queries, endpoint handoff.ID) ([]Wake, error) {
	rows, err := q.WakeRaiseByEndpoint(ctx, endpoint)
	wakes := make([]Wake, 0, len(rows))
	for _, row := range rows {
		wakes = append(wakes, Wake{AccountID: row.AccountID, InboxID: row.InboxID, ContactID: row.ContactID})
	}
	return wakes, err
}
