package activities

import (
	"context"
	"slices"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
)

// Timers are the timers of a conversation's row, the earliest first; inactivity is not among them, nor notices of silence.
func timersOf(c dbsqlc.Conversation) []handoff.Timer {
	if c.Status == handoff.StatusEnded {
		return nil
	}
	var out []handoff.Timer
	for _, t := range []struct {
		kind handoff.TimerKind
		at   *time.Time
	}{
		{handoff.TimerResolve, c.ResolveAt},
		{handoff.TimerScheduled, c.ScheduledAt},
		{handoff.TimerSnooze, c.SnoozedUntil},
		{handoff.TimerOffer, c.OfferExpiresAt},
		{handoff.TimerSilent, c.SilentAt},
		{handoff.TimerResponse, c.ResponseNoticeAt},
		{handoff.TimerWindow, c.WindowNoticeAt},
	} {
		if t.at != nil {
			out = append(out, handoff.Timer{Kind: t.kind, At: *t.at})
		}
	}
	slices.SortStableFunc(out, func(a, b handoff.Timer) int { return a.At.Compare(b.At) })
	return out
}

func (l *locked) nextTimer() *handoff.Timer {
	timers := timersOf(*l.conv)
	if len(timers) == 0 {
		return nil
	}
	return &timers[0]
}

// TimeUp does what is due by the row, whatever timer brought it here.
func (a *Activities) TimeUp(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckMoveTimer(c.Actor) }
	return a.command(ctx, c, check, func(l *locked) error {
		done := false
		for _, t := range timersOf(*l.conv) {
			if t.At.After(l.now) || !l.open() {
				break
			}
			if err := l.ring(ctx, t); err != nil {
				return err
			}
			done = true
		}
		if !done {
			return errNotDue
		}
		return nil
	})
}

// ring does what a timer is for. What an earlier one of the same moment has made of the conversation may leave it nothing to do.
func (l *locked) ring(ctx context.Context, t handoff.Timer) error {
	if !slices.Contains(timersOf(*l.conv), t) {
		return nil
	}
	system := happening{author: handoff.AuthorSystem}
	switch t.Kind {
	case handoff.TimerResolve:
		return l.resolveNow(ctx)
	case handoff.TimerScheduled:
		return l.sendDue(ctx)
	case handoff.TimerSnooze:
		return l.wakeUp(ctx, system, reasonDue)
	case handoff.TimerOffer:
		return l.offerExpired(ctx)
	case handoff.TimerSilent:
		return l.requeue(ctx, reasonSilent)
	case handoff.TimerResponse:
		return l.tellResponse(ctx)
	default:
		return l.tellWindow(ctx)
	}
}

// tellResponse says that a response will be late, or is.
func (l *locked) tellResponse(ctx context.Context) error {
	metric := "next_response"
	if l.conv.FirstRespondedAt == nil {
		metric = "first_response"
	}
	due := *l.conv.ResponseDueAt
	h := happening{kind: handoff.EventResponseDue, author: handoff.AuthorSystem, data: map[string]any{
		"metric": metric, "due_at": moment(due),
	}}
	l.conv.ResponseNoticeAt, l.changed = &due, true
	if !l.now.Before(due) {
		h.kind, l.conv.ResponseNoticeAt = handoff.EventResponseMissed, nil
	}
	return l.record(ctx, h)
}

// tellWindow says that WhatsApp's service window will close, or has closed.
func (l *locked) tellWindow(ctx context.Context) error {
	expires := l.conv.WindowExpiresAt
	if expires == nil {
		l.conv.WindowNoticeAt, l.changed = nil, true
		return nil
	}
	h := happening{kind: handoff.EventWindowClosing, author: handoff.AuthorSystem, data: map[string]any{
		"expires_at": moment(*expires),
	}}
	l.conv.WindowNoticeAt, l.changed = expires, true
	if !l.now.Before(*expires) {
		h.kind, l.conv.WindowNoticeAt = handoff.EventWindowClosed, nil
	}
	return l.record(ctx, h)
}

// moment is a time in the data of an event, as exact as the row has it: an event has to say what became of the row.
func moment(t time.Time) string { return t.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano) }

// MoveTimer moves a timer, or cancels it.
func (a *Activities) MoveTimer(ctx context.Context, c MoveTimerCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckMoveTimer(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *locked) error { return l.moveTimer(ctx, c) })
}

func (l *locked) moveTimer(ctx context.Context, c MoveTimerCommand) error {
	if c.At != nil {
		if err := handoff.CheckDue("due_at", *c.At, l.now); err != nil {
			return err
		}
	}
	at := l.timerField(c.Kind)
	if at == nil || *at == nil {
		return handoff.Errorf(handoff.CodeConflict, "no timer of the kind %s is running", c.Kind)
	}
	data := map[string]any{"kind": c.Kind, "was": moment(**at)}
	if c.At != nil {
		data["due_at"] = moment(*c.At)
	}
	if c.Reason != "" {
		data["reason"] = c.Reason
	}
	if err := l.record(ctx, happening{kind: handoff.EventTimerMoved, actor: c.Actor, data: data}); err != nil {
		return err
	}
	l.changed = true
	if c.At == nil {
		return l.cancelTimer(ctx, c, at)
	}
	switch c.Kind {
	case handoff.TimerResponse:
		l.respondBy(*c.At)
	case handoff.TimerSnooze:
		l.resume()
		*at = c.At
		l.outlast(*c.At)
	default:
		*at = c.At
	}
	return nil
}

// cancelTimer does away with a timer. What cannot be without its timer ends with it.
func (l *locked) cancelTimer(ctx context.Context, c MoveTimerCommand, at **time.Time) error {
	switch c.Kind {
	case handoff.TimerSnooze:
		return l.wakeUp(ctx, happening{actor: c.Actor}, reasonCancelled)
	case handoff.TimerOffer:
		l.withdraw()
	case handoff.TimerResolve:
		return l.keepOpen(ctx, happening{actor: c.Actor}, reasonCancelled)
	case handoff.TimerResponse:
		l.conv.ResponseDueAt, l.conv.ResponseNoticeAt = nil, nil
	default:
		*at = nil
	}
	return nil
}

// timerField is where the row keeps a timer that can be moved; nil for one that cannot.
func (l *locked) timerField(kind handoff.TimerKind) **time.Time {
	switch kind {
	case handoff.TimerInactivity:
		return &l.conv.InactiveAt
	case handoff.TimerSnooze:
		return &l.conv.SnoozedUntil
	case handoff.TimerOffer:
		return &l.conv.OfferExpiresAt
	case handoff.TimerResponse:
		return &l.conv.ResponseDueAt
	case handoff.TimerSilent:
		return &l.conv.SilentAt
	case handoff.TimerResolve:
		return &l.conv.ResolveAt
	default:
		return nil
	}
}
