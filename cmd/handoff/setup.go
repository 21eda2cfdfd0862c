package main

import (
	"context"
	"encoding/json"
	"math"
	"os"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// The set-up commands work straight on the database, so that the first account and key need no key. Each prints JSON.

// everything is the limit of lists that are printed whole.
const everything = math.MaxInt32

func printJSON(value any) error {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// with opens what a set-up command needs, runs it and prints what it gives.
func (f adminFlags) with(ctx context.Context, do func(admin.Admin) (any, error)) error {
	a, closeAll, err := f.admin(ctx)
	if err != nil {
		return err
	}
	defer closeAll()
	if typed, ok := ctx.Value(typedKey{}).(typedCommand); ok {
		if err := typed.checkAccount(ctx, a); err != nil {
			return err
		}
		a = typed.audited(a)
	}
	value, err := do(a)
	if err != nil {
		return err
	}
	return printJSON(value)
}

// accountFlag says whose the thing is.
type accountFlag struct {
	Account handoff.ID `help:"Account whose things the command works on." required:"" env:"HANDOFF_ACCOUNT" group:"Setting up"`
}

// idArgument names the thing.
type idArgument struct {
	ID handoff.ID `arg:"" help:"Its id."`
}

// views turns rows into what is printed.
func views[Row, View any](rows []Row, view func(Row) View) []View {
	out := make([]View, 0, len(rows))
	for _, row := range rows {
		out = append(out, view(row))
	}
	return out
}

type accountCmd struct {
	Create accountCreateCmd `cmd:"" help:"Make an account."`
	List   accountListCmd   `cmd:"" help:"List the accounts."`
	SignIn accountSignInCmd `cmd:"" name:"signin" help:"Have agents sign in with tokens of an OpenID Connect issuer."`
}

type accountView struct {
	ID   handoff.ID `json:"id"`
	Name string     `json:"name"`
}

type accountCreateCmd struct {
	adminFlags
	Name string `arg:"" help:"Name of the account."`
}

func (c *accountCreateCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := a.CreateAccount(ctx, c.Name)
		return accountView{row.ID, row.Name}, err
	})
}

type accountListCmd struct{ adminFlags }

func (c *accountListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		rows, err := dbsqlc.New(a.DB).AccountList(ctx)
		return views(rows, func(row dbsqlc.Account) accountView { return accountView{row.ID, row.Name} }), err
	})
}
