package activities

import (
	"context"
	"errors"

	"handoff"
	"handoff/db/dbsqlc"
)

// Schedule promises a message for later: it leaves when the contact writes, or else another one does when the time is up.
func (a *Activities) Schedule(ctx context.Context, c ScheduleCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckWrite(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		if err := l.checkWayOut(); err != nil {
			return err
		}
		if c.DueAt != nil {
			if err := handoff.CheckDue("due_at", *c.DueAt, l.now); err != nil {
				return err
			}
		}
		err := l.q.ScheduledInsert(ctx, dbsqlc.ScheduledInsertParams{
			ID: c.ScheduledID, AccountID: l.ref.AccountID, InboxID: l.ref.InboxID, ContactID: l.ref.ContactID, ConversationID: l.conv.ID,
			AgentID: c.Actor.Agent.ID, MessageID: c.MessageID, OtherwiseID: c.OtherwiseID, DueAt: c.DueAt, CreatedAt: l.now,
		})
		if err != nil {
			return err
		}
		if err := l.countScheduled(ctx); err != nil {
			return err
		}
		return l.record(ctx, happening{kind: handoff.EventMessageScheduled, actor: c.Actor, data: scheduledData(c.ScheduledID, "")})
	})
}

// Unschedule takes such a promise back.
func (a *Activities) Unschedule(ctx context.Context, c UnscheduleCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckWrite(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		pending, err := l.q.ScheduledListPending(ctx, l.conv.ID)
		if err != nil {
			return err
		}
		for _, s := range pending {
			if s.ID != c.ScheduledID {
				continue
			}
			if err := l.unschedule(ctx, s, "cancelled", reasonCancelled, happening{actor: c.Actor}); err != nil {
				return err
			}
			return l.countScheduled(ctx)
		}
		return handoff.Errorf(handoff.CodeConflict, "the scheduled message has left, or was cancelled")
	})
}

func scheduledData(id handoff.ID, reason string) map[string]any {
	data := map[string]any{"scheduled_id": id}
	if reason != "" {
		data["reason"] = reason
	}
	return data
}

// countScheduled brings what the row says of its scheduled messages up to date.
func (l *locked) countScheduled(ctx context.Context) error {
	pending, err := l.q.ScheduledListPending(ctx, l.conv.ID)
	if err != nil {
		return err
	}
	l.conv.Scheduled, l.conv.ScheduledAt, l.changed = int32(len(pending)), nil, true
	for _, s := range pending {
		if s.DueAt != nil && (l.conv.ScheduledAt == nil || s.DueAt.Before(*l.conv.ScheduledAt)) {
			l.conv.ScheduledAt = s.DueAt
		}
	}
	return nil
}

// sendExpected sends what was to leave when the contact writes.
func (l *locked) sendExpected(ctx context.Context) error {
	return l.sendScheduled(ctx, func(s dbsqlc.ScheduledMessage) *handoff.ID { return s.MessageID })
}

// sendDue sends what was to leave at a time that has come.
func (l *locked) sendDue(ctx context.Context) error {
	return l.sendScheduled(ctx, func(s dbsqlc.ScheduledMessage) *handoff.ID {
		if s.DueAt == nil || s.DueAt.After(l.now) {
			return nil
		}
		return s.OtherwiseID
	})
}

func (l *locked) sendScheduled(ctx context.Context, which func(dbsqlc.ScheduledMessage) *handoff.ID) error {
	if l.conv.Scheduled == 0 {
		return nil
	}
	pending, err := l.q.ScheduledListPending(ctx, l.conv.ID)
	if err != nil {
		return err
	}
	for _, s := range pending {
		id := which(s)
		if id == nil {
			continue
		}
		if err := l.sendOne(ctx, s, *id); err != nil {
			return err
		}
	}
	return l.countScheduled(ctx)
}

// sendOne sends one scheduled message. One that cannot leave fails for all to see, and holds up nothing that the contact wrote.
func (l *locked) sendOne(ctx context.Context, s dbsqlc.ScheduledMessage, id handoff.ID) error {
	m, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: l.ref.AccountID, ID: id})
	if err != nil {
		return err
	}
	agent, err := l.agent(ctx, s.AgentID)
	if err != nil {
		return err
	}
	control := handoff.Control{Status: l.conv.Status, WindowExpiresAt: l.conv.WindowExpiresAt, Windowless: !l.conv.Windowed}
	err = control.CheckWindow(m.Type, l.now)
	if err == nil {
		err = l.send(ctx, handoff.Actor{Agent: agent}, m, scheduledData(s.ID, ""))
	}
	var refused *handoff.Error
	if errors.As(err, &refused) {
		return l.unschedule(ctx, s, "failed", refused.Message, happening{author: handoff.AuthorSystem})
	}
	if err != nil {
		return err
	}
	return l.q.ScheduledFinish(ctx, dbsqlc.ScheduledFinishParams{ID: s.ID, State: "sent", SentID: &id, FinishedAt: &l.now})
}

func (l *locked) unschedule(ctx context.Context, s dbsqlc.ScheduledMessage, state, reason string, by happening) error {
	err := l.q.ScheduledFinish(ctx, dbsqlc.ScheduledFinishParams{ID: s.ID, State: state, Reason: &reason, FinishedAt: &l.now})
	if err != nil {
		return err
	}
	by.kind, by.data = handoff.EventMessageUnscheduled, scheduledData(s.ID, reason)
	return l.record(ctx, by)
}

// dropScheduled cancels what is still to leave: the conversation ends.
func (l *locked) dropScheduled(ctx context.Context) error {
	if l.conv.Scheduled == 0 {
		return nil
	}
	pending, err := l.q.ScheduledListPending(ctx, l.conv.ID)
	if err != nil {
		return err
	}
	for _, s := range pending {
		if err := l.unschedule(ctx, s, "cancelled", "the conversation ended", happening{author: handoff.AuthorSystem}); err != nil {
			return err
		}
	}
	return l.countScheduled(ctx)
}
