package activities

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// Claim makes the actor's agent the assignee.
func (a *Activities) Claim(ctx context.Context, c Command) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckClaim(c.Actor) }
	return a.command(ctx, c, check, func(l *locked) error { return l.claim(ctx, c.Actor) })
}

func (l *locked) claim(ctx context.Context, actor handoff.Actor) error {
	if l.conv.Status == handoff.StatusAssigned && *l.conv.AssigneeID == actor.Agent.ID {
		return nil
	}
	if err := l.keepOpen(ctx, happening{actor: actor}, reasonMoved); err != nil {
		return err
	}
	if err := l.holdBy(ctx, actor.Agent.ID, reasonClaimed); err != nil {
		return err
	}
	return l.record(ctx, happening{kind: handoff.EventClaimed, actor: actor, data: map[string]any{"assignee": actor.Agent}})
}

// Release gives the conversation back to the queue, where it has its old place. Whoever gives it back gets it automatically only after
// all others have passed it by.
func (a *Activities) Release(ctx context.Context, c ReleaseCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckRelease(c.Actor) }
	return a.move(ctx, c.Command, check, func(l *locked) error {
		h := happening{kind: handoff.EventReleased, actor: c.Actor}
		if c.Reason != "" {
			h.data = map[string]any{"reason": c.Reason}
		}
		if was := l.conv.AssigneeID; was != nil {
			l.lineUp(reasonReleased, *was)
		} else {
			l.lineUp(reasonReleased)
		}
		return l.record(ctx, h)
	})
}

// Reply queues a message whose row the API has written. A reply to a waiting conversation claims it, so that two agents who
// answer at once do not both get through.
func (a *Activities) Reply(ctx context.Context, c ReplyCommand) (Result, error) {
	check := func(control handoff.Control) error { return control.CheckReply(c.Actor, c.Type, c.Now) }
	return a.command(ctx, c.Command, check, func(l *locked) error {
		message, err := l.q.MessageGet(ctx, dbsqlc.MessageGetParams{AccountID: c.AccountID, ID: c.MessageID})
		if err != nil {
			return db.NotFound(err, "message")
		}
		if message.AppliedAt != nil || message.ContactID != c.ContactID || message.InboxID != c.InboxID {
			return handoff.Errorf(handoff.CodeConflict, "the message belongs to another command")
		}
		return l.reply(ctx, c.Actor, message)
	})
}

// reply sends an agent's message now. It takes the conversation, unless somebody has it: then it is one that everybody may answer, or
// is snoozed by whoever answers.
func (l *locked) reply(ctx context.Context, actor handoff.Actor, m dbsqlc.Message) error {
	if err := l.keepOpen(ctx, happening{actor: actor}, reasonAnswered); err != nil {
		return err
	}
	if l.conv.AssigneeID == nil {
		if err := l.claim(ctx, actor); err != nil {
			return err
		}
	}
	if err := l.send(ctx, actor, m, nil); err != nil {
		return err
	}
	l.answered()
	l.conv.UnreadCount = 0
	return nil
}

// send lets a message leave.
func (l *locked) send(ctx context.Context, actor handoff.Actor, m dbsqlc.Message, data map[string]any) error {
	if err := l.checkWayOut(); err != nil {
		return err
	}
	queued := handoff.MessageQueued
	m.Status = &queued
	if err := l.record(ctx, happening{kind: handoff.EventMessageQueued, actor: actor, message: &m, arrives: true, data: data}); err != nil {
		return err
	}
	l.apply(m, &queued)
	l.touch(l.now)
	l.conv.LastMessageID = &m.ID
	return nil
}

// errNotDue says that the time of an end by inactivity has not come: somebody wrote in the very moment in which the timer fired, or
// a clock is behind. The command counts as never given, for its id is made of a deadline that may yet come.
var errNotDue = errors.New("the conversation is not inactive")

