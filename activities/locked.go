package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
	"handoff/internal/protocol/registry"
)

// serviceWindow is how long after the contact's last message WhatsApp takes free-form replies.
const serviceWindow = 24 * time.Hour

// locked is one contact's conversation, whose locks a transaction holds: the contact's wake row first, then the conversation. It collects
// what the transaction does, and writes it in a few batches at the end.
type locked struct {
	q   *dbsqlc.Queries
	ref Ref
	// later queues writes and sends them with the next question that it is asked.
	later    *dbsqlc.Queries
	pipeline *db.Pipeline
	now      time.Time
	wake     dbsqlc.Wake
	conv     *dbsqlc.Conversation // the open one, or else the last one
	inbox    dbsqlc.Inbox
	protocol protocol.Protocol
	// endpoints are those of the inbox, disabled ones too: their deliveries are held.
	endpoints []dbsqlc.Endpoint
	// contact and counts are read when an event is told that needs them.
	contact *protocol.Contact
	counts  *counts
	links   Links
	surveys func(account, conversation handoff.ID, at time.Time) (string, error)
	fast    func(endpoint handoff.ID) bool
	teams   *teamNames

	anyone bool         // may every agent answer?
	label  Label        // of the inbox
	team   *dbsqlc.Team // that the conversation is queued in; read when it is asked for

	formerly *handoff.ID // who had the conversation that a new one goes on from

	changed  bool // the conversation's row has changed in more than its last number
	numbered bool // the last number has changed
	files    bool // files that nobody fetched are to be fetched now
	// rest is what this pass has yet to apply; shown are those messages of it that a transcript has put into their place.
	rest  []dbsqlc.ReceiptItemListUnappliedRow
	shown map[handoff.ID]bool

	history    []dbsqlc.MessageInsertHistoryParams
	applied    []dbsqlc.MessageApplyParams
	events     []dbsqlc.EventInsertParams
	deliveries []dbsqlc.DeliveryInsertParams
}

// lockConversation locks the contact's rows. It gives nil for a contact of whom nothing has been accepted yet.
func (a *Activities) lockConversation(ctx context.Context, tx pgx.Tx, ref Ref, now time.Time) (*locked, error) {
	q := dbsqlc.New(tx)
	row, err := q.WakeLockFor(ctx, dbsqlc.WakeLockForParams{InboxID: ref.InboxID, ContactID: ref.ContactID})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	l := &locked{
		q: q, ref: ref, now: now, wake: row.Wake, anyone: row.Replies == handoff.RepliesAnyone, pipeline: db.NewPipeline(tx), links: a.Links,
		surveys: a.Surveys, fast: a.InFlight.first.fast, teams: a.InFlight.teams, shown: map[handoff.ID]bool{},
		label: Label{Inbox: row.InboxName, Protocol: row.Protocol, URL: a.ConversationURL},
	}
	l.later = dbsqlc.New(l.pipeline)
	conv, err := q.ConversationLockLatest(ctx, dbsqlc.ConversationLockLatestParams{InboxID: ref.InboxID, ContactID: ref.ContactID})
	if errors.Is(err, pgx.ErrNoRows) {
		return l, nil
	}
	l.conv = &conv
	return l, err
}

// load reads what rendering needs. Passes that find nothing to do never call it.
func (l *locked) load(ctx context.Context) error {
	var err error
	if l.inbox, err = l.q.InboxGetAny(ctx, l.ref.InboxID); err != nil {
		return err
	}
	var known bool
	if l.protocol, known = registry.Of(l.inbox.Protocol); !known {
		return fmt.Errorf("inbox %s speaks %q, which this worker does not know", l.inbox.ID, l.inbox.Protocol)
	}
	l.endpoints, err = l.q.EndpointListByInbox(ctx, dbsqlc.EndpointListByInboxParams{AccountID: l.ref.AccountID, InboxID: l.ref.InboxID})
	return err
}

func (l *locked) open() bool { return l.conv != nil && l.conv.Status != handoff.StatusEnded }

