package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// Agent is a person who answers.
type Agent struct {
	ID            handoff.ID       `json:"id" format:"uuid"`
	Name          string           `json:"name"`
	Email         string           `json:"email,omitempty"`
	Disabled      bool             `json:"disabled"`
	DisabledAt    *time.Time       `json:"disabled_at,omitempty"`
	Capacity      *int32           `json:"capacity,omitempty" doc:"How many conversations at once are assigned to the agent automatically. Absent for no limit."`
	Skills        []string         `json:"skills"`
	Teams         []TeamRef        `json:"teams" doc:"The teams that the agent is a member of, by name."`
	Presence      handoff.Presence `json:"presence" enum:"online,away,offline" doc:"As of now: offline once the lease has run out."`
	PresenceSince *time.Time       `json:"presence_since,omitempty" doc:"Absent for an agent who has never been there."`
	PresenceUntil *time.Time       `json:"presence_until,omitempty" doc:"When the agent is offline unless the presence is renewed."`
	CreatedAt     time.Time        `json:"created_at"`
}

// AgentSettings is what an agent may be given besides a name.
type AgentSettings struct {
	Email    *string   `json:"email,omitempty" maxLength:"200" doc:"Empty removes it."`
	Capacity *int      `json:"capacity,omitempty" minimum:"0" maximum:"1000" doc:"How many conversations at once are assigned to the agent automatically; 0 is no limit. Claiming is not limited."`
	Skills   *[]string `json:"skills,omitempty" maxItems:"50" doc:"What conversations may need, such as a language. They are kept in lower case." example:"[\"german\"]"`
}

type createAgentBody struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"Ana"`
	AgentSettings
}

type createAgentInput struct {
	Idempotent
	Body createAgentBody
}

type updateAgentBody struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Disabled *bool   `json:"disabled,omitempty" doc:"A disabled agent is offline, its keys are refused, and no command can name it."`
	AgentSettings
}

type updateAgentInput struct {
	ByID
	Body updateAgentBody
}

func (s *server) agentRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "create-agent", method: http.MethodPost, path: "/v1/agents", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an agent", status: http.StatusCreated, atomic: true,
	}, s.createAgent)
	handle(s, operation{
		id: "list-agents", method: http.MethodGet, path: "/v1/agents", tag: configurationTag, scope: handoff.ScopeAgent,
		summary: "List agents", description: "With their presence.",
	}, s.listAgents)
	handle(s, operation{
		id: "get-agent", method: http.MethodGet, path: "/v1/agents/{id}", tag: configurationTag, scope: handoff.ScopeAgent,
		summary: "Get an agent", errors: missing,
	}, s.getAgent)
	handle(s, operation{
		id: "update-agent", method: http.MethodPatch, path: "/v1/agents/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Change an agent", errors: missing,
		description: "What is left out stays as it is. The conversations of an agent who is disabled go back to their place in line where " +
			"their team's `when_away` is `requeue`; the others stay assigned until somebody transfers or takes them over.",
	}, s.updateAgent)
	s.presenceRoutes()
	s.teamRoutes()
}

func (s *server) createAgent(ctx context.Context, in *createAgentInput) (*output[Agent], error) {
	fields := in.Body.fields()
	fields.Name = &in.Body.Name
	row, err := s.admin(ctx).CreateAgent(ctx, keyOf(ctx).AccountID, fields)
	if err != nil {
		return nil, err
	}
	return &output[Agent]{s.agentView(row, nil)}, nil
}

func (b AgentSettings) fields() admin.AgentFields {
	return admin.AgentFields{Email: b.Email, Capacity: b.Capacity, Skills: b.Skills}
}

func (s *server) listAgents(ctx context.Context, in *listInput) (*listOutput[Agent], error) {
	return s.agentPage(ctx, in.Page, "agents", func(after handoff.ID, limit int32) ([]dbsqlc.Agent, error) {
		return s.queries(ctx).AgentList(ctx, dbsqlc.AgentListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
	})
}

// agentPage is a page of agents with their teams.
func (s *server) agentPage(ctx context.Context, page Page, name string,
	read func(after handoff.ID, limit int32) ([]dbsqlc.Agent, error),
) (*listOutput[Agent], error) {
	var teams map[handoff.ID][]TeamRef
	return pageByID(page, name, func(row dbsqlc.Agent) handoff.ID { return row.ID },
		func(row dbsqlc.Agent) Agent { return s.agentView(row, teams[row.ID]) },
		func(after handoff.ID, limit int32) ([]dbsqlc.Agent, error) {
			rows, err := read(after, limit)
			if err != nil {
				return nil, err
			}
			teams, err = s.teamsOf(ctx, rows...)
			return rows, err
		})
}

// teamsOf gives the teams of agents by their ids.
func (s *server) teamsOf(ctx context.Context, agents ...dbsqlc.Agent) (map[handoff.ID][]TeamRef, error) {
	ids := make([]handoff.ID, 0, len(agents))
	for _, agent := range agents {
		ids = append(ids, agent.ID)
	}
	rows, err := s.queries(ctx).TeamListByAgents(ctx, dbsqlc.TeamListByAgentsParams{AccountID: keyOf(ctx).AccountID, AgentIds: ids})
	if err != nil {
		return nil, err
	}
	teams := map[handoff.ID][]TeamRef{}
	for _, row := range rows {
		teams[row.AgentID] = append(teams[row.AgentID], TeamRef{ID: row.ID, Name: row.Name})
	}
	return teams, nil
}

func (s *server) getAgent(ctx context.Context, in *ByID) (*output[Agent], error) {
	row, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "agent")
	}
	return s.agentOutput(ctx, row)
}

func (s *server) agentOutput(ctx context.Context, row dbsqlc.Agent) (*output[Agent], error) {
	teams, err := s.teamsOf(ctx, row)
	return &output[Agent]{s.agentView(row, teams[row.ID])}, err
}

func (s *server) updateAgent(ctx context.Context, in *updateAgentInput) (*output[Agent], error) {
	fields := in.Body.fields()
	fields.Name, fields.Disabled = in.Body.Name, in.Body.Disabled
	defer s.afterCommit(ctx, s.forgetPeople)
	defer s.afterCommit(ctx, s.keys.forget) // the keys of one who is disabled are refused
	row, err := s.admin(ctx).UpdateAgent(ctx, keyOf(ctx).AccountID, in.ID, fields)
	if err != nil {
		return nil, err
	}
	return s.agentOutput(ctx, row)
}

func (s *server) agentView(row dbsqlc.Agent, teams []TeamRef) Agent {
	view := Agent{
		ID: row.ID, Name: row.Name, Email: db.OrEmpty(row.Email), Disabled: row.DisabledAt != nil, DisabledAt: utc(row.DisabledAt),
		Capacity: row.Capacity, Skills: listOf(row.Skills), Teams: listOf(teams), Presence: row.Presence.At(row.PresenceUntil, s.Now()),
		PresenceSince: utc(row.PresenceSince), CreatedAt: row.CreatedAt.UTC(),
	}
	switch {
	case view.Presence != handoff.PresenceOffline:
		view.PresenceUntil = utc(row.PresenceUntil)
	case row.Presence != handoff.PresenceOffline: // the lease has run out
		view.PresenceSince = utc(row.PresenceUntil)
	}
	return view
}

// listOf is never null.
func listOf[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
