package activities

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// applyLimit is how many items one pass applies: more would hold the contact's lock, and the workflow task, for too long.
const applyLimit = 200

// ApplyInbound applies what was accepted for a contact and not yet applied, in intake order, in one transaction. It lowers the
// contact's flag in the same transaction, under the lock under which intake raises it, so that no wake-up can be lost between.
//
// Run again it finds nothing to apply and returns the same conversation and lanes.
func (a *Activities) ApplyInbound(ctx context.Context, in ApplyInboundInput) (Snapshot, error) {
	var out Snapshot
	err := db.InTx(ctx, a.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		l, err := a.lockConversation(ctx, tx, in.Ref, in.Now)
		if err != nil || l == nil {
			return err
		}
		if l.wake.Erasing {
			if _, err := q.ReceiptItemDrop(ctx, dbsqlc.ReceiptItemDropParams{InboxID: &in.InboxID, ContactID: &in.ContactID}); err != nil {
				return err
			}
		}
		items, err := q.ReceiptItemListUnapplied(ctx, dbsqlc.ReceiptItemListUnappliedParams{
			InboxID: &in.InboxID, ContactID: &in.ContactID, RowLimit: applyLimit,
		})
		if err != nil {
			return err
		}
		if err := l.applyItems(ctx, items); err != nil {
			return err
		}
		if len(items) == 0 {
			if err := l.look(ctx); err != nil {
				return err
			}
		}
		if len(items) < applyLimit && l.wake.Raised {
			err = l.later.WakeLower(ctx, dbsqlc.WakeLowerParams{InboxID: in.InboxID, ContactID: in.ContactID})
			if err != nil {
				return err
			}
		}
		out, err = l.snapshot(ctx)
		out.More = len(items) == applyLimit
		if in.Label {
			out.Label = &l.label
		}
		return err
	})
	return out, a.storeFailed(ctx, "apply inbound", err)
}

func (l *locked) applyItems(ctx context.Context, items []dbsqlc.ReceiptItemListUnappliedRow) error {
	if len(items) == 0 {
		return nil
	}
	if err := l.load(ctx); err != nil {
		return err
	}
	for i, item := range items {
		l.rest = items[i+1:]
		if err := l.applyItem(ctx, item); err != nil {
			return err
		}
	}
	if err := l.route(ctx); err != nil {
		return err
	}
	if err := l.write(ctx); err != nil {
		return err
	}
	return l.later.ReceiptItemApply(ctx, dbsqlc.ReceiptItemApplyParams{
		InboxID: &l.ref.InboxID, ContactID: &l.ref.ContactID, ThroughIntake: items[len(items)-1].Intake,
	})
}

// look does what is to be done where nothing was accepted: an agent may be free for the conversation, or its own may have gone.
func (l *locked) look(ctx context.Context) error {
	if !l.open() || l.conv.TeamID == nil || (l.conv.Status != handoff.StatusWaiting && l.conv.Status != handoff.StatusAssigned) {
		return nil
	}
	if err := l.load(ctx); err != nil {
		return err
	}
	if err := l.route(ctx); err != nil {
		return err
	}
	return l.write(ctx)
}

func (l *locked) applyItem(ctx context.Context, item dbsqlc.ReceiptItemListUnappliedRow) error {
	switch item.Kind {
	case handoff.ItemStatus:
		return l.applyStatusItem(ctx, item)
	case handoff.ItemOffload:
		return l.applyOffload(ctx, item.Message)
	case handoff.ItemEnd:
		return l.applyEnd(ctx, item.Message)
	default:
		return l.applyMessage(ctx, item.Message)
	}
}

// applyMessage puts a message into the open conversation and opens one where it may. A message that may not (a reaction, an
// echo) and finds none stays without a conversation.
func (l *locked) applyMessage(ctx context.Context, m dbsqlc.Message) error {
	if l.shown[m.ID] {
		if m.AuthorType == handoff.AuthorContact {
			l.extendWindow(m)
		}
		return nil
	}
	if !l.open() {
		if m.Shadow {
			return nil // the conversation that it was said in is over: it is the transcript of the next one
		}
		if !m.Opens {
			l.applied = append(l.applied, dbsqlc.MessageApplyParams{ID: m.ID, AppliedAt: &l.now})
			return nil
		}
		if err := l.openConversation(ctx, m, nil); err != nil {
			return err
		}
		if err := l.place(ctx, reasonOpened, &routing.Facts{Text: db.OrEmpty(m.Text)}); err != nil {
			return err
		}
	}
	kind, status := handoff.EventMessageReceived, (*handoff.MessageStatus)(nil)
	if m.Direction == handoff.Outbound {
		// Somebody answered on the phone: WhatsApp has sent it already.
		sent := handoff.MessageSent
		kind, status, m.Status = handoff.EventMessageSent, &sent, &sent
	}
	if err := l.record(ctx, happening{kind: kind, author: m.AuthorType, message: &m, arrives: true}); err != nil {
		return err
	}
	l.apply(m, status)
	l.changed = true
	if m.AuthorType != handoff.AuthorSystem {
		l.touch(m.CreatedAt)
	}
	l.conv.LastMessageID = &m.ID
	if m.Direction == handoff.Inbound {
		l.conv.UnreadCount++
	}
	if m.AuthorType == handoff.AuthorContact {
		l.extendWindow(m)
		return l.heardFrom(ctx, m.CreatedAt)
	}
	if m.AuthorType == handoff.AuthorAgent {
		l.answered() // on the phone
	}
	return nil
}

