package activities

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

// Runs are the runs of conversations' workflows, as an erasure needs them.
type Runs interface {
	// Resolve asks a contact's run to end a conversation, by its signal; one is started where there is none.
	Resolve(ctx context.Context, ref Ref, conversation handoff.ID, command string) error
	// Terminate ends a contact's run at once, if there is one.
	Terminate(ctx context.Context, ref Ref) error
	// Forget deletes the histories of a contact's runs, and tells how many there were.
	Forget(ctx context.Context, ref Ref) (int, error)
}

// ErasureInput names a contact that is being erased.
type ErasureInput struct {
	AccountID handoff.ID `json:"account_id"`
	ErasureID handoff.ID `json:"erasure_id"`
	ContactID handoff.ID `json:"contact_id"`
}

// EraseCloseInput asks for the contact's conversations to be ended.
type EraseCloseInput struct {
	ErasureInput
	// Drop gives up what is on its way.
	Drop bool `json:"drop,omitempty"`
	// Force ends conversations without their runs, which do not answer.
	Force bool `json:"force,omitempty"`
}

// EraseCloseResult is what is still at work for the contact.
type EraseCloseResult struct {
	Open    int `json:"open"`    // conversations
	Pending int `json:"pending"` // deliveries
}

// EraseClose ends the contact's open conversations by their runs, and with Drop gives up whatever is to be delivered. It also marks what
// intake made of the contact in the very moment in which the erasure began.
func (a *Activities) EraseClose(ctx context.Context, in EraseCloseInput) (EraseCloseResult, error) {
	open, pending, err := a.eraseHold(ctx, in)
	if err != nil {
		return EraseCloseResult{}, a.storeFailed(ctx, "hold the contact", err)
	}
	for _, c := range open {
		ref := Ref{AccountID: in.AccountID, InboxID: c.InboxID, ContactID: in.ContactID}
		command := ErasureCommand + in.ErasureID.String() + ":" + c.ID.String()
		if in.Force {
			err = a.eraseEnd(ctx, ref, c.ID, command)
		} else {
			err = a.runs().Resolve(ctx, ref, c.ID, command)
		}
		if err != nil {
			return EraseCloseResult{}, a.storeFailed(ctx, "end the contact's conversations", err)
		}
	}
	return EraseCloseResult{Open: len(open), Pending: pending}, nil
}

func (a *Activities) eraseHold(ctx context.Context, in EraseCloseInput) (open []dbsqlc.ErasureOpenRow, pending int, err error) {
	err = db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		inboxes, err := q.ErasureWakeLock(ctx, dbsqlc.ErasureWakeLockParams{AccountID: in.AccountID, ContactID: in.ContactID})
		if err != nil {
			return err
		}
		if err := q.ErasureMarkWakes(ctx, dbsqlc.ErasureMarkWakesParams{AccountID: in.AccountID, ContactID: in.ContactID}); err != nil {
			return err
		}
		if err := a.learnIdentities(ctx, q, in.ErasureInput); err != nil {
			return err
		}
		if in.Drop {
			_, err = q.ErasureDropDeliveries(ctx, dbsqlc.ErasureDropDeliveriesParams{
				AccountID: in.AccountID, ContactID: &in.ContactID, InboxIds: inboxes, Now: a.Now(),
			})
			if err != nil {
				return err
			}
		}
		if open, err = q.ErasureOpen(ctx, dbsqlc.ErasureOpenParams{AccountID: in.AccountID, ContactID: in.ContactID}); err != nil {
			return err
		}
		n, err := q.ErasurePending(ctx, dbsqlc.ErasurePendingParams{AccountID: in.AccountID, ContactID: &in.ContactID, InboxIds: inboxes})
		pending = int(n)
		return err
	})
	return open, pending, err
}

// learnIdentities takes identities away that intake gave the contact while the erasure began.
func (a *Activities) learnIdentities(ctx context.Context, q *dbsqlc.Queries, in ErasureInput) error {
	rows, err := q.ErasureDetach(ctx, dbsqlc.ErasureDetachParams{AccountID: in.AccountID, ContactID: in.ContactID})
	if err != nil || len(rows) == 0 {
		return err
	}
	return a.learn(ctx, q, in, func(subject *db.ErasureSubject) { subject.Add(rows) })
}

