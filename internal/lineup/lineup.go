// Package lineup reads a team's line: what waits in it, and who may be given what.
package lineup

import (
	"context"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// readAhead is how much of a line is looked at first. It is more than a team's agents take at once; where they have room left after it,
// because they cannot or may not take what waits there, more is read.
const readAhead = 200

// rest is how long a conversation stays away from whoever passed it by, if there is nobody else.
const rest = time.Minute

// Just tells that something was a moment ago.
func Just(at *time.Time, now time.Time) bool { return at != nil && now.Sub(*at) < rest }

// Line is a team's line at a moment.
type Line struct {
	Team    dbsqlc.Team
	now     time.Time
	Waiting []dbsqlc.LineWaitingRow
	Agents  []routing.Agent
}

// Read reads the line of a team. One conversation may be left out of the agents' loads: the one that is being given away.
func Read(ctx context.Context, q *dbsqlc.Queries, team dbsqlc.Team, now time.Time, except handoff.ID) (Line, error) {
	out := Line{Team: team, now: now}
	agents, err := q.LineAgents(ctx, dbsqlc.LineAgentsParams{AccountID: team.AccountID, TeamID: team.ID, Now: now, ExceptID: except})
	if err != nil || len(agents) == 0 {
		return out, err // with nobody there, the line does not matter
	}
	for _, row := range agents {
		out.Agents = append(out.Agents, routing.Agent{
			ID: row.ID, Skills: row.Skills, Capacity: row.Capacity, Load: int(row.Held), AssignedAt: row.AssignedAt,
			JustAsked: Just(row.AssignedAt, now),
		})
	}
	for limit := int32(readAhead); out.room(0); limit *= 4 {
		out.Waiting, err = q.LineWaiting(ctx, dbsqlc.LineWaitingParams{AccountID: team.AccountID, TeamID: &team.ID, RowLimit: limit})
		if err != nil || len(out.Waiting) < int(limit) || !out.room(len(out.Plan(nil))) {
			return out, err
		}
	}
	return out, nil
}

// room tells whether the agents could take more than so many.
func (l Line) room(taken int) bool {
	free := 0
	for _, agent := range l.Agents {
		if agent.Capacity == nil {
			return true
		}
		free += max(0, int(*agent.Capacity)-agent.Load)
	}
	return free > taken
}

// Plan says who is given what. own stands for a conversation whose row has yet to be written; nil for none.
func (l Line) Plan(own *routing.Waiting) []routing.Match {
	waiting := make([]routing.Waiting, 0, len(l.Waiting)+1)
	for _, row := range l.Waiting {
		if own != nil && row.ID == own.ID {
			continue
		}
		queued := row.OpenedAt
		if row.QueuedAt != nil {
			queued = *row.QueuedAt
		}
		waiting = append(waiting, routing.Waiting{
			ID: row.ID, Priority: row.Priority, QueuedAt: queued, Skills: row.Skills, PassedBy: row.PassedBy,
			JustPassed: Just(row.ControlSince, l.now),
		})
	}
	if own != nil {
		waiting = append(waiting, *own)
	}
	return routing.Plan(l.Team.Assignment, waiting, l.Agents)
}

// Planned are those of the waiting to whom a plan gives an agent.
func (l Line) Planned() []dbsqlc.LineWaitingRow {
	plan := l.Plan(nil)
	return slices.DeleteFunc(slices.Clone(l.Waiting), func(row dbsqlc.LineWaitingRow) bool {
		return !slices.ContainsFunc(plan, func(m routing.Match) bool { return m.Conversation == row.ID })
	})
}
