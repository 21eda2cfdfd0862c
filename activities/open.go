package activities

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/routing"
)

// shadowLimit is how much of what was said to the bot since the last conversation an agent is shown.
const shadowLimit = 500

// openConversation begins the contact's next conversation with turn m. What was said before the hand-over comes first, and the event
// that says "opened" is the line between.
func (l *locked) openConversation(ctx context.Context, m dbsqlc.Message, source *handoff.OffloadSource) error {
	// What this pass did to the conversation before is written first: there is room for one.
	if err := l.write(ctx); err != nil {
		return err
	}
	before := l.conv
	l.begin(m.CreatedAt, source, reasonOpened)
	data := map[string]any{"message_id": m.ID, "reason": reasonOpened, "opened_at": moment(l.conv.OpenedAt)}
	if source != nil {
		data["reason"] = reasonOffloaded
	}
	if l.goesOn(before, m.CreatedAt) {
		if err := l.inherit(ctx, *before, data); err != nil {
			return err
		}
	}
	if err := l.insertConversation(ctx); err != nil {
		return err
	}
	if err := l.recordHistory(ctx, m); err != nil {
		return err
	}
	return l.record(ctx, happening{kind: handoff.EventOpened, author: m.AuthorType, data: data})
}

// begin turns to a new conversation.
func (l *locked) begin(at time.Time, source *handoff.OffloadSource, reason string) {
	inactive := l.inactiveAfter(at)
	l.counts, l.team = nil, nil
	l.conv = &dbsqlc.Conversation{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, InboxID: l.ref.InboxID, ContactID: l.ref.ContactID, Status: handoff.StatusWaiting,
		Version: 1, OpenedAt: at, LastActivityAt: at, InactiveAt: &inactive, Source: source, Windowed: l.protocol.Window,
		Priority: handoff.PriorityNormal, Skills: []string{}, PassedBy: []handoff.ID{}, Tags: []string{}, Attributes: json.RawMessage(`{}`),
		QueuedAt: &at, ControlSince: &at, ControlReason: &reason,
	}
	l.conv.NoticeAt = l.noticeAfter(at)
}

func (l *locked) insertConversation(ctx context.Context) error {
	c := l.conv
	return l.later.ConversationInsert(ctx, dbsqlc.ConversationInsertParams{
		ID: c.ID, AccountID: c.AccountID, InboxID: c.InboxID, ContactID: c.ContactID, Status: c.Status,
		OpenedAt: c.OpenedAt, InactiveAt: c.InactiveAt, NoticeAt: c.NoticeAt, Source: c.Source, Windowed: c.Windowed,
		Tags: c.Tags, Attributes: c.Attributes, PreviousID: c.PreviousID,
	})
}

// turn is one message of the history: one that the gateway tells of now, or one that was accepted while the bot held the conversation.
type turn struct {
	at    time.Time
	told  *handoff.HistoryTurn
	known *dbsqlc.Message
}

func (l *locked) recordHistory(ctx context.Context, m dbsqlc.Message) error {
	turns, err := l.mergedHistory(ctx, m)
	if err != nil {
		return err
	}
	for _, t := range turns {
		if t.known != nil {
			if err := l.record(ctx, happening{kind: handoff.EventMessageHistory, author: t.known.AuthorType, message: t.known, arrives: true}); err != nil {
				return err
			}
			l.apply(*t.known, nil)
			l.conv.LastMessageID = &t.known.ID
			l.files = l.files || t.known.MediaID != nil
			l.heard(*t.known)
			continue
		}
		row := l.historyRow(m, *t.told)
		l.conv.LastMessageID = &row.ID
		l.heard(dbsqlc.Message{AuthorType: row.AuthorType, SentAt: row.SentAt, CreatedAt: m.CreatedAt})
		said := dbsqlc.Message{ID: row.ID, Direction: row.Direction, AuthorType: row.AuthorType, Type: row.Type, CreatedAt: row.CreatedAt, SentAt: row.SentAt}
		if err := l.record(ctx, happening{kind: handoff.EventMessageHistory, author: row.AuthorType, message: &said, arrives: true}); err != nil {
			return err
		}
		seq := l.conv.LastSeq
		row.Seq = &seq
		l.history = append(l.history, row)
	}
	return nil
}

