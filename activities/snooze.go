package activities

import (
	"context"
	"time"

	"handoff"
)

// Snooze puts the conversation aside until a time, or until the contact writes, which ends every snooze. Its assignee keeps it.
func (a *Activities) Snooze(ctx context.Context, c SnoozeCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckSnooze(c.Actor) }
	return a.move(ctx, c.Command, check, func(l *locked) error {
		if c.Until != nil {
			if err := handoff.CheckDue("until", *c.Until, l.now); err != nil {
				return err
			}
		}
		l.withdraw()
		l.resume()
		l.conv.Status, l.conv.SnoozedUntil, l.conv.SilentAt, l.changed = handoff.StatusSnoozed, c.Until, nil, true
		data := map[string]any{}
		if c.Until != nil {
			data["until"] = moment(*c.Until)
			l.outlast(*c.Until)
		}
		if c.Reason != "" {
			data["reason"] = c.Reason
		}
		return l.record(ctx, happening{kind: handoff.EventSnoozed, actor: c.Actor, data: data})
	})
}

// outlast lets inactivity wait until a snooze is over.
func (l *locked) outlast(until time.Time) {
	if after := until.Add(l.inbox.Inactivity); l.conv.InactiveAt != nil && after.After(*l.conv.InactiveAt) {
		l.conv.InactiveAt = &after
	}
}

// resume has inactivity count from now where a snooze, which is over before its time, had made it wait.
func (l *locked) resume() {
	until, at := l.conv.SnoozedUntil, l.conv.InactiveAt
	if until == nil || at == nil || !at.Equal(until.Add(l.inbox.Inactivity)) {
		return
	}
	if sooner := l.now.Add(l.inbox.Inactivity); sooner.Before(*at) {
		l.conv.InactiveAt = &sooner
	}
}

// Wake ends a snooze.
func (a *Activities) Wake(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckWake(c.Actor) }
	return a.command(ctx, c, check, func(l *locked) error {
		return l.wakeUp(ctx, happening{actor: c.Actor}, reasonWoken)
	})
}

// wakeUp brings a snoozed conversation back to its assignee, or else to its place in line.
func (l *locked) wakeUp(ctx context.Context, by happening, reason string) error {
	l.resume()
	l.conv.SnoozedUntil, l.changed = nil, true
	l.conv.Status = handoff.StatusAssigned
	if l.conv.AssigneeID == nil {
		l.lineUp(reason)
	}
	if err := l.watch(ctx); err != nil {
		return err
	}
	by.kind, by.data = handoff.EventWoken, map[string]any{"reason": reason, "status": l.conv.Status}
	return l.record(ctx, by)
}
