package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// TeamQueue is how a team's line stands.
type TeamQueue struct {
	Waiting              int64  `json:"waiting" doc:"Conversations that wait, offered ones included."`
	LongestWaitSeconds   int64  `json:"longest_wait_seconds" doc:"0 where none waits."`
	AgentsOnline         int    `json:"agents_online"`
	AgentsAway           int    `json:"agents_away"`
	FreeCapacity         *int64 `json:"free_capacity,omitempty" doc:"How many more the members who are online can be given. Absent where one of them has no limit."`
	EstimatedWaitSeconds *int64 `json:"estimated_wait_seconds,omitempty" doc:"How long a conversation waits that comes now, by how fast the line moved within the last hour. Absent where fewer than three found their agents in that time."`
}

// QueuePlace is where a conversation stands in line.
type QueuePlace struct {
	TeamID               *handoff.ID `json:"team_id,omitempty" format:"uuid" doc:"Absent for the line of what has no team."`
	Position             int64       `json:"position" doc:"1 is next."`
	Ahead                int64       `json:"ahead"`
	WaitingSeconds       int64       `json:"waiting_seconds" doc:"Since it was queued."`
	EstimatedWaitSeconds *int64      `json:"estimated_wait_seconds,omitempty" doc:"How much longer, by how fast the line moved within the last hour. Absent where fewer than three found their agents in that time."`
}

const (
	servedWithin = time.Hour
	servedLimit  = 20
)

func (s *server) queueRoutes() {
	handle(s, operation{
		id: "get-team-queue", method: http.MethodGet, path: "/v1/teams/{id}/queue", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Look at a team's queue", errors: []int{http.StatusNotFound},
	}, s.teamQueue)
	handle(s, operation{
		id: "get-conversation-queue", method: http.MethodGet, path: "/v1/conversations/{id}/queue", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Get a conversation's place in line", description: "Higher priorities go first, then who has waited longest. 409 unless it waits.",
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.queuePlace)
}

func (s *server) teamQueue(ctx context.Context, in *ByID) (*output[TeamQueue], error) {
	if _, err := s.findTeam(ctx, in.ID); err != nil {
		return nil, err
	}
	account, q, now := keyOf(ctx).AccountID, s.queries(ctx), s.Now()
	line, err := q.TeamWaiting(ctx, dbsqlc.TeamWaitingParams{AccountID: account, TeamID: &in.ID})
	if err != nil {
		return nil, err
	}
	view := TeamQueue{Waiting: line.Waiting}
	if line.Waiting > 0 {
		view.LongestWaitSeconds = wholeSeconds(now.Sub(line.OldestAt))
	}
	agents, err := q.TeamAgents(ctx, dbsqlc.TeamAgentsParams{AccountID: account, TeamID: in.ID})
	if err != nil {
		return nil, err
	}
	view.count(agents, now)
	view.EstimatedWaitSeconds, err = s.estimatedWait(ctx, &in.ID, line.Waiting)
	return &output[TeamQueue]{view}, err
}

// count adds up who is there.
func (v *TeamQueue) count(agents []dbsqlc.TeamAgentsRow, now time.Time) {
	free, unlimited := int64(0), false
	for _, a := range agents {
		switch a.Presence.At(a.PresenceUntil, now) {
		case handoff.PresenceAway:
			v.AgentsAway++
		case handoff.PresenceOnline:
			v.AgentsOnline++
			if a.Capacity == nil {
				unlimited = true
				continue
			}
			free += max(int64(*a.Capacity)-a.Held, 0)
		case handoff.PresenceOffline:
		}
	}
	if !unlimited {
		v.FreeCapacity = &free
	}
}

func (s *server) queuePlace(ctx context.Context, in *ByID) (*output[QueuePlace], error) {
	row, err := s.findConversation(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	c := row.Conversation
	if c.Status != handoff.StatusWaiting {
		return nil, handoff.Errorf(handoff.CodeConflict, "the conversation is %s: only one that waits has a place in line", c.Status)
	}
	since := c.OpenedAt
	if c.QueuedAt != nil {
		since = *c.QueuedAt
	}
	ahead, err := s.queries(ctx).ConversationAhead(ctx, dbsqlc.ConversationAheadParams{
		AccountID: c.AccountID, TeamID: c.TeamID, Priority: c.Priority, QueuedAt: since, ID: c.ID,
	})
	if err != nil {
		return nil, err
	}
	estimated, err := s.estimatedWait(ctx, c.TeamID, ahead)
	return &output[QueuePlace]{QueuePlace{
		TeamID: c.TeamID, Position: ahead + 1, Ahead: ahead, WaitingSeconds: wholeSeconds(s.Now().Sub(since)), EstimatedWaitSeconds: estimated,
	}}, err
}

// estimatedWait is nil where nothing is known.
func (s *server) estimatedWait(ctx context.Context, team *handoff.ID, ahead int64) (*int64, error) {
	now := s.Now()
	served, err := s.queries(ctx).TeamServed(ctx, dbsqlc.TeamServedParams{
		AccountID: keyOf(ctx).AccountID, TeamID: team, Since: now.Add(-servedWithin), RowLimit: servedLimit,
	})
	if err != nil {
		return nil, err
	}
	wait, known := routing.Estimate(int(ahead), served, now)
	if !known {
		return nil, nil
	}
	seconds := wholeSeconds(wait)
	return &seconds, nil
}

func wholeSeconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }
