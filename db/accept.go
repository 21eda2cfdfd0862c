package db

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/trace"

	"handoff"
	"handoff/db/dbsqlc"
)

// NewReceipt is a body that is about to be accepted, and what its protocol reads in it.
type NewReceipt struct {
	AccountID handoff.ID
	// InboxID is the only inbox that the request may write to: the one that its key is bound to or that its address names. Items
	// without a route are meant for it.
	InboxID  *handoff.ID
	Protocol handoff.Protocol
	Body     []byte // exactly as it came
	Items    []handoff.Item
	// ForwardHeader goes with the bytes where they are forwarded: the vendor's signature.
	ForwardHeader map[string]string
	// Insistent says that the sender repeats what is refused for days: a message that is too large is then put aside alone.
	Insistent bool
	At        time.Time
}

// Accepted is what became of a body.
type Accepted struct {
	ReceiptID handoff.ID
	Items     []AcceptedItem
	// Wakes are the contacts whose flag this receipt raised; each wants one signal.
	Wakes []Wake
}

// AcceptedItem is what became of one element of a body.
type AcceptedItem struct {
	Kind       handoff.ItemKind
	ExternalID string
	MessageID  *handoff.ID
	Duplicate  bool
	Outcome    Outcome
	Reason     string
}

// Outcome says what became of an item.
type Outcome string

// The outcomes. Accepted turns into applied when the conversation's workflow has taken the item in.
const (
	OutcomeAccepted  Outcome = "accepted"
	OutcomeApplied   Outcome = "applied"
	OutcomeDuplicate Outcome = "duplicate"
	OutcomeParked    Outcome = "parked"    // a status of a message that we do not know (yet)
	OutcomeRecorded  Outcome = "recorded"  // kept as raw bytes; nothing is done with it
	OutcomeForwarded Outcome = "forwarded" // it went on as the bytes that came
	OutcomeRefused   Outcome = "refused"   // an offload that nobody can take now
	OutcomeIgnored   Outcome = "ignored"
)

// Wake is one contact of one inbox that has something to apply.
type Wake struct {
	AccountID, InboxID, ContactID handoff.ID
	// Items name what was accepted, for the reader of the workflow's history. What is applied is what the rows hold.
	Items []WakeItem
	// Trace is that of the request which raised the flag, if it has one. It is carried in memory: what a sweep finds begins a trace of its own.
	Trace trace.SpanContext
}

// WakeItem names one accepted item.
type WakeItem struct {
	Kind string
	ID   handoff.ID
}

// unsignalledFor is how long the sweep leaves a raised flag to the process that raised it.
const unsignalledFor = 2 * time.Second

// acceptance is the work of one Accept: one slot per item.
type acceptance struct {
	receipt NewReceipt
	id      handoff.ID
	slots   []*slot
	wakes   []*wakeSlot // in the order in which they are locked
	book    *contactBook
	raw     []dbsqlc.Endpoint // that get the bytes as they came
}

type slot struct {
	item    *handoff.Item
	n       int32
	inbox   *dbsqlc.Inbox
	wake    *wakeSlot
	contact handoff.ID
	shadow  bool // nobody's yet: said to the bot, with no conversation open
	AcceptedItem
	intake *int64
}

type wakeSlot struct {
	dbsqlc.Wake
	items       []WakeItem
	lastInbound *time.Time
	media       int32
	session     string // by which the contact is known to this inbox
	talks       *bool  // whether the contact has an open conversation; nil where nobody has asked
}

// Accept commits a body in one transaction: its bytes, its contacts, its messages, what became of each element, and a raised
// flag for every contact that has something to apply. It refuses a body only if none of it is meant for an inbox of the account.
func Accept(ctx context.Context, db DB, r NewReceipt) (Accepted, error) {
	return unlessErased(func() (Accepted, error) { return acceptOnce(ctx, db, r) })
}

