package activities

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/aksita"
	"handoff/internal/protocol/hitlchat"
)

// ledgerRange bounds one page of events.
type ledgerRange struct{ after, through, deliveriesUntil handoff.ID }

// vendorEvents are the vendors' events that follow from one of ours for every endpoint that asks for them, as protocol/type/name. Whether
// one was due after all is told by rendering it.
var vendorEvents = []string{
	fmt.Sprintf("%s/%s/%s", handoff.ProtocolHitlChat, handoff.EventMessageQueued, hitlchat.EventOutboundMessage),
	fmt.Sprintf("%s/%s/%s", handoff.ProtocolHitlChat, handoff.EventEnded, hitlchat.EventConversationResolved),
	fmt.Sprintf("%s/%s/%s", handoff.ProtocolAksita, handoff.EventMessageQueued, aksita.EventHumanAgent),
}

// noWake is what is to be done where the ledger cannot tell.
const (
	noteEvent = "an event cannot be made up: restore it from a backup, or see the conversation's history in Temporal. Readers of the stream go on without it"
	noteCount = "set conversations.last_seq to the greatest seq of its events, with the conversation idle"
	noteStuck = "Mend what stands in its way, and replay the endpoint's events of that time (POST /v1/endpoints/{id}/replay), or send the message again"
	noteEnd   = "something was written to the conversation after its end: see what wrote it by the last event's actor"
)

// wakes finds those to whom nobody comes, and raises their flags: the dispatcher wakes them.
func (l *ledgerLook) wakes(ctx context.Context) error {
	q := dbsqlc.New(l.DB)
	unwoken, err := q.LedgerUnwoken(ctx, dbsqlc.LedgerUnwokenParams{Before: idAt(l.now.Add(-ledgerSettles)), RowLimit: ledgerRows})
	if err != nil {
		return err
	}
	for _, row := range unwoken {
		g := l.asleep(handoff.GapNotWoken, fmt.Sprintf("%s/%d", row.ReceiptID, row.N), row.AccountID, row.InboxID, row.ContactID)
		g.MessageID = row.MessageID
		if err := l.note(ctx, g); err != nil {
			return err
		}
	}
	timers, err := q.LedgerTimerOverdue(ctx, dbsqlc.LedgerTimerOverdueParams{Before: l.now.Add(-timerPatience), RowLimit: ledgerRows})
	if err != nil {
		return err
	}
	for _, row := range timers {
		g := l.asleep(handoff.GapTimerOverdue, row.ID.String(), row.AccountID, row.InboxID, row.ContactID)
		g.ConversationID = &row.ID
		if err := l.note(ctx, g); err != nil {
			return err
		}
	}
	return l.overdue(ctx, q)
}

