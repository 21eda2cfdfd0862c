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
	ID         handoff.ID `json:"id" format:"uuid"`
	Name       string     `json:"name"`
	Email      string     `json:"email,omitempty"`
	Disabled   bool       `json:"disabled"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	CreatedAt  time.Time  `json:"created_at"`
}

type createAgentBody struct {
	Name  string  `json:"name" minLength:"1" maxLength:"200" example:"Ana"`
	Email *string `json:"email,omitempty" maxLength:"200"`
}

type createAgentInput struct {
	Idempotent
	Body createAgentBody
}

type updateAgentBody struct {
	Name     *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Email    *string `json:"email,omitempty" maxLength:"200" doc:"Empty removes it."`
	Disabled *bool   `json:"disabled,omitempty" doc:"A disabled agent's keys are refused, and no command can name it."`
}

type updateAgentInput struct {
	ByID
	Body updateAgentBody
}

func (s *server) agentRoutes() {
	handle(s, operation{
		id: "create-agent", method: http.MethodPost, path: "/v1/agents", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create an agent", status: http.StatusCreated, atomic: true,
	}, s.createAgent)
	handle(s, operation{
		id: "list-agents", method: http.MethodGet, path: "/v1/agents", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "List agents",
	}, s.listAgents)
	handle(s, operation{
		id: "get-agent", method: http.MethodGet, path: "/v1/agents/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Get an agent", errors: []int{http.StatusNotFound},
	}, s.getAgent)
	handle(s, operation{
		id: "update-agent", method: http.MethodPatch, path: "/v1/agents/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Change an agent", description: "What is left out stays as it is.", errors: []int{http.StatusNotFound},
	}, s.updateAgent)
}

func (s *server) createAgent(ctx context.Context, in *createAgentInput) (*output[Agent], error) {
	row, err := s.admin(ctx).CreateAgent(ctx, keyOf(ctx).AccountID, admin.AgentFields{Name: &in.Body.Name, Email: in.Body.Email})
	return &output[Agent]{agentView(row)}, err
}

func (s *server) listAgents(ctx context.Context, in *listInput) (*listOutput[Agent], error) {
	return pageByID(in.Page, "agents", func(row dbsqlc.Agent) handoff.ID { return row.ID }, agentView,
		func(after handoff.ID, limit int32) ([]dbsqlc.Agent, error) {
			return s.queries(ctx).AgentList(ctx, dbsqlc.AgentListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) getAgent(ctx context.Context, in *ByID) (*output[Agent], error) {
	row, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	return &output[Agent]{agentView(row)}, db.NotFound(err, "agent")
}

func (s *server) updateAgent(ctx context.Context, in *updateAgentInput) (*output[Agent], error) {
	row, err := s.admin(ctx).UpdateAgent(ctx, keyOf(ctx).AccountID, in.ID, admin.AgentFields{
		Name: in.Body.Name, Email: in.Body.Email, Disabled: in.Body.Disabled,
	})
	return &output[Agent]{agentView(row)}, err
}

func agentView(row dbsqlc.Agent) Agent {
	return Agent{
		ID: row.ID, Name: row.Name, Email: db.OrEmpty(row.Email), Disabled: row.DisabledAt != nil, DisabledAt: utc(row.DisabledAt),
		CreatedAt: row.CreatedAt.UTC(),
	}
}