// learn adds to what names the contact.
func (a *Activities) learn(ctx context.Context, q *dbsqlc.Queries, in ErasureInput, add func(*db.ErasureSubject)) error {
	row, err := q.ErasureLock(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	subject, err := a.openSubject(row)
	if err != nil {
		return err
	}
	add(&subject)
	text, err := json.Marshal(subject)
	if err != nil {
		return err
	}
	sealed, err := a.Box.Seal(text, secretbox.ErasureSubject(in.AccountID, in.ErasureID))
	if err != nil {
		return err
	}
	return q.ErasureSetSubject(ctx, dbsqlc.ErasureSetSubjectParams{ID: in.ErasureID, Subject: sealed})
}

func (a *Activities) openSubject(row dbsqlc.Erasure) (db.ErasureSubject, error) {
	var subject db.ErasureSubject
	text, err := a.Box.Open(row.Subject, secretbox.ErasureSubject(row.AccountID, row.ID))
	if err != nil {
		return subject, err
	}
	return subject, json.Unmarshal(text, &subject)
}

// leads are by what it is found what tells of the contact.
type leads struct {
	ids      map[handoff.ID]bool // of the contact and of what was its
	subject  db.ErasureSubject
	patterns [][]byte
	// until is when what bears the contact's identities began to be a new contact's.
	until time.Time
}

func (a *Activities) leads(ctx context.Context, in ErasureInput) (leads, error) {
	row, err := a.queries().ErasureGet(ctx, dbsqlc.ErasureGetParams{AccountID: in.AccountID, ID: in.ErasureID})
	if err != nil {
		return leads{}, err
	}
	var subject db.ErasureSubject
	if row.FinishedAt == nil { // one that is finished knows no names any more, and its workflow may run once more
		subject, err = a.openSubject(row)
	}
	t := leads{ids: map[handoff.ID]bool{in.ContactID: true}, subject: subject, patterns: patterns(subject), until: row.RequestedAt}
	for _, id := range subject.IDs {
		t.ids[id] = true
	}
	return t, err
}

// erasing looks further than what certifies: the clocks of servers differ, and intake may have begun before.
func (t leads) erasing() leads {
	t.until = t.until.Add(time.Minute)
	return t
}

// eraseEnd ends a conversation as its run would. The run finds that out with its next write.
func (a *Activities) eraseEnd(ctx context.Context, ref Ref, conversation handoff.ID, command string) error {
	row, err := a.queries().ConversationGet(ctx, dbsqlc.ConversationGetParams{AccountID: ref.AccountID, ID: conversation})
	if err != nil {
		return db.NotFound(err, "conversation")
	}
	_, err = a.End(ctx, EndCommand{Reason: handoff.EndAdmin, Command: Command{
		Ref: ref, ID: command, ConversationID: conversation, Version: row.Version, Actor: handoff.Actor{Admin: true}, Now: a.Now(),
	}})
	return err
}

// runs is never nil.
func (a *Activities) runs() Runs {
	if a.Runs == nil {
		return noRuns{}
	}
	return a.Runs
}

var errNoRuns = errors.New("activities: Runs is missing")

// noRuns is what a worker has that was made without them.
type noRuns struct{}

func (noRuns) Resolve(context.Context, Ref, handoff.ID, string) error { return errNoRuns }
func (noRuns) Terminate(context.Context, Ref) error                   { return errNoRuns }
func (noRuns) Forget(context.Context, Ref) (int, error)               { return 0, errNoRuns }

// EraseRuns ends the contact's runs: nothing of theirs sends or fetches any more.
func (a *Activities) EraseRuns(ctx context.Context, in ErasureInput) (struct{}, error) {
	inboxes, err := a.queries().ErasureWakes(ctx, dbsqlc.ErasureWakesParams{AccountID: in.AccountID, ContactID: in.ContactID})
	for _, inbox := range inboxes {
		err = errors.Join(err, a.runs().Terminate(ctx, Ref{AccountID: in.AccountID, InboxID: inbox, ContactID: in.ContactID}))
	}
	return struct{}{}, a.storeFailed(ctx, "end the contact's runs", err)
}

// EraseHistories deletes the histories of the contact's runs. A server that does not allow it keeps them until its retention is over: they
// hold ids only.
func (a *Activities) EraseHistories(ctx context.Context, in ErasureInput) (struct{}, error) {
	inboxes, err := a.queries().ErasureWakes(ctx, dbsqlc.ErasureWakesParams{AccountID: in.AccountID, ContactID: in.ContactID})
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "list the contact's inboxes", err)
	}
	total := 0
	for _, inbox := range inboxes {
		n, err := a.runs().Forget(ctx, Ref{AccountID: in.AccountID, InboxID: inbox, ContactID: in.ContactID})
		if err != nil {
			return struct{}{}, a.storeFailed(ctx, "delete the histories of the contact's runs", err)
		}
		total += n
	}
	return struct{}{}, a.storeFailed(ctx, "count", a.eraseCount(ctx, in, Counts{kindHistories: int64(total)}))
}

func (a *Activities) eraseCount(ctx context.Context, in ErasureInput, counts Counts) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error { return erased(ctx, q, in, counts) })
}

// erased adds to what an erasure has deleted.
func erased(ctx context.Context, q *dbsqlc.Queries, in ErasureInput, counts Counts) error {
	row, err := q.ErasureLock(ctx, in.ErasureID)
	if err != nil {
		return err
	}
	total := Counts{}
	if err := json.Unmarshal(row.Counts, &total); err != nil {
		return err
	}
	total.Add(counts)
	text, err := json.Marshal(total)
	if err != nil {
		return err
	}
	return q.ErasureSetCounts(ctx, dbsqlc.ErasureSetCountsParams{ID: in.ErasureID, Counts: text})
}

// EraseSharedInput says how long bytes that name others too may go on.
type EraseSharedInput struct {
	ErasureInput
	Until time.Time `json:"until"`
}

// EraseShared blanks forwarded bytes that name the contact beside others. Those that have not left yet are the others' messages: they are
// left for a while, and its result tells how many.
func (a *Activities) EraseShared(ctx context.Context, in EraseSharedInput) (int, error) {
	for {
		rows, err := a.queries().ErasureShared(ctx, dbsqlc.ErasureSharedParams{AccountID: in.AccountID, ContactID: &in.ContactID, RowLimit: eraseLimit})
		if err != nil || len(rows) == 0 {
			return 0, a.storeFailed(ctx, "list forwarded bytes", err)
		}
		now := a.Now()
		waiting, ids := 0, []handoff.ID{}
		for _, row := range rows {
			if row.State == handoff.DeliveryPending && now.Before(in.Until) {
				waiting++
				continue
			}
			ids = append(ids, row.ID)
		}
		if waiting > 0 {
			return waiting, nil
		}
		if _, err = a.queries().ErasureBlankDeliveries(ctx, dbsqlc.ErasureBlankDeliveriesParams{Ids: ids, Now: now}); err != nil {
			return 0, a.storeFailed(ctx, "blank forwarded bytes", err)
		}
	}
}

// Unerased is the type of the error of an erasure that has found something new.
const Unerased = "unerased"

func unerased(what string) error { return temporal.NewApplicationError(what, Unerased) }
