// Package reseal seals what the database keeps under the primary key of the key set, so that an older key can be dropped. It works
// beside the running product: every write is made only over what was read, and what somebody saves meanwhile wins.
package reseal

import (
	"context"
	"fmt"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

const (
	page      = 500
	mostNamed = 10
)

// Report says what Run did.
type Report struct {
	// Resealed values are under the primary key now.
	Resealed int `json:"resealed"`
	// Changed values were written by somebody else meanwhile; the next run looks at them again.
	Changed int `json:"changed"`
	// Closed values do not open under any key of the set, and were left as they are.
	Closed int `json:"closed"`
	// Named are the first of the closed ones, as table.column of row.
	Named []string `json:"closed_values,omitempty"`
}

// Usage is how much is sealed under one key.
type Usage struct {
	secretbox.Key
	// Known is false for a key that the set does not hold: nothing can open what it sealed.
	Known  bool  `json:"in_key_set"`
	Sealed int64 `json:"sealed"`
}

// resealer is one run.
type resealer struct {
	Report
	q   *dbsqlc.Queries
	box *secretbox.Box
}

// Run seals everything anew that another key than the primary one has sealed. It may be repeated, stopped and run twice at once.
func Run(ctx context.Context, d db.DB, box *secretbox.Box) (Report, error) {
	r := resealer{q: dbsqlc.New(d), box: box}
	if err := r.secrets(ctx); err != nil {
		return r.Report, err
	}
	return r.Report, r.answers(ctx)
}

func (r *resealer) secrets(ctx context.Context) error {
	after := dbsqlc.ResealSecretsParams{CurrentPrefix: r.box.CurrentPrefix(), RowLimit: page}
	for {
		rows, err := r.q.ResealSecrets(ctx, after)
		if err != nil {
			return fmt.Errorf("read sealed values: %w", err)
		}
		for _, row := range rows {
			place := secretbox.AssociatedData{AccountID: row.AccountID, Table: row.PlaceTable, Column: row.PlaceColumn, RowID: row.PlaceID}
			err := r.one(place, row.RowID, row.Sealed, func(resealed []byte) (int64, error) { return r.write(ctx, row, resealed) })
			if err != nil {
				return err
			}
			after.AfterID, after.AfterColumn = row.RowID, row.PlaceColumn
		}
		if len(rows) < page {
			return nil
		}
	}
}

func (r *resealer) answers(ctx context.Context) error {
	after := dbsqlc.ResealAnswersParams{CurrentPrefix: r.box.CurrentPrefix(), RowLimit: page}
	for {
		rows, err := r.q.ResealAnswers(ctx, after)
		if err != nil {
			return fmt.Errorf("read sealed answers: %w", err)
		}
		for _, row := range rows {
			err := r.one(secretbox.Answer(row.AccountID, row.CommandID), row.CommandID, row.Body, func(resealed []byte) (int64, error) {
				return r.q.ResealAnswer(ctx, dbsqlc.ResealAnswerParams{
					AccountID: row.AccountID, Route: row.Route, Key: row.Key, Sealed: row.Body, Resealed: resealed,
				})
			})
			if err != nil {
				return err
			}
			after.AfterAccount, after.AfterRoute, after.AfterKey = row.AccountID, row.Route, row.Key
		}
		if len(rows) < page {
			return nil
		}
	}
}

// one opens a value, seals it and has it written.
func (r *resealer) one(place secretbox.AssociatedData, row handoff.ID, sealed []byte, write func([]byte) (int64, error)) error {
	plain, err := r.box.Open(sealed, place)
	if err != nil {
		r.Closed++
		if len(r.Named) < mostNamed {
			r.Named = append(r.Named, fmt.Sprintf("%s.%s of %s", place.Table, place.Column, row))
		}
		return nil
	}
	resealed, err := r.box.Seal(plain, place)
	if err != nil {
		return err
	}
	written, err := write(resealed)
	if err != nil {
		return fmt.Errorf("write %s.%s of %s: %w", place.Table, place.Column, row, err)
	}
	if written == 0 {
		r.Changed++
		return nil
	}
	r.Resealed++
	return nil
}

func (r *resealer) write(ctx context.Context, row dbsqlc.ResealSecretsRow, resealed []byte) (int64, error) {
	switch row.PlaceTable {
	case "endpoints":
		return r.q.ResealEndpoint(ctx, dbsqlc.ResealEndpointParams{PlaceColumn: row.PlaceColumn, ID: row.RowID, Sealed: row.Sealed, Resealed: resealed})
	case "endpoint_secrets":
		return r.q.ResealOldSecret(ctx, dbsqlc.ResealOldSecretParams{ID: row.RowID, Sealed: row.Sealed, Resealed: resealed})
	case "inboxes":
		return r.q.ResealInbox(ctx, dbsqlc.ResealInboxParams{PlaceColumn: row.PlaceColumn, ID: row.RowID, Sealed: row.Sealed, Resealed: resealed})
	case "erasures":
		return r.q.ResealErasure(ctx, dbsqlc.ResealErasureParams{ID: row.RowID, Sealed: row.Sealed, Resealed: resealed})
	default:
		return 0, fmt.Errorf("nobody knows how to write %s.%s", row.PlaceTable, row.PlaceColumn)
	}
}

// Use says how much is sealed under each key of a set, and under keys that it lacks.
func Use(ctx context.Context, d db.DB, keysetJSON string) ([]Usage, error) {
	keys, err := secretbox.Keys(keysetJSON)
	if err != nil {
		return nil, err
	}
	rows, err := dbsqlc.New(d).ResealCount(ctx)
	if err != nil {
		return nil, fmt.Errorf("count sealed values: %w", err)
	}
	sealed := map[uint32]int64{}
	for _, row := range rows {
		id, _ := secretbox.KeyOf(row.Prefix)
		sealed[id] += row.Sealed
	}
	out := make([]Usage, 0, len(keys))
	for _, key := range keys {
		out = append(out, Usage{Key: key, Known: true, Sealed: sealed[key.ID]})
		delete(sealed, key.ID)
	}
	for id, n := range sealed {
		out = append(out, Usage{Key: secretbox.Key{ID: id}, Sealed: n})
	}
	return out, nil
}
