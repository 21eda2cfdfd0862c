package api

import (
	"context"
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// Less than the server's WriteTimeout, so that a slow command is still answered.
const commandTimeout = 20 * time.Second

// Versioned is part of the input of commands.
type Versioned struct {
	IfMatch string `header:"If-Match" maxLength:"24" doc:"The version of the conversation that the command is for. It is refused with 409 if that is another one by now."`
}

func (v Versioned) expected() (int64, error) {
	if v.IfMatch == "" {
		return 0, nil
	}
	version, err := strconv.ParseInt(strings.Trim(v.IfMatch, `"`), 10, 64)
	if err != nil || version < 1 {
		return 0, &handoff.Error{
			Code: handoff.CodeInvalid, Message: "If-Match is no version: give the conversation's version as it was shown",
			Details: []handoff.ErrorDetail{{Location: "header.If-Match", Message: "must be a version"}},
		}
	}
	return version, nil
}

// expects is the version that the command is for; 0 for any. One that has passed already is refused, unless the command itself may have
// made it pass.
func (v Versioned) expects(ctx context.Context, row dbsqlc.ConversationDetailRow) (int64, error) {
	version, err := v.expected()
	if err == nil && version != 0 && row.Conversation.Version != version && !commandOf(ctx).Repeated {
		err = errChanged(row.Conversation)
	}
	return version, err
}

func errChanged(c dbsqlc.Conversation) error {
	return handoff.Errorf(handoff.CodeConflict, "the conversation has changed: it is at version %d now", c.Version)
}

// Commanded is the input of every command.
type Commanded struct {
	ByID
	Idempotent
	Versioned
}

// Acting is part of the bodies of commands. It is the whole body of those that say nothing else.
type Acting struct {
	AgentID *handoff.ID `json:"agent_id,omitempty" format:"uuid" doc:"Who acts, with an admin's key. An agent's key acts for its agent."`
}

// Because is part of the bodies of commands that may say why.
type Because struct {
	Reason string `json:"reason,omitempty" maxLength:"100" doc:"A code or a few words for the event. It is told to endpoints and operators: nothing personal."`
}

type commandInput struct {
	Commanded
	Body *Acting `required:"false"`
}

func agentOf(body *Acting) *handoff.ID {
	if body == nil {
		return nil
	}
	return body.AgentID
}

// orEmpty is the body of a command, or an empty one where there is none.
func orEmpty[T any](body *T) *T {
	if body == nil {
		return new(T)
	}
	return body
}

type check func(handoff.Control, handoff.Actor) error

type send func(context.Context, workflows.ConversationInput, workflows.CommandInput) error

// change is what a command asks for.
type change struct {
	Commanded
	agent   *handoff.ID // who acts, with an admin's key
	allowed check
	// note is added for agents before the change.
	note string
	// sound says what is wrong with what else is asked for, where only the workflow would find it out, after the note.
	sound func(context.Context) error
	// update makes the payload.
	update func(workflows.CommandInput) workflows.Input
}

// command changes a conversation by its workflow and answers with what the row then says.
func (s *server) command(ctx context.Context, c change) (*output[Conversation], error) {
	row, err := s.findConversation(ctx, c.ID)
	if err != nil {
		return nil, err
	}
	actor, err := s.actor(ctx, c.agent)
	if err != nil {
		return nil, err
	}
	expect, err := c.expects(ctx, row)
	if err != nil {
		return nil, err
	}
	err = s.carryOut(ctx, row, actor, c.allowed, func(ctx context.Context, to workflows.ConversationInput, cmd workflows.CommandInput) error {
		if c.note != "" {
			if c.sound != nil {
				if err := c.sound(ctx); err != nil {
					return err
				}
			}
			// Under the command's id, so that a repeated request adds it once.
			note := newNote{id: commandOf(ctx).ID, conversation: cmd.ConversationID, inbox: to.InboxID, actor: cmd.Actor, text: c.note}
			if _, err := s.addNote(ctx, note); err != nil {
				return err
			}
		}
		cmd.Expect = expect
		return s.Commands.Update(ctx, to, c.update(cmd))
	})
	if err != nil {
		return nil, err
	}
	if row, err = s.findConversation(ctx, c.ID); err != nil {
		return nil, err
	}
	return s.conversationOutput(ctx, row)
}

// carryOut asks the row first: a conflict that it shows needs no workflow. A command that an earlier request may have carried out
// is not asked for again, because its own effect would look like a conflict.
func (s *server) carryOut(ctx context.Context, row dbsqlc.ConversationDetailRow, actor handoff.Actor, allowed check, send send) error {
	cmd, c := commandOf(ctx), row.Conversation
	if done, err := s.doneBefore(ctx, c); err != nil || done {
		return err
	}
	look := func(ctx context.Context) error {
		control, err := s.controlOf(ctx, row)
		if err != nil || cmd.Repeated {
			return err
		}
		return allowed(control, actor)
	}
	if err := look(ctx); err != nil {
		return err
	}
	again := func(ctx context.Context) error {
		var err error
		if row, err = s.findConversation(ctx, c.ID); err != nil {
			return err
		}
		return look(ctx)
	}
	return s.oneOfFew(ctx, c.ID, again, func(ctx context.Context) error {
		return send(ctx, workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID), workflows.CommandInput{
			CommandID: cmd.ID.String(), ConversationID: c.ID, Actor: actor,
		})
	})
}

