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

// Team is a queue of agents.
type Team struct {
	ID            handoff.ID         `json:"id" format:"uuid"`
	Name          string             `json:"name"`
	Assignment    handoff.Assignment `json:"assignment" enum:"manual,round_robin,least_loaded"`
	OfferSeconds  *int32             `json:"offer_seconds,omitempty" doc:"How long an agent has to accept. Absent where agents are assigned at once."`
	SilentSeconds *int32             `json:"silent_seconds,omitempty" doc:"Absent where nobody loses a conversation by silence."`
	WhenAway      handoff.WhenAway   `json:"when_away" enum:"keep,requeue"`
	CreatedAt     time.Time          `json:"created_at"`
	UpdatedAt     time.Time          `json:"updated_at"`
}

// TeamSettings is what a team may be given besides a name.
type TeamSettings struct {
	Assignment    *handoff.Assignment `json:"assignment,omitempty" enum:"manual,round_robin,least_loaded" doc:"How conversations find their agents. manual, unless given: agents claim. round_robin: to the member who has waited longest for one. least_loaded: to the member who has the fewest. Both keep to who is online, to skills and to capacity."`
	OfferSeconds  *int                `json:"offer_seconds,omitempty" minimum:"0" maximum:"3600" doc:"How long an agent has to accept what it is offered, 5 or more. 0, unless given: it is assigned at once."`
	SilentSeconds *int                `json:"silent_seconds,omitempty" minimum:"0" maximum:"604800" doc:"An assignee who leaves the contact unanswered for as long, 10 or more, loses the conversation, which goes back to its place in line. 0, unless given, is never."`
	WhenAway      *handoff.WhenAway   `json:"when_away,omitempty" enum:"keep,requeue" doc:"What becomes of the conversations of a member who is not online any more, or is disabled: keep, unless given, or requeue, to their place in line."`
}

type createTeamBody struct {
	Name string `json:"name" minLength:"1" maxLength:"200" example:"Billing"`
	TeamSettings
}

type createTeamInput struct {
	Idempotent
	Body createTeamBody
}

type updateTeamBody struct {
	Name *string `json:"name,omitempty" minLength:"1" maxLength:"200"`
	TeamSettings
}

type updateTeamInput struct {
	ByID
	Body updateTeamBody
}

type memberInput struct {
	ByID
	AgentID handoff.ID `path:"agent_id" format:"uuid"`
}

type listMembersInput struct {
	ByID
	Page
}

