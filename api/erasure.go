package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
	"handoff/workflows"
)

// Erasure is the deletion of everything of a contact, and the proof of it.
type Erasure struct {
	ID              handoff.ID       `json:"id" format:"uuid"`
	ContactID       handoff.ID       `json:"contact_id" format:"uuid"`
	State           string           `json:"state" enum:"running,finished"`
	RequestedBy     ErasureActor     `json:"requested_by"`
	RequestedAt     time.Time        `json:"requested_at"`
	FinishedAt      *time.Time       `json:"finished_at,omitempty"`
	Counts          map[string]int64 `json:"counts" doc:"What was deleted so far, by kind."`
	Certificate     *Certificate     `json:"certificate,omitempty" doc:"Once it is finished."`
	CertificateText string           `json:"certificate_text,omitempty" doc:"The same, as the bytes that sha256 is of."`
	SHA256          string           `json:"sha256,omitempty" doc:"Hex SHA-256 of certificate_text."`
	WorkflowURL     string           `json:"workflow_url,omitempty" doc:"The erasure in the Temporal UI."`
}

// ErasureActor is who asked for an erasure.
type ErasureActor struct {
	Type string      `json:"type" enum:"key,operator" doc:"operator is the command line."`
	ID   *handoff.ID `json:"id,omitempty" format:"uuid" doc:"Of the key."`
	Name string      `json:"name,omitempty"`
}

// Certificate says what an erasure has deleted and what it could not reach.
type Certificate activities.Certificate

type eraseContactInput struct {
	Idempotent
	ByID
}

type listErasuresInput struct{ Page }

func (s *server) erasureRoutes() {
	handle(s, operation{
		id: "erase-contact", method: http.MethodPost, path: "/v1/contacts/{id}/erasure", tag: contactTag, scope: handoff.ScopeAdmin,
		status: http.StatusAccepted, atomic: true, summary: "Erase a contact",
		description: "Deletes everything of the contact: conversations, messages, notes, files, webhooks, what is searched, and the raw bytes of what their gateway posted. " +
			"From the answer on nobody is shown the contact, and what they write is a new contact's. The rest takes seconds to minutes: follow it by `GET /v1/erasures/{id}`, " +
			"which ends in a certificate. Asked again, it gives the same erasure. It cannot be undone.",
		errors: []int{http.StatusNotFound},
	}, s.eraseContact)
	handle(s, operation{
		id: "get-erasure", method: http.MethodGet, path: "/v1/erasures/{id}", tag: contactTag, scope: handoff.ScopeAdmin,
		summary: "Get an erasure", errors: []int{http.StatusNotFound},
	}, s.getErasure)
	handle(s, operation{
		id: "list-erasures", method: http.MethodGet, path: "/v1/erasures", tag: contactTag, scope: handoff.ScopeAdmin,
		summary: "List erasures", description: "The newest first.",
	}, s.listErasures)
}

func (s *server) eraseContact(ctx context.Context, in *eraseContactInput) (*output[Erasure], error) {
	k := keyOf(ctx)
	row, _, err := db.RequestErasure(ctx, s.db(ctx), db.NewErasure{
		AccountID: k.AccountID, ContactID: in.ID, ActorType: "key", ActorID: &k.ID, ActorName: k.Name, At: s.Now(),
		Seal: func(erasure handoff.ID, subject []byte) ([]byte, error) {
			return s.Box.Seal(subject, secretbox.ErasureSubject(k.AccountID, erasure))
		},
	})
	if err != nil {
		return nil, err
	}
	view, err := s.erasureView(row)
	return &output[Erasure]{view}, err
}

func (s *server) getErasure(ctx context.Context, in *ByID) (*output[Erasure], error) {
	row, err := s.queries(ctx).ErasureGet(ctx, dbsqlc.ErasureGetParams{AccountID: keyOf(ctx).AccountID, ID: in.ID})
	if err != nil {
		return nil, db.NotFound(err, "erasure")
	}
	view, err := s.erasureView(row)
	return &output[Erasure]{view}, err
}

func (s *server) listErasures(ctx context.Context, in *listErasuresInput) (*listOutput[Erasure], error) {
	before, err := decodeCursor("erasures", in.Cursor, lastID)
	if err != nil {
		return nil, err
	}
	rows, err := s.queries(ctx).ErasureList(ctx, dbsqlc.ErasureListParams{
		AccountID: keyOf(ctx).AccountID, BeforeID: before, RowLimit: in.Limit + 1,
	})
	if err != nil {
		return nil, err
	}
	rows, next := cut(rows, in.Limit, func(row dbsqlc.Erasure) string { return encodeCursor("erasures", row.ID) })
	items := make([]Erasure, 0, len(rows))
	for _, row := range rows {
		view, err := s.erasureView(row)
		if err != nil {
			return nil, err
		}
		items = append(items, view)
	}
	return &listOutput[Erasure]{list[Erasure]{items, next}}, nil
}

func (s *server) erasureView(row dbsqlc.Erasure) (Erasure, error) {
	view := Erasure{
		ID: row.ID, ContactID: row.ContactID, State: row.State, RequestedAt: row.RequestedAt.UTC(), FinishedAt: utc(row.FinishedAt),
		RequestedBy: ErasureActor{Type: row.ActorType, ID: row.ActorID, Name: row.ActorName}, Counts: map[string]int64{},
	}
	if s.UIBaseURL != "" {
		view.WorkflowURL = s.UIBaseURL + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" +
			url.PathEscape(workflows.ErasureID(row.ContactID))
	}
	if err := json.Unmarshal(row.Counts, &view.Counts); err != nil || row.Certificate == nil {
		return view, err
	}
	view.CertificateText, view.SHA256 = string(row.Certificate), hex.EncodeToString(row.Sha256)
	return view, json.Unmarshal(row.Certificate, &view.Certificate)
}