// happening is an event before it has its number.
type happening struct {
	kind    handoff.EventType
	actor   handoff.Actor
	author  handoff.AuthorType // set instead of actor where the contact, the bot or the system acts
	message *dbsqlc.Message
	arrives bool // the message is new in the conversation
	data    map[string]any
	// conversation is set for an event of an ended conversation: it gets no number, for the end was the last one.
	conversation *handoff.ID
}

// record numbers an event, keeps it and makes the deliveries of it.
func (l *locked) record(ctx context.Context, h happening) error {
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
	return l.publish(ctx, row, h)
}

// apply puts a message into the open conversation, with the number of the event that was recorded last.
func (l *locked) apply(m dbsqlc.Message, status *handoff.MessageStatus) {
	seq := l.conv.LastSeq
	l.applied = append(l.applied, dbsqlc.MessageApplyParams{
		ID: m.ID, ConversationID: &l.conv.ID, Seq: &seq, AppliedAt: &l.now, Status: status,
	})
}

// touch moves the conversation's last activity to at.
func (l *locked) touch(at time.Time) {
	l.changed = true
	if at.After(l.conv.LastActivityAt) {
		l.conv.LastActivityAt = at
	}
	// Somebody may have put the end off, past what a message puts it off.
	inactive := l.inactiveAfter(l.conv.LastActivityAt)
	if l.conv.InactiveAt == nil || inactive.After(*l.conv.InactiveAt) {
		l.conv.InactiveAt = &inactive
	}
	l.conv.NoticeAt = l.noticeAfter(l.conv.LastActivityAt)
}

// inactiveAfter is when inactivity ends the conversation unless something happens after at. It counts from when that was taken in: what waited
// for longer, with Temporal away, was seen by nobody, and would end in the moment in which it is opened.
func (l *locked) inactiveAfter(at time.Time) time.Time {
	if l.now.After(at) {
		at = l.now
	}
	return at.Add(l.inbox.Inactivity)
}

// noticeAfter is when the first endpoint that asked to be told of a silence is told, if nobody writes; only what is due after the
// given time counts. nil where nobody asked.
func (l *locked) noticeAfter(told time.Time) *time.Time {
	var next *time.Time
	for _, endpoint := range l.endpoints {
		if endpoint.InactivityMinutes == nil {
			continue
		}
		due := l.conv.LastActivityAt.Add(time.Duration(*endpoint.InactivityMinutes) * time.Minute)
		if due.After(told) && (next == nil || due.Before(*next)) {
			next = &due
		}
	}
	return next
}

// flush writes everything.
func (l *locked) flush(ctx context.Context) error {
	if err := l.write(ctx); err != nil {
		return err
	}
	return l.pipeline.Flush(ctx)
}

