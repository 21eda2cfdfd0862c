package main

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type teamCmd struct {
	Create teamCreateCmd `cmd:"" help:"Make a team."`
	List   teamListCmd   `cmd:"" help:"List the teams of an account."`
	Update teamUpdateCmd `cmd:"" help:"Change a team; what is not given stays."`
	Delete teamDeleteCmd `cmd:"" help:"Delete a team that no inbox and no open conversation needs."`
	Add    teamAddCmd    `cmd:"" help:"Make an agent a member."`
	Remove teamRemoveCmd `cmd:"" help:"Take an agent out."`
}

type teamView struct {
	ID            handoff.ID         `json:"id"`
	Name          string             `json:"name"`
	Assignment    handoff.Assignment `json:"assignment"`
	OfferSeconds  *int32             `json:"offer_seconds,omitempty"`
	SilentSeconds *int32             `json:"silent_seconds,omitempty"`
	WhenAway      handoff.WhenAway   `json:"when_away"`
}

func viewTeam(row dbsqlc.Team) teamView {
	return teamView{
		ID: row.ID, Name: row.Name, Assignment: row.Assignment, OfferSeconds: row.OfferSeconds, SilentSeconds: row.SilentSeconds,
		WhenAway: row.WhenAway,
	}
}

type teamFlags struct {
	Name          *string             `help:"Name of the team."`
	Assignment    *handoff.Assignment `help:"manual (the default of a new team), round_robin or least_loaded."`
	OfferSeconds  *int                `help:"How long an agent has to accept what it is offered; 0 assigns at once."`
	SilentSeconds *int                `help:"An assignee who is silent for as long loses the conversation; 0 is never."`
	WhenAway      *handoff.WhenAway   `help:"keep (the default) or requeue: what becomes of the conversations of a member who is not online."`
}

func (f teamFlags) fields() admin.TeamFields {
	return admin.TeamFields(f)
}

type teamCreateCmd struct {
	adminFlags
	accountFlag
	teamFlags
}

func (c *teamCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.CreateTeam(ctx, c.Account, c.fields())
		return viewTeam(row), err
	})
}

type teamListCmd struct {
	adminFlags
	accountFlag
}

func (c *teamListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).TeamList(ctx, dbsqlc.TeamListParams{AccountID: c.Account, RowLimit: everything})
		return views(rows, viewTeam), err
	})
}

type teamUpdateCmd struct {
	adminFlags
	accountFlag
	idArgument
	teamFlags
}

func (c *teamUpdateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.UpdateTeam(ctx, c.Account, c.ID, c.fields())
		return viewTeam(row), err
	})
}

type teamDeleteCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *teamDeleteCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"deleted": c.ID}, a.DeleteTeam(ctx, c.Account, c.ID)
	})
}

type memberArguments struct {
	Team  handoff.ID `arg:"" help:"The team's id."`
	Agent handoff.ID `arg:"" help:"The agent's id."`
}

type teamAddCmd struct {
	adminFlags
	accountFlag
	memberArguments
}

func (c *teamAddCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"added": c.Agent}, a.AddTeamMember(ctx, c.Account, c.Team, c.Agent)
	})
}

type teamRemoveCmd struct {
	adminFlags
	accountFlag
	memberArguments
}

func (c *teamRemoveCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"removed": c.Agent}, a.RemoveTeamMember(ctx, c.Account, c.Team, c.Agent)
	})
}
