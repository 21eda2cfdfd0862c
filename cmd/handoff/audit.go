package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

type typedKey struct{}

// typedCommand is what an operator has typed, for the audit log: the command, of whose account and which thing, and the names of the
// flags, whose values may be secrets and may come from a variable.
type typedCommand struct {
	name    string
	account handoff.ID
	target  *handoff.ID
	flags   []string
}

func typed(command *kong.Context) typedCommand {
	t := typedCommand{flags: []string{}}
	selected := command.Selected()
	if selected == nil {
		return t
	}
	t.name = "handoff " + selected.Path()
	for _, flag := range command.Flags() {
		if id, ok := flag.Target.Interface().(handoff.ID); ok && flag.Name == "account" {
			t.account = id
		}
	}
	for _, argument := range selected.Positional {
		if id, ok := argument.Target.Interface().(handoff.ID); ok && argument.Name == "id" {
			t.target = &id
		}
	}
	for _, step := range command.Path {
		if step.Flag != nil && !step.Resolved {
			t.flags = append(t.flags, step.Flag.Name)
		}
	}
	for _, flag := range command.Flags() {
		// What a variable says changes a thing as well. Where the database is, say, does not.
		if flag.Group != nil && flag.Group.Key == "Setting up" && flag.Name != "account" && flag.Set && !slices.Contains(t.flags, flag.Name) {
			t.flags = append(t.flags, flag.Name)
		}
	}
	slices.Sort(t.flags)
	return t
}

// checkAccount refuses to work on the things of an account that is not there. Lists of them would be empty.
func (t typedCommand) checkAccount(ctx context.Context, a admin.Admin) error {
	if t.account == (handoff.ID{}) {
		return nil
	}
	_, err := dbsqlc.New(a.DB).AccountGet(ctx, t.account)
	if errors.Is(err, pgx.ErrNoRows) {
		return handoff.Errorf(handoff.CodeNotFound, "there is no such account: `handoff account list` shows those that there are")
	}
	return err
}

// audited has what a command changes written down together with the change. Whoever may type commands may change the log too, so an
// operator's name is what the machine calls them.
func (t typedCommand) audited(a admin.Admin) admin.Admin {
	detail, _ := json.Marshal(map[string]any{"flags": t.flags}) // texts always encode
	a.Audit = &admin.Audit{Entry: dbsqlc.AuditInsertParams{
		ID: handoff.NewID(), AccountID: t.account, At: time.Now(), ActorType: "operator",
		ActorName: cmp.Or(os.Getenv("SUDO_USER"), os.Getenv("USER"), "unknown"), Action: t.name, TargetID: t.target, Detail: detail,
	}}
	a.DB = a.Audit.DB(a.DB)
	return a
}

type auditCmd struct {
	List auditListCmd `cmd:"" help:"List the entries of the audit log, the newest first."`
}

type auditListCmd struct {
	adminFlags
	accountFlag
	Action string        `help:"Only this action, such as update-inbox."`
	Target *handoff.ID   `help:"Only what was done to this thing."`
	Since  time.Duration `help:"Only from so long ago on, such as 48h."`
	Limit  int32         `help:"At most so many." default:"1000"`
}

func (c *auditListCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		filter := dbsqlc.AuditListParams{AccountID: c.Account, TargetID: c.Target, RowLimit: c.Limit}
		for i := range filter.BeforeID {
			filter.BeforeID[i] = 0xff
		}
		if c.Action != "" {
			filter.Action = &c.Action
		}
		if c.Since > 0 {
			since := time.Now().Add(-c.Since)
			filter.Since = &since
		}
		var rows []dbsqlc.AuditEntry
		err := db.Planned(ctx, a.DB, func(q *dbsqlc.Queries) (err error) {
			rows, err = q.AuditList(ctx, filter)
			return err
		})
		return views(rows, viewEntry), err
	})
}

type entryView struct {
	At         time.Time       `json:"at"`
	ActorType  string          `json:"actor_type"`
	ActorName  string          `json:"actor_name"`
	Action     string          `json:"action"`
	TargetType string          `json:"target_type,omitempty"`
	TargetID   *handoff.ID     `json:"target_id,omitempty"`
	Detail     json.RawMessage `json:"detail"`
}

func viewEntry(row dbsqlc.AuditEntry) entryView {
	return entryView{
		At: row.At, ActorType: row.ActorType, ActorName: row.ActorName, Action: row.Action, TargetType: row.TargetType, TargetID: row.TargetID,
		Detail: row.Detail,
	}
}
