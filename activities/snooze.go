package activities

import (
	"context"

	"handoff"
)

// Snooze puts the conversation aside until a time, or until the contact writes, which ends every snooze. Its assignee keeps it.
func (a *Activities) Snooze(ctx context.Context, c SnoozeCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckSnooze(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *ledger) error {
		if c.Until != nil && !c.Until.After(l.now) {
			return handoff.Errorf(handoff.CodeInvalid, "until is in the past: give a time to come, or none to snooze until the contact writes")
		}
		l.withdraw()
		l.conv.Status, l.conv.SnoozedUntil, l.conv.SilentAt, l.changed = handoff.StatusSnoozed, c.Until, nil, true
		data := map[string]any{}
		if c.Until != nil {
			data["until"] = moment(*c.Until)
			// Inactivity waits until the snooze is over.
			if after := c.Until.Add(l.inbox.Inactivity); l.conv.InactiveAt != nil && after.After(*l.conv.InactiveAt) {
				l.conv.InactiveAt = &after
			}
		}
		if c.Reason != "" {
			data["reason"] = c.Reason
		}
		return l.record(ctx, happening{kind: handoff.EventSnoozed, actor: c.Actor, data: data})
	})
}

// Wake ends a snooze.
func (a *Activities) Wake(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckWake(c.Actor) }
	return a.command(ctx, c, check, func(l *ledger) error {
		return l.wakeUp(ctx, happening{actor: c.Actor}, reasonWoken)
	})
}

// wakeUp brings a snoozed conversation back to its assignee, or else to its place in line.
func (l *ledger) wakeUp(ctx context.Context, by happening, reason string) error {
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
