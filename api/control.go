package api

import (
	"context"
	"net/http"

	"handoff"
	"handoff/activities"
	"handoff/workflows"
)

const (
	defaultOfferSeconds = 60
)

type releaseBody struct {
	Acting
	Because
}

type releaseInput struct {
	Commanded
	Body *releaseBody `required:"false"`
}

type transferBody struct {
	Acting
	Because
	ToAgentID *handoff.ID `json:"to_agent_id,omitempty" format:"uuid" doc:"The agent who is to have it."`
	ToTeamID  *handoff.ID `json:"to_team_id,omitempty" format:"uuid" doc:"The team in whose queue it is to wait; with to_agent_id, the team in whose name the agent has it."`
	Note      string      `json:"note,omitempty" maxLength:"10000" doc:"A note among agents that is added first."`
}

type transferInput struct {
	Commanded
	Body transferBody
}

type takeOverBody struct {
	AgentID handoff.ID `json:"agent_id" format:"uuid" doc:"The agent who is to have it."`
	Because
	Note string `json:"note,omitempty" maxLength:"10000" doc:"A note among agents that is added first."`
}

type takeOverInput struct {
	Commanded
	Body takeOverBody
}

type offerBody struct {
	Acting
	To        string      `json:"to" enum:"agent,bot" doc:"agent with to_agent_id, or bot."`
	ToAgentID *handoff.ID `json:"to_agent_id,omitempty" format:"uuid"`
	ExpiresIn int         `json:"expires_in_seconds,omitempty" minimum:"5" maximum:"3600" doc:"60 if absent. Past it the offer is over and nothing has changed."`
}

type offerInput struct {
	Commanded
	Body offerBody
}

func (s *server) controlRoutes() {
	errs := []int{http.StatusNotFound, http.StatusTooManyRequests}
	post := func(id, name, summary, description string) operation {
		return operation{
			id: id, method: http.MethodPost, path: "/v1/conversations/{id}/" + name, tag: conversationTag, scope: handoff.ScopeAgent,
			summary: summary, description: description, errors: errs,
		}
	}
	handle(s, post("claim-conversation", "claim", "Claim a conversation",
		"Makes the agent the assignee. Of several agents who claim at once one wins; the others get 409 with the winner as `assignee`. "+
			"What the bot holds is taken from it."), s.claim)
	handle(s, post("release-conversation", "release", "Release a conversation",
		"Gives the conversation back to the queue, where it has the place that it had."), s.release)
	handle(s, post("transfer-conversation", "transfer", "Transfer a conversation",
		"Gives the conversation to another agent, or to a team's queue, where it keeps its place in line. Its assignee may, an admin, and "+
			"anybody while it has none."), s.transfer)
	takeOver := post("take-over-conversation", "takeover", "Take a conversation over", "Makes the agent whom `agent_id` names the assignee, whoever it was before. Needs an admin's key.")
	takeOver.scope = handoff.ScopeAdmin
	handle(s, takeOver, s.takeOver)
	handle(s, post("pass-conversation", "pass", "Pass control to the bot",
		"The bot goes on, and the conversation stays open: an offload brings it back, and agents can claim it. The gateway is told in its "+
			"protocol's way (Chatlayer's bot is resumed, Meta's control released) or by the event `conversation.passed`, retried like every "+
			"webhook. 409 where nothing would tell it."), s.pass)
	handle(s, post("offer-conversation", "offer", "Offer control",
		"Lets an agent, or the bot, accept control until the offer expires. Whoever has the conversation keeps it until then."), s.offer)
	accept := post("accept-conversation", "accept", "Accept what is offered",
		"With the key of the agent to whom it is offered, or with a gateway's key for the bot.")
	accept.also = []handoff.Scope{handoff.ScopeGateway}
	handle(s, accept, s.acceptOffer)
	decline := post("decline-conversation", "decline", "Decline what is offered",
		"Nothing changes, but that an automatic offer goes to the next agent.")
	decline.also = accept.also
	handle(s, decline, s.declineOffer)
}