// heard lets what the contact said to the bot open the service window: WhatsApp counts it as well, if it says when.
func (l *locked) heard(m dbsqlc.Message) {
	if m.AuthorType == handoff.AuthorContact && m.SentAt != nil && l.now.Sub(*m.SentAt) < serviceWindow {
		l.extendWindow(m)
	}
}

// mergedHistory puts what the gateway tells and what was accepted before into one order, each turn once. What an earlier conversation has
// shown is not shown again.
func (l *locked) mergedHistory(ctx context.Context, m dbsqlc.Message) ([]turn, error) {
	var told []handoff.HistoryTurn
	if len(m.History) > 0 {
		if err := json.Unmarshal(m.History, &told); err != nil {
			return nil, err
		}
	}
	shadows, err := l.takeShadows(ctx)
	if err != nil {
		return nil, err
	}
	known, err := l.knownTurns(ctx, told)
	if err != nil {
		return nil, err
	}
	var turns []turn
	last := time.Time{}
	for i, t := range told {
		if !t.At.IsZero() {
			last = t.At
		}
		if t.ExternalID != "" && known[t.ExternalID] {
			if m := l.behind(t.ExternalID); m != nil {
				turns = append(turns, turn{at: last, known: m})
			}
			continue
		}
		if t.ExternalID != "" {
			known[t.ExternalID] = true
		}
		turns = append(turns, turn{at: last, told: &told[i]})
	}
	for i := range shadows {
		at := shadows[i].CreatedAt
		if shadows[i].SentAt != nil {
			at = *shadows[i].SentAt
		}
		turns = append(turns, turn{at: at, known: &shadows[i]})
	}
	if len(shadows) > 0 {
		slices.SortStableFunc(turns, func(x, y turn) int { return x.at.Compare(y.at) })
	}
	return turns, nil
}

// behind gives a told turn that has come as a message too, after the transcript and before the conversation was opened: a feed may be
// slower than the request for a person. It stands where the transcript has it, and is not applied once more.
func (l *locked) behind(externalID string) *dbsqlc.Message {
	for i := range l.rest {
		m := &l.rest[i].Message
		if l.rest[i].Kind == handoff.ItemMessage && m.ExternalID != nil && *m.ExternalID == externalID && !l.shown[m.ID] {
			l.shown[m.ID] = true
			return m
		}
	}
	return nil
}

// takeShadows gives what was said to the bot since the last conversation, oldest first.
func (l *locked) takeShadows(ctx context.Context) ([]dbsqlc.Message, error) {
	rows, err := l.q.MessageListShadow(ctx, dbsqlc.MessageListShadowParams{
		InboxID: l.ref.InboxID, ContactID: l.ref.ContactID, RowLimit: shadowLimit,
	})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	slices.Reverse(rows)
	if len(rows) < shadowLimit {
		return rows, nil
	}
	return rows, l.q.MessageForgetShadow(ctx, dbsqlc.MessageForgetShadowParams{
		InboxID: l.ref.InboxID, ContactID: l.ref.ContactID, Before: rows[0].CreatedAt,
	})
}

// knownTurns are the external ids of told turns that are messages already: shadows, which come with takeShadows, and messages of
// earlier conversations.
func (l *locked) knownTurns(ctx context.Context, told []handoff.HistoryTurn) (map[string]bool, error) {
	known := map[string]bool{}
	var ids []string
	for _, t := range told {
		if t.ExternalID != "" {
			ids = append(ids, t.ExternalID)
		}
	}
	if len(ids) == 0 {
		return known, nil
	}
	rows, err := l.q.MessageListByExternalIDs(ctx, dbsqlc.MessageListByExternalIDsParams{InboxID: l.ref.InboxID, ExternalIds: ids})
	for _, row := range rows {
		known[*row.ExternalID] = true
	}
	return known, err
}

