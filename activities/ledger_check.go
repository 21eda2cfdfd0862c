package activities

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.temporal.io/sdk/activity"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
)

const (
	// Younger than this is under way. No transaction of ours lasts a minute.
	ledgerSettles = 10 * time.Minute
	// The dispatcher finds what is overdue by itself: a timer within a minute, and a delivery within 16. What it has not found after
	// these times is a gap.
	timerPatience    = 30 * time.Minute
	deliveryPatience = 40 * time.Minute
	// ledgerBegins is how far back the first look goes.
	ledgerBegins = 24 * time.Hour
	// A delivery is made in the transaction of its event: their ids are a minute apart at most. Without that bound each page would read all
	// deliveries since.
	ledgerSlack = time.Minute

	ledgerPage   = 2000 // events that are looked at at once
	ledgerRows   = 5000 // gaps of one kind that one look gives
	ledgerBudget = 2 * time.Minute
	ledgerMark   = "events"
)

// LedgerInput starts CheckLedger.
type LedgerInput struct{}

// LedgerReport is what one look at the ledger gave.
type LedgerReport struct {
	Events   int                     `json:"events"`  // that were looked at
	Through  time.Time               `json:"through"` // of the last of them, or the time up to which there are none
	Behind   bool                    `json:"behind,omitempty"`
	Found    map[handoff.GapKind]int `json:"found,omitempty"`
	Repaired map[handoff.GapKind]int `json:"repaired,omitempty"` // of those that were found
	Closed   int                     `json:"closed,omitempty"`   // gaps of earlier looks that are gone
	Open     int                     `json:"open,omitempty"`
}

// CheckLedger compares receipts, messages, events and deliveries. What it can mend it mends; each gap is a row of ledger_gaps, an event and
// an entry of the log of what was done. Two looks at once, or one that is cut short and made again, mend nothing twice.
func (a *Activities) CheckLedger(ctx context.Context, _ LedgerInput) (LedgerReport, error) {
	look := &ledgerLook{Activities: a, now: a.Now(), report: LedgerReport{Found: map[handoff.GapKind]int{}, Repaired: map[handoff.GapKind]int{}}}
	for _, step := range []func(context.Context) error{look.wakes, look.events, look.recheck} {
		if err := step(ctx); err != nil {
			return look.report, a.storeFailed(ctx, "check ledger", err)
		}
	}
	return look.report, nil
}

// ledgerLook is one look at the ledger.
type ledgerLook struct {
	*Activities
	now    time.Time
	report LedgerReport
}

// gap is what was found, before it is a row.
type gap struct {
	dbsqlc.LedgerGapInsertParams
	// mend repairs it; nil where only a person can. It gives what was done, and "" where there was nothing to do after all.
	mend func(ctx context.Context, tx pgx.Tx, q *dbsqlc.Queries) (note string, err error)
	// once tells that a gap that was mended cannot come again: it is mended by a row that stays.
	once bool
}

// note mends a gap and writes it down. One that cannot be mended is written down as open: what stands in its way does not go away by
// itself, and the ledger has to go on.
func (l *ledgerLook) note(ctx context.Context, g gap) error {
	err := l.noteOnce(ctx, g)
	if err == nil || g.mend == nil || passing(err) {
		return err
	}
	l.Log.ErrorContext(ctx, "a gap of the ledger cannot be repaired", "kind", g.Kind, "subject", g.Subject, "error", err)
	g.mend, g.Note = nil, "it could not be repaired"
	if why := (*handoff.Error)(nil); errors.As(err, &why) {
		g.Note += ": " + why.Message
	}
	g.Note += ". " + noteStuck
	return l.noteOnce(ctx, g)
}

// passing tells whether the database may take later what it did not take now, by the classes of its errors.
func passing(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && slices.Contains([]string{"08", "40", "53", "55", "57"}, pg.Code[:2])
}

