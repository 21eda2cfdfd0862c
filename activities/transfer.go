package activities

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db/dbsqlc"
)

// Transfer gives the conversation to another agent, or to a team's queue, where it keeps its place in line.
func (a *Activities) Transfer(ctx context.Context, c TransferCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckTransfer(c.Actor) }
	return a.move(ctx, c.Command, check, func(l *locked) error { return l.transfer(ctx, c) })
}

func (l *locked) transfer(ctx context.Context, c TransferCommand) error {
	data := why(reasonTransferred, c.Reason)
	if l.conv.AssigneeID != nil {
		from, err := l.agent(ctx, *l.conv.AssigneeID)
		if err != nil {
			return err
		}
		data["from"] = from
	}
	if c.TeamID != nil {
		live, err := l.liveTeam(ctx, *c.TeamID)
		if err != nil {
			return err
		}
		if !live {
			return handoff.Errorf(handoff.CodeInvalid, "to_team_id names no team of this account")
		}
		l.conv.TeamID, data["team_id"] = c.TeamID, *c.TeamID
	}
	if c.AgentID == nil {
		l.lineUp(reasonTransferred)
		return l.record(ctx, happening{kind: handoff.EventTransferred, actor: c.Actor, data: data})
	}
	agent, err := l.enabledAgent(ctx, *c.AgentID)
	if err != nil {
		return err
	}
	data["assignee"] = agent
	if err := l.holdBy(ctx, agent.ID, reasonTransferred); err != nil {
		return err
	}
	return l.record(ctx, happening{kind: handoff.EventTransferred, actor: c.Actor, data: data})
}

// liveTeam tells whether a team can be queued in, and keeps it from being deleted meanwhile.
func (l *locked) liveTeam(ctx context.Context, id handoff.ID) (bool, error) {
	_, err := l.q.TeamShare(ctx, dbsqlc.TeamShareParams{AccountID: l.ref.AccountID, ID: id})
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// TakeOver makes the actor's agent the assignee, whoever it was before.
func (a *Activities) TakeOver(ctx context.Context, c TakeOverCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckTakeOver(c.Actor) }
	return a.move(ctx, c.Command, check, func(l *locked) error {
		if l.conv.Status == handoff.StatusAssigned && *l.conv.AssigneeID == c.Actor.Agent.ID {
			return nil
		}
		data := why(reasonTakenOver, c.Reason)
		data["assignee"] = c.Actor.Agent
		if l.conv.AssigneeID != nil {
			from, err := l.agent(ctx, *l.conv.AssigneeID)
			if err != nil {
				return err
			}
			data["from"] = from
		}
		if err := l.holdBy(ctx, c.Actor.Agent.ID, reasonTakenOver); err != nil {
			return err
		}
		return l.record(ctx, happening{kind: handoff.EventTransferred, actor: handoff.Actor{Admin: true}, data: data})
	})
}

// Pass gives control to the bot. The conversation stays open, and comes back with an offload.
func (a *Activities) Pass(ctx context.Context, c PassCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckPass(c.Actor) }
	return a.move(ctx, c.Command, check, func(l *locked) error {
		if err := l.checkBotTold(ctx); err != nil {
			return err
		}
		return l.passToBot(ctx, c.Actor, reasonPassed, c.Reason)
	})
}

func (l *locked) passToBot(ctx context.Context, actor handoff.Actor, reason, words string) error {
	l.holdByBot(reason)
	return l.record(ctx, happening{kind: handoff.EventPassed, actor: actor, data: why(reason, words)})
}

// why is the data of an event that moves control: somebody's own words stand for the reason then, and the reason of the row beside them.
func why(reason, words string) map[string]any {
	if words == "" {
		return map[string]any{"reason": reason}
	}
	return map[string]any{"reason": words, "control": reason}
}

// checkBotTold refuses to give control to a bot that would never hear of it.
func (l *locked) checkBotTold(context.Context) error {
	if l.protocol.End != nil && l.transport(l.protocol.Transport) != nil {
		return nil
	}
	if l.conv.Source != nil && *l.conv.Source == handoff.SourceMeta && l.transport(handoff.TransportGraph) != nil {
		return nil
	}
	for _, e := range l.endpoints {
		if l.wantsNative(e, handoff.EventPassed) {
			return nil
		}
	}
	return handoff.Errorf(handoff.CodeConflict, "nothing would tell the bot: let an endpoint of the inbox ask for %s, or resolve the conversation", handoff.EventPassed)
}
