package main

import (
	"context"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type inboxCmd struct {
	Create inboxCreateCmd `cmd:"" help:"Make an inbox."`
	List   inboxListCmd   `cmd:"" help:"List the inboxes of an account."`
	Show   inboxShowCmd   `cmd:"" help:"Show an inbox."`
	Update inboxUpdateCmd `cmd:"" help:"Change an inbox; what is not given stays."`
	Delete inboxDeleteCmd `cmd:"" help:"Delete an inbox that has no open conversation."`
}

type inboxView struct {
	ID                handoff.ID       `json:"id"`
	Name              string           `json:"name"`
	Protocol          handoff.Protocol `json:"protocol"`
	WABAID            string           `json:"waba_id"`
	PhoneNumberID     string           `json:"phone_number_id"`
	InactivitySeconds int              `json:"inactivity_seconds"`
	ResolvedStatus    string           `json:"resolved_status"`
	InactivityStatus  string           `json:"inactivity_status"`
	NotifyInactivity  bool             `json:"notify_inactivity"`
	CallbackData      bool             `json:"callback_data"`
	HasAccessToken    bool             `json:"has_access_token"`
}

func viewInbox(row dbsqlc.Inbox) inboxView {
	return inboxView{
		row.ID, row.Name, row.Protocol, row.WABAID, row.PhoneNumberID, int(row.Inactivity.Seconds()), row.ResolvedStatus,
		row.InactivityStatus, row.NotifyInactivity, row.CallbackData, row.AccessToken != nil,
	}
}

// inboxFlags are the fields of an inbox; those that are not given keep their value, or their default in a new inbox.
type inboxFlags struct {
	Name             *string        `help:"Name of the inbox."`
	WABAID           *string        `name:"waba-id" help:"WhatsApp Business Account id."`
	PhoneNumberID    *string        `name:"phone-number-id" help:"Phone number id."`
	AccessToken      *string        `help:"Meta's permanent token, for downloading media; empty removes it." env:"HANDOFF_META_TOKEN"`
	Inactivity       *time.Duration `help:"How long after the last message a conversation ends by itself, such as 24h."`
	ResolvedStatus   *string        `help:"What conversation_resolved says after a person resolved it."`
	InactivityStatus *string        `help:"What conversation_resolved says after an end by inactivity."`
	NotifyInactivity *bool          `help:"Whether an end by inactivity is sent at all." negatable:""`
	CallbackData     *bool          `help:"Whether biz_opaque_callback_data is put into every meta_payload." negatable:""`
}

func (f inboxFlags) fields() admin.InboxFields {
	return admin.InboxFields{
		Name: f.Name, WABAID: f.WABAID, PhoneNumberID: f.PhoneNumberID, AccessToken: f.AccessToken, Inactivity: f.Inactivity,
		ResolvedStatus: f.ResolvedStatus, InactivityStatus: f.InactivityStatus, NotifyInactivity: f.NotifyInactivity, CallbackData: f.CallbackData,
	}
}

type inboxCreateCmd struct {
	adminFlags
	accountFlag
	inboxFlags
}

func (c *inboxCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.CreateInbox(ctx, c.Account, c.fields())
		return viewInbox(row), err
	})
}

type inboxListCmd struct {
	adminFlags
	accountFlag
}

func (c *inboxListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).InboxList(ctx, dbsqlc.InboxListParams{AccountID: c.Account, RowLimit: listLimit})
		return views(rows, viewInbox), err
	})
}

type inboxShowCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *inboxShowCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := dbsqlc.New(a.DB).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: c.Account, ID: c.ID})
		return viewInbox(row), db.NotFound(err, "inbox")
	})
}

type inboxUpdateCmd struct {
	adminFlags
	accountFlag
	idArgument
	inboxFlags
}

func (c *inboxUpdateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.UpdateInbox(ctx, c.Account, c.ID, c.fields())
		return viewInbox(row), err
	})
}

type inboxDeleteCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *inboxDeleteCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"deleted": c.ID}, a.DeleteInbox(ctx, c.Account, c.ID)
	})
}
