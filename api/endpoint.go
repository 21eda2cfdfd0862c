package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Endpoint is a URL that receives our webhooks.
type Endpoint struct {
	ID             handoff.ID            `json:"id" format:"uuid"`
	InboxID        handoff.ID            `json:"inbox_id" format:"uuid"`
	URL            string                `json:"url"`
	EventTypes     []string              `json:"event_types"`
	HeaderNames    []string              `json:"header_names" doc:"Of the headers that are sent along. Their values are never shown: they often are credentials."`
	State          handoff.EndpointState `json:"state" enum:"enabled,disabled"`
	DisabledReason string                `json:"disabled_reason,omitempty"`
	LastSuccessAt  *time.Time            `json:"last_success_at,omitempty"`
	CreatedAt      time.Time             `json:"created_at"`
	UpdatedAt      time.Time             `json:"updated_at"`
	Secret         string                `json:"secret,omitempty" doc:"Signs the webhooks (Standard Webhooks). It is in the answer that creates the endpoint and never again."`
}

// EndpointFields is what a new endpoint may be given and an old one may change.
type EndpointFields struct {
	EventTypes *[]string              `json:"event_types,omitempty" minItems:"1" maxItems:"50" doc:"What it receives: outbound_message, conversation_resolved, event types such as message.received, families such as conversation.*, or * for everything. The first two unless given."`
	Headers    *map[string]string     `json:"headers,omitempty" doc:"Sent along with every webhook. Replaces all headers that were set before."`
	State      *handoff.EndpointState `json:"state,omitempty" enum:"enabled,disabled" doc:"What happens for a disabled endpoint is held and sent when it is enabled again."`
}

type createEndpointBody struct {
	URL    string  `json:"url" minLength:"1" maxLength:"2048" example:"https://gateway.example.com/handoff"`
	Secret *string `json:"secret,omitempty" maxLength:"200" doc:"whsec_ and base64 of 24 to 64 bytes, or an ed25519 whsk_ key. One is generated unless given."`
	EndpointFields
}

type createEndpointInput struct {
	ByID
	Idempotent
	Body createEndpointBody
}

type updateEndpointBody struct {
	URL *string `json:"url,omitempty" minLength:"1" maxLength:"2048"`
	EndpointFields
}

type updateEndpointInput struct {
	ByID
	Body updateEndpointBody
}

func (s *server) endpointRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "create-endpoint", method: http.MethodPost, path: "/v1/inboxes/{id}/endpoints", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an endpoint", description: "The answer shows the secret, this once.", status: http.StatusCreated,
		errors: missing, atomic: true,
	}, s.createEndpoint)
	handle(s, operation{
		id: "list-endpoints", method: http.MethodGet, path: "/v1/inboxes/{id}/endpoints", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "List an inbox's endpoints", errors: missing,
	}, s.listEndpoints)
	handle(s, operation{
		id: "get-endpoint", method: http.MethodGet, path: "/v1/endpoints/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Get an endpoint", errors: missing,
	}, s.getEndpoint)
	handle(s, operation{
		id: "update-endpoint", method: http.MethodPatch, path: "/v1/endpoints/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Change an endpoint", description: "What is left out stays as it is. Enabling it sends what was held.", errors: missing,
	}, s.updateEndpoint)
	handle(s, operation{
		id: "delete-endpoint", method: http.MethodDelete, path: "/v1/endpoints/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete an endpoint", description: "What is still on its way to it is not sent.", status: http.StatusNoContent, errors: missing,
	}, s.deleteEndpoint)
}

func (s *server) createEndpoint(ctx context.Context, in *createEndpointInput) (*output[Endpoint], error) {
	row, secret, err := s.admin(ctx).CreateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, admin.EndpointFields{
		URL: &in.Body.URL, EventTypes: in.Body.EventTypes, Headers: in.Body.Headers, State: in.Body.State, Secret: in.Body.Secret,
	})
	if err != nil {
		return nil, err
	}
	view, err := s.endpointView(row)
	view.Secret = secret
	return &output[Endpoint]{view}, err
}

func (s *server) listEndpoints(ctx context.Context, in *ByID) (*listOutput[Endpoint], error) {
	account, q := keyOf(ctx).AccountID, s.queries(ctx)
	if _, err := q.InboxGet(ctx, dbsqlc.InboxGetParams{AccountID: account, ID: in.ID}); err != nil {
		return nil, db.NotFound(err, "inbox")
	}
	rows, err := q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: account, InboxID: in.ID})
	if err != nil {
		return nil, err
	}
	items := make([]Endpoint, 0, len(rows))
	for _, row := range rows {
		view, err := s.endpointView(row)
		if err != nil {
			return nil, err
		}
		items = append(items, view)
	}
	return &listOutput[Endpoint]{list[Endpoint]{Items: items}}, nil
}

func (s *server) getEndpoint(ctx context.Context, in *ByID) (*output[Endpoint], error) {
	row, err := s.queries(ctx).EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "endpoint")
	}
	view, err := s.endpointView(row)
	return &output[Endpoint]{view}, err
}

func (s *server) updateEndpoint(ctx context.Context, in *updateEndpointInput) (*output[Endpoint], error) {
	row, wakes, err := s.admin(ctx).UpdateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, admin.EndpointFields{
		URL: in.Body.URL, EventTypes: in.Body.EventTypes, Headers: in.Body.Headers, State: in.Body.State,
	})
	if err != nil {
		return nil, err
	}
	s.wake(ctx, wakes...)
	view, err := s.endpointView(row)
	return &output[Endpoint]{view}, err
}

func (s *server) deleteEndpoint(ctx context.Context, in *ByID) (*none, error) {
	return nil, s.admin(ctx).DeleteEndpoint(ctx, keyOf(ctx).AccountID, in.ID)
}

func (s *server) endpointView(row dbsqlc.Endpoint) (Endpoint, error) {
	headers, err := admin.OpenHeaders(s.Box, row)
	names := slices.AppendSeq(make([]string, 0, len(headers)), maps.Keys(headers))
	slices.Sort(names)
	return Endpoint{
		ID: row.ID, InboxID: row.InboxID, URL: row.URL, EventTypes: row.EventTypes, HeaderNames: names, State: row.State,
		DisabledReason: text(row.DisabledReason), LastSuccessAt: utc(row.LastSuccessAt), CreatedAt: row.CreatedAt.UTC(),
		UpdatedAt: row.UpdatedAt.UTC(),
	}, err
}