// noteOnce mends a gap and writes it down, in one transaction. A gap that is known is left alone.
func (l *ledgerLook) noteOnce(ctx context.Context, g gap) error {
	row := g.LedgerGapInsertParams
	row.ID, row.FoundAt = handoff.NewID(), l.now
	found, repaired := false, false
	err := db.InTx(ctx, l.DB, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		if g.mend != nil {
			// Whoever mends holds the contact's row, so that two looks at once see each other's work.
			if _, err := q.WakeLock(ctx, dbsqlc.WakeLockParams{InboxID: row.InboxID, ContactID: *row.ContactID}); err != nil {
				return err
			}
		}
		if forgotten, err := q.LedgerForgotten(ctx, dbsqlc.LedgerForgottenParams{
			InboxID: row.InboxID, ContactID: *row.ContactID, ConversationID: row.ConversationID, Now: l.now,
		}); err != nil || forgotten {
			return err
		}
		if g.once {
			if known, err := q.LedgerGapKnown(ctx, dbsqlc.LedgerGapKnownParams{Kind: row.Kind, Subject: row.Subject}); err != nil || known {
				return err
			}
		}
		if g.mend != nil {
			done, err := g.mend(ctx, tx, q)
			if err != nil || done == "" {
				return err
			}
			row.Note, row.RepairedAt, repaired = done, &l.now, true
		}
		saved, err := q.LedgerGapInsert(ctx, row)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		found = err == nil
		if err != nil {
			return err
		}
		return l.tellGap(ctx, q, saved, handoff.EventGapFound)
	})
	if err != nil || !found {
		return err
	}
	l.report.Found[row.Kind]++
	if repaired {
		l.report.Repaired[row.Kind]++
	}
	l.Log.WarnContext(ctx, "the ledger has a gap", "kind", row.Kind, "gap_id", row.ID, "repaired", repaired, "note", row.Note,
		"conversation_id", row.ConversationID)
	return nil
}

// events looks at every event once, page by page.
func (l *ledgerLook) events(ctx context.Context) error {
	until := idAt(l.now.Add(-ledgerSettles))
	after, err := l.begin(ctx)
	if err != nil {
		return err
	}
	l.report.Through = l.now.Add(-ledgerSettles)
	for started := time.Now(); ; {
		last, err := dbsqlc.New(l.DB).LedgerThrough(ctx, dbsqlc.LedgerThroughParams{After: after, Until: until, RowLimit: ledgerPage})
		if err != nil || len(last) == 0 {
			return err
		}
		page := ledgerRange{after: after, through: last[0].ID, deliveriesUntil: idAt(timeOf(last[0].ID).Add(ledgerSlack))}
		if err := l.page(ctx, page); err != nil {
			return err
		}
		after = page.through
		l.report.Events += int(last[0].Place)
		if err := dbsqlc.New(l.DB).LedgerMarkSet(ctx, dbsqlc.LedgerMarkSetParams{Name: ledgerMark, Through: after, LookedAt: l.now}); err != nil {
			return err
		}
		if activity.IsActivity(ctx) {
			activity.RecordHeartbeat(ctx)
		}
		if time.Since(started) > ledgerBudget {
			l.report.Through, l.report.Behind = timeOf(after), true
			return nil
		}
	}
}

// begin is the id after which events are to be looked at.
func (l *ledgerLook) begin(ctx context.Context) (handoff.ID, error) {
	q := dbsqlc.New(l.DB)
	mark, err := q.LedgerMark(ctx, ledgerMark)
	if errors.Is(err, pgx.ErrNoRows) {
		mark.Through, err = idAt(l.now.Add(-ledgerBegins)), nil
	}
	if err != nil {
		return mark.Through, err
	}
	// That somebody looked is told also where there is nothing to look at.
	return mark.Through, q.LedgerMarkSet(ctx, dbsqlc.LedgerMarkSetParams{Name: ledgerMark, Through: mark.Through, LookedAt: l.now})
}

// recheck closes gaps of earlier looks that are gone: somebody mended them.
func (l *ledgerLook) recheck(ctx context.Context) error {
	q, after := dbsqlc.New(l.DB), handoff.ID{}
	rows, err := q.LedgerGapListOpen(ctx, dbsqlc.LedgerGapListOpenParams{After: after, RowLimit: ledgerRows})
	if err != nil {
		return err
	}
	for _, row := range rows {
		gone, err := q.LedgerGapGone(ctx, dbsqlc.LedgerGapGoneParams{
			Kind: string(row.Kind), ConversationID: row.ConversationID, Seq: row.Seq, MessageID: row.MessageID, EventID: row.EventID,
			EndpointID: row.EndpointID,
		})
		if err != nil {
			return err
		}
		if !gone {
			l.report.Open++
			continue
		}
		if err := l.closeGap(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

func (l *ledgerLook) closeGap(ctx context.Context, row dbsqlc.LedgerGap) error {
	row.RepairedAt, row.Note = &l.now, "it is gone: somebody mended it, or the conversation was deleted"
	return db.InTx(ctx, l.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		closed, err := q.LedgerGapClose(ctx, dbsqlc.LedgerGapCloseParams{ID: row.ID, RepairedAt: row.RepairedAt, Note: row.Note})
		if err != nil || closed == 0 {
			return err
		}
		l.report.Closed++
		return l.tellGap(ctx, q, row, handoff.EventGapRepaired)
	})
}

// idAt is less than every id that is made from t on: ours begin with their milliseconds (RFC 9562, UUIDv7).
func idAt(t time.Time) handoff.ID {
	var id handoff.ID
	ms := max(t.UnixMilli(), 0)
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	return id
}

// timeOf is when an id was made.
func timeOf(id handoff.ID) time.Time {
	var ms int64
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms)
}
