package main

import (
	"context"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type endpointCmd struct {
	Create endpointCreateCmd `cmd:"" help:"Make an endpoint. Its secret is shown once."`
	List   endpointListCmd   `cmd:"" help:"List the endpoints of an inbox."`
	Rotate endpointRotateCmd `cmd:"" help:"Give an endpoint another secret, which is shown once. Webhooks are signed with the one of before as well for a while."`
	Update endpointUpdateCmd `cmd:"" help:"Change an endpoint; what is not given stays. Enabling it sends what was held."`
	Delete endpointDeleteCmd `cmd:"" help:"Delete an endpoint."`
}

type endpointView struct {
	ID                handoff.ID            `json:"id"`
	InboxID           handoff.ID            `json:"inbox_id"`
	URL               string                `json:"url"`
	Transport         handoff.Transport     `json:"transport"`
	EventTypes        []string              `json:"event_types"`
	Payload           string                `json:"payload"`
	PayloadVersion    string                `json:"payload_version"`
	VendorSecretSet   bool                  `json:"vendor_secret_set"`
	Retry             string                `json:"retry"`
	Ordering          string                `json:"ordering"`
	RateLimit         *int32                `json:"rate_limit,omitempty"`
	MaxInFlight       int32                 `json:"max_in_flight"`
	Buffer            *bufferView           `json:"buffer,omitempty"`
	InactivityMinutes *int32                `json:"inactivity_minutes,omitempty"`
	State             handoff.EndpointState `json:"state"`
	DisabledReason    *string               `json:"disabled_reason,omitempty"`
	FailingSince      *time.Time            `json:"failing_since,omitempty"`
	PublicKey         string                `json:"public_key,omitempty"`
	Secret            string                `json:"secret,omitempty"`
}

type bufferView struct {
	WindowSeconds int32    `json:"window_seconds"`
	Max           int32    `json:"max"`
	Events        []string `json:"events"`
}

func viewEndpoint(row dbsqlc.Endpoint) endpointView {
	view := endpointView{
		ID: row.ID, InboxID: row.InboxID, URL: row.URL, Transport: row.Transport, EventTypes: row.EventTypes, Payload: row.Payload,
		PayloadVersion: row.PayloadVersion, VendorSecretSet: len(row.VendorSecret) > 0, Retry: row.Retry,
		Ordering: row.Ordering, RateLimit: row.RateLimit, MaxInFlight: row.MaxInFlight, InactivityMinutes: row.InactivityMinutes,
		State: row.State, DisabledReason: row.DisabledReason, FailingSince: row.FailingSince,
	}
	if row.BufferSeconds != nil && row.BufferSize != nil {
		view.Buffer = &bufferView{*row.BufferSeconds, *row.BufferSize, row.BufferEvents}
	}
	return view
}

// endpointFlags are the fields of an endpoint; those that are not given keep their value, or their default in a new endpoint. A field
// that is not the protocol's is refused.
type endpointFlags struct {
	URL               *string            `help:"Where webhooks are sent."`
	EventTypes        []string           `help:"What is sent; what the protocol documents by default."`
	Payload           *string            `help:"events, or meta for Meta's webhooks as they came (kapso, passthrough)."`
	PayloadVersion    *string            `help:"v1 or v2 of kapso's events."`
	VendorSecret      *string            `help:"Secret of the vendor's own signature (aksita, kapso); empty removes it." env:"HANDOFF_ENDPOINT_VENDOR_SECRET" group:"Setting up"`
	Retry             *string            `help:"durable, or none for one attempt."`
	Ordering          *string            `help:"strict, or best_effort to let a failed webhook be passed by those behind it."`
	RateLimit         *int               `help:"How many attempts a second are made at most, 1 to 1000; 0 is no limit."`
	MaxInFlight       *int               `help:"How many requests are open at once at most, of each worker process, 1 to 1000; 10 by default."`
	BufferWindow      *int               `help:"Seconds for which kapso's messages of one conversation are held back and sent together; 0 is no buffer."`
	BufferMax         int                `help:"How many are sent together at most."`
	BufferEvents      []string           `help:"whatsapp.message.received, whatsapp.message.sent."`
	InactivityMinutes *int               `help:"After how long a silence an endpoint that subscribes to it is told; 0 is never."`
	Headers           *map[string]string `name:"header" help:"Header that every webhook carries, as name=value." env:"HANDOFF_ENDPOINT_HEADERS" group:"Setting up"`
	Validate          bool               `help:"Try whether anything answers at the URL." default:"true" negatable:""`
}

func (f endpointFlags) fields() admin.EndpointFields {
	fields := admin.EndpointFields{
		URL: f.URL, Headers: f.Headers, Payload: f.Payload, PayloadVersion: f.PayloadVersion, VendorSecret: f.VendorSecret, Retry: f.Retry,
		Ordering: f.Ordering, RateLimit: f.RateLimit, MaxInFlight: f.MaxInFlight, InactivityMinutes: f.InactivityMinutes, Unchecked: !f.Validate,
	}
	if len(f.EventTypes) > 0 {
		fields.EventTypes = &f.EventTypes
	}
	if f.BufferWindow != nil || f.BufferMax != 0 || len(f.BufferEvents) > 0 {
		fields.Buffer = &admin.Buffer{WindowSeconds: f.BufferWindow, Max: f.BufferMax, Events: f.BufferEvents}
	}
	return fields
}

type endpointCreateCmd struct {
	vendorAdminFlags
	accountFlag
	Inbox   handoff.ID `help:"Inbox whose events the endpoint receives." required:""`
	KeyType *string    `help:"What is generated to sign webhooks: hmac, a shared secret, or ed25519, of which receivers have the public key only."`
	endpointFlags
}

func (c *endpointCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		fields := c.fields()
		fields.KeyType = c.KeyType
		row, secret, err := a.CreateEndpoint(ctx, c.Account, c.Inbox, fields)
		if err != nil {
			return nil, err
		}
		return viewSecret(a, row, secret)
	})
}

