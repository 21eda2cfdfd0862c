package activities

import (
	"context"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Start opens a conversation by an agent, who has it then: with a message, which outside the service window is a template, or by going on
// from one that has ended.
func (a *Activities) Start(ctx context.Context, c StartCommand) (Result, error) {
	var out Result
	err := db.InTx(ctx, a.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		l, err := a.lockConversation(ctx, tx, c.Ref, c.Now)
		if err != nil {
			return err
		}
		if l == nil {
			return handoff.Errorf(handoff.CodeNotFound, "there is no such contact")
		}
		if err := l.checkErasing(c.Command); err != nil {
			return err
		}
		done, err := q.CommandDone(ctx, c.ID)
		if err != nil {
			return err
		}
		if !done {
			if err := l.start(ctx, c); err != nil {
				return err
			}
		}
		out.Snapshot, err = l.snapshot(ctx)
		return err
	})
	if refusal := refusalIn(err); refusal != nil {
		return a.refused(ctx, c.Command, refusal)
	}
	return out, a.storeFailed(ctx, "start", err)
}

func (l *locked) start(ctx context.Context, c StartCommand) error {
	if c.Actor.Agent == nil {
		return handoff.Errorf(handoff.CodeInvalid, "say which agent starts: use an agent's key, or give agent_id")
	}
	if l.open() {
		return handoff.Errorf(handoff.CodeConflict, "the contact has an open conversation in this inbox: %s", l.conv.ID)
	}
	before := l.conv
	if c.PreviousID != nil && (before == nil || before.ID != *c.PreviousID) {
		return handoff.Errorf(handoff.CodeConflict, "the contact has had another conversation since: reopen that one")
	}
	if err := l.load(ctx); err != nil {
		return err
	}
	l.begin(l.now, nil, reasonStarted)
	if at := l.wake.LastInboundAt; at != nil && l.conv.Windowed {
		if expires := at.Add(serviceWindow); expires.After(l.now) {
			l.conv.WindowExpiresAt = &expires
			l.noticeWindow()
		}
	}
	data, reason := map[string]any{"reason": reasonStarted, "opened_at": moment(l.conv.OpenedAt)}, reasonStarted
	if c.PreviousID != nil {
		if err := l.inherit(ctx, *before, data); err != nil {
			return err
		}
		data["reason"], reason = reasonReopened, reasonReopened
	}
	l.formerly, l.changed = nil, true
	if l.conv.TeamID == nil {
		l.conv.TeamID = l.inbox.TeamID
	}
	if l.conv.TeamID != nil {
		data["team_id"] = *l.conv.TeamID
	}
	if err := l.insertConversation(ctx); err != nil {
		return err
	}
	if err := l.record(ctx, happening{kind: handoff.EventOpened, actor: c.Actor, data: data}); err != nil {
		return err
	}
	if err := l.startWith(ctx, c, reason); err != nil {
		return err
	}
	if err := l.write(ctx); err != nil {
		return err
	}
	return l.later.CommandInsert(ctx, dbsqlc.CommandInsertParams{ID: c.ID, ConversationID: l.conv.ID, CreatedAt: c.Now})
}

func (l *locked) startWith(ctx context.Context, c StartCommand, reason string) error {
	if err := l.holdBy(ctx, c.Actor.Agent.ID, reason); err != nil {
		return err
	}
	err := l.record(ctx, happening{kind: handoff.EventClaimed, actor: c.Actor, data: map[string]any{
		"assignee": c.Actor.Agent, "reason": reason,
	}})
	if err != nil || c.MessageID == nil {
		return err
	}
	control, err := l.conversation(ctx)
	if err != nil {
		return err
	}
	if err := control.Control().CheckWindow(c.Type, l.now); err != nil {
		return err
	}
	m, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: c.AccountID, ID: *c.MessageID})
	if err != nil {
		return db.NotFound(err, "message")
	}
	return l.send(ctx, c.Actor, m, nil)
}
