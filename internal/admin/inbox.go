package admin

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

// SavedInbox is an inbox as it was just saved.
type SavedInbox struct {
	dbsqlc.Inbox
	// VerifyToken is the one that was generated for it, which is not shown again; empty where none was.
	VerifyToken string
	// Wakes are the contacts whose workflows have something to do now.
	Wakes []db.Wake
}

// CreateInbox makes an inbox, and with an access token the endpoint by which it calls its vendor.
func (a Admin) CreateInbox(ctx context.Context, account handoff.ID, fields InboxFields) (SavedInbox, error) {
	var saved SavedInbox
	row := dbsqlc.Inbox{
		ID: handoff.NewID(), AccountID: account, Protocol: handoff.ProtocolHitlChat, Inactivity: DefaultInactivity,
		ResolvedStatus: "Resolved by Human", InactivityStatus: "Closed by Inactivity", NotifyInactivity: true, TimeZone: "UTC",
		BotVersion: "LIVE", Accepting: true,
	}
	newWork(&row)
	a.made("inbox", account, row.ID)
	if err := a.applyInbox(&row, fields); err != nil {
		return saved, err
	}
	var err error
	if saved.VerifyToken, err = a.sealInbox(&row, fields); err != nil {
		return saved, err
	}
	if row.DisplayPhoneNumber, err = a.askMeta(ctx, dbsqlc.Inbox{}, row, fields); err != nil {
		return saved, err
	}
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if err := checkTeams(ctx, q, row, fields.WorkFields); err != nil {
			return err
		}
		if _, err := q.InboxInsert(ctx, dbsqlc.InboxInsertParams{
			ID: row.ID, AccountID: row.AccountID, Name: row.Name, Protocol: row.Protocol, WABAID: row.WABAID,
			PhoneNumberID: row.PhoneNumberID, AccessToken: row.AccessToken, Inactivity: row.Inactivity,
			ResolvedStatus: row.ResolvedStatus, InactivityStatus: row.InactivityStatus, NotifyInactivity: row.NotifyInactivity,
			CallbackData: row.CallbackData, DisplayPhoneNumber: row.DisplayPhoneNumber, AppSecret: row.AppSecret, VerifyToken: row.VerifyToken,
			BotID: row.BotID, BotVersion: row.BotVersion, APIURL: row.APIURL, ResumeCall: row.ResumeCall, TimeZone: row.TimeZone,
			Accepting: row.Accepting, Hours: row.Hours, QueueLimit: row.QueueLimit,
		}); err != nil {
			return inboxError(err, row)
		}
		if saved.Inbox, err = saveWork(ctx, q, row); err != nil {
			return err
		}
		return a.saveWayOut(ctx, q, saved.Inbox)
	})
	return saved, err
}

// UpdateInbox changes an inbox. A token that is saved sends what the old one was refused for, and fetches the files that waited for
// one.
func (a Admin) UpdateInbox(ctx context.Context, account, id handoff.ID, fields InboxFields) (SavedInbox, error) {
	var saved SavedInbox
	before, err := dbsqlc.New(a.DB).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: id})
	if err != nil {
		return saved, db.NotFound(err, "inbox")
	}
	row := before
	if err := a.applyInbox(&row, fields); err != nil {
		return saved, err
	}
	if err := checkSwitch(before.Protocol, row.Protocol); err != nil {
		return saved, err
	}
	if saved.VerifyToken, err = a.sealInbox(&row, fields); err != nil {
		return saved, err
	}
	// Meta is asked outside the transaction: it may take seconds, and nobody has to wait for it.
	if row.DisplayPhoneNumber, err = a.askMeta(ctx, before, row, fields); err != nil {
		return saved, err
	}
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if err := lockInbox(ctx, q, before, row); err != nil {
			return err
		}
		if err := checkTeams(ctx, q, row, fields.WorkFields); err != nil {
			return err
		}
		if saved.Inbox, err = saveInbox(ctx, q, row); err != nil {
			return inboxError(err, row)
		}
		if before.Protocol != row.Protocol {
			if err := a.fitEndpoints(ctx, q, saved.Inbox); err != nil {
				return err
			}
		}
		return a.saveWayOut(ctx, q, saved.Inbox)
	})
	if err != nil || !fields.newToken() {
		return saved, err
	}
	saved.Wakes, err = a.tokenSaved(ctx, saved.Inbox)
	return saved, err
}

