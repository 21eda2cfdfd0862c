package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/routing"
)

type inboxCmd struct {
	Create inboxCreateCmd `cmd:"" help:"Make an inbox. A verify token that is made for it is shown once."`
	List   inboxListCmd   `cmd:"" help:"List the inboxes of an account."`
	Show   inboxShowCmd   `cmd:"" help:"Show an inbox."`
	Health inboxHealthCmd `cmd:"" help:"Ask Meta about an inbox's credentials, and look at its endpoints."`
	Update inboxUpdateCmd `cmd:"" help:"Change an inbox; what is not given stays."`
	Delete inboxDeleteCmd `cmd:"" help:"Delete an inbox that has no open conversation."`
}

// vendorAdminFlags are what commands need besides that ask the vendors.
type vendorAdminFlags struct {
	adminFlags
	vendorFlags
}

// with opens what a command needs, the vendors included, runs it and prints what it gives.
func (f vendorAdminFlags) with(ctx context.Context, do func(admin.Admin) (any, error)) error {
	poster, err := f.client()
	if err != nil {
		return err
	}
	defer poster.Close()
	return f.adminFlags.with(ctx, func(a admin.Admin) (any, error) {
		a.Check, a.Reach, a.GraphURL = f.graph(poster).Check, admin.ReachBy(poster), f.GraphURL
		return do(a)
	})
}

type inboxView struct {
	ID                 handoff.ID       `json:"id"`
	Name               string           `json:"name"`
	Protocol           handoff.Protocol `json:"protocol"`
	WABAID             string           `json:"waba_id,omitempty"`
	PhoneNumberID      string           `json:"phone_number_id,omitempty"`
	DisplayPhoneNumber string           `json:"display_phone_number,omitempty"`
	WebhookURL         string           `json:"webhook_url,omitempty"`
	AccessTokenSet     bool             `json:"access_token_set"`
	AppSecretSet       bool             `json:"app_secret_set"`
	VerifyTokenSet     bool             `json:"verify_token_set"`
	VerifyToken        string           `json:"verify_token,omitempty"`
	BotID              string           `json:"bot_id,omitempty"`
	BotVersion         string           `json:"bot_version,omitempty"`
	APIURL             string           `json:"api_url,omitempty"`
	ResumeCall         json.RawMessage  `json:"resume_call,omitempty"`
	TimeZone           string           `json:"time_zone"`
	Accepting          bool             `json:"accepting"`
	Hours              json.RawMessage  `json:"hours,omitempty"`
	QueueLimit         *int32           `json:"queue_limit,omitempty"`
	InactivitySeconds  int              `json:"inactivity_seconds"`
	ResolvedStatus     string           `json:"resolved_status,omitempty"`
	InactivityStatus   string           `json:"inactivity_status,omitempty"`
	NotifyInactivity   *bool            `json:"notify_inactivity,omitempty"`
	CallbackData       *bool            `json:"callback_data,omitempty"`
	TeamID             *handoff.ID      `json:"team_id,omitempty"`
	Routing            json.RawMessage  `json:"routing,omitempty"`
	Holidays           []string         `json:"holidays"`
	RetentionDays      *int32           `json:"retention_days,omitempty"`
}

func (f vendorFlags) viewInbox(row dbsqlc.Inbox) inboxView {
	view := inboxView{
		ID: row.ID, Name: row.Name, Protocol: row.Protocol, WABAID: row.WABAID, PhoneNumberID: row.PhoneNumberID,
		DisplayPhoneNumber: row.DisplayPhoneNumber, WebhookURL: admin.WebhookURL(f.PublicURL, row), AccessTokenSet: len(row.AccessToken) > 0,
		AppSecretSet: len(row.AppSecret) > 0, VerifyTokenSet: len(row.VerifyToken) > 0, TimeZone: row.TimeZone, Accepting: row.Accepting,
		Hours: row.Hours, QueueLimit: row.QueueLimit, InactivitySeconds: int(row.Inactivity.Seconds()), TeamID: row.TeamID, Routing: row.Routing,
		Holidays: row.Holidays, RetentionDays: row.RetentionDays,
	}
	if row.Protocol == handoff.ProtocolHitlChat {
		view.ResolvedStatus, view.InactivityStatus = row.ResolvedStatus, row.InactivityStatus
		view.NotifyInactivity, view.CallbackData = &row.NotifyInactivity, &row.CallbackData
	}
	if row.Protocol == handoff.ProtocolChatlayer {
		view.BotID, view.BotVersion, view.APIURL, view.ResumeCall = row.BotID, row.BotVersion, row.APIURL, row.ResumeCall
	}
	return view
}

func (f vendorFlags) viewSaved(saved admin.SavedInbox) inboxView {
	view := f.viewInbox(saved.Inbox)
	view.VerifyToken = saved.VerifyToken
	return view
}