// doneBefore tells whether an earlier request with the same key has carried the command out. What that was allowed to ask for, such as a
// time to come, may not be asked for any more.
func (s *server) doneBefore(ctx context.Context, c dbsqlc.Conversation) (bool, error) {
	cmd := commandOf(ctx)
	if !cmd.Repeated {
		return false, nil
	}
	done, err := s.queries(ctx).CommandDone(ctx, cmd.ID.String())
	if done {
		// The run may have died after the write and before it knew of it, and Temporal forgets an update that was not completed:
		// then nothing else would tell the run that there is something to deliver.
		s.wake(ctx, db.Wake{AccountID: c.AccountID, InboxID: c.InboxID, ContactID: c.ContactID})
	}
	return done, err
}

// turnTimeout is how long a command waits for its turn.
const turnTimeout = 5 * time.Second

// oneOfFew keeps the number of updates at work for one conversation, or one contact, below what Temporal takes. Whoever had to wait
// looks again: of many who claim at once, most need no update to learn who has won.
func (s *server) oneOfFew(ctx context.Context, of handoff.ID, again, do func(context.Context) error) error {
	wait, stop := context.WithTimeout(ctx, turnTimeout)
	defer stop()
	leave, waited, err := s.inflight.enter(wait, of)
	if err != nil {
		return &handoff.Error{
			Code: handoff.CodeRateLimited, RetryAfter: time.Second,
			Message: "too many commands for this conversation are at work: try again in a second",
		}
	}
	defer leave()
	if waited {
		if err := again(ctx); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	return do(ctx)
}

// controlOf is who holds a conversation by its row.
func (s *server) controlOf(ctx context.Context, row dbsqlc.ConversationDetailRow) (handoff.Control, error) {
	c := row.Conversation
	control := handoff.Control{
		Status: c.Status, Assignee: assigneeOf(row), Resolving: c.ResolveAt != nil, WindowExpiresAt: c.WindowExpiresAt, Windowless: !c.Windowed,
	}
	if c.OfferExpiresAt != nil {
		control.Offer = &handoff.Offer{ExpiresAt: *c.OfferExpiresAt}
		if c.OfferedTo != nil {
			agent, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: c.AccountID, ID: *c.OfferedTo})
			if err != nil {
				return control, err
			}
			control.Offer.Agent = &handoff.AgentRef{ID: agent.ID, Name: agent.Name}
		}
	}
	if control.Assignee == nil && control.Offer == nil {
		return control, nil
	}
	inbox, err := s.queries(ctx).InboxGetAny(ctx, c.InboxID)
	control.AnyoneReplies = inbox.Replies == handoff.RepliesAnyone
	return control, err
}

// actor is who gives a command: an agent's key its agent, an admin's key the agent that it names, if it names one, and a gateway's the bot.
func (s *server) actor(ctx context.Context, agent *handoff.ID) (handoff.Actor, error) {
	k := keyOf(ctx)
	if k.Scope == handoff.ScopeGateway {
		if agent != nil {
			return handoff.Actor{}, handoff.Errorf(handoff.CodeForbidden, "a gateway's key acts for the bot: leave agent_id out")
		}
		return handoff.Actor{Bot: true}, nil
	}
	if k.Scope != handoff.ScopeAdmin {
		if agent != nil && *agent != k.Agent.ID {
			return handoff.Actor{}, handoff.Errorf(handoff.CodeForbidden, "an agent's key acts for its own agent only: leave agent_id out")
		}
		return handoff.Actor{Agent: k.Agent}, nil
	}
	if agent == nil {
		return handoff.Actor{Admin: true}, nil
	}
	row, err := s.enabledAgent(ctx, *agent)
	if err != nil {
		return handoff.Actor{}, agentError(err)
	}
	return handoff.Actor{Agent: &handoff.AgentRef{ID: row.ID, Name: row.Name}, Admin: true}, nil
}

// enabledAgent is an agent of the key's account who may have conversations.
func (s *server) enabledAgent(ctx context.Context, id handoff.ID) (dbsqlc.Agent, error) {
	row, err := s.queries(ctx).AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: keyOf(ctx).AccountID, ID: id})
	if err != nil {
		return dbsqlc.Agent{}, db.NotFound(err, "agent")
	}
	if row.DisabledAt != nil {
		return dbsqlc.Agent{}, handoff.Errorf(handoff.CodeInvalid, "the agent %s is disabled", row.Name)
	}
	return row, nil
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
