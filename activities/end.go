package activities

import (
	"context"
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
	"handoff/internal/survey"
)

// End ends the conversation, at once or after a time in which that can be undone. Its event is the last of the sequence.
func (a *Activities) End(ctx context.Context, c EndCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckResolve(c.Actor) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		if c.Reason == handoff.EndInactivity && (l.conv.InactiveAt == nil || c.Now.Before(*l.conv.InactiveAt)) {
			return errNotDue
		}
		if c.UndoSeconds > 0 {
			return l.endSoon(ctx, c)
		}
		return l.end(ctx, ending{
			reason: c.Reason, actor: c.Actor, disposition: c.Disposition, data: map[string]any{}, survey: c.Reason == handoff.EndResolved,
		})
	})
}

// endSoon lets whoever resolved the conversation think better of it.
func (l *locked) endSoon(ctx context.Context, c EndCommand) error {
	at := l.now.Add(time.Duration(c.UndoSeconds) * time.Second)
	l.conv.ResolveAt, l.conv.ResolveBy, l.conv.Disposition, l.changed = &at, c.Actor.AgentID(), nil, true
	data := map[string]any{"at": moment(at)}
	if c.Disposition != "" {
		l.conv.Disposition, data["disposition"] = &c.Disposition, c.Disposition
	}
	return l.record(ctx, happening{kind: handoff.EventResolving, actor: c.Actor, data: data})
}

// resolveNow ends the conversation as it was asked for a few seconds ago.
func (l *locked) resolveNow(ctx context.Context) error {
	e := ending{reason: handoff.EndResolved, author: handoff.AuthorSystem, data: map[string]any{}, survey: true}
	if l.conv.Disposition != nil {
		e.disposition = *l.conv.Disposition
	}
	if l.conv.ResolveBy != nil {
		agent, err := l.agent(ctx, *l.conv.ResolveBy)
		if err != nil {
			return err
		}
		e.author, e.actor = "", handoff.Actor{Agent: agent}
	}
	return l.end(ctx, e)
}

// UndoResolve keeps a conversation open that is about to end.
func (a *Activities) UndoResolve(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckUndo(c.Actor) }
	return a.command(ctx, c, check, func(l *locked) error { return l.keepOpen(ctx, happening{actor: c.Actor}, reasonCancelled) })
}

// keepOpen undoes a resolve that has not taken effect; without one it does nothing.
func (l *locked) keepOpen(ctx context.Context, by happening, reason string) error {
	if l.conv.ResolveAt == nil {
		return nil
	}
	l.conv.ResolveAt, l.conv.ResolveBy, l.conv.Disposition, l.changed = nil, nil, nil, true
	by.kind, by.data = handoff.EventResolveUndone, map[string]any{"reason": reason}
	return l.record(ctx, by)
}

// ending is how a conversation ends.
type ending struct {
	reason      handoff.EndReason
	actor       handoff.Actor
	author      handoff.AuthorType // set instead of actor where the gateway ends it
	disposition string
	message     *dbsqlc.Message // the turn that ends it, if one does
	survey      bool            // the contact is asked how it was
	data        map[string]any
}

func (l *locked) end(ctx context.Context, e ending) error {
	if err := l.dropScheduled(ctx); err != nil {
		return err
	}
	if e.survey {
		if err := l.askContact(ctx); err != nil {
			return err
		}
	}
	e.data["reason"] = e.reason
	if e.disposition != "" {
		l.conv.Disposition, e.data["disposition"] = &e.disposition, e.disposition
	}
	l.conv.EndReason = &e.reason
	err := l.record(ctx, happening{kind: handoff.EventEnded, actor: e.actor, author: e.author, message: e.message, data: e.data})
	if err != nil {
		return err
	}
	if e.message != nil {
		l.apply(*e.message, nil)
	}
	l.withdraw()
	l.settled()
	l.conv.Status, l.conv.EndedAt, l.conv.InactiveAt, l.conv.NoticeAt = handoff.StatusEnded, &l.now, nil, nil
	l.conv.ResolveAt, l.conv.ResolveBy, l.conv.SnoozedUntil, l.conv.WindowNoticeAt, l.conv.QueuedAt = nil, nil, nil, nil, nil
	reason := reasonEnded
	l.conv.ControlSince, l.conv.ControlReason = &l.now, &reason
	return nil
}

// askContact sends the survey. It asks only whom a person has answered, and where it can be sent: a survey keeps nothing from ending.
func (l *locked) askContact(ctx context.Context) error {
	if l.inbox.CSATText == nil || l.surveys == nil || l.conv.FirstRespondedAt == nil {
		return nil
	}
	control := handoff.Control{WindowExpiresAt: l.conv.WindowExpiresAt, Windowless: !l.conv.Windowed}
	if control.CheckWindow("text", l.now) != nil || l.checkWayOut() != nil {
		return nil
	}
	link, err := l.surveys(l.ref.AccountID, l.conv.ID, l.now)
	if err != nil {
		return err
	}
	text := survey.Text(*l.inbox.CSATText, link)
	content, err := protocol.Encode(map[string]string{"body": text})
	if err != nil {
		return err
	}
	m, err := l.q.MessageInsertOutbound(ctx, dbsqlc.MessageInsertOutboundParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, InboxID: l.ref.InboxID, ContactID: l.ref.ContactID,
		AuthorType: handoff.AuthorSystem, Type: "text", Text: &text, Content: content, CreatedAt: l.now,
	})
	if err != nil {
		return err
	}
	return l.send(ctx, handoff.Actor{}, m, nil)
}
