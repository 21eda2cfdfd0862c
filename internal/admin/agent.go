package admin

import (
	"context"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// AgentFields is what an agent is given. In a change an absent field stays as it is.
type AgentFields struct {
	Name     *string
	Email    *string // empty removes it
	Disabled *bool
}

// CreateAgent makes an agent.
func (a Admin) CreateAgent(ctx context.Context, account handoff.ID, fields AgentFields) (dbsqlc.Agent, error) {
	row := dbsqlc.Agent{ID: handoff.NewID(), AccountID: account}
	if err := applyAgent(&row, fields); err != nil {
		return row, err
	}
	if row.DisabledAt != nil {
		return row, handoff.Errorf(handoff.CodeInvalid, "a new agent cannot be disabled: leave disabled out")
	}
	return dbsqlc.New(a.DB).AgentInsert(ctx, dbsqlc.AgentInsertParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Email: row.Email,
	})
}

// UpdateAgent changes an agent. A disabled agent's keys are refused and no command can name them.
func (a Admin) UpdateAgent(ctx context.Context, account, id handoff.ID, fields AgentFields) (dbsqlc.Agent, error) {
	q := dbsqlc.New(a.DB)
	row, err := q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: account, ID: id})
	if err != nil {
		return row, db.NotFound(err, "agent")
	}
	if err := applyAgent(&row, fields); err != nil {
		return row, err
	}
	saved, err := q.AgentUpdate(ctx, dbsqlc.AgentUpdateParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Email: row.Email, DisabledAt: row.DisabledAt,
	})
	return saved, db.NotFound(err, "agent")
}

func applyAgent(row *dbsqlc.Agent, fields AgentFields) error {
	var c check
	set(&row.Name, fields.Name)
	row.Name = c.name(row.Name)
	if fields.Email != nil {
		row.Email = fields.Email
	}
	if row.Email != nil && *row.Email == "" {
		row.Email = nil
	}
	if row.Email != nil {
		c.text("email", *row.Email, maxName)
		if at := strings.IndexByte(*row.Email, '@'); at < 1 || at == len(*row.Email)-1 {
			c.fault("email", "email is no address: it must look like ana@example.com")
		}
	}
	if fields.Disabled != nil && *fields.Disabled != (row.DisabledAt != nil) {
		row.DisabledAt = nil
		if *fields.Disabled {
			now := time.Now().UTC()
			row.DisabledAt = &now
		}
	}
	return c.err()
}
