package admin

import (
	"context"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

// The limits of an inbox's inactivity, after which a conversation ends by itself.
const (
	MinInactivity     = time.Minute
	MaxInactivity     = 30 * 24 * time.Hour
	DefaultInactivity = 24 * time.Hour
)

const maxToken = 4096

// InboxFields is what an inbox is given. In a new inbox an absent field has its default; in a change it stays as it is.
type InboxFields struct {
	Name          *string
	Protocol      *handoff.Protocol // of a new inbox only
	WABAID        *string
	PhoneNumberID *string
	// AccessToken downloads the contact's media from Meta; empty removes it.
	AccessToken      *string
	Inactivity       *time.Duration
	ResolvedStatus   *string
	InactivityStatus *string
	NotifyInactivity *bool
	CallbackData     *bool
}

// CreateInbox makes an inbox.
func (a Admin) CreateInbox(ctx context.Context, account handoff.ID, fields InboxFields) (dbsqlc.Inbox, error) {
	row := dbsqlc.Inbox{
		ID: handoff.NewID(), AccountID: account, Protocol: handoff.ProtocolHitlChat, Inactivity: DefaultInactivity,
		ResolvedStatus: "Resolved by Human", InactivityStatus: "Closed by Inactivity", NotifyInactivity: true, TimeZone: "UTC",
		BotVersion: "LIVE", Accepting: true,
	}
	set(&row.Protocol, fields.Protocol)
	if err := a.applyInbox(&row, fields); err != nil {
		return row, err
	}
	saved, err := dbsqlc.New(a.DB).InboxInsert(ctx, dbsqlc.InboxInsertParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Protocol: row.Protocol, WABAID: row.WABAID,
		PhoneNumberID: row.PhoneNumberID, AccessToken: row.AccessToken, Inactivity: row.Inactivity,
		ResolvedStatus: row.ResolvedStatus, InactivityStatus: row.InactivityStatus, NotifyInactivity: row.NotifyInactivity,
		CallbackData: row.CallbackData, DisplayPhoneNumber: row.DisplayPhoneNumber, AppSecret: row.AppSecret, VerifyToken: row.VerifyToken,
		BotID: row.BotID, BotVersion: row.BotVersion, APIURL: row.APIURL, ResumeCall: row.ResumeCall, TimeZone: row.TimeZone,
		Accepting: row.Accepting, Hours: row.Hours, QueueLimit: row.QueueLimit,
	})
	return saved, inboxError(err, row)
}

// UpdateInbox changes an inbox.
func (a Admin) UpdateInbox(ctx context.Context, account, id handoff.ID, fields InboxFields) (dbsqlc.Inbox, error) {
	q := dbsqlc.New(a.DB)
	row, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: id})
	if err != nil {
		return row, db.NotFound(err, "inbox")
	}
	if err := a.applyInbox(&row, fields); err != nil {
		return row, err
	}
	saved, err := q.InboxUpdate(ctx, dbsqlc.InboxUpdateParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, WABAID: row.WABAID, PhoneNumberID: row.PhoneNumberID,
		AccessToken: row.AccessToken, Inactivity: row.Inactivity, ResolvedStatus: row.ResolvedStatus,
		InactivityStatus: row.InactivityStatus, NotifyInactivity: row.NotifyInactivity, CallbackData: row.CallbackData,
		Protocol: row.Protocol, DisplayPhoneNumber: row.DisplayPhoneNumber, AppSecret: row.AppSecret, VerifyToken: row.VerifyToken,
		BotID: row.BotID, BotVersion: row.BotVersion, APIURL: row.APIURL, ResumeCall: row.ResumeCall, TimeZone: row.TimeZone,
		Accepting: row.Accepting, Hours: row.Hours, QueueLimit: row.QueueLimit,
	})
	return saved, inboxError(db.NotFound(err, "inbox"), row)
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

func (a Admin) applyInbox(row *dbsqlc.Inbox, fields InboxFields) error {
	set(&row.Name, fields.Name)
	set(&row.WABAID, fields.WABAID)
	set(&row.PhoneNumberID, fields.PhoneNumberID)
	set(&row.Inactivity, fields.Inactivity)
	set(&row.ResolvedStatus, fields.ResolvedStatus)
	set(&row.InactivityStatus, fields.InactivityStatus)
	set(&row.NotifyInactivity, fields.NotifyInactivity)
	set(&row.CallbackData, fields.CallbackData)
	if err := checkInbox(row, fields.AccessToken); err != nil {
		return err
	}
	if fields.AccessToken == nil {
		return nil
	}
	if *fields.AccessToken == "" {
		row.AccessToken = nil
		return nil
	}
	var err error
	row.AccessToken, err = a.Box.Seal([]byte(*fields.AccessToken), secretbox.AccessToken(row.AccountID, row.ID))
	return err
}

func checkInbox(row *dbsqlc.Inbox, token *string) error {
	var c check
	row.Name = c.name("name", row.Name)
	row.WABAID = c.name("waba_id", row.WABAID)
	row.PhoneNumberID = c.name("phone_number_id", row.PhoneNumberID)
	c.text("resolved_status", row.ResolvedStatus, maxValue)
	c.text("inactivity_status", row.InactivityStatus, maxValue)
	if row.Protocol != handoff.ProtocolHitlChat {
		c.fault("protocol", "there is no protocol %q: use %s", string(row.Protocol), handoff.ProtocolHitlChat)
	}
	if row.Inactivity < MinInactivity || row.Inactivity > MaxInactivity {
		c.fault("inactivity_seconds", "inactivity is %d seconds: it must be %d to %d", int(row.Inactivity.Seconds()),
			int(MinInactivity.Seconds()), int(MaxInactivity.Seconds()))
	}
	// It goes into a header of every request to Meta, which a line break or a blank would spoil.
	if token != nil && (len(*token) > maxToken || strings.ContainsFunc(*token, func(r rune) bool { return r <= ' ' || r > '~' })) {
		c.fault("access_token", "access_token holds a blank or an unusual character, or is longer than %d: copy it again", maxToken)
	}
	return c.err()
}
