package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

// serviceWindow is how long after the contact's last message WhatsApp takes free-form replies.
const serviceWindow = 24 * time.Hour

// ledger collects what one transaction does to one contact's conversation, and writes it in a few batches at the end. Whoever
// has a ledger holds the locks: the contact's wake row first, then the conversation.
type ledger struct {
	q   *dbsqlc.Queries
	ref Ref
	// later queues writes and sends them with the next question that it is asked.
	later    *dbsqlc.Queries
	pipeline *db.Pipeline
	now      time.Time
	wake     dbsqlc.Wake
	conv     *dbsqlc.Conversation // the open one, or else the last one
	inbox    dbsqlc.Inbox
	// endpoints are those of the inbox, disabled ones too: their deliveries are held.
	endpoints  []dbsqlc.Endpoint
	identities []handoff.Identity

	changed    bool // the conversation's row has changed in more than its last number
	numbered   bool // the last number has changed
	history    []dbsqlc.MessageInsertHistoryParams
	applied    []dbsqlc.MessageApplyParams
	events     []dbsqlc.EventInsertParams
	deliveries []dbsqlc.DeliveryInsertParams
}

// openLedger locks the contact's rows. It gives no ledger for a contact of whom nothing has been accepted yet.
func openLedger(ctx context.Context, tx pgx.Tx, ref Ref, now time.Time) (*ledger, error) {
	q := dbsqlc.New(tx)
	wake, err := q.WakeLock(ctx, dbsqlc.WakeLockParams{InboxID: ref.InboxID, ContactID: ref.ContactID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &ledger{q: q, ref: ref, now: now, wake: wake, pipeline: db.NewPipeline(tx)}
	l.later = dbsqlc.New(l.pipeline)
	conv, err := q.ConversationLockLatest(ctx, dbsqlc.ConversationLockLatestParams{InboxID: ref.InboxID, ContactID: ref.ContactID})
	if errors.Is(err, pgx.ErrNoRows) {
		return l, nil
	}
	l.conv = &conv
	return l, err
}

// load reads what rendering needs. Passes that find nothing to do never call it.
func (l *ledger) load(ctx context.Context) error {
	var err error
	if l.inbox, err = l.q.InboxGetAny(ctx, l.ref.InboxID); err != nil {
		return err
	}
	l.endpoints, err = l.q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: l.ref.AccountID, InboxID: l.ref.InboxID})
	return err
}

// contactIdentities are the contact's names, in the order in which they were learned.
func (l *ledger) contactIdentities(ctx context.Context) ([]handoff.Identity, error) {
	if l.identities != nil {
		return l.identities, nil
	}
	rows, err := l.q.ContactIdentityList(ctx, dbsqlc.ContactIdentityListParams{
		AccountID: l.ref.AccountID, ContactIds: []handoff.ID{l.ref.ContactID},
	})
	for _, row := range rows {
		l.identities = append(l.identities, handoff.Identity{Kind: row.Kind, Value: row.Value})
	}
	return l.identities, err
}

func (l *ledger) open() bool { return l.conv != nil && l.conv.Status != handoff.StatusEnded }

// happening is an event before it has its number.
type happening struct {
	kind    handoff.EventType
	actor   handoff.Actor
	author  handoff.AuthorType // set instead of actor where the contact, the bot or the system acts
	message *dbsqlc.Message
	data    map[string]any
	// conversation is set for an event of an ended conversation: it gets no number, for the end was the last one.
	conversation *handoff.ID
}

// record numbers an event, keeps it and makes the deliveries of it.
func (l *ledger) record(ctx context.Context, h happening) error {
	row := dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, InboxID: &l.ref.InboxID, Type: h.kind, ActorType: h.author, OccurredAt: l.now,
		ConversationID: h.conversation,
	}
	if h.author == "" {
		row.ActorType, row.ActorID = h.actor.AuthorType(), h.actor.AgentID()
	}
	if h.message != nil {
		row.MessageID = &h.message.ID
	}
	if l.open() && (h.conversation == nil || *h.conversation == l.conv.ID) {
		l.conv.LastSeq++
		l.numbered = true
		seq := l.conv.LastSeq
		row.Seq, row.ConversationID = &seq, &l.conv.ID
	}
	var err error
	if row.Data, err = json.Marshal(h.data); err != nil {
		return err
	}
	if h.data == nil {
		row.Data = json.RawMessage(`{}`)
	}
	l.events = append(l.events, row)
	return l.publish(ctx, row, h.message)
}

