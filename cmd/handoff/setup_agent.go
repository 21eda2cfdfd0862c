package main

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type agentCmd struct {
	Create agentCreateCmd `cmd:"" help:"Make an agent."`
	List   agentListCmd   `cmd:"" help:"List the agents of an account."`
	Update agentUpdateCmd `cmd:"" help:"Change an agent; what is not given stays."`
}

type agentView struct {
	ID       handoff.ID `json:"id"`
	Name     string     `json:"name"`
	Email    *string    `json:"email,omitempty"`
	Disabled bool       `json:"disabled"`
}

func viewAgent(row dbsqlc.Agent) agentView {
	return agentView{ID: row.ID, Name: row.Name, Email: row.Email, Disabled: row.DisabledAt != nil}
}

type agentFlags struct {
	Name  *string `help:"Name that other agents see."`
	Email *string `help:"E-mail address; empty removes it."`
}

type agentCreateCmd struct {
	adminFlags
	accountFlag
	agentFlags
}

func (c *agentCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.CreateAgent(ctx, c.Account, admin.AgentFields{Name: c.Name, Email: c.Email})
		return viewAgent(row), err
	})
}

type agentListCmd struct {
	adminFlags
	accountFlag
}

func (c *agentListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).AgentList(ctx, dbsqlc.AgentListParams{AccountID: c.Account, RowLimit: listLimit})
		return views(rows, viewAgent), err
	})
}

type agentUpdateCmd struct {
	adminFlags
	accountFlag
	idArgument
	agentFlags
	Disabled *bool `help:"A disabled agent's keys are refused." negatable:""`
}

func (c *agentUpdateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.UpdateAgent(ctx, c.Account, c.ID, admin.AgentFields{Name: c.Name, Email: c.Email, Disabled: c.Disabled})
		return viewAgent(row), err
	})
}
