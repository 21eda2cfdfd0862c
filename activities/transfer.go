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
	return a.command(ctx, c.Command, check, func(l *ledger) error { return l.transfer(ctx, c) })
}

func (l *ledger) transfer(ctx context.Context, c TransferCommand) error {
	data := map[string]any{"reason": reasonTransferred}
	if c.Reason != "" {
		data["reason"] = c.Reason
	}
	if l.conv.AssigneeID != nil {
		from, err := l.agent(ctx, *l.conv.AssigneeID)
		if err != nil {
			return err
		}
		data["from"] = from
	}
	if c.TeamID != nil {
		team, err := l.q.TeamGetAny(ctx, dbsqlc.TeamGetAnyParams{AccountID: l.ref.AccountID, ID: *c.TeamID})
		if errors.Is(err, pgx.ErrNoRows) || (err == nil && team.DeletedAt != nil) {
			return handoff.Errorf(handoff.CodeInvalid, "team_id names no team of this account")
		}
		if err != nil {
			return err
		}
		l.conv.TeamID, data["team_id"] = &team.ID, team.ID
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

// TakeOver makes the actor's agent the assignee, whoever it was before.
func (a *Activities) TakeOver(ctx context.Context, c TakeOverCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckTakeOver(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *ledger) error {
		data := map[string]any{"assignee": c.Actor.Agent, "reason": reasonTakenOver}
		if c.Reason != "" {
			data["reason"] = c.Reason
		}
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
		return l.record(ctx, happening{kind: handoff.EventTransferred, actor: c.Actor, data: data})
	})
}

// Pass gives control to the bot. The conversation stays open, and comes back with an offload.
func (a *Activities) Pass(ctx context.Context, c PassCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckPass(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *ledger) error {
		if err := l.checkBotTold(ctx); err != nil {
			return err
		}
		return l.passToBot(ctx, c.Actor, reasonPassed, c.Reason)
	})
}

func (l *ledger) passToBot(ctx context.Context, actor handoff.Actor, reason, words string) error {
	l.holdByBot(reason)
	data := map[string]any{"reason": reason}
	if words != "" {
		data["reason"] = words
	}
	return l.record(ctx, happening{kind: handoff.EventPassed, actor: actor, data: data})
}

// checkBotTold refuses to give control to a bot that would never hear of it.
func (l *ledger) checkBotTold(context.Context) error {
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