// apply puts a message into the open conversation, with the number of the event that was recorded last.
func (l *ledger) apply(m dbsqlc.Message, status *handoff.MessageStatus) {
	seq := l.conv.LastSeq
	l.applied = append(l.applied, dbsqlc.MessageApplyParams{
		ID: m.ID, ConversationID: &l.conv.ID, Seq: &seq, AppliedAt: &l.now, Status: status,
	})
}

// touch moves the conversation's last activity to at.
func (l *ledger) touch(at time.Time) {
	l.changed = true
	if at.After(l.conv.LastActivityAt) {
		l.conv.LastActivityAt = at
	}
	inactive := l.conv.LastActivityAt.Add(l.inbox.Inactivity)
	l.conv.InactiveAt = &inactive
}

// flush writes everything.
func (l *ledger) flush(ctx context.Context) error {
	if err := l.write(ctx); err != nil {
		return err
	}
	return l.pipeline.Flush(ctx)
}

// write queues everything, in the order that foreign keys want. It goes out with the snapshot that is taken next.
func (l *ledger) write(ctx context.Context) error {
	var errs []error
	if l.changed {
		l.conv.Version++
		errs = append(errs, l.later.ConversationUpdate(ctx, dbsqlc.ConversationUpdateParams{
			ID: l.conv.ID, Status: l.conv.Status, EndReason: l.conv.EndReason, AssigneeID: l.conv.AssigneeID, Version: l.conv.Version,
			LastSeq: l.conv.LastSeq, UnreadCount: l.conv.UnreadCount, LastMessageID: l.conv.LastMessageID,
			WindowExpiresAt: l.conv.WindowExpiresAt, LastActivityAt: l.conv.LastActivityAt, InactiveAt: l.conv.InactiveAt,
			EndedAt: l.conv.EndedAt, Disposition: l.conv.Disposition,
		}))
	} else if l.numbered {
		errs = append(errs, l.later.ConversationSetSeq(ctx, dbsqlc.ConversationSetSeqParams{ID: l.conv.ID, LastSeq: l.conv.LastSeq}))
	}
	if len(l.history) > 0 {
		errs = append(errs, db.ExecBatch(l.later.MessageInsertHistory(ctx, l.history)))
	}
	if len(l.applied) > 0 {
		errs = append(errs, db.ExecBatch(l.later.MessageApply(ctx, l.applied)))
	}
	if len(l.events) > 0 {
		errs = append(errs, db.ExecBatch(l.later.EventInsert(ctx, l.events)))
	}
	if len(l.deliveries) > 0 {
		errs = append(errs, db.ExecBatch(l.later.DeliveryInsert(ctx, l.deliveries)))
	}
	return errors.Join(errs...)
}

// snapshot reads back what the rows say now.
func (l *ledger) snapshot(ctx context.Context) (Snapshot, error) {
	lanes, err := listLanes(ctx, l.later, l.ref)
	if err != nil {
		return Snapshot{}, err
	}
	conv, err := l.conversation(ctx)
	return Snapshot{Conversation: conv, Lanes: lanes}, err
}

func (l *ledger) conversation(ctx context.Context) (*Conversation, error) {
	if l.conv == nil {
		return nil, nil
	}
	c := &Conversation{
		ID: l.conv.ID, Status: l.conv.Status, Version: l.conv.Version, OpenedAt: l.conv.OpenedAt, LastActivityAt: l.conv.LastActivityAt,
		WindowExpiresAt: l.conv.WindowExpiresAt, InactiveAt: l.conv.InactiveAt,
	}
	if l.conv.EndReason != nil {
		c.EndReason = *l.conv.EndReason
	}
	if l.conv.AssigneeID == nil {
		return c, nil
	}
	agent, err := l.q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: l.ref.AccountID, ID: *l.conv.AssigneeID})
	c.Assignee = &handoff.AgentRef{ID: agent.ID, Name: agent.Name}
	return c, err
}

func listLanes(ctx context.Context, q *dbsqlc.Queries, ref Ref) ([]Lane, error) {
	rows, err := q.LaneList(ctx, dbsqlc.LaneListParams{InboxID: ref.InboxID, ContactID: &ref.ContactID})
	lanes := make([]Lane, 0, len(rows))
	for _, row := range rows {
		lane := Lane{EndpointID: row.EndpointID, Pending: row.Pending, Last: row.LastPosition, Urgent: row.Manual, Host: hostOf(row.URL)}
		if row.Failure != "" {
			lane.Trouble = fmt.Sprintf("%s, attempt %d", row.Failure, row.Attempts)
		}
		lanes = append(lanes, lane)
	}
	return lanes, err
}

// hostOf is what may be shown of an endpoint's URL: the rest is confidential.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Host
}
