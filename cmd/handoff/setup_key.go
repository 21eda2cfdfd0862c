package main

import (
	"context"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make an API key. It is shown once."`
	List   keyListCmd   `cmd:"" help:"List the API keys of an account."`
	Rotate keyRotateCmd `cmd:"" help:"Make another key in place of one, which is taken for a while yet. It is shown once."`
	Revoke keyRevokeCmd `cmd:"" help:"End an API key."`
}

type keyView struct {
	ID        handoff.ID    `json:"id"`
	Name      string        `json:"name"`
	Scope     handoff.Scope `json:"scope"`
	Prefix    string        `json:"prefix"`
	AgentID   *handoff.ID   `json:"agent_id,omitempty"`
	InboxID   *handoff.ID   `json:"inbox_id,omitempty"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty"`
	RevokedAt *time.Time    `json:"revoked_at,omitempty"`
	Key       string        `json:"key,omitempty"`
}

func viewKey(row dbsqlc.APIKey) keyView {
	return keyView{
		ID: row.ID, Name: row.Name, Scope: row.Scope, Prefix: row.Prefix, AgentID: row.AgentID, InboxID: row.InboxID, RevokedAt: row.RevokedAt,
		ExpiresAt: row.ExpiresAt,
	}
}

type keyCreateCmd struct {
	adminFlags
	accountFlag
	Name      string        `help:"What the key is for." required:""`
	Scope     handoff.Scope `help:"What the key may do: gateway, agent or admin." required:"" enum:"gateway,agent,admin"`
	Agent     *handoff.ID   `help:"Who acts with the key, for the scope agent."`
	Inbox     *handoff.ID   `help:"The only inbox that a gateway's key may write to."`
	ExpiresAt *time.Time    `help:"When the key ends, such as 2027-06-30T00:00:00Z; never if not given."`
}

func (c *keyCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, text, err := a.CreateKey(ctx, c.Account, admin.NewKey{
			Name: c.Name, Scope: c.Scope, AgentID: c.Agent, InboxID: c.Inbox, ExpiresAt: c.ExpiresAt,
		})
		view := viewKey(row)
		view.Key = text
		return view, err
	})
}

type keyListCmd struct {
	adminFlags
	accountFlag
}

func (c *keyListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).APIKeyList(ctx, dbsqlc.APIKeyListParams{AccountID: c.Account, RowLimit: everything})
		return views(rows, viewKey), err
	})
}

type keyRevokeCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *keyRevokeCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"revoked": c.ID}, a.RevokeKey(ctx, c.Account, c.ID)
	})
}

type keyRotateCmd struct {
	adminFlags
	accountFlag
	idArgument
	Grace time.Duration `help:"For how long the old key is still taken, at most 168h; 0 ends it at once." default:"24h"`
}

func (c *keyRotateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, text, err := a.RotateKey(ctx, c.Account, c.ID, &c.Grace)
		view := viewKey(row)
		view.Key = text
		return view, err
	})
}
