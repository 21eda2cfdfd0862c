package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

const configurationTag = "Configuration"

// Inbox is one configured counterpart: a protocol, its credentials and its endpoints.
type Inbox struct {
	ID                handoff.ID       `json:"id" format:"uuid"`
	Name              string           `json:"name"`
	Protocol          handoff.Protocol `json:"protocol" enum:"hitlchat"`
	WABAID            string           `json:"waba_id" doc:"WhatsApp Business Account id: entry[].id of the bodies for this inbox."`
	PhoneNumberID     string           `json:"phone_number_id" doc:"metadata.phone_number_id of the bodies for this inbox."`
	AccessTokenSet    bool             `json:"access_token_set" doc:"The token itself is never shown."`
	InactivitySeconds int64            `json:"inactivity_seconds"`
	ResolvedStatus    string           `json:"resolved_status"`
	InactivityStatus  string           `json:"inactivity_status"`
	NotifyInactivity  bool             `json:"notify_inactivity"`
	CallbackData      bool             `json:"callback_data"`
	CreatedAt         time.Time        `json:"created_at"`
	UpdatedAt         time.Time        `json:"updated_at"`
}

type createInboxBody struct {
	Name          string           `json:"name" minLength:"1" maxLength:"200" example:"WhatsApp Spain"`
	Protocol      handoff.Protocol `json:"protocol,omitempty" enum:"hitlchat" default:"hitlchat"`
	WABAID        string           `json:"waba_id" minLength:"1" maxLength:"200"`
	PhoneNumberID string           `json:"phone_number_id" minLength:"1" maxLength:"200"`
	InboxSettings
}

// InboxSettings is what a new inbox may be given and an old one may change.
type InboxSettings struct {
	AccessToken       *string `json:"access_token,omitempty" maxLength:"4096" doc:"Meta's token, to download media with. It is never shown. Empty removes it."`
	InactivitySeconds *int64  `json:"inactivity_seconds,omitempty" minimum:"60" maximum:"2592000" doc:"A conversation ends by itself after this time without a message. 86400 unless given."`
	ResolvedStatus    *string `json:"resolved_status,omitempty" maxLength:"500" doc:"resolved_status of conversation_resolved when an agent resolves. \"Resolved by Human\" unless given."`
	InactivityStatus  *string `json:"inactivity_status,omitempty" maxLength:"500" doc:"The same for an end by inactivity. \"Closed by Inactivity\" unless given."`
	NotifyInactivity  *bool   `json:"notify_inactivity,omitempty" doc:"Whether conversation_resolved is sent for an end by inactivity. true unless given."`
	CallbackData      *bool   `json:"callback_data,omitempty" doc:"Whether meta_payload carries our message id as biz_opaque_callback_data, so that Meta's statuses find their message. false unless given."`
}

func (b InboxSettings) fields() admin.InboxFields {
	fields := admin.InboxFields{
		AccessToken: b.AccessToken, ResolvedStatus: b.ResolvedStatus, InactivityStatus: b.InactivityStatus,
		NotifyInactivity: b.NotifyInactivity, CallbackData: b.CallbackData,
	}
	if b.InactivitySeconds != nil {
		inactivity := time.Duration(*b.InactivitySeconds) * time.Second
		fields.Inactivity = &inactivity
	}
	return fields
}

type createInboxInput struct {
	Idempotent
	Body createInboxBody
}

type updateInboxBody struct {
	Name          *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	WABAID        *string `json:"waba_id,omitempty" minLength:"1" maxLength:"200"`
	PhoneNumberID *string `json:"phone_number_id,omitempty" minLength:"1" maxLength:"200"`
	InboxSettings
}

type updateInboxInput struct {
	ByID
	Body updateInboxBody
}

type listInput struct{ Page }

// none is the answer without a body.
type none struct{}

func (s *server) inboxRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "create-inbox", method: http.MethodPost, path: "/v1/inboxes", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an inbox", status: http.StatusCreated, atomic: true,
	}, s.createInbox)
	handle(s, operation{
		id: "list-inboxes", method: http.MethodGet, path: "/v1/inboxes", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "List inboxes",
	}, s.listInboxes)
	handle(s, operation{
		id: "get-inbox", method: http.MethodGet, path: "/v1/inboxes/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Get an inbox", errors: missing,
	}, s.getInbox)
	handle(s, operation{
		id: "update-inbox", method: http.MethodPatch, path: "/v1/inboxes/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Change an inbox", description: "What is left out stays as it is.", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.updateInbox)
	handle(s, operation{
		id: "delete-inbox", method: http.MethodDelete, path: "/v1/inboxes/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete an inbox", description: "Refused with 409 while it has open conversations.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.deleteInbox)
}

func (s *server) createInbox(ctx context.Context, in *createInboxInput) (*output[Inbox], error) {
	fields := in.Body.fields()
	fields.Name, fields.WABAID, fields.PhoneNumberID = &in.Body.Name, &in.Body.WABAID, &in.Body.PhoneNumberID
	if in.Body.Protocol != "" {
		fields.Protocol = &in.Body.Protocol
	}
	row, err := s.admin(ctx).CreateInbox(ctx, keyOf(ctx).AccountID, fields)
	return &output[Inbox]{inboxView(row)}, err
}

func (s *server) listInboxes(ctx context.Context, in *listInput) (*listOutput[Inbox], error) {
	return pageByID(in.Page, "inboxes", func(row dbsqlc.Inbox) handoff.ID { return row.ID }, inboxView,
		func(after handoff.ID, limit int32) ([]dbsqlc.Inbox, error) {
			return s.queries(ctx).InboxList(ctx, dbsqlc.InboxListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) getInbox(ctx context.Context, in *ByID) (*output[Inbox], error) {
	row, err := s.queries(ctx).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	return &output[Inbox]{inboxView(row)}, db.NotFound(err, "inbox")
}

func (s *server) updateInbox(ctx context.Context, in *updateInboxInput) (*output[Inbox], error) {
	fields := in.Body.fields()
	fields.Name, fields.WABAID, fields.PhoneNumberID = in.Body.Name, in.Body.WABAID, in.Body.PhoneNumberID
	row, err := s.admin(ctx).UpdateInbox(ctx, keyOf(ctx).AccountID, in.ID, fields)
	return &output[Inbox]{inboxView(row)}, err
}

func (s *server) deleteInbox(ctx context.Context, in *ByID) (*none, error) {
	return nil, s.admin(ctx).DeleteInbox(ctx, keyOf(ctx).AccountID, in.ID)
}

func inboxView(row dbsqlc.Inbox) Inbox {
	return Inbox{
		ID: row.ID, Name: row.Name, Protocol: row.Protocol, WABAID: row.WABAID, PhoneNumberID: row.PhoneNumberID,
		AccessTokenSet: len(row.AccessToken) > 0, InactivitySeconds: int64(row.Inactivity / time.Second),
		ResolvedStatus: row.ResolvedStatus, InactivityStatus: row.InactivityStatus, NotifyInactivity: row.NotifyInactivity,
		CallbackData: row.CallbackData, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}