func (l *locked) extendWindow(m dbsqlc.Message) {
	if !l.conv.Windowed {
		return
	}
	start := m.CreatedAt
	if m.SentAt != nil {
		start = db.WindowStart(*m.SentAt, m.CreatedAt)
	}
	expires := start.Add(serviceWindow)
	if l.conv.WindowExpiresAt == nil || expires.After(*l.conv.WindowExpiresAt) {
		l.conv.WindowExpiresAt = &expires
		l.noticeWindow()
	}
}

// noticeWindow sets the time at which the end of the window is told, where the inbox asks for it.
func (l *locked) noticeWindow() {
	minutes, expires := l.inbox.WindowWarningMinutes, l.conv.WindowExpiresAt
	if minutes == nil || expires == nil || !expires.After(l.now) {
		return
	}
	at := expires.Add(-time.Duration(*minutes) * time.Minute)
	if !at.After(l.now) {
		at = *expires
	}
	l.conv.WindowNoticeAt, l.changed = &at, true
}

func (l *locked) applyStatusItem(ctx context.Context, item dbsqlc.ReceiptItemListUnappliedRow) error {
	var status db.StatusColumn
	if err := json.Unmarshal(item.Status, &status); err != nil {
		return err
	}
	m, err := l.q.MessageLock(ctx, item.Message.ID)
	if err != nil {
		return err
	}
	if l.comesLate(m, item.ExternalID, status.Status) {
		return nil
	}
	if m.ExternalID == nil && item.ExternalID != nil {
		if err := l.learn(ctx, m.ID, *item.ExternalID); err != nil {
			return err
		}
		if m, err = l.q.MessageLock(ctx, m.ID); err != nil {
			return err
		}
	}
	return l.advance(ctx, m, status.Status, status.Failure)
}

// comesLate tells of a "sent" that WhatsApp had said before it said of the same message that it failed: their order is not promised
// (messages/status). Where the failure was ours, or the gateway has sent the message again under another id, "sent" proves it wrong.
func (l *locked) comesLate(m dbsqlc.Message, externalID *string, to handoff.MessageStatus) bool {
	return to == handoff.MessageSent && m.Status != nil && *m.Status == handoff.MessageFailed && !failedOnTheWay(m) &&
		l.inbox.PhoneNumberID != "" && m.ExternalID != nil && externalID != nil && *m.ExternalID == *externalID
}

// advance moves a message to a later status and records it; a status that comes late changes nothing.
func (l *locked) advance(ctx context.Context, m dbsqlc.Message, to handoff.MessageStatus, failure *handoff.Failure) error {
	// A message of this very pass, such as an echo and its status in one body, has its status in the queue.
	queued := slices.IndexFunc(l.applied, func(a dbsqlc.MessageApplyParams) bool { return a.ID == m.ID })
	if queued >= 0 {
		m.Status = l.applied[queued].Status
	}
	if m.Status == nil || !m.Status.CanBecome(to) {
		return nil
	}
	if queued >= 0 {
		l.applied[queued].Status = &to
	}
	params := dbsqlc.MessageSetStatusParams{ID: m.ID, Status: &to}
	var data map[string]any
	if to == handoff.MessageFailed && failure != nil {
		params.FailureCode, params.FailureReason = &failure.Code, &failure.Reason
		data = map[string]any{"failure": failure}
	}
	if err := l.q.MessageSetStatus(ctx, params); err != nil {
		return err
	}
	m.Status = &to
	return l.record(ctx, happening{
		kind: handoff.MessageEvent(to), author: handoff.AuthorSystem, message: &m, data: data, conversation: m.ConversationID,
	})
}
