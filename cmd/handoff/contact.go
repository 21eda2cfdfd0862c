package main

import (
	"context"
	"encoding/json"
	"time"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/secretbox"
)

type contactCmd struct {
	Erase   contactEraseCmd   `cmd:"" help:"Delete everything of a contact. A server and a worker that run do it; it cannot be undone."`
	Erasure contactErasureCmd `cmd:"" help:"Show how far an erasure is, and its certificate."`
}

type erasureView struct {
	ID          handoff.ID      `json:"id"`
	ContactID   handoff.ID      `json:"contact_id"`
	State       string          `json:"state"`
	RequestedAt time.Time       `json:"requested_at"`
	FinishedAt  *time.Time      `json:"finished_at,omitempty"`
	Counts      json.RawMessage `json:"counts"`
	Certificate json.RawMessage `json:"certificate,omitempty"`
}

func viewErasure(row dbsqlc.Erasure) erasureView {
	return erasureView{
		ID: row.ID, ContactID: row.ContactID, State: row.State, RequestedAt: row.RequestedAt, FinishedAt: row.FinishedAt, Counts: row.Counts,
		Certificate: row.Certificate,
	}
}

type contactEraseCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *contactEraseCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		if a.Audit != nil {
			a.Audit.Entry.TargetType = "contact"
		}
		row, _, err := db.RequestErasure(ctx, a.DB, db.NewErasure{
			AccountID: c.Account, ContactID: c.ID, ActorType: "operator", At: time.Now(),
			Seal: func(erasure handoff.ID, subject []byte) ([]byte, error) {
				return a.Box.Seal(subject, secretbox.ErasureSubject(c.Account, erasure))
			},
		})
		return viewErasure(row), err
	})
}

type contactErasureCmd struct {
	adminFlags
	accountFlag
	idArgument
}

func (c *contactErasureCmd) Run(ctx context.Context) error {
	return c.with(ctx, func(a admin.Admin) (any, error) {
		row, err := dbsqlc.New(a.DB).ErasureGet(ctx, dbsqlc.ErasureGetParams{AccountID: c.Account, ID: c.ID})
		return viewErasure(row), db.NotFound(err, "erasure")
	})
}
