package activities

import (
	"context"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/lineup"
	"handoff/internal/routing"
)

// enqueue puts the conversation into the line of the team that the inbox's rules choose, or else of the inbox's own.
func (l *locked) enqueue(ctx context.Context, reason string, facts *routing.Facts) error {
	back := l.conv.Status == handoff.StatusBot
	l.lineUp(reason)
	data := map[string]any{"reason": reason}
	if facts != nil {
		l.choose(*facts, data)
	}
	if l.conv.TeamID == nil {
		l.conv.TeamID = l.inbox.TeamID
	}
	if l.conv.TeamID == nil && len(data) == 1 && !back {
		return nil // there is nothing more to tell than that it was opened: it waits for whoever claims it
	}
	if l.conv.TeamID != nil {
		data["team_id"] = *l.conv.TeamID
	}
	return l.record(ctx, happening{kind: handoff.EventQueued, author: handoff.AuthorSystem, data: data})
}

// choose applies the first rule that fits.
func (l *locked) choose(facts routing.Facts, data map[string]any) {
	rules, err := routing.ParseRules(l.inbox.Routing)
	if err != nil {
		// They were checked when they were saved. One that this worker does not know holds up nobody: it is the inbox's own line then.
		data["rule_error"] = "the inbox's routing rules cannot be read"
		return
	}
	choice, fits := rules.Choose(facts)
	if !fits {
		return
	}
	data["rule"] = choice.Rule
	if choice.TeamID != nil {
		l.conv.TeamID = choice.TeamID
	}
	if len(choice.Skills) > 0 {
		l.conv.Skills, data["skills"] = choice.Skills, choice.Skills
	}
	if choice.Priority != nil {
		l.conv.Priority, data["priority"] = *choice.Priority, choice.Priority.String()
	}
	for _, tag := range choice.Tags {
		if !slices.Contains(l.conv.Tags, tag) {
			l.conv.Tags = append(l.conv.Tags, tag)
		}
	}
	if len(choice.Tags) > 0 {
		data["tags"] = l.conv.Tags
	}
}

// route gives the conversation to an agent of its team, if it waits and the team's plan has one for it. The plan is made under the
// team's lock from what the rows say, so that any number of workers give one conversation once and nobody more than they may have.
func (l *locked) route(ctx context.Context) error {
	if !l.open() || l.conv.TeamID == nil {
		return nil
	}
	if err := l.takeBack(ctx); err != nil {
		return err
	}
	if l.conv.Status != handoff.StatusWaiting || l.conv.OfferExpiresAt != nil {
		return nil
	}
	team, err := l.readTeam(ctx)
	if err != nil || team == nil || team.Assignment == handoff.AssignManual {
		return err
	}
	// Most passes find nobody, and need no lock for that. One that misses an agent who is just getting free is woken again.
	if agent, err := l.match(ctx, *team); err != nil || agent == nil {
		return err
	}
	held, err := l.lockTeam(ctx, team.ID)
	if err != nil {
		return err
	}
	agent, err := l.match(ctx, held)
	if err != nil || agent == nil {
		return err
	}
	if err := l.q.AgentAssigned(ctx, dbsqlc.AgentAssignedParams{ID: agent.ID, AssignedAt: &l.now}); err != nil {
		return err
	}
	if held.OfferSeconds != nil {
		return l.offerTo(ctx, happening{author: handoff.AuthorSystem}, agent, time.Duration(*held.OfferSeconds)*time.Second)
	}
	if err := l.holdBy(ctx, agent.ID, reasonAssigned); err != nil {
		return err
	}
	return l.record(ctx, happening{kind: handoff.EventClaimed, author: handoff.AuthorSystem, data: map[string]any{
		"assignee": agent, "reason": reasonAssigned, "assignment": held.Assignment, "team_id": held.ID,
	}})
}

// lockTeam makes whoever gives the team's conversations away, or changes who may have them, take turns: the team comes first, then its
// members, whom other teams may have too, in one order.
func (l *locked) lockTeam(ctx context.Context, id handoff.ID) (dbsqlc.Team, error) {
	team, err := l.q.TeamLock(ctx, dbsqlc.TeamLockParams{AccountID: l.ref.AccountID, ID: id})
	if err != nil {
		return team, err
	}
	return team, l.q.LineAgentsLock(ctx, dbsqlc.LineAgentsLockParams{AccountID: l.ref.AccountID, TeamID: id})
}

// match is the agent whom the team's plan gives to this conversation; nil for none.
func (l *locked) match(ctx context.Context, team dbsqlc.Team) (*handoff.AgentRef, error) {
	read, err := lineup.Read(ctx, l.q, team, l.now, l.conv.ID)
	if err != nil {
		return nil, err
	}
	own := routing.Waiting{
		ID: l.conv.ID, Priority: l.conv.Priority, QueuedAt: l.now, Skills: l.conv.Skills, PassedBy: l.conv.PassedBy,
		JustPassed: lineup.Just(l.conv.ControlSince, l.now),
	}
	if l.conv.QueuedAt != nil {
		own.QueuedAt = *l.conv.QueuedAt
	}
	for _, m := range read.Plan(&own) {
		if m.Conversation == l.conv.ID {
			return l.agent(ctx, m.Agent)
		}
	}
	return nil, nil
}

// takeBack takes the conversation from an assignee who is not online any more, where the team wants it so.
func (l *locked) takeBack(ctx context.Context) error {
	if l.conv.Status != handoff.StatusAssigned || l.conv.AssigneeID == nil {
		return nil
	}
	team, err := l.readTeam(ctx)
	if err != nil || team == nil || team.WhenAway != handoff.AwayRequeue {
		return err
	}
	agent, err := l.q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: l.ref.AccountID, ID: *l.conv.AssigneeID})
	if err != nil {
		return err
	}
	if agent.DisabledAt == nil && (agent.Presence.At(agent.PresenceUntil, l.now) == handoff.PresenceOnline || !l.leftBy(agent)) {
		return nil
	}
	return l.requeue(ctx, reasonAway)
}

// leftBy tells whether the assignee has gone since they have the conversation. Whoever takes one by hand without ever saying that they
// are online is there all the same.
func (l *locked) leftBy(agent dbsqlc.Agent) bool {
	if l.conv.ControlSince == nil || (l.conv.ControlReason != nil && *l.conv.ControlReason == reasonAssigned) {
		return true
	}
	left := agent.PresenceUntil
	if agent.Presence != handoff.PresenceOnline && agent.PresenceSince != nil {
		left = agent.PresenceSince
	}
	return left != nil && left.After(*l.conv.ControlSince)
}

// requeue takes the conversation from its assignee. It comes back to its old place in line, and to others first.
func (l *locked) requeue(ctx context.Context, reason string) error {
	was := *l.conv.AssigneeID
	ref, err := l.agent(ctx, was)
	if err != nil {
		return err
	}
	l.lineUp(reason, was)
	return l.record(ctx, happening{kind: handoff.EventRequeued, author: handoff.AuthorSystem, data: map[string]any{"from": ref, "reason": reason}})
}