func acceptOnce(ctx context.Context, db DB, r NewReceipt) (Accepted, error) {
	a := &acceptance{receipt: r, id: handoff.NewID()}
	for n := range r.Items {
		item := &r.Items[n]
		a.slots = append(a.slots, &slot{item: item, n: int32(n), AcceptedItem: AcceptedItem{
			Kind: item.Kind, ExternalID: item.ExternalID, Reason: item.Reason, Outcome: OutcomeIgnored,
		}})
	}
	err := InTx(ctx, db, func(tx pgx.Tx, q *dbsqlc.Queries) error {
		// The lock and the look at the inboxes are one round trip.
		if err := a.route(ctx, dbsqlc.New(NewPipeline(tx))); err != nil {
			return err
		}
		if err := a.checkSizes(); err != nil {
			return err
		}
		for _, step := range []func(context.Context, *dbsqlc.Queries) error{
			a.findRaw, a.findStatusMessages, a.findContacts, a.decideOffloads, a.lockWakes, a.insertMessages, a.setNames,
			a.numberStatuses, a.forward, a.insertReceipt,
		} {
			if err := step(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Accepted{}, err
	}
	return a.result(), nil
}

func (a *acceptance) result() Accepted {
	out := Accepted{ReceiptID: a.id, Items: make([]AcceptedItem, 0, len(a.slots))}
	for _, s := range a.slots {
		out.Items = append(out.Items, s.AcceptedItem)
	}
	for _, w := range a.wakes {
		if len(w.items) > 0 && !w.Raised {
			out.Wakes = append(out.Wakes, Wake{AccountID: w.AccountID, InboxID: w.InboxID, ContactID: w.ContactID, Items: w.items})
		}
	}
	return out
}

// accept gives the item the contact's next number.
func (s *slot) accept(item WakeItem) {
	s.wake.LastIntake++
	n := s.wake.LastIntake
	s.intake, s.Outcome = &n, OutcomeAccepted
	s.wake.items = append(s.wake.items, item)
}

func (w *wakeSlot) sawInbound(at time.Time) {
	if w.lastInbound == nil || at.After(*w.lastInbound) {
		w.lastInbound = &at
	}
}

// insertReceipt writes the bytes, what became of each item, and raises the flags, in one round trip.
func (a *acceptance) insertReceipt(ctx context.Context, q *dbsqlc.Queries) error {
	hash := sha256.Sum256(a.receipt.Body)
	row := dbsqlc.ReceiptInsertParams{
		ID: a.id, AccountID: a.receipt.AccountID, InboxID: a.forwardedFor(), Protocol: string(a.receipt.Protocol), Body: a.receipt.Body, Sha256: hash[:],
		ReceivedAt: a.receipt.At, NextSignalAt: a.receipt.At.Add(unsignalledFor),
	}
	for _, s := range a.slots {
		if err := a.addItem(&row, s); err != nil {
			return err
		}
	}
	for _, w := range a.wakes {
		if len(w.items) == 0 {
			continue
		}
		row.RaiseInboxIds, row.RaiseContactIds = append(row.RaiseInboxIds, w.InboxID), append(row.RaiseContactIds, w.ContactID)
		row.LastIntakes, row.LastInbounds = append(row.LastIntakes, w.LastIntake), append(row.LastInbounds, orElse(w.lastInbound, time.Unix(0, 0)))
		row.Media, row.Sessions = append(row.Media, w.media), append(row.Sessions, w.session)
	}
	return q.ReceiptInsert(ctx, row)
}

func (a *acceptance) addItem(row *dbsqlc.ReceiptInsertParams, s *slot) error {
	var inbox, contact handoff.ID
	if s.inbox != nil {
		inbox = s.inbox.ID
	}
	if s.wake != nil {
		contact = s.wake.ContactID
	}
	var status []byte
	if s.item.Status != nil {
		var err error
		status, err = json.Marshal(StatusColumn{s.item.Status.Status, a.statusTime(s), s.item.Status.Failure})
		if err != nil {
			return err
		}
	}
	row.Ns, row.Kinds, row.Locations = append(row.Ns, s.n), append(row.Kinds, string(s.Kind)), append(row.Locations, s.item.Location)
	row.InboxIds, row.ContactIds = append(row.InboxIds, inbox), append(row.ContactIds, contact)
	row.Intakes, row.ExternalIds = append(row.Intakes, orElse(s.intake, 0)), append(row.ExternalIds, s.ExternalID)
	row.MessageIds, row.Duplicates = append(row.MessageIds, orElse(s.MessageID, handoff.ID{})), append(row.Duplicates, s.Duplicate)
	row.Outcomes, row.Reasons = append(row.Outcomes, string(s.Outcome)), append(row.Reasons, s.Reason)
	row.Statuses = append(row.Statuses, string(status))
	return nil
}

func orElse[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

func (a *acceptance) statusTime(s *slot) time.Time {
	if s.item.Status.At.IsZero() {
		return a.receipt.At
	}
	return s.item.Status.At
}

// OrEmpty is the text of a column, empty for NULL.
func OrEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// ExecBatch runs a batch and gives its first error.
func ExecBatch(batch interface{ Exec(func(int, error)) }) error {
	var failed error
	batch.Exec(func(_ int, err error) {
		if failed == nil {
			failed = err
		}
	})
	return failed
}
