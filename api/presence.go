package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/internal/admin"
)

const presenceDoc = "Who is online is given conversations, or offered them, automatically. It is a lease: a client renews it at half of its time, " +
	"and an agent whose client has gone is offline when it runs out. The event `agent.presence_changed` tells of changes, and until when; " +
	"a renewal is no event, and neither is the end of a lease: read the agents again to know who is there. The conversations of a member who is not online any more go back to their place in line " +
	"where the team's `when_away` is `requeue`."

type presenceBody struct {
	State        handoff.Presence `json:"state" enum:"online,away,offline"`
	LeaseSeconds int              `json:"lease_seconds,omitempty" minimum:"30" maximum:"86400" default:"120" doc:"How long it lasts unless it is renewed. Nothing to an agent who is offline."`
}

type setPresenceInput struct {
	Body presenceBody
}

type setAgentPresenceInput struct {
	ByID
	Body presenceBody
}

func (s *server) presenceRoutes() {
	handle(s, operation{
		id: "set-presence", method: http.MethodPut, path: "/v1/presence", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Say whether you take conversations", description: presenceDoc, errors: []int{http.StatusConflict},
	}, s.setPresence)
	handle(s, operation{
		id: "set-agent-presence", method: http.MethodPut, path: "/v1/agents/{id}/presence", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Say whether an agent takes conversations", description: "An agent's key does so for its own agent only. " + presenceDoc,
		errors: []int{http.StatusNotFound, http.StatusConflict},
	}, s.setAgentPresence)
}

func (s *server) setPresence(ctx context.Context, in *setPresenceInput) (*output[Agent], error) {
	k := keyOf(ctx)
	if k.Agent == nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "this key belongs to no agent: use /v1/agents/{id}/presence")
	}
	return s.savePresence(ctx, k.Agent.ID, in.Body)
}

func (s *server) setAgentPresence(ctx context.Context, in *setAgentPresenceInput) (*output[Agent], error) {
	if k := keyOf(ctx); k.Scope != handoff.ScopeAdmin && k.Agent.ID != in.ID {
		return nil, handoff.Errorf(handoff.CodeForbidden, "an agent's key says so of its own agent only: use /v1/presence")
	}
	return s.savePresence(ctx, in.ID, in.Body)
}

func (s *server) savePresence(ctx context.Context, agent handoff.ID, body presenceBody) (*output[Agent], error) {
	k := keyOf(ctx)
	row, err := s.admin(ctx).SetPresence(ctx, k.AccountID, admin.Presence{
		Agent: agent, State: body.State, Lease: time.Duration(body.LeaseSeconds) * time.Second,
		By: handoff.Actor{Agent: k.Agent, Admin: k.Scope == handoff.ScopeAdmin},
	})
	if err != nil {
		return nil, err
	}
	return s.agentOutput(ctx, row)
}
