package activities

import (
	"bytes"
	"context"
	"regexp"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

var idPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// EraseAnswers erases what is kept of answers that told of the contact. It comes before EraseRows, which deletes by what they are known.
func (a *Activities) EraseAnswers(ctx context.Context, in ErasureInput) (struct{}, error) {
	defer heartbeat(ctx)()
	if err := a.learnIDs(ctx, in); err != nil {
		return struct{}{}, a.storeFailed(ctx, "list what answers name", err)
	}
	t, err := a.leads(ctx, in)
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "read the subject", err)
	}
	err = a.answers(ctx, in, t.erasing(), func(rows []dbsqlc.IdempotencyKey) error {
		counts := Counts{}
		for _, row := range rows {
			n, err := a.eraseAnswer(ctx, t, row)
			if err != nil {
				return err
			}
			counts.add(kindAnswers, n)
		}
		return a.eraseCount(ctx, in, counts)
	})
	return struct{}{}, a.storeFailed(ctx, "erase answers", err)
}

// learnIDs keeps the ids by which answers are known: an answer may come when the rows are gone.
func (a *Activities) learnIDs(ctx context.Context, in ErasureInput) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		ids, err := q.ErasureTrace(ctx, dbsqlc.ErasureTraceParams{AccountID: in.AccountID, ContactID: in.ContactID})
		if err != nil || len(ids) == 0 {
			return err
		}
		return a.learn(ctx, q, in, func(subject *db.ErasureSubject) {
			for _, id := range ids {
				if !slices.Contains(subject.IDs, id) {
					subject.IDs = append(subject.IDs, id)
				}
			}
		})
	})
}

// answers finds the answers that tell of the contact, a page at a time.
func (a *Activities) answers(ctx context.Context, in ErasureInput, t leads, found func([]dbsqlc.IdempotencyKey) error) error {
	page := dbsqlc.AnswerScanParams{AccountID: in.AccountID, RowLimit: eraseLimit}
	for {
		rows, err := a.queries().AnswerScan(ctx, page)
		if err != nil || len(rows) == 0 {
			return err
		}
		var told []dbsqlc.IdempotencyKey
		for _, row := range rows {
			tells, err := a.answerTells(row, t)
			if err != nil {
				return err
			}
			if tells {
				told = append(told, row)
			}
		}
		if err := found(told); err != nil {
			return err
		}
		last := rows[len(rows)-1]
		page.AfterRoute, page.AfterKey = last.Route, last.Key
	}
}

func (a *Activities) answerTells(row dbsqlc.IdempotencyKey, t leads) (bool, error) {
	if names([]byte(row.Route), t.ids) {
		return true, nil
	}
	if row.Body == nil {
		return false, nil
	}
	body, err := a.Box.Open(row.Body, secretbox.Answer(row.AccountID, row.CommandID))
	if err != nil || names(body, t.ids) {
		return err == nil, err
	}
	return !row.CreatedAt.After(t.until) && slices.ContainsFunc(t.patterns, func(p []byte) bool { return bytes.Contains(body, p) }), nil
}

// names tells whether one of the ids stands in a text.
func names(text []byte, ids map[handoff.ID]bool) bool {
	return slices.ContainsFunc(idPattern.FindAll(text, -1), func(found []byte) bool {
		id, err := uuid.ParseBytes(found)
		return err == nil && ids[id]
	})
}

// eraseAnswer forgets a request to something that is deleted: repeated, it is refused. One to anything else keeps its one effect.
func (a *Activities) eraseAnswer(ctx context.Context, t leads, row dbsqlc.IdempotencyKey) (int64, error) {
	if names([]byte(row.Route), t.ids) {
		return a.queries().AnswerDelete(ctx, dbsqlc.AnswerDeleteParams{AccountID: row.AccountID, Route: row.Route, Key: row.Key})
	}
	return a.queries().AnswerErase(ctx, dbsqlc.AnswerEraseParams{AccountID: row.AccountID, Route: row.Route, Key: row.Key})
}