// command runs one change of a conversation. A command that was carried out before changes nothing; one that was made for an
// older version writes nothing and is told so; one that the row does not allow is refused.
func (a *Activities) command(ctx context.Context, c Command, check func(handoff.Control) error, change func(*locked) error) (Result, error) {
	var out Result
	err := db.InTx(ctx, a.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		l, err := a.lockConversation(ctx, tx, c.Ref, c.Now)
		if err != nil {
			return err
		}
		if l == nil || l.conv == nil {
			return handoff.Errorf(handoff.CodeNotFound, "there is no such conversation")
		}
		if err := l.checkErasing(c); err != nil {
			return err
		}
		done, err := q.CommandDone(ctx, c.ID)
		if err != nil {
			return err
		}
		if !done {
			if out.Stale, err = l.carryOut(ctx, c, check, change); err != nil {
				return err
			}
		}
		out.Snapshot, err = l.snapshot(ctx)
		return err
	})
	if refusal := refusalIn(err); refusal != nil {
		return a.refused(ctx, c, refusal)
	}
	return out, a.storeFailed(ctx, "command", err)
}

// checkErasing refuses what anybody but the erasure itself wants of a contact that is being erased.
func (l *locked) checkErasing(c Command) error {
	if l.wake.Erasing && !strings.HasPrefix(c.ID, ErasureCommand) {
		return handoff.Errorf(handoff.CodeConflict, "the contact is being erased")
	}
	return nil
}

// ErasureCommand begins the id of every command that an erasure gives. Those of requests are UUIDs; an
// operator may write what they like.
const ErasureCommand = "erasure:"

// refusalIn is why a command is refused for good; nil for what may pass when it is tried again.
func refusalIn(err error) *handoff.Error {
	var refusal *handoff.Error
	if errors.As(err, &refusal) && refusal.Code != handoff.CodeInternal {
		return refusal
	}
	return db.Unstorable(err)
}

// move runs a change of who has the conversation, or when. Whoever makes one has thought better of a resolve that is pending.
func (a *Activities) move(ctx context.Context, c Command, check func(handoff.Control) error, change func(*locked) error) (Result, error) {
	return a.command(ctx, c, check, func(l *locked) error {
		if err := l.keepOpen(ctx, happening{actor: c.Actor}, reasonMoved); err != nil {
			return err
		}
		return change(l)
	})
}

func (l *locked) carryOut(ctx context.Context, c Command, check func(handoff.Control) error, change func(*locked) error) (stale bool, err error) {
	if l.conv.ID != c.ConversationID {
		return false, handoff.Errorf(handoff.CodeConflict, "the conversation has ended")
	}
	if l.conv.Version != c.Version {
		return true, nil
	}
	if c.Expect != 0 && l.conv.Version != c.Expect {
		return false, handoff.Errorf(handoff.CodeConflict, "the conversation has changed: it is at version %d now", l.conv.Version)
	}
	before, err := l.conversation(ctx)
	if err != nil {
		return false, err
	}
	if err := check(before.Control()); err != nil {
		return false, err
	}
	if err := l.load(ctx); err != nil {
		return false, err
	}
	if err := change(l); err != nil {
		if errors.Is(err, errNotDue) {
			return false, nil
		}
		return false, err
	}
	if err := l.route(ctx); err != nil {
		return false, err
	}
	if err := l.write(ctx); err != nil {
		return false, err
	}
	if err := l.audit(ctx, c, "conversation", c.ConversationID); err != nil {
		return false, err
	}
	return false, l.later.CommandInsert(ctx, dbsqlc.CommandInsertParams{ID: c.ID, ConversationID: c.ConversationID, CreatedAt: c.Now})
}

// refused reads what the rows say after a refusal, in a transaction of its own because the refusal rolled back the first.
func (a *Activities) refused(ctx context.Context, c Command, refusal *handoff.Error) (Result, error) {
	out := Result{Refused: &Refusal{Code: refusal.Code, Message: refusal.Message, Assignee: refusal.Assignee}}
	err := db.InTx(ctx, a.DB, func(tx pgx.Tx, _ *dbsqlc.Queries) error {
		l, err := a.lockConversation(ctx, tx, c.Ref, c.Now)
		if err != nil || l == nil {
			return err
		}
		out.Snapshot, err = l.snapshot(ctx)
		return err
	})
	return out, a.storeFailed(ctx, "command", err)
}
