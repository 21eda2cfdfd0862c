package api

import (
	"context"
	"net/http"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// Less than the server's WriteTimeout, so that a slow command is still answered.
const commandTimeout = 20 * time.Second

type actorBody struct {
	AgentID *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
}

type claimInput struct {
	ByID
	Idempotent
	Body *actorBody `required:"false"`
}

type resolveBody struct {
	AgentID     *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
	Note        string      `json:"note,omitempty" maxLength:"10000" doc:"A note among agents that is added before the end."`
	Disposition string      `json:"disposition,omitempty" maxLength:"200" doc:"How it was resolved, in the words of your client."`
}

type resolveInput struct {
	ByID
	Idempotent
	Body *resolveBody `required:"false"`
}

func (s *server) commandRoutes() {
	errs := []int{http.StatusNotFound, http.StatusTooManyRequests}
	handle(s, operation{
		id: "claim-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/claim", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Claim a conversation", errors: errs,
		description: "Makes the agent the assignee. Of several agents who claim at once one wins; the others get 409 with the winner as `assignee`.",
	}, s.claim)
	handle(s, operation{
		id: "release-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/release", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Release a conversation", description: "Gives the conversation back to the queue.", errors: errs,
	}, s.release)
	handle(s, operation{
		id: "resolve-conversation", method: http.MethodPost, path: "/v1/conversations/{id}/resolve", tag: conversationTag, scope: handoff.ScopeAgent,
		summary: "Resolve a conversation", description: "Ends the conversation and tells the gateway.", errors: errs,
	}, s.resolve)
}

func (s *server) claim(ctx context.Context, in *claimInput) (*output[Conversation], error) {
	return s.command(ctx, in.ID, agentOf(in.Body), handoff.Control.CheckClaim,
		func(ctx context.Context, c workflows.ConversationInput, cmd workflows.CommandInput) error {
			return s.Commands.Update(ctx, c, workflows.ClaimInput{CommandInput: cmd})
		})
}

func (s *server) release(ctx context.Context, in *claimInput) (*output[Conversation], error) {
	return s.command(ctx, in.ID, agentOf(in.Body), handoff.Control.CheckRelease,
		func(ctx context.Context, c workflows.ConversationInput, cmd workflows.CommandInput) error {
			return s.Commands.Update(ctx, c, workflows.ReleaseInput{CommandInput: cmd})
		})
}

func (s *server) resolve(ctx context.Context, in *resolveInput) (*output[Conversation], error) {
	body := in.Body
	if body == nil {
		body = &resolveBody{}
	}
	return s.command(ctx, in.ID, body.AgentID, handoff.Control.CheckResolve,
		func(ctx context.Context, c workflows.ConversationInput, cmd workflows.CommandInput) error {
			if body.Note != "" {
				// Under the command's id, so that a repeated request adds it once.
				note := newNote{id: commandOf(ctx).ID, conversation: cmd.ConversationID, inbox: c.InboxID, actor: cmd.Actor, text: body.Note}
				if _, err := s.addNote(ctx, note); err != nil {
					return err
				}
			}
			return s.Commands.Update(ctx, c, workflows.ResolveInput{CommandInput: cmd, Disposition: body.Disposition})
		})
}

func agentOf(body *actorBody) *handoff.ID {
	if body == nil {
		return nil
	}
	return body.AgentID
}

type check func(handoff.Control, handoff.Actor) error

type send func(context.Context, workflows.ConversationInput, workflows.CommandInput) error

// command changes a conversation by its workflow and answers with what the row then says.
func (s *server) command(ctx context.Context, id handoff.ID, agent *handoff.ID, allowed check, send send) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, id)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, agent)
	if err != nil {
		return nil, err
	}
	if err := s.carryOut(ctx, row, actor, allowed, send); err != nil {
		return nil, err
	}
	if row, err = s.findConversation(ctx, id); err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, row)
}

// carryOut asks the row first: a conflict that it shows needs no workflow. A command that an earlier request may have carried out
// is not asked for again, because its own effect would look like a conflict.
func (s *server) carryOut(ctx context.Context, row dbsqlc.ConversationDetailRow, actor handoff.Actor, allowed check, send send) error {
	cmd, c := commandOf(ctx), row.Conversation
	if cmd.Repeated {
		done, err := s.queries(ctx).CommandDone(ctx, cmd.ID.String())
		if done {
			// The run may have died after the write and before it knew of it, and Temporal forgets an update that was not completed:
			// then nothing else would tell the run that there is something to deliver.
			s.wake(ctx, db.Wake{AccountID: c.AccountID, InboxID: c.InboxID, ContactID: c.ContactID})
		}
		if err != nil || done {
			return err
		}
	}
	control := handoff.Control{Status: c.Status, Assignee: assigneeOf(row), WindowExpiresAt: c.WindowExpiresAt, Windowless: !c.Windowed}
	if err := allowed(control, actor); err != nil && !cmd.Repeated {
		return err
	}
	leave, ok := s.inflight.enter(c.ID)
	if !ok {
		return &handoff.Error{
			Code: handoff.CodeRateLimited, RetryAfter: time.Second,
			Message: "too many commands for this conversation are at work: try again in a second",
		}
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return send(ctx, workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID), workflows.CommandInput{
		CommandID: cmd.ID.String(), ConversationID: c.ID, Actor: actor,
	})
}

// actor is who gives a command: an agent's key its agent, an admin's key the agent that it names, if it names one.
func (s *server) actor(ctx context.Context, agent *handoff.ID) (handoff.Actor, error) {
	k := keyOf(ctx)
	if k.Scope != handoff.ScopeAdmin {
		if agent != nil && *agent != k.Agent.ID {
			return handoff.Actor{}, handoff.Errorf(handoff.CodeForbidden, "an agent's key acts for its own agent only: leave agent_id out")
		}
		return handoff.Actor{Agent: k.Agent}, nil
	}
	if agent == nil {
		return handoff.Actor{Admin: true}, nil
	}
	row, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: k.AccountID, ID: *agent})
	if err != nil {
		return handoff.Actor{}, agentError(db.NotFound(err, "agent"))
	}
	if row.DisabledAt != nil {
		return handoff.Actor{}, handoff.Errorf(handoff.CodeInvalid, "the agent %s is disabled", row.Name)
	}
	return handoff.Actor{Agent: &handoff.AgentRef{ID: row.ID, Name: row.Name}, Admin: true}, nil
}

// agentError makes an unknown agent a fault of the body: the thing in the path is there.
func agentError(err error) error {
	if handoff.ErrorCode(err) != handoff.CodeNotFound {
		return err
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: "agent_id names no agent of this account",
		Details: []handoff.ErrorDetail{{Location: "body.agent_id", Message: "no such agent"}},
	}
}
