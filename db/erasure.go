package db

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff"
	"handoff/db/dbsqlc"
)

// errErasing says that a contact that was found is being erased since a moment ago. Its identities are nobody's by now: who looks again
// finds, or makes, another contact.
var errErasing = errors.New("the contact is being erased")

// erasedTries is how often intake looks again. Once is enough, unless the new contact is erased in the same moment.
const erasedTries = 5

// unlessErased repeats a transaction that has met a contact on its way out.
func unlessErased[T any](do func() (T, error)) (T, error) {
	for range erasedTries {
		out, err := do()
		if !errors.Is(err, errErasing) && !ContactGone(err) {
			return out, err
		}
	}
	var none T
	return none, handoff.Errorf(handoff.CodeUnavailable, "the contact is being erased: send it again")
}

// brokenReference is the foreign key that a statement would have broken, and whether err says so.
func brokenReference(err error) (constraint string, broken bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "23503" {
		return "", false
	}
	return pg.ConstraintName, true
}

// ContactGone tells whether err says that what was to be written belongs to a contact that has just been deleted.
func ContactGone(err error) bool {
	constraint, _ := brokenReference(err)
	return strings.HasSuffix(constraint, "_contact_id_fkey")
}

// NewErasure is the wish to erase a contact.
type NewErasure struct {
	AccountID, ContactID handoff.ID
	ActorType            string // key or operator
	ActorID              *handoff.ID
	ActorName            string
	At                   time.Time
	// Seal seals the subject of the erasure with this id.
	Seal func(erasure handoff.ID, subject []byte) ([]byte, error)
}

// ErasureSubject is by what it is found what names a contact.
type ErasureSubject struct {
	Identities []handoff.Identity `json:"identities"`
	// IDs are those of the contact's conversations, and of files that were sent to it, as soon as they are deleted.
	IDs []handoff.ID `json:"ids,omitempty"`
}

// RequestErasure begins to erase a contact: from here on nobody is shown it, its identities are nobody's, and whatever intake brings under
// them is a new contact's. The rest is the workflow's. A contact that is being erased, or was, gives the erasure that there is, and false.
// Who asked is written down by the callers' audit, in the same transaction.
func RequestErasure(ctx context.Context, db DB, n NewErasure) (dbsqlc.Erasure, bool, error) {
	var row dbsqlc.Erasure
	began := false
	err := InTx(ctx, db, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		var err error
		row, err = q.ErasureOfContact(ctx, dbsqlc.ErasureOfContactParams{AccountID: n.AccountID, ContactID: n.ContactID})
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		subject, err := detach(ctx, q, n)
		if err != nil {
			return err
		}
		id := handoff.NewID()
		sealed, err := n.Seal(id, subject)
		if err != nil {
			return err
		}
		row, err = q.ErasureInsert(ctx, dbsqlc.ErasureInsertParams{
			ID: id, AccountID: n.AccountID, ContactID: n.ContactID, ActorType: n.ActorType, ActorID: n.ActorID, ActorName: n.ActorName,
			RequestedAt: n.At, Subject: sealed,
		})
		if errors.Is(err, pgx.ErrNoRows) { // somebody else was quicker: their transaction has done it all
			row, err = q.ErasureOfContact(ctx, dbsqlc.ErasureOfContactParams{AccountID: n.AccountID, ContactID: n.ContactID})
			return err
		}
		if err != nil {
			return err
		}
		began = true
		return nil
	})
	return row, began, err
}

// detach marks a contact and takes its identities, under the locks that intake takes, in its order.
func detach(ctx context.Context, q *dbsqlc.Queries, n NewErasure) ([]byte, error) {
	if _, err := q.ErasureWakeLock(ctx, dbsqlc.ErasureWakeLockParams{AccountID: n.AccountID, ContactID: n.ContactID}); err != nil {
		return nil, err
	}
	if err := q.ErasureMarkWakes(ctx, dbsqlc.ErasureMarkWakesParams{AccountID: n.AccountID, ContactID: n.ContactID}); err != nil {
		return nil, err
	}
	_, err := q.ErasureMarkContact(ctx, dbsqlc.ErasureMarkContactParams{AccountID: n.AccountID, ID: n.ContactID, Now: n.At})
	if err != nil {
		return nil, NotFound(err, "contact")
	}
	rows, err := q.ErasureDetach(ctx, dbsqlc.ErasureDetachParams{AccountID: n.AccountID, ContactID: n.ContactID})
	if err != nil {
		return nil, err
	}
	subject := ErasureSubject{}
	subject.Add(rows)
	return json.Marshal(subject)
}

// Add takes in identities that were detached.
func (s *ErasureSubject) Add(rows []dbsqlc.ContactIdentity) {
	for _, row := range rows {
		s.Identities = append(s.Identities, handoff.Identity{Kind: row.Kind, Value: row.Value})
	}
}

// Forgotten tells whether err says that what was to be written belongs to a contact, a conversation or a part of one that has just been
// deleted: an erasure and retention do that beside everything else.
func Forgotten(err error) bool {
	constraint, _ := brokenReference(err)
	return forgettable.MatchString(constraint)
}

var forgettable = regexp.MustCompile(`_(contact|conversation|message|media|note)_id_fkey$`)

// StillReferred tells whether err says that something refers to what was to be deleted.
func StillReferred(err error) bool {
	_, broken := brokenReference(err)
	return broken
}
