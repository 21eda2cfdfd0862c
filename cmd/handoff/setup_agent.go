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
	Capacity *int32     `json:"capacity,omitempty"`
	Skills   []string   `json:"skills"`
}

func viewAgent(row dbsqlc.Agent) agentView {
	return agentView{ID: row.ID, Name: row.Name, Email: row.Email, Disabled: row.DisabledAt != nil, Capacity: row.Capacity, Skills: row.Skills}
}

type agentFlags struct {
	Name  *string `help:"Name that other agents see."`
	Email *string `help:"E-mail address; empty removes it."`

	Capacity *int     `help:"How many conversations at once are assigned automatically; 0 is no limit."`
	Skills   []string `help:"What conversations may need, such as german,billing; empty removes them."`
}

func (f agentFlags) fields() admin.AgentFields {
	return admin.AgentFields{Name: f.Name, Email: f.Email, Capacity: f.Capacity, Skills: givenList(f.Skills)}
}

// givenList is nil for a list that was not given; one empty text stands for none.
func givenList(items []string) *[]string {
	if items == nil {
		return nil
	}
	if len(items) == 1 && items[0] == "" {
		items = []string{}
	}
	return &items
}

type agentCreateCmd struct {
	adminFlags
	accountFlag
	agentFlags
}

func (c *agentCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.CreateAgent(ctx, c.Account, c.fields())
		return viewAgent(row), err
	})
}

type agentListCmd struct {
	adminFlags
	accountFlag
}

func (c *agentListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).AgentList(ctx, dbsqlc.AgentListParams{AccountID: c.Account, RowLimit: everything})
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
		fields := c.fields()
		fields.Disabled = c.Disabled
		row, err := a.UpdateAgent(ctx, c.Account, c.ID, fields)
		return viewAgent(row), err
	})
}
