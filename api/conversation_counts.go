package api

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Counts says how many conversations the filters leave, and of what sort. Apart from total and by_status they are of open ones.
type Counts struct {
	Total      int64            `json:"total"`
	ByStatus   map[string]int64 `json:"by_status" doc:"By bot, waiting, assigned, snoozed and ended."`
	Unread     int64            `json:"unread" doc:"Open ones with messages that nobody has read."`
	Mine       int64            `json:"mine" doc:"Open ones of the key's agent."`
	Unassigned int64            `json:"unassigned" doc:"Open ones that nobody has."`
	ByTeam     []TeamCount      `json:"by_team" doc:"Open ones of each team that has any."`
}

// TeamCount is how many open conversations a team has.
type TeamCount struct {
	TeamID *handoff.ID `json:"team_id,omitempty" format:"uuid" doc:"Absent for those of no team."`
	Open   int64       `json:"open"`
}

type countConversationsInput struct {
	ConversationFilters
}

func (s *server) countConversations(ctx context.Context, in *countConversationsInput) (*output[Counts], error) {
	return s.counts(ctx, in.ConversationFilters, sortNewest)
}

func (s *server) counts(ctx context.Context, filters ConversationFilters, sort string) (*output[Counts], error) {
	k := keyOf(ctx)
	params, err := filters.params(k, sort)
	if err != nil {
		return nil, err
	}
	var me *handoff.ID
	if k.Agent != nil {
		me = &k.Agent.ID
	}
	var rows []dbsqlc.ConversationCountsRow
	err = db.Planned(ctx, s.db(ctx), func(q *dbsqlc.Queries) error {
		if err := filters.search(ctx, q, &params); err != nil {
			return err
		}
		rows, err = q.ConversationCounts(ctx, countsParams(params, me))
		return err
	})
	if err != nil {
		return nil, err
	}
	return &output[Counts]{countsOf(rows, me != nil)}, nil
}

func countsParams(p dbsqlc.ConversationListParams, me *handoff.ID) dbsqlc.ConversationCountsParams {
	return dbsqlc.ConversationCountsParams{
		Me: me, AccountID: p.AccountID, Statuses: p.Statuses, InboxID: p.InboxID, AssigneeID: p.AssigneeID, Unassigned: p.Unassigned,
		TeamID: p.TeamID, Teamless: p.Teamless, ContactID: p.ContactID, Tags: p.Tags, Attributes: p.Attributes, Priorities: p.Priorities,
		Unread: p.Unread, OpenedAfter: p.OpenedAfter, OpenedBefore: p.OpenedBefore, ActiveAfter: p.ActiveAfter, ActiveBefore: p.ActiveBefore,
		EndedAfter: p.EndedAfter, EndedBefore: p.EndedBefore, FoundConversations: p.FoundConversations, FoundContacts: p.FoundContacts,
		Patterns: p.Patterns,
	}
}

func countsOf(rows []dbsqlc.ConversationCountsRow, agent bool) Counts {
	counts, teams := Counts{ByStatus: map[string]int64{}, ByTeam: []TeamCount{}}, map[handoff.ID]int64{}
	for _, status := range handoff.Statuses {
		counts.ByStatus[string(status)] = 0
	}
	for _, row := range rows {
		counts.Total += row.Conversations
		counts.ByStatus[string(row.Status)] += row.Conversations
		if row.Status == handoff.StatusEnded {
			continue
		}
		if row.Unread {
			counts.Unread += row.Conversations
		}
		if row.Mine && agent {
			counts.Mine += row.Conversations
		}
		if row.Unassigned {
			counts.Unassigned += row.Conversations
		}
		var team handoff.ID // the zero one stands for none
		if row.TeamID != nil {
			team = *row.TeamID
		}
		teams[team] += row.Conversations
	}
	ids := slices.SortedFunc(maps.Keys(teams), func(x, y handoff.ID) int { return bytes.Compare(x[:], y[:]) })
	for _, id := range ids {
		counts.ByTeam = append(counts.ByTeam, TeamCount{TeamID: given(id), Open: teams[id]})
	}
	return counts
}