// inboxFlags are the fields of an inbox; those that are not given keep their value, or their default in a new inbox. A field that is
// not the protocol's is refused.
type inboxFlags struct {
	Name             *string           `help:"Name of the inbox."`
	Protocol         *handoff.Protocol `help:"hitlchat (the default of a new inbox), chatlayer, aksita, kapso, passthrough or native."`
	WABAID           *string           `name:"waba-id" help:"WhatsApp Business Account id, of hitlchat, kapso and passthrough."`
	PhoneNumberID    *string           `name:"phone-number-id" help:"Phone number id, of hitlchat, kapso and passthrough."`
	AccessToken      *string           `help:"Permanent token of Meta, or token of Chatlayer; empty removes it." env:"HANDOFF_ACCESS_TOKEN" group:"Setting up"`
	AppSecret        *string           `help:"Secret of Meta's app, which signs its webhooks; empty removes it." env:"HANDOFF_INBOX_APP_SECRET" group:"Setting up"`
	VerifyToken      *string           `help:"Token by which Meta or Chatlayer names itself; one is made unless given, and empty makes a new one." env:"HANDOFF_INBOX_VERIFY_TOKEN" group:"Setting up"`
	BotID            *string           `name:"bot-id" help:"Chatlayer's bot."`
	BotVersion       *string           `help:"LIVE or DRAFT, of Chatlayer's bot."`
	APIURL           *string           `name:"api-url" help:"Base address of Chatlayer's API."`
	ResumeCall       *string           `help:"JSON that resumes Chatlayer's bot when a conversation ends; null removes it."`
	TimeZone         *string           `help:"IANA time zone, such as Asia/Jakarta."`
	Accepting        *bool             `help:"Whether offloads are accepted at all." negatable:""`
	Hours            *string           `help:"When offloads are accepted, as JSON: [{\"days\":[\"mon\"],\"from\":\"09:00\",\"to\":\"17:30\"}]; [] is always."`
	QueueLimit       *int              `help:"Offloads are refused while as many conversations wait; 0 is no limit."`
	Inactivity       *time.Duration    `help:"How long after the last message a conversation ends by itself, such as 24h."`
	ResolvedStatus   *string           `help:"What hitlchat's conversation_resolved says after a person resolved it."`
	InactivityStatus *string           `help:"What hitlchat's conversation_resolved says after an end by inactivity."`
	NotifyInactivity *bool             `help:"Whether an end by inactivity is sent to hitlchat's gateway at all." negatable:""`
	CallbackData     *bool             `help:"Whether biz_opaque_callback_data is put into every meta_payload of hitlchat." negatable:""`
	TeamID           *string           `name:"team-id" help:"Team in whose line conversations wait that no rule sends elsewhere; empty removes it."`
	Routing          *string           `help:"Rules that choose team, skills, priority and tags, as JSON; [] removes them. The API's reference has their form."`
	Holidays         []string          `help:"Days on which the inbox is closed, such as 2026-12-25,2026-12-26; empty removes them."`
	RetentionDays    *int              `help:"How many days after its end a conversation is deleted, with everything of it; 0 keeps them for ever."`
	Validate         bool              `help:"Ask Meta whether token, number and account work together." default:"true" negatable:""`
}

func (f inboxFlags) fields() (admin.InboxFields, error) {
	fields := admin.InboxFields{
		Name: f.Name, Protocol: f.Protocol, WABAID: f.WABAID, PhoneNumberID: f.PhoneNumberID, AccessToken: f.AccessToken,
		AppSecret: f.AppSecret, VerifyToken: f.VerifyToken, BotID: f.BotID, BotVersion: f.BotVersion, APIURL: f.APIURL, TimeZone: f.TimeZone,
		Accepting: f.Accepting, QueueLimit: f.QueueLimit, Inactivity: f.Inactivity, ResolvedStatus: f.ResolvedStatus,
		InactivityStatus: f.InactivityStatus, NotifyInactivity: f.NotifyInactivity, CallbackData: f.CallbackData, Unchecked: !f.Validate,
	}
	if f.ResumeCall != nil {
		fields.ResumeCall = json.RawMessage(*f.ResumeCall)
	}
	fields.TeamID, fields.Holidays, fields.RetentionDays = f.TeamID, givenList(f.Holidays), f.RetentionDays
	if f.Routing != nil {
		rules, err := routing.ParseRules(json.RawMessage(*f.Routing))
		if err != nil {
			return fields, fmt.Errorf("read --routing: %w", err)
		}
		fields.Routing = &rules
	}
	if f.Hours == nil {
		return fields, nil
	}
	fields.Hours = &handoff.Hours{}
	if err := json.Unmarshal([]byte(*f.Hours), fields.Hours); err != nil {
		return fields, fmt.Errorf(`read --hours: %w: write it like [{"days":["mon"],"from":"09:00","to":"17:30"}]`, err)
	}
	return fields, nil
}

type inboxCreateCmd struct {
	vendorAdminFlags
	accountFlag
	inboxFlags
}

func (c *inboxCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		fields, err := c.fields()
		if err != nil {
			return nil, err
		}
		saved, err := a.CreateInbox(ctx, c.Account, fields)
		return c.viewSaved(saved), err
	})
}

type inboxListCmd struct {
	vendorAdminFlags
	accountFlag
}

func (c *inboxListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).InboxList(ctx, dbsqlc.InboxListParams{AccountID: c.Account, RowLimit: everything})
		return views(rows, c.viewInbox), err
	})
}

type inboxShowCmd struct {
	vendorAdminFlags
	accountFlag
	idArgument
}

func (c *inboxShowCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := dbsqlc.New(a.DB).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: c.Account, ID: c.ID})
		return c.viewInbox(row), db.NotFound(err, "inbox")
	})
}

type inboxHealthCmd struct {
	vendorAdminFlags
	accountFlag
	idArgument
}

func (c *inboxHealthCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) { return a.InboxHealth(ctx, c.Account, c.ID) })
}

type inboxUpdateCmd struct {
	vendorAdminFlags
	accountFlag
	idArgument
	inboxFlags
}

func (c *inboxUpdateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		fields, err := c.fields()
		if err != nil {
			return nil, err
		}
		// The contacts that wait are woken by the sweep of whatever process serves.
		saved, err := a.UpdateInbox(ctx, c.Account, c.ID, fields)
		return c.viewSaved(saved), err
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
