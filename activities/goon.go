package activities

import (
	"context"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// goesOn tells whether a conversation that opens goes on from the one before: the inbox says how soon the contact has to write.
func (l *locked) goesOn(before *dbsqlc.Conversation, at time.Time) bool {
	return before != nil && before.EndedAt != nil && at.Sub(*before.EndedAt) < time.Duration(l.inbox.ReopenMinutes)*time.Minute
}

// inherit takes over what agents made of the conversation before. Its team may have been deleted since: nobody would see that line.
func (l *locked) inherit(ctx context.Context, before dbsqlc.Conversation, data map[string]any) error {
	l.conv.PreviousID, l.conv.Priority = &before.ID, before.Priority
	l.conv.Skills, l.conv.Tags, l.conv.Attributes = before.Skills, before.Tags, before.Attributes
	data["previous_id"] = before.ID
	if before.TeamID != nil {
		live, err := l.liveTeam(ctx, *before.TeamID)
		if err != nil {
			return err
		}
		if live {
			l.conv.TeamID, data["team_id"] = before.TeamID, *before.TeamID
		}
	}
	if before.Priority != handoff.PriorityNormal {
		data["priority"] = before.Priority.String()
	}
	if len(before.Skills) > 0 {
		data["skills"] = before.Skills
	}
	if len(before.Tags) > 0 {
		data["tags"] = before.Tags
	}
	if string(before.Attributes) != "{}" {
		data["attributes"] = before.Attributes
	}
	if l.inbox.ReopenTo == handoff.ReopenToAssignee {
		l.formerly = before.AssigneeID
	}
	return nil
}

// place gives a conversation that has just been opened to whoever had the one before, where the inbox says so and they are online, and
// else into a line.
func (l *locked) place(ctx context.Context, reason string, facts *routing.Facts) error {
	former := l.formerly
	l.formerly = nil
	if former != nil {
		agent, err := l.q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: l.ref.AccountID, ID: *former})
		if err != nil {
			return err
		}
		if agent.DisabledAt == nil && agent.Presence.At(agent.PresenceUntil, l.now) == handoff.PresenceOnline {
			if err := l.holdBy(ctx, agent.ID, reasonReopened); err != nil {
				return err
			}
			return l.record(ctx, happening{kind: handoff.EventClaimed, author: handoff.AuthorSystem, data: map[string]any{
				"assignee": handoff.AgentRef{ID: agent.ID, Name: agent.Name}, "reason": reasonReopened,
			}})
		}
	}
	return l.enqueue(ctx, reason, facts)
}