func (s *server) teamRoutes() {
	missing := []int{http.StatusNotFound}
	handle(s, operation{
		id: "create-team", method: http.MethodPost, path: "/v1/teams", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Create a team", description: "A queue of agents. An inbox's `team_id` or `routing` sends conversations to it.",
		status: http.StatusCreated, atomic: true,
	}, s.createTeam)
	handle(s, operation{
		id: "list-teams", method: http.MethodGet, path: "/v1/teams", tag: configurationTag, scope: handoff.ScopeAgent, summary: "List teams",
	}, s.listTeams)
	handle(s, operation{
		id: "get-team", method: http.MethodGet, path: "/v1/teams/{id}", tag: configurationTag, scope: handoff.ScopeAgent,
		summary: "Get a team", errors: missing,
	}, s.getTeam)
	handle(s, operation{
		id: "update-team", method: http.MethodPatch, path: "/v1/teams/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Change a team", description: "What is left out stays as it is.", errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.updateTeam)
	handle(s, operation{
		id: "delete-team", method: http.MethodDelete, path: "/v1/teams/{id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Delete a team", description: "Refused with 409 while an inbox sends conversations to it, or it has open ones.",
		status: http.StatusNoContent, errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.deleteTeam)
	handle(s, operation{
		id: "list-team-members", method: http.MethodGet, path: "/v1/teams/{id}/members", tag: configurationTag, scope: handoff.ScopeAgent,
		summary: "List a team's members", errors: missing,
	}, s.listMembers)
	handle(s, operation{
		id: "add-team-member", method: http.MethodPut, path: "/v1/teams/{id}/members/{agent_id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Add an agent to a team", description: "One who is a member already stays.", status: http.StatusNoContent, errors: missing,
	}, s.addMember)
	handle(s, operation{
		id: "remove-team-member", method: http.MethodDelete, path: "/v1/teams/{id}/members/{agent_id}", tag: configurationTag, scope: handoff.ScopeAdmin,
		summary: "Take an agent out of a team", description: "The agent keeps the conversations that it has. One who is no member stays so.",
		status: http.StatusNoContent, errors: missing,
	}, s.removeMember)
	s.queueRoutes()
}

func (b TeamSettings) fields() admin.TeamFields {
	return admin.TeamFields{Assignment: b.Assignment, OfferSeconds: b.OfferSeconds, SilentSeconds: b.SilentSeconds, WhenAway: b.WhenAway}
}

func (s *server) createTeam(ctx context.Context, in *createTeamInput) (*output[Team], error) {
	fields := in.Body.fields()
	fields.Name = &in.Body.Name
	row, err := s.admin(ctx).CreateTeam(ctx, keyOf(ctx).AccountID, fields)
	return &output[Team]{teamView(row)}, err
}

func (s *server) listTeams(ctx context.Context, in *listInput) (*listOutput[Team], error) {
	return pageByID(in.Page, "teams", func(row dbsqlc.Team) handoff.ID { return row.ID }, teamView,
		func(after handoff.ID, limit int32) ([]dbsqlc.Team, error) {
			return s.queries(ctx).TeamList(ctx, dbsqlc.TeamListParams{AccountID: keyOf(ctx).AccountID, AfterID: after, RowLimit: limit})
		})
}

func (s *server) findTeam(ctx context.Context, id handoff.ID) (dbsqlc.Team, error) {
	row, err := s.queries(ctx).TeamGet(ctx, dbsqlc.TeamGetParams{AccountID: keyOf(ctx).AccountID, ID: id})
	return row, db.NotFound(err, "team")
}

func (s *server) getTeam(ctx context.Context, in *ByID) (*output[Team], error) {
	row, err := s.findTeam(ctx, in.ID)
	return &output[Team]{teamView(row)}, err
}

func (s *server) updateTeam(ctx context.Context, in *updateTeamInput) (*output[Team], error) {
	fields := in.Body.fields()
	fields.Name = in.Body.Name
	row, err := s.admin(ctx).UpdateTeam(ctx, keyOf(ctx).AccountID, in.ID, fields)
	return &output[Team]{teamView(row)}, err
}

func (s *server) deleteTeam(ctx context.Context, in *ByID) (*none, error) {
	return nil, s.admin(ctx).DeleteTeam(ctx, keyOf(ctx).AccountID, in.ID)
}

func (s *server) listMembers(ctx context.Context, in *listMembersInput) (*listOutput[Agent], error) {
	if _, err := s.findTeam(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.agentPage(ctx, in.Page, "members", func(after handoff.ID, limit int32) ([]dbsqlc.Agent, error) {
		return s.queries(ctx).TeamMemberList(ctx, dbsqlc.TeamMemberListParams{
			AccountID: keyOf(ctx).AccountID, TeamID: in.ID, AfterID: after, RowLimit: limit,
		})
	})
}

func (s *server) addMember(ctx context.Context, in *memberInput) (*none, error) {
	return nil, s.admin(ctx).AddTeamMember(ctx, keyOf(ctx).AccountID, in.ID, in.AgentID)
}

func (s *server) removeMember(ctx context.Context, in *memberInput) (*none, error) {
	return nil, s.admin(ctx).RemoveTeamMember(ctx, keyOf(ctx).AccountID, in.ID, in.AgentID)
}

func teamView(row dbsqlc.Team) Team {
	return Team{
		ID: row.ID, Name: row.Name, Assignment: row.Assignment, OfferSeconds: row.OfferSeconds, SilentSeconds: row.SilentSeconds,
		WhenAway: row.WhenAway, CreatedAt: row.CreatedAt.UTC(), UpdatedAt: row.UpdatedAt.UTC(),
	}
}