func (l *locked) historyRow(m dbsqlc.Message, t handoff.HistoryTurn) dbsqlc.MessageInsertHistoryParams {
	row := dbsqlc.MessageInsertHistoryParams{
		ID: handoff.NewID(), AccountID: l.ref.AccountID, InboxID: l.ref.InboxID, ContactID: l.ref.ContactID, ConversationID: &l.conv.ID,
		Direction: t.Direction, AuthorType: t.Author, Type: cmp.Or(t.Type, "text"), Text: &t.Text, Content: t.Content, CreatedAt: m.CreatedAt,
	}
	if row.AuthorType == "" {
		row.AuthorType = handoff.AuthorContact
		if t.Direction == handoff.Outbound {
			row.AuthorType = handoff.AuthorBot
		}
	}
	if len(row.Content) == 0 {
		row.Content = json.RawMessage(`{}`)
	}
	if t.ExternalID != "" {
		row.ExternalID = &t.ExternalID
	}
	if !t.At.IsZero() {
		row.SentAt = &t.At
	}
	return row
}

// applyOffload gives the conversation to people, and opens one where there is none. A conversation that somebody has stays with them.
func (l *locked) applyOffload(ctx context.Context, m dbsqlc.Message) error {
	var offload db.OffloadColumn
	if err := json.Unmarshal(m.Content, &offload); err != nil {
		return err
	}
	opened := !l.open()
	if opened {
		if err := l.openConversation(ctx, m, &offload.Source); err != nil {
			return err
		}
	}
	l.conv.Source, l.conv.Offload = &offload.Source, m.Content
	data := map[string]any{"source": offload.Source}
	if offload.Reason != "" {
		data["reason"] = offload.Reason
	}
	if len(offload.Payload) > 0 {
		data["payload"] = offload.Payload
	}
	if err := l.record(ctx, happening{kind: handoff.EventOffloaded, author: handoff.AuthorBot, message: &m, arrives: true, data: data}); err != nil {
		return err
	}
	l.apply(m, nil)
	l.touch(m.CreatedAt)
	l.conv.UnreadCount++
	// A list shows what was said last, and the request itself only where nothing was.
	if l.conv.LastMessageID == nil {
		l.conv.LastMessageID = &m.ID
	}
	return l.callPerson(ctx, opened, m, routing.Facts{Reason: offload.Reason, Payload: offload.Payload, Source: offload.Source})
}

// callPerson puts an offloaded conversation before people, unless somebody has it.
func (l *locked) callPerson(ctx context.Context, opened bool, m dbsqlc.Message, facts routing.Facts) error {
	if err := l.keepOpen(ctx, happening{author: handoff.AuthorBot}, reasonOffloaded); err != nil {
		return err
	}
	switch {
	case opened:
		if err := l.place(ctx, reasonOffloaded, &facts); err != nil {
			return err
		}
	case l.conv.Status == handoff.StatusBot:
		if err := l.enqueue(ctx, reasonOffloaded, &facts); err != nil {
			return err
		}
	case l.conv.Status == handoff.StatusSnoozed:
		if err := l.wakeUp(ctx, happening{author: handoff.AuthorBot}, reasonOffloaded); err != nil {
			return err
		}
	}
	return l.await(ctx, m.CreatedAt)
}

// applyEnd ends the conversation because its gateway says that it is over. The turn that says so is the last of the sequence.
func (l *locked) applyEnd(ctx context.Context, m dbsqlc.Message) error {
	if !l.open() {
		l.applied = append(l.applied, dbsqlc.MessageApplyParams{ID: m.ID, AppliedAt: &l.now})
		return nil
	}
	data := map[string]any{}
	if m.Text != nil {
		data["note"] = *m.Text
	}
	return l.end(ctx, ending{reason: handoff.EndGateway, author: handoff.AuthorBot, message: &m, data: data})
}
