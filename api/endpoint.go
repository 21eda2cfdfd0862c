package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

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
	Ordering          *string                `json:"ordering,omitempty" enum:"strict,best_effort" doc:"strict sends each contact's webhooks in order: those behind a failed one wait for it while the endpoint takes nothing, and for a quarter of an hour at most if it takes others. best_effort lets them pass at once. strict unless given."`
	RateLimit         removable              `json:"rate_limit,omitempty" minimum:"0" maximum:"1000" doc:"How many attempts a second are made at most, by all workers together. What has to wait keeps its order and loses no attempt. None unless given; 0 or null removes it."`
	MaxInFlight       *int                   `json:"max_in_flight,omitempty" minimum:"1" maximum:"1000" doc:"How many requests are open at once at most, of each worker process. 10 unless given."`
	InactivityMinutes *int                   `json:"inactivity_minutes,omitempty" minimum:"0" maximum:"1440" doc:"After how long a silence an endpoint that subscribes to whatsapp.conversation.inactive or conversation.inactive is told; 0 is never. 60 for the former unless given."`
	Headers           *map[string]string     `json:"headers,omitempty" doc:"Sent along with every webhook. Replaces all headers that were set before."`
	State             *handoff.EndpointState `json:"state,omitempty" enum:"enabled,disabled" doc:"What happens for a disabled endpoint is held and sent when it is enabled again, which begins its health afresh. Extra attempts (redeliver, recover, replay) that are still to be made when it is disabled are not made. It may be enabled ten times a minute."`
	Validate          *bool                  `json:"validate,omitempty" doc:"false saves without trying whether anything answers at the URL. true unless given."`
}

// removable is a number that is removed by 0 and by null, and stays if it is absent: a pointer cannot tell null from that.
type removable struct{ given *int }

// UnmarshalJSON reads null as 0.
func (r *removable) UnmarshalJSON(data []byte) error {
	r.given = new(int)
	return json.Unmarshal(data, r.given)
}

// Schema is that of a number or null.
func (removable) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Nullable: true}
}

func (b EndpointFields) fields() admin.EndpointFields {
	fields := admin.EndpointFields{
		EventTypes: b.EventTypes, Payload: b.Payload, PayloadVersion: b.PayloadVersion, VendorSecret: b.VendorSecret, Retry: b.Retry,
		Ordering: b.Ordering, RateLimit: b.RateLimit.given, MaxInFlight: b.MaxInFlight, InactivityMinutes: b.InactivityMinutes, Headers: b.Headers, State: b.State,
		Unchecked: b.Validate != nil && !*b.Validate,
	}
	if b.Buffer != nil {
		fields.Buffer = &admin.Buffer{WindowSeconds: b.Buffer.WindowSeconds, Max: b.Buffer.Max, Events: b.Buffer.Events}
	}
	return fields
}

// NewSecret is how an endpoint gets the secret that signs its webhooks.
type NewSecret struct {
	Secret  *string `json:"secret,omitempty" maxLength:"200" doc:"whsec_ and base64 of 24 to 64 random bytes, or whsk_ and base64 of an ed25519 key (seed and public key). One is generated unless given."`
	KeyType *string `json:"key_type,omitempty" enum:"hmac,ed25519" doc:"What is generated: hmac is a secret that both sides share; of ed25519 the receiver has the public key only, public_key. hmac unless given."`
}

type createEndpointBody struct {
	URL string `json:"url" minLength:"1" maxLength:"2048" example:"https://gateway.example.com/handoff"`
	NewSecret
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
		summary: "Create an endpoint", description: "Refused if nothing answers at its URL. The answer shows a shared secret, this once; a private key is never shown.", status: http.StatusCreated,
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
		summary: "Change an endpoint", description: "What is left out stays as it is. Enabling it sends what was held, and is refused with 429 the " +
			"eleventh time in a minute. A new URL is a new receiver: what waits for the old one is tried there at once.",
		errors: []int{http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests},
	}, s.updateEndpoint)
	s.rotateSecretRoute()
	handle(s, operation{
		id: "delete-endpoint", method: http.MethodDelete, path: "/v1/endpoints/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete an endpoint", description: "What is still on its way to it is not sent.", status: http.StatusNoContent, errors: owned,
	}, s.deleteEndpoint)
}

func (s *server) createEndpoint(ctx context.Context, in *createEndpointInput) (*output[Endpoint], error) {
	fields := in.Body.fields()
	fields.URL, fields.Secret, fields.KeyType = &in.Body.URL, in.Body.Secret, in.Body.KeyType
	row, secret, err := s.admin(ctx).CreateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, fields)
	if err != nil {
		return nil, err
	}
	return s.endpointAnswer(ctx, row, secret)
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
	items, err := s.endpointViews(ctx, rows)
	return &listOutput[Endpoint]{list[Endpoint]{Items: items}}, err
}

func (s *server) getEndpoint(ctx context.Context, in *ByID) (*output[Endpoint], error) {
	row, err := s.queries(ctx).EndpointGet(ctx, dbsqlc.EndpointGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "endpoint")
	}
	return s.endpointAnswer(ctx, row, "")
}

func (s *server) updateEndpoint(ctx context.Context, in *updateEndpointInput) (*output[Endpoint], error) {
	fields := in.Body.fields()
	fields.URL = in.Body.URL
	row, wakes, err := s.admin(ctx).UpdateEndpoint(ctx, keyOf(ctx).AccountID, in.ID, fields)
	if err != nil {
		return nil, err
	}
	s.wake(ctx, wakes...)
	return s.endpointAnswer(ctx, row, "")
}

func (s *server) deleteEndpoint(ctx context.Context, in *ByID) (*none, error) {
	return nil, s.admin(ctx).DeleteEndpoint(ctx, keyOf(ctx).AccountID, in.ID)
}