type endpointRotateCmd struct {
	adminFlags
	accountFlag
	idArgument
	KeyType *string        `help:"What is generated: hmac, a shared secret, or ed25519, of which receivers have the public key only."`
	Grace   *time.Duration `help:"For how long webhooks are signed with the secret of before as well, up to 168h; 24h by default."`
}

func (c *endpointRotateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rotation := admin.Rotation{KeyType: c.KeyType}
		if c.Grace != nil {
			seconds := int(c.Grace.Seconds())
			rotation.GraceSeconds = &seconds
		}
		row, secret, err := a.RotateSecret(ctx, c.Account, c.ID, rotation)
		if err != nil {
			return nil, err
		}
		return viewSecret(a, row, secret)
	})
}

// viewSecret shows an endpoint with the secret that was just made, if one is to be shown, or with the public half of a private key.
func viewSecret(a admin.Admin, row dbsqlc.Endpoint, secret string) (endpointView, error) {
	view := viewEndpoint(row)
	view.Secret = secret
	var err error
	view.PublicKey, err = admin.PublicKey(a.Box, row)
	return view, err
}

type endpointListCmd struct {
	adminFlags
	accountFlag
	Inbox handoff.ID `help:"Inbox." required:""`
}

func (c *endpointListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: c.Account, InboxID: c.Inbox})
		if err != nil {
			return nil, err
		}
		out := make([]endpointView, 0, len(rows))
		for _, row := range rows {
			view, err := viewSecret(a, row, "")
			if err != nil {
				return nil, err
			}
			out = append(out, view)
		}
		return out, nil
	})
}

type endpointUpdateCmd struct {
	vendorAdminFlags
	accountFlag
	idArgument
	endpointFlags
	State *handoff.EndpointState `help:"enabled or disabled." enum:"enabled,disabled"`
}

func (c *endpointUpdateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		fields := c.fields()
		fields.State = c.State
		// The contacts that wait are woken by the sweep of whatever process serves.
		row, _, err := a.UpdateEndpoint(ctx, c.Account, c.ID, fields)
		if err != nil {
			return nil, err
		}
		return viewSecret(a, row, "")
	})
}

type endpointDeleteCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *endpointDeleteCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"deleted": c.ID}, a.DeleteEndpoint(ctx, c.Account, c.ID)
	})
}
