package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// Offer lets an agent, or the bot, accept control until the offer expires. Whoever has the conversation keeps it until then.
func (a *Activities) Offer(ctx context.Context, c OfferCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckOffer(c.Actor, c.AgentID) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		if c.AgentID == nil {
			if err := l.checkBotTold(ctx); err != nil {
				return err
			}
			return l.offerTo(ctx, happening{actor: c.Actor}, nil, time.Duration(c.Seconds)*time.Second)
		}
		agent, err := l.enabledAgent(ctx, *c.AgentID)
		if err != nil {
			return err
		}
		return l.offerTo(ctx, happening{actor: c.Actor}, agent, time.Duration(c.Seconds)*time.Second)
	})
}

func (l *locked) offerTo(ctx context.Context, by happening, agent *handoff.AgentRef, wait time.Duration) error {
	l.withdraw()
	expires := l.now.Add(wait)
	l.conv.OfferExpiresAt, l.conv.OfferedBot, l.changed = &expires, agent == nil, true
	by.kind, by.data = handoff.EventOffered, map[string]any{"expires_at": moment(expires)}
	if agent == nil {
		by.data["to"] = "bot"
	} else {
		l.conv.OfferedTo, by.data["to"], by.data["agent"] = &agent.ID, "agent", agent
	}
	return l.record(ctx, by)
}

func (l *locked) enabledAgent(ctx context.Context, id handoff.ID) (*handoff.AgentRef, error) {
	row, err := l.q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: l.ref.AccountID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, handoff.Errorf(handoff.CodeInvalid, "to_agent_id names no agent of this account")
	}
	if err != nil {
		return nil, err
	}
	if row.DisabledAt != nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the agent %s is disabled", row.Name)
	}
	return &handoff.AgentRef{ID: row.ID, Name: row.Name}, nil
}

// AcceptOffer gives control to whom it is offered.
func (a *Activities) AcceptOffer(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckAccept(c.Actor) }
	return a.move(ctx, c, check, func(l *locked) error {
		if l.conv.OfferedBot {
			return l.passToBot(ctx, c.Actor, reasonAccepted, "")
		}
		if err := l.holdBy(ctx, c.Actor.Agent.ID, reasonAccepted); err != nil {
			return err
		}
		return l.record(ctx, happening{kind: handoff.EventClaimed, actor: c.Actor, data: map[string]any{
			"assignee": c.Actor.Agent, "reason": reasonAccepted,
		}})
	})
}

// DeclineOffer leaves the conversation where it is, and offers it to the next agent where its team does so.
func (a *Activities) DeclineOffer(ctx context.Context, c DeclineCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckAccept(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		return l.offerOver(ctx, happening{kind: handoff.EventOfferDeclined, actor: c.Actor}, c.Reason)
	})
}

func (l *locked) offerOver(ctx context.Context, h happening, reason string) error {
	h.data = map[string]any{}
	if reason != "" {
		h.data["reason"] = reason
	}
	if l.conv.OfferedTo != nil {
		agent, err := l.agent(ctx, *l.conv.OfferedTo)
		if err != nil {
			return err
		}
		h.data["agent"] = agent
		l.conv.PassedBy = append(l.conv.PassedBy, agent.ID)
	}
	l.withdraw()
	l.changed = true
	return l.record(ctx, h)
}

// offerExpired is a decline by silence. An agent who lets an offer of the team's run out is away, or the next one would go to them too.
func (l *locked) offerExpired(ctx context.Context) error {
	agent, automatic := l.conv.OfferedTo, l.conv.Status == handoff.StatusWaiting && l.conv.TeamID != nil
	if err := l.offerOver(ctx, happening{kind: handoff.EventOfferExpired, author: handoff.AuthorSystem}, ""); err != nil {
		return err
	}
	if agent == nil || !automatic {
		return nil
	}
	team, err := l.readTeam(ctx)
	if err != nil || team == nil || team.Assignment == handoff.AssignManual {
		return err
	}
	if _, err := l.lockTeam(ctx, team.ID); err != nil { // before the agent, like everybody
		return err
	}
	away, err := l.q.AgentSetAway(ctx, dbsqlc.AgentSetAwayParams{ID: *agent, Since: &l.now})
	if err != nil || away == 0 {
		return err
	}
	data, err := json.Marshal(map[string]any{"presence": handoff.PresenceAway, "agent_id": *agent, "reason": "offer_expired"})
	if err != nil {
		return err
	}
	l.events = append(l.events, dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, Type: handoff.EventPresenceChanged, ActorType: handoff.AuthorSystem, ActorID: agent,
		Data: data, OccurredAt: l.now,
	})
	return nil
}
