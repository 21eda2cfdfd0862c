package admin

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	maxCapacity = 1000
	maxSkills   = 50
	maxWord     = 200 // characters of a skill or a disposition
)

// The limits of a presence's lease: one that is too short to be renewed in time, or that outlives a working day, would tell nothing.
const (
	MinLease     = 30 * time.Second
	MaxLease     = 24 * time.Hour
	DefaultLease = 2 * time.Minute
)

// AgentFields is what an agent is given. In a change an absent field stays as it is.
type AgentFields struct {
	Name     *string
	Email    *string // empty removes it
	Disabled *bool
	Capacity *int      // 0 is no limit
	Skills   *[]string // kept in lower case, each once
}

// CreateAgent makes an agent.
func (a Admin) CreateAgent(ctx context.Context, account handoff.ID, fields AgentFields) (dbsqlc.Agent, error) {
	row := dbsqlc.Agent{ID: handoff.NewID(), AccountID: account}
	if err := applyAgent(&row, fields, a.now()); err != nil {
		return row, err
	}
	if row.DisabledAt != nil {
		return row, handoff.Errorf(handoff.CodeInvalid, "a new agent cannot be disabled: leave disabled out")
	}
	a.made("agent", account, row.ID)
	return dbsqlc.New(a.DB).AgentInsert(ctx, dbsqlc.AgentInsertParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Email: row.Email, Capacity: row.Capacity, Skills: row.Skills,
	})
}

// UpdateAgent changes an agent. A disabled agent's keys are refused, no command can name it, and it is offline.
func (a Admin) UpdateAgent(ctx context.Context, account, id handoff.ID, fields AgentFields) (dbsqlc.Agent, error) {
	var saved dbsqlc.Agent
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.AgentLock(ctx, dbsqlc.AgentLockParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "agent")
		}
		if err := applyAgent(&row, fields, a.now()); err != nil {
			return err
		}
		if saved, err = q.AgentUpdate(ctx, dbsqlc.AgentUpdateParams{
			ID: row.ID, AccountID: row.AccountID, Name: row.Name, Email: row.Email, DisabledAt: row.DisabledAt, Capacity: row.Capacity,
			Skills: row.Skills,
		}); err != nil || saved.DisabledAt == nil {
			return err
		}
		saved, err = a.setPresence(ctx, q, saved, presence{state: handoff.PresenceOffline})
		return err
	})
	return saved, err
}

func applyAgent(row *dbsqlc.Agent, fields AgentFields, now time.Time) error {
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
	row.Capacity = c.number("capacity", row.Capacity, fields.Capacity, maxCapacity)
	if fields.Skills != nil {
		row.Skills = c.words("skills", *fields.Skills, maxSkills)
		for i, skill := range row.Skills {
			row.Skills[i] = strings.ToLower(skill)
		}
	}
	if fields.Disabled != nil && *fields.Disabled != (row.DisabledAt != nil) {
		row.DisabledAt = nil
		if *fields.Disabled {
			now = now.UTC()
			row.DisabledAt = &now
		}
	}
	return c.err()
}

// Presence is what an agent, or an admin for it, says of the agent.
type Presence struct {
	Agent handoff.ID
	State handoff.Presence
	// Lease is how long it lasts unless it is renewed; DefaultLease if zero. An agent who is offline needs none.
	Lease time.Duration
	// By is who says so.
	By handoff.Actor
}

// SetPresence says whether an agent takes conversations. Its event is written only where that changes what others see.
func (a Admin) SetPresence(ctx context.Context, account handoff.ID, p Presence) (dbsqlc.Agent, error) {
	if p.Lease == 0 {
		p.Lease = DefaultLease
	}
	var c check
	switch p.State {
	case handoff.PresenceOnline, handoff.PresenceAway, handoff.PresenceOffline:
	default:
		c.fault("state", "there is no state %.60q: there are %s", string(p.State), listed(handoff.Presences))
	}
	c.within("lease_seconds", int(p.Lease.Seconds()), int(MinLease.Seconds()), int(MaxLease.Seconds()))
	if err := c.err(); err != nil {
		return dbsqlc.Agent{}, err
	}
	var saved dbsqlc.Agent
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.AgentLock(ctx, dbsqlc.AgentLockParams{AccountID: account, ID: p.Agent})
		if err != nil {
			return db.NotFound(err, "agent")
		}
		if row.DisabledAt != nil && p.State != handoff.PresenceOffline {
			return handoff.Errorf(handoff.CodeConflict, "the agent %s is disabled: enable it first", row.Name)
		}
		saved, err = a.setPresence(ctx, q, row, presence{state: p.State, lease: p.Lease, by: p.By})
		return err
	})
	return saved, err
}

type presence struct {
	state handoff.Presence
	lease time.Duration
	by    handoff.Actor
}

// setPresence writes the presence of a locked row. A renewal writes no event: clients renew all day.
func (a Admin) setPresence(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Agent, p presence) (dbsqlc.Agent, error) {
	now := a.now().UTC()
	before := row.Presence.At(row.PresenceUntil, now)
	since, until := row.PresenceSince, (*time.Time)(nil)
	if before != p.state {
		since = &now
	}
	if p.state != handoff.PresenceOffline {
		end := now.Add(p.lease)
		until = &end
	}
	if before == p.state && p.state == handoff.PresenceOffline {
		return row, nil
	}
	saved, err := q.AgentSetPresence(ctx, dbsqlc.AgentSetPresenceParams{ID: row.ID, Presence: p.state, PresenceUntil: until, PresenceSince: since})
	if err != nil || before == p.state {
		return saved, err
	}
	data, err := json.Marshal(presenceData{AgentID: row.ID, Presence: p.state, Until: until})
	if err != nil {
		return saved, err
	}
	return saved, db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{{
		ID: handoff.NewID(), AccountID: row.AccountID, Type: handoff.EventPresenceChanged, ActorType: p.by.AuthorType(), ActorID: p.by.AgentID(),
		Data: data, OccurredAt: now,
	}}))
}

// presenceData is the data of agent.presence_changed.
type presenceData struct {
	AgentID  handoff.ID       `json:"agent_id"`
	Presence handoff.Presence `json:"presence"`
	Until    *time.Time       `json:"until,omitempty"`
}