func (f InboxFields) newToken() bool { return f.AccessToken != nil && *f.AccessToken != "" }

// lockInbox lets admins take turns, and refuses a change that was made of a row which somebody else has changed meanwhile.
func lockInbox(ctx context.Context, q *dbsqlc.Queries, before, after dbsqlc.Inbox) error {
	var locked dbsqlc.Inbox
	var err error
	if before.Protocol == after.Protocol {
		locked, err = q.InboxLock(ctx, dbsqlc.InboxLockParams{AccountID: before.AccountID, ID: before.ID})
	} else {
		locked, err = lockForSwitch(ctx, q, before)
	}
	if err != nil {
		return db.NotFound(err, "inbox")
	}
	if !locked.UpdatedAt.Equal(before.UpdatedAt) {
		return handoff.Errorf(handoff.CodeConflict, "somebody else has just changed the inbox: look at it, and try again")
	}
	return nil
}

func saveInbox(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Inbox) (dbsqlc.Inbox, error) {
	if _, err := q.InboxUpdate(ctx, dbsqlc.InboxUpdateParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, WABAID: row.WABAID, PhoneNumberID: row.PhoneNumberID,
		AccessToken: row.AccessToken, Inactivity: row.Inactivity, ResolvedStatus: row.ResolvedStatus,
		InactivityStatus: row.InactivityStatus, NotifyInactivity: row.NotifyInactivity, CallbackData: row.CallbackData,
		Protocol: row.Protocol, DisplayPhoneNumber: row.DisplayPhoneNumber, AppSecret: row.AppSecret, VerifyToken: row.VerifyToken,
		BotID: row.BotID, BotVersion: row.BotVersion, APIURL: row.APIURL, ResumeCall: row.ResumeCall, TimeZone: row.TimeZone,
		Accepting: row.Accepting, Hours: row.Hours, QueueLimit: row.QueueLimit,
	}); err != nil {
		return row, db.NotFound(err, "inbox")
	}
	return saveWork(ctx, q, row)
}

// DeleteInbox removes an inbox that has no open conversation. What was accepted for it is still delivered.
func (a Admin) DeleteInbox(ctx context.Context, account, id handoff.ID) error {
	q := dbsqlc.New(a.DB)
	if _, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: id}); err != nil {
		return db.NotFound(err, "inbox")
	}
	deleted, err := q.InboxDelete(ctx, dbsqlc.InboxDeleteParams{AccountID: account, ID: id})
	if err != nil || deleted > 0 {
		return err
	}
	return handoff.Errorf(handoff.CodeConflict, "the inbox has open conversations: resolve them before it is deleted")
}

func inboxError(err error, row dbsqlc.Inbox) error {
	if db.ViolatesUnique(err, "inboxes_route_key") {
		return handoff.Errorf(handoff.CodeConflict, "another inbox of this account has waba_id %q and phone_number_id %q already: "+
			"a body names its inbox by these two alone", row.WABAID, row.PhoneNumberID)
	}
	return err
}

// sealInbox seals the secrets that were given, and gives the verify token that it made where one is needed and there is none.
func (a Admin) sealInbox(row *dbsqlc.Inbox, f InboxFields) (made string, err error) {
	verify := f.VerifyToken
	needed := slices.Contains(verified, row.Protocol)
	if needed && ((verify == nil && row.VerifyToken == nil) || (verify != nil && *verify == "")) {
		made = rand.Text()
		verify = &made
	}
	for _, secret := range []struct {
		text   *string
		sealed *[]byte
		place  secretbox.AssociatedData
	}{
		{f.AccessToken, &row.AccessToken, secretbox.AccessToken(row.AccountID, row.ID)},
		{f.AppSecret, &row.AppSecret, secretbox.AppSecret(row.AccountID, row.ID)},
		{verify, &row.VerifyToken, secretbox.VerifyToken(row.AccountID, row.ID)},
	} {
		if secret.text == nil {
			continue
		}
		if *secret.sealed, err = a.seal(*secret.text, secret.place); err != nil {
			return "", err
		}
	}
	return made, nil
}
