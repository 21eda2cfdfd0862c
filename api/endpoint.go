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

// Endpoint is a URL that receives our webhooks, or the vendor's API that an inbox calls.
type Endpoint struct {
	ID                handoff.ID            `json:"id" format:"uuid"`
	InboxID           handoff.ID            `json:"inbox_id" format:"uuid"`
	URL               string                `json:"url"`
	Transport         handoff.Transport     `json:"transport" enum:"webhook,graph,chatlayer" doc:"webhook is an endpoint of the gateway. The others are the inbox's own calls to Meta or Chatlayer: they come and go with its access_token, and only their state can be changed."`
	EventTypes        []string              `json:"event_types"`
	Payload           string                `json:"payload" enum:"events,meta"`
	PayloadVersion    string                `json:"payload_version" enum:"v1,v2" doc:"Of kapso's events."`
	HeaderNames       []string              `json:"header_names" doc:"Of the headers that are sent along. Their values are never shown: they often are credentials."`
	VendorSecretSet   bool                  `json:"vendor_secret_set" doc:"The secret itself is never shown."`
	Retry             string                `json:"retry" enum:"durable,none"`
	Buffer            *EndpointBuffer       `json:"buffer,omitempty"`
	InactivityMinutes *int32                `json:"inactivity_minutes,omitempty"`
	State             handoff.EndpointState `json:"state" enum:"enabled,disabled"`
	DisabledReason    string                `json:"disabled_reason,omitempty"`
	PausedUntil       *time.Time            `json:"paused_until,omitempty" doc:"Its vendor asked for a pause."`
	LastSuccessAt     *time.Time            `json:"last_success_at,omitempty"`
	CreatedAt         time.Time             `json:"created_at"`
	UpdatedAt         time.Time             `json:"updated_at"`
	Secret            string                `json:"secret,omitempty" doc:"Signs the webhooks (Standard Webhooks). It is in the answer that creates the endpoint and never again."`
}

// EndpointBuffer says which webhooks of one conversation are held back and sent together.
type EndpointBuffer struct {
	WindowSeconds *int     `json:"window_seconds,omitempty" minimum:"0" maximum:"60" doc:"How long they wait for more. 5 unless given; 0 ends buffering."`
	Max           int      `json:"max,omitempty" minimum:"1" maximum:"100" doc:"As many are sent at once. 50 unless given."`
	Events        []string `json:"events,omitempty" maxItems:"2" doc:"whatsapp.message.received, which is the default, and whatsapp.message.sent."`
}

// EndpointFields is what a new endpoint may be given and an old one may change. A field that is not the protocol's is refused.
type EndpointFields struct {
	EventTypes        *[]string              `json:"event_types,omitempty" minItems:"1" maxItems:"50" doc:"What it receives: the events of the inbox's protocol, such as outbound_message; event types of ours such as message.received; families of ours such as conversation.*, or * for all of ours. What the protocol documents unless given."`
	Payload           *string                `json:"payload,omitempty" enum:"events,meta" doc:"meta passes Meta's webhooks on as the bytes that came, and nothing else: of kapso, and always of passthrough."`
	PayloadVersion    *string                `json:"payload_version,omitempty" enum:"v1,v2" doc:"Of kapso's events. v2 unless given."`
	VendorSecret      *string                `json:"vendor_secret,omitempty" maxLength:"500" doc:"Signs the webhooks as the vendor does, beside our own signature: of aksita and kapso. It is never shown. Empty removes it."`
	Retry             *string                `json:"retry,omitempty" enum:"durable,none" doc:"durable repeats a failed webhook for three days; none gives up after one attempt. durable unless given."`
	Buffer            *EndpointBuffer        `json:"buffer,omitempty" doc:"Of kapso's events. None unless given."`
	InactivityMinutes *int                   `json:"inactivity_minutes,omitempty" minimum:"0" maximum:"1440" doc:"After how long a silence an endpoint that subscribes to whatsapp.conversation.inactive or conversation.inactive is told; 0 is never. 60 for the former unless given."`
	Headers           *map[string]string     `json:"headers,omitempty" doc:"Sent along with every webhook. Replaces all headers that were set before."`
	State             *handoff.EndpointState `json:"state,omitempty" enum:"enabled,disabled" doc:"What happens for a disabled endpoint is held and sent when it is enabled again."`
	Validate          *bool                  `json:"validate,omitempty" doc:"false saves without trying whether anything answers at the URL. true unless given."`
}

func (b EndpointFields) fields() admin.EndpointFields {
	fields := admin.EndpointFields{
		EventTypes: b.EventTypes, Payload: b.Payload, PayloadVersion: b.PayloadVersion, VendorSecret: b.VendorSecret, Retry: b.Retry,
		InactivityMinutes: b.InactivityMinutes, Headers: b.Headers, State: b.State, Unchecked: b.Validate != nil && !*b.Validate,
	}
	if b.Buffer != nil {
		fields.Buffer = &admin.Buffer{WindowSeconds: b.Buffer.WindowSeconds, Max: b.Buffer.Max, Events: b.Buffer.Events}
	}
	return fields
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
	missing, owned := []int{http.StatusNotFound}, []int{http.StatusNotFound, http.StatusConflict}
	handle(s, operation{
		id: "create-endpoint", method: http.MethodPost, path: "/v1/inboxes/{id}/endpoints", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an endpoint", description: "Refused if nothing answers at its URL. The answer shows the secret, this once.", status: http.StatusCreated,
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
		summary: "Change an endpoint", description: "What is left out stays as it is. Enabling it sends what was held.", errors: owned,
	}, s.updateEndpoint)
	handle(s, operation{
		id: "delete-endpoint", method: http.MethodDelete, path: "/v1/endpoints/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete an endpoint", description: "What is still on its way to it is not sent.", status: http.StatusNoContent, errors: owned,
	}, s.deleteEndpoint)
}

func (s *server) createEndpoint(ctx context.Context, in *createEndpointInput) (*output[Endpoint], error) {
	fields := in.Body.fields()
	fields.URL, fields.Secret = &in.Body.URL, in.Body.Secret
	row, secret, err := s.admin(ctx).CreateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, fields)
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
	fields := in.Body.fields()
	fields.URL = in.Body.URL
	row, wakes, err := s.admin(ctx).UpdateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, fields)
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
	view := Endpoint{
		ID: row.ID, InboxID: row.InboxID, URL: row.URL, Transport: row.Transport, EventTypes: row.EventTypes, Payload: row.Payload,
		PayloadVersion: row.PayloadVersion, HeaderNames: names, VendorSecretSet: len(row.VendorSecret) > 0, Retry: row.Retry,
		InactivityMinutes: row.InactivityMinutes, State: row.State, DisabledReason: db.OrEmpty(row.DisabledReason), PausedUntil: utc(row.PausedUntil),
		LastSuccessAt: utc(row.LastSuccessAt), CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
	if row.BufferSeconds != nil && row.BufferSize != nil {
		window := int(*row.BufferSeconds)
		view.Buffer = &EndpointBuffer{WindowSeconds: &window, Max: int(*row.BufferSize), Events: row.BufferEvents}
	}
	return view, err
}