// write queues everything, in the order that foreign keys want. It goes out with the snapshot that is taken next.
func (l *locked) write(ctx context.Context) error {
	var errs []error
	if l.changed {
		l.conv.Version++
		errs = append(errs, l.later.ConversationUpdate(ctx, dbsqlc.ConversationUpdateParams{
			ID: l.conv.ID, Status: l.conv.Status, EndReason: l.conv.EndReason, AssigneeID: l.conv.AssigneeID, Version: l.conv.Version,
			LastSeq: l.conv.LastSeq, UnreadCount: l.conv.UnreadCount, LastMessageID: l.conv.LastMessageID,
			WindowExpiresAt: l.conv.WindowExpiresAt, LastActivityAt: l.conv.LastActivityAt, InactiveAt: l.conv.InactiveAt,
			EndedAt: l.conv.EndedAt, Disposition: l.conv.Disposition, NoticeAt: l.conv.NoticeAt, Source: l.conv.Source,
			Offload: l.conv.Offload, TeamID: l.conv.TeamID, Priority: l.conv.Priority, Skills: l.conv.Skills, QueuedAt: l.conv.QueuedAt,
			ControlSince: l.conv.ControlSince, ControlReason: l.conv.ControlReason, OfferedTo: l.conv.OfferedTo, OfferedBot: l.conv.OfferedBot,
			OfferExpiresAt: l.conv.OfferExpiresAt, PassedBy: l.conv.PassedBy, SnoozedUntil: l.conv.SnoozedUntil,
			AwaitingSince: l.conv.AwaitingSince, FirstRespondedAt: l.conv.FirstRespondedAt, ResponseDueAt: l.conv.ResponseDueAt,
			ResponseNoticeAt: l.conv.ResponseNoticeAt, SilentAt: l.conv.SilentAt, WindowNoticeAt: l.conv.WindowNoticeAt,
			ResolveAt: l.conv.ResolveAt, ResolveBy: l.conv.ResolveBy, Scheduled: l.conv.Scheduled, ScheduledAt: l.conv.ScheduledAt,
			Tags: l.conv.Tags,
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
	if l.files {
		errs = append(errs, l.later.WakeMediaCount(ctx, dbsqlc.WakeMediaCountParams{InboxID: &l.ref.InboxID, ContactID: &l.ref.ContactID}))
		l.wake.MediaPending++ // it is looked at once more, at least
	}
	l.changed, l.numbered, l.files = false, false, false
	l.history, l.applied, l.events, l.deliveries = nil, nil, nil, nil
	return errors.Join(errs...)
}

// snapshot reads back what the rows say now.
func (l *locked) snapshot(ctx context.Context) (Snapshot, error) {
	lanes, err := listLanes(ctx, l.later, l.ref, l.fast)
	if err != nil {
		return Snapshot{}, err
	}
	conv, err := l.conversation(ctx)
	if err != nil || l.wake.MediaPending == 0 {
		return Snapshot{Conversation: conv, Lanes: lanes}, err
	}
	media, err := listMedia(ctx, l.q, l.ref)
	return Snapshot{Conversation: conv, Lanes: lanes, Media: media}, err
}

func (l *locked) conversation(ctx context.Context) (*Conversation, error) {
	if l.conv == nil {
		return nil, nil
	}
	c := &Conversation{
		ID: l.conv.ID, Status: l.conv.Status, Version: l.conv.Version, OpenedAt: l.conv.OpenedAt, LastActivityAt: l.conv.LastActivityAt,
		WindowExpiresAt: l.conv.WindowExpiresAt, InactiveAt: l.conv.InactiveAt, NoticeAt: l.conv.NoticeAt, Windowless: !l.conv.Windowed,
		AnyoneReplies: l.anyone, Resolving: l.conv.ResolveAt != nil, SnoozedUntil: l.conv.SnoozedUntil, Next: l.nextTimer(),
		ControlSince: inUTC(l.conv.ControlSince), AwaitingSince: inUTC(l.conv.AwaitingSince),
	}
	if l.wake.Erasing {
		// What is due now would be refused, and be due again: the erasure ends the conversation.
		c.InactiveAt, c.NoticeAt, c.Next = nil, nil, nil
	}
	if l.conv.EndReason != nil {
		c.EndReason = *l.conv.EndReason
	}
	var err error
	if l.conv.TeamID != nil {
		if c.Team, err = l.teamRef(ctx, *l.conv.TeamID); err != nil {
			return c, err
		}
	}
	if l.conv.AssigneeID != nil {
		if c.Assignee, err = l.agent(ctx, *l.conv.AssigneeID); err != nil {
			return c, err
		}
	}
	if l.conv.OfferExpiresAt != nil {
		c.Offer = &handoff.Offer{ExpiresAt: *l.conv.OfferExpiresAt}
		if l.conv.OfferedTo != nil {
			c.Offer.Agent, err = l.agent(ctx, *l.conv.OfferedTo)
		}
	}
	return c, err
}

// agent names an agent of the account.
func (l *locked) agent(ctx context.Context, id handoff.ID) (*handoff.AgentRef, error) {
	row, err := l.q.AgentGet(ctx, dbsqlc.AgentGetParams{AccountID: l.ref.AccountID, ID: id})
	return &handoff.AgentRef{ID: row.ID, Name: row.Name}, err
}

// inUTC is a time as a payload carries it: the same, whether it was read or is about to be written.
func inUTC(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	utc := t.UTC()
	return &utc
}