func (s *server) claim(ctx context.Context, in *commandInput) (*output[Conversation], error) {
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: agentOf(in.Body), allowed: handoff.Control.CheckClaim,
		update: func(cmd workflows.CommandInput) workflows.Input { return workflows.ClaimInput{CommandInput: cmd} },
	})
}

func (s *server) release(ctx context.Context, in *releaseInput) (*output[Conversation], error) {
	body := orEmpty(in.Body)
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckRelease,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.ReleaseInput{CommandInput: cmd, Why: body.why()}
		},
	})
}

func (b Because) why() activities.Why { return activities.Why{Reason: b.Reason} }

func (s *server) transfer(ctx context.Context, in *transferInput) (*output[Conversation], error) {
	body := in.Body
	if body.ToAgentID == nil && body.ToTeamID == nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "say where to: give to_agent_id, to_team_id or both")
	}
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckTransfer, note: body.Note,
		sound: func(ctx context.Context) error { return s.receivers(ctx, body) },
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.TransferInput{CommandInput: cmd, Transfer: activities.Transfer{
				AgentID: body.ToAgentID, TeamID: body.ToTeamID, Why: body.why(),
			}}
		},
	})
}

// receivers says whether whom a transfer is for can have it.
func (s *server) receivers(ctx context.Context, to transferBody) error {
	if to.ToAgentID != nil {
		if _, err := s.enabledAgent(ctx, *to.ToAgentID); err != nil {
			return bodyFault(err, "to_agent_id", "to_agent_id names no agent of this account")
		}
	}
	if to.ToTeamID == nil {
		return nil
	}
	if _, err := s.findTeam(ctx, *to.ToTeamID); err != nil {
		return bodyFault(err, "to_team_id", "to_team_id names no team of this account")
	}
	return nil
}

func (s *server) takeOver(ctx context.Context, in *takeOverInput) (*output[Conversation], error) {
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: &in.Body.AgentID, allowed: handoff.Control.CheckTakeOver, note: in.Body.Note,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.TakeOverInput{CommandInput: cmd, Why: in.Body.why()}
		},
	})
}

func (s *server) pass(ctx context.Context, in *releaseInput) (*output[Conversation], error) {
	body := orEmpty(in.Body)
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckPass,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.PassInput{CommandInput: cmd, Why: body.why()}
		},
	})
}

func (s *server) offer(ctx context.Context, in *offerInput) (*output[Conversation], error) {
	body := in.Body
	if (body.To == "agent") != (body.ToAgentID != nil) {
		return nil, handoff.Errorf(handoff.CodeInvalid, "say to whom: to is agent with to_agent_id, or bot without")
	}
	if body.ExpiresIn == 0 {
		body.ExpiresIn = defaultOfferSeconds
	}
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID,
		allowed: func(c handoff.Control, a handoff.Actor) error { return c.CheckOffer(a, body.ToAgentID) },
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.OfferInput{CommandInput: cmd, Offer: activities.Offer{AgentID: body.ToAgentID, Seconds: body.ExpiresIn}}
		},
	})
}

func (s *server) acceptOffer(ctx context.Context, in *commandInput) (*output[Conversation], error) {
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: agentOf(in.Body), allowed: handoff.Control.CheckAccept,
		update: func(cmd workflows.CommandInput) workflows.Input { return workflows.AcceptInput{CommandInput: cmd} },
	})
}

func (s *server) declineOffer(ctx context.Context, in *releaseInput) (*output[Conversation], error) {
	body := orEmpty(in.Body)
	return s.command(ctx, change{
		Commanded: in.Commanded, agent: body.AgentID, allowed: handoff.Control.CheckAccept,
		update: func(cmd workflows.CommandInput) workflows.Input {
			return workflows.DeclineInput{CommandInput: cmd, Why: body.why()}
		},
	})
}
