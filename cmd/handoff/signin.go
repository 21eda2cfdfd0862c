package main

import (
	"context"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// accountSignInCmd says whose tokens the agents of an account sign in with.
type accountSignInCmd struct {
	Set    signInSetCmd    `cmd:"" help:"Trust an OpenID Connect issuer, in place of the one of before."`
	Show   signInShowCmd   `cmd:"" help:"Show the issuer that is trusted."`
	Delete signInDeleteCmd `cmd:"" help:"Trust no issuer."`
	Link   signInLinkCmd   `cmd:"" help:"Say who an agent is at the issuer."`
}

type signInView struct {
	Issuer       string   `json:"issuer"`
	Audience     string   `json:"audience"`
	Algorithms   []string `json:"algorithms"`
	SubjectClaim string   `json:"subject_claim"`
	LinkByEmail  bool     `json:"link_by_email"`
	AdminClaim   string   `json:"admin_claim,omitempty"`
	AdminValue   string   `json:"admin_value,omitempty"`
}

func viewSignIn(row dbsqlc.SignIn) signInView {
	return signInView{row.Issuer, row.Audience, row.Algorithms, row.SubjectClaim, row.LinkByEmail, row.AdminClaim, row.AdminValue}
}

type signInSetCmd struct {
	adminFlags
	accountFlag
	Issuer       string   `help:"The issuer's URL, as its tokens have it in iss." required:""`
	Audience     string   `help:"What the tokens have in aud." required:""`
	Algorithms   []string `help:"What they may be signed with; RS256, ES256 and EdDSA if not given."`
	SubjectClaim string   `help:"The claim that names the person." default:"sub"`
	LinkByEmail  bool     `help:"Link an agent by a verified address at the first sign-in."`
	AdminClaim   string   `help:"The claim that makes an admin of an agent, with --admin-value."`
	AdminValue   string   `help:"What that claim has to say."`
	Validate     bool     `help:"Try whether the issuer can be discovered." default:"true" negatable:""`
}

func (c *signInSetCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.PutSignIn(ctx, c.Account, admin.SignIn{
			Issuer: c.Issuer, Audience: c.Audience, Algorithms: c.Algorithms, SubjectClaim: c.SubjectClaim, LinkByEmail: c.LinkByEmail,
			AdminClaim: c.AdminClaim, AdminValue: c.AdminValue, Unchecked: !c.Validate,
		})
		return viewSignIn(row), err
	})
}

type signInShowCmd struct {
	adminFlags
	accountFlag
}

func (c *signInShowCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.SignIn(ctx, c.Account)
		return viewSignIn(row), err
	})
}

type signInDeleteCmd struct {
	adminFlags
	accountFlag
}

func (c *signInDeleteCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		return map[string]any{"deleted": c.Account}, a.DeleteSignIn(ctx, c.Account)
	})
}

type signInLinkCmd struct {
	adminFlags
	accountFlag
	Agent   handoff.ID `help:"The agent." required:""`
	Subject string     `help:"What the issuer's tokens say of this person in the subject claim." required:""`
}

func (c *signInLinkCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.PutSubject(ctx, c.Account, c.Agent, c.Subject)
		return map[string]any{"agent_id": row.AgentID, "issuer": row.Issuer, "subject": row.Subject}, err
	})
}
