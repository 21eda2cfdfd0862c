package api

import (
	"context"
	"net/http"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

const configurationTag = "Configuration"

type createInboxBody struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"WhatsApp Spain"`
	InboxSettings
}

type createInboxInput struct {
	Idempotent
	Body createInboxBody
}

type updateInboxBody struct {
	Name *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
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
		summary: "Create an inbox", description: "Meta is asked whether token, number and account work together; what it finds wrong is refused with " +
			"its reason. The answer shows a verify token that was made, this once.",
		status: http.StatusCreated, atomic: true,
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
	s.inboxHealthRoute()
	handle(s, operation{
		id: "delete-inbox", method: http.MethodDelete, path: "/v1/inboxes/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete an inbox", description: "Refused with 409 while it has open conversations.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.deleteInbox)
}

func (s *server) createInbox(ctx context.Context, in *createInboxInput) (*output[Inbox], error) {
	fields, err := in.Body.fields()
	if err != nil {
		return nil, err
	}
	fields.Name = &in.Body.Name
	saved, err := s.admin(ctx).CreateInbox(ctx, keyOf(ctx).AccountID, fields)
	return s.savedInbox(ctx, saved), err
}

// savedInbox shows the verify token that was just made, and wakes whoever waited for a token.
func (s *server) savedInbox(ctx context.Context, saved admin.SavedInbox) *output[Inbox] {
	s.wake(ctx, saved.Wakes...)
	view := s.inboxView(saved.Inbox)
	view.VerifyToken = saved.VerifyToken
	return &output[Inbox]{view}
}

func (s *server) listInboxes(ctx context.Context, in *listInput) (*listOutput[Inbox], error) {
	return pageByID(in.Page, "inboxes", func(row dbsqlc.Inbox) handoff.ID { return row.ID }, s.inboxView,
		func(after handoff.ID, limit int32) ([]dbsqlc.Inbox, error) {
			return s.queries(ctx).InboxList(ctx, dbsqlc.InboxListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) getInbox(ctx context.Context, in *ByID) (*output[Inbox], error) {
	row, err := s.queries(ctx).InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	return &output[Inbox]{s.inboxView(row)}, db.NotFound(err, "inbox")
}

func (s *server) updateInbox(ctx context.Context, in *updateInboxInput) (*output[Inbox], error) {
	fields, err := in.Body.fields()
	if err != nil {
		return nil, err
	}
	fields.Name = in.Body.Name
	saved, err := s.admin(ctx).UpdateInbox(ctx, keyOf(ctx).AccountID, in.ID, fields)
	return s.savedInbox(ctx, saved), err
}

func (s *server) deleteInbox(ctx context.Context, in *ByID) (*none, error) {
	return nil, s.admin(ctx).DeleteInbox(ctx, keyOf(ctx).AccountID, in.ID)
}
