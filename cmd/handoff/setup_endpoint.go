package main

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type endpointCmd struct {
	Create endpointCreateCmd `cmd:"" help:"Make an endpoint. Its secret is shown once."`
	List   endpointListCmd   `cmd:"" help:"List the endpoints of an inbox."`
	Update endpointUpdateCmd `cmd:"" help:"Change an endpoint; what is not given stays. Enabling it sends what was held."`
	Delete endpointDeleteCmd `cmd:"" help:"Delete an endpoint."`
}

type endpointView struct {
	ID             handoff.ID            `json:"id"`
	InboxID        handoff.ID            `json:"inbox_id"`
	URL            string                `json:"url"`
	EventTypes     []string              `json:"event_types"`
	State          handoff.EndpointState `json:"state"`
	DisabledReason *string               `json:"disabled_reason,omitempty"`
	Secret         string                `json:"secret,omitempty"`
}

func viewEndpoint(row dbsqlc.Endpoint) endpointView {
	return endpointView{ID: row.ID, InboxID: row.InboxID, URL: row.URL, EventTypes: row.EventTypes, State: row.State, DisabledReason: row.DisabledReason}
}

// endpointFlags are the fields of an endpoint; those that are not given keep their value, or their default in a new endpoint.
type endpointFlags struct {
	URL        *string            `help:"Where webhooks are sent."`
	EventTypes []string           `help:"What is sent; what the protocol documents by default."`
	Headers    *map[string]string `name:"header" help:"Header that every webhook carries, as name=value."`
}

func (f endpointFlags) fields() admin.EndpointFields {
	fields := admin.EndpointFields{URL: f.URL, Headers: f.Headers}
	if len(f.EventTypes) > 0 {
		fields.EventTypes = &f.EventTypes
	}
	return fields
}

type endpointCreateCmd struct {
	adminFlags
	accountFlag
	Inbox handoff.ID `help:"Inbox whose events the endpoint receives." required:""`
	endpointFlags
}

func (c *endpointCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, secret, err := a.CreateEndpoint(ctx, c.Account, c.Inbox, c.fields())
		view := viewEndpoint(row)
		view.Secret = secret
		return view, err
	})
}

type endpointListCmd struct {
	adminFlags
	accountFlag
	Inbox handoff.ID `help:"Inbox." required:""`
}

func (c *endpointListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: c.Account, InboxID: c.Inbox})
		return views(rows, viewEndpoint), err
	})
}

type endpointUpdateCmd struct {
	adminFlags
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
		return viewEndpoint(row), err
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