func (l *ledgerLook) overdue(ctx context.Context, q *dbsqlc.Queries) error {
	rows, err := q.LedgerDeliveryOverdue(ctx, dbsqlc.LedgerDeliveryOverdueParams{Before: l.now.Add(-deliveryPatience), RowLimit: ledgerRows})
	if err != nil {
		return err
	}
	for _, row := range rows {
		g := l.asleep(handoff.GapDeliveryOverdue, row.ID.String(), row.AccountID, row.InboxID, *row.ContactID)
		g.ConversationID, g.DeliveryID, g.EndpointID, g.MessageID, g.EventID = row.ConversationID, &row.ID, &row.EndpointID, row.MessageID, row.EventID
		if err := l.note(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

// asleep is a gap that a raised flag mends. Of several of one contact the first raises it.
func (l *ledgerLook) asleep(kind handoff.GapKind, subject string, account, inbox, contact handoff.ID) gap {
	g := gap{LedgerGapInsertParams: dbsqlc.LedgerGapInsertParams{Kind: kind, Subject: subject, AccountID: account, InboxID: inbox, ContactID: &contact}}
	g.mend = func(ctx context.Context, _ pgx.Tx, q *dbsqlc.Queries) (string, error) {
		raised, err := q.WakeRaiseIfLow(ctx, dbsqlc.WakeRaiseIfLowParams{InboxID: inbox, ContactID: contact})
		if err != nil || raised == 0 {
			return "", err
		}
		return "the contact's conversation is woken", nil
	}
	return g
}

// page looks for everything that belongs to a page of events.
func (l *ledgerLook) page(ctx context.Context, r ledgerRange) error {
	var gaps []gap
	// Plans are made for the range: one that is made for any range reads the whole table.
	err := db.Planned(ctx, l.DB, func(q *dbsqlc.Queries) error {
		if err := q.LedgerRoom(ctx); err != nil {
			return err
		}
		for _, find := range []func(context.Context, *dbsqlc.Queries, ledgerRange) ([]gap, error){
			l.missingEvents, l.wrongSequences, l.untoldMessages, l.missingDeliveries,
		} {
			found, err := find(ctx, q, r)
			if err != nil {
				return err
			}
			gaps = append(gaps, found...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := l.noteAll(ctx, gaps); err != nil {
		return err
	}
	// After the missing deliveries, which may be what takes the message out.
	return l.unsentMessages(ctx, r)
}

func (l *ledgerLook) noteAll(ctx context.Context, gaps []gap) error {
	for _, g := range gaps {
		if err := l.note(ctx, g); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledgerLook) missingEvents(ctx context.Context, q *dbsqlc.Queries, r ledgerRange) ([]gap, error) {
	rows, err := q.LedgerEventMissing(ctx, dbsqlc.LedgerEventMissingParams{After: r.after, Through: r.through, RowLimit: ledgerRows})
	gaps := make([]gap, 0, len(rows))
	for _, row := range rows {
		gaps = append(gaps, gap{LedgerGapInsertParams: dbsqlc.LedgerGapInsertParams{
			Kind: handoff.GapEventMissing, Subject: fmt.Sprintf("%s/%d", row.ConversationID, row.Seq), AccountID: row.AccountID,
			InboxID: row.InboxID, ContactID: &row.ContactID, ConversationID: &row.ConversationID, Seq: &row.Seq, Note: noteEvent,
		}})
	}
	return gaps, err
}

func (l *ledgerLook) wrongSequences(ctx context.Context, q *dbsqlc.Queries, r ledgerRange) ([]gap, error) {
	rows, err := q.LedgerSequenceWrong(ctx, dbsqlc.LedgerSequenceWrongParams{After: r.after, Through: r.through, RowLimit: ledgerRows})
	gaps := make([]gap, 0, len(rows))
	for _, row := range rows {
		p := dbsqlc.LedgerGapInsertParams{
			Kind: handoff.GapSequenceWrong, Subject: row.ID.String(), AccountID: row.AccountID, InboxID: row.InboxID, ContactID: &row.ContactID,
			ConversationID: &row.ID, Seq: &row.LastSeq, Note: noteCount,
		}
		if row.Seq < row.LastSeq {
			p.Note = noteEvent
		}
		if row.Seq == row.LastSeq {
			p.Kind, p.Note = handoff.GapEndNotLast, noteEnd
		}
		gaps = append(gaps, gap{LedgerGapInsertParams: p})
	}
	return gaps, err
}

func (l *ledgerLook) untoldMessages(ctx context.Context, q *dbsqlc.Queries, r ledgerRange) ([]gap, error) {
	rows, err := q.LedgerMessageWithoutEvent(ctx, dbsqlc.LedgerMessageWithoutEventParams{After: r.after, Through: r.through, RowLimit: ledgerRows})
	gaps := make([]gap, 0, len(rows))
	for _, row := range rows {
		gaps = append(gaps, gap{LedgerGapInsertParams: dbsqlc.LedgerGapInsertParams{
			Kind: handoff.GapMessageWithoutEvent, Subject: row.ID.String(), AccountID: row.AccountID, InboxID: row.InboxID, ContactID: &row.ContactID,
			ConversationID: row.ConversationID, Seq: row.Seq, MessageID: &row.ID, Note: noteEvent,
		}})
	}
	return gaps, err
}

func (l *ledgerLook) missingDeliveries(ctx context.Context, q *dbsqlc.Queries, r ledgerRange) ([]gap, error) {
	told := make([]string, 0, len(handoff.EventTypes))
	for _, t := range handoff.EventTypes {
		told = append(told, string(t))
	}
	rows, err := q.LedgerDeliveryMissing(ctx, dbsqlc.LedgerDeliveryMissingParams{
		After: r.after, Through: r.through, Told: told, Vendors: vendorEvents, DeliveriesUntil: r.deliveriesUntil, RowLimit: ledgerRows,
		DeliveriesFrom: idAt(timeOf(r.after).Add(-ledgerSlack)),
	})
	gaps := make([]gap, 0, len(rows))
	for _, row := range rows {
		g := gap{once: true, LedgerGapInsertParams: dbsqlc.LedgerGapInsertParams{
			Kind: handoff.GapDeliveryMissing, Subject: row.EventID.String() + "/" + row.EndpointID.String(), AccountID: row.AccountID,
			InboxID: row.InboxID, ContactID: &row.ContactID, ConversationID: &row.ConversationID, EventID: &row.EventID,
			MessageID: row.MessageID, EndpointID: &row.EndpointID,
		}}
		g.mend = l.sendAgain(g.LedgerGapInsertParams, func(e dbsqlc.Endpoint) bool { return e.ID == row.EndpointID }, "")
		gaps = append(gaps, g)
	}
	return gaps, err
}

func (l *ledgerLook) unsentMessages(ctx context.Context, r ledgerRange) error {
	var rows []dbsqlc.LedgerMessageUnsentRow
	err := db.Planned(ctx, l.DB, func(q *dbsqlc.Queries) (err error) {
		rows, err = q.LedgerMessageUnsent(ctx, dbsqlc.LedgerMessageUnsentParams{After: r.after, Through: r.through, RowLimit: ledgerRows})
		return err
	})
	if err != nil {
		return err
	}
	seen := []handoff.ID{}
	for _, row := range rows {
		if slices.Contains(seen, row.MessageID) {
			continue
		}
		seen = append(seen, row.MessageID)
		g := gap{once: true, LedgerGapInsertParams: dbsqlc.LedgerGapInsertParams{
			Kind: handoff.GapMessageUnsent, Subject: row.MessageID.String(), AccountID: row.AccountID, InboxID: row.InboxID,
			ContactID: &row.ContactID, ConversationID: row.ConversationID, EventID: &row.EventID, MessageID: &row.MessageID,
		}}
		g.mend = l.takeOut(g.LedgerGapInsertParams)
		if err := l.note(ctx, g); err != nil {
			return err
		}
	}
	return nil
}
