package admin

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// The limits of a team's times, in seconds.
const (
	minOffer, maxOffer   = 5, 3600
	minSilent, maxSilent = 10, 604_800
)

// TeamFields is what a team is given. In a new team an absent field has its default; in a change it stays as it is.
type TeamFields struct {
	Name          *string
	Assignment    *handoff.Assignment
	OfferSeconds  *int // 0 assigns at once
	SilentSeconds *int // 0 is never
	WhenAway      *handoff.WhenAway
}

// CreateTeam makes a team. Its agents claim, unless it is told otherwise.
func (a Admin) CreateTeam(ctx context.Context, account handoff.ID, fields TeamFields) (dbsqlc.Team, error) {
	row := dbsqlc.Team{ID: handoff.NewID(), AccountID: account, Assignment: handoff.AssignManual, WhenAway: handoff.AwayKeep}
	if err := applyTeam(&row, fields); err != nil {
		return row, err
	}
	a.made("team", account, row.ID)
	saved, err := dbsqlc.New(a.DB).TeamInsert(ctx, dbsqlc.TeamInsertParams{
		ID: row.ID, AccountID: row.AccountID, Name: row.Name, Assignment: row.Assignment, OfferSeconds: row.OfferSeconds,
		SilentSeconds: row.SilentSeconds, WhenAway: row.WhenAway,
	})
	return saved, teamError(err, row)
}

// UpdateTeam changes a team. What it says counts for conversations that are in its line already.
func (a Admin) UpdateTeam(ctx context.Context, account, id handoff.ID, fields TeamFields) (dbsqlc.Team, error) {
	var saved dbsqlc.Team
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		row, err := q.TeamGetForChange(ctx, dbsqlc.TeamGetForChangeParams{AccountID: account, ID: id})
		if err != nil {
			return db.NotFound(err, "team")
		}
		if err := applyTeam(&row, fields); err != nil {
			return err
		}
		saved, err = q.TeamUpdate(ctx, dbsqlc.TeamUpdateParams{
			ID: row.ID, AccountID: row.AccountID, Name: row.Name, Assignment: row.Assignment, OfferSeconds: row.OfferSeconds,
			SilentSeconds: row.SilentSeconds, WhenAway: row.WhenAway,
		})
		return teamError(err, row)
	})
	return saved, err
}

func applyTeam(row *dbsqlc.Team, fields TeamFields) error {
	var c check
	set(&row.Name, fields.Name)
	row.Name = c.name(row.Name)
	set(&row.Assignment, fields.Assignment)
	switch row.Assignment {
	case handoff.AssignManual, handoff.AssignRoundRobin, handoff.AssignLeastLoaded:
	default:
		c.fault("assignment", "there is no assignment %.60q: use manual, round_robin or least_loaded", string(row.Assignment))
	}
	set(&row.WhenAway, fields.WhenAway)
	if row.WhenAway != handoff.AwayKeep && row.WhenAway != handoff.AwayRequeue {
		c.fault("when_away", "there is no when_away %.60q: use keep or requeue", string(row.WhenAway))
	}
	row.OfferSeconds = c.numberFrom("offer_seconds", row.OfferSeconds, fields.OfferSeconds, minOffer, maxOffer)
	row.SilentSeconds = c.numberFrom("silent_seconds", row.SilentSeconds, fields.SilentSeconds, minSilent, maxSilent)
	return c.err()
}

func teamError(err error, row dbsqlc.Team) error {
	if db.ViolatesUnique(err, "teams_name_key") {
		return handoff.Errorf(handoff.CodeConflict, "another team of this account has the name %q already, in whatever case", row.Name)
	}
	return db.NotFound(err, "team")
}

// DeleteTeam removes a team that no inbox and no open conversation needs. Ended conversations go on naming it.
func (a Admin) DeleteTeam(ctx context.Context, account, id handoff.ID) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if _, err := q.TeamGetForDelete(ctx, dbsqlc.TeamGetForDeleteParams{AccountID: account, ID: id}); err != nil {
			return db.NotFound(err, "team")
		}
		if err := checkUnneeded(ctx, q, account, id); err != nil {
			return err
		}
		open, err := q.TeamHasOpen(ctx, dbsqlc.TeamHasOpenParams{AccountID: account, TeamID: &id})
		if err != nil {
			return err
		}
		if open {
			return handoff.Errorf(handoff.CodeConflict, "the team has open conversations: transfer or resolve them before it is deleted")
		}
		return q.TeamDelete(ctx, id)
	})
}

// checkUnneeded says which inboxes send conversations to a team.
func checkUnneeded(ctx context.Context, q *dbsqlc.Queries, account, team handoff.ID) error {
	inboxes, err := q.TeamInboxes(ctx, dbsqlc.TeamInboxesParams{AccountID: account, TeamID: &team})
	if err != nil {
		return err
	}
	var uses []string
	for _, inbox := range inboxes {
		if inbox.TeamID != nil && *inbox.TeamID == team {
			uses = append(uses, fmt.Sprintf("team_id of the inbox %q", inbox.Name))
		}
		rules, err := routing.ParseRules(inbox.Routing)
		if err != nil {
			return fmt.Errorf("read the routing of inbox %s: %w", inbox.ID, err)
		}
		for _, id := range rules.Teams() {
			if id == team {
				uses = append(uses, fmt.Sprintf("routing of the inbox %q", inbox.Name))
			}
		}
	}
	if len(uses) == 0 {
		return nil
	}
	return handoff.Errorf(handoff.CodeConflict, "the team is needed: change %s before it is deleted", strings.Join(uses, ", "))
}

// AddTeamMember makes an agent a member of a team; one who is already stays.
func (a Admin) AddTeamMember(ctx context.Context, account, team, agent handoff.ID) error {
	return a.withMember(ctx, account, team, agent, func(q *dbsqlc.Queries) error {
		return q.TeamMemberAdd(ctx, dbsqlc.TeamMemberAddParams{AccountID: account, TeamID: team, AgentID: agent})
	})
}

// RemoveTeamMember takes an agent out of a team. The agent keeps the conversations that it has.
func (a Admin) RemoveTeamMember(ctx context.Context, account, team, agent handoff.ID) error {
	return a.withMember(ctx, account, team, agent, func(q *dbsqlc.Queries) error {
		return q.TeamMemberRemove(ctx, dbsqlc.TeamMemberRemoveParams{AccountID: account, TeamID: team, AgentID: agent})
	})
}

func (a Admin) withMember(ctx context.Context, account, team, agent handoff.ID, do func(*dbsqlc.Queries) error) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if _, err := q.TeamShare(ctx, dbsqlc.TeamShareParams{AccountID: account, ID: team}); err != nil {
			return db.NotFound(err, "team")
		}
		if _, err := q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: account, ID: agent}); err != nil {
			return db.NotFound(err, "agent")
		}
		return do(q)
	})
}
