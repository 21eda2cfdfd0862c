package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/protocol"
	"handoff/internal/protocol/native"
)

// Certificate says what an erasure has deleted and what it could not reach. Its bytes are kept as they were hashed: the keys stand in this
// order, and what was erased by name.
type Certificate struct {
	Version     int              `json:"version"`
	ErasureID   handoff.ID       `json:"erasure_id" format:"uuid"`
	AccountID   handoff.ID       `json:"account_id" format:"uuid"`
	ContactID   handoff.ID       `json:"contact_id" format:"uuid"`
	RequestedBy CertificateActor `json:"requested_by"`
	RequestedAt time.Time        `json:"requested_at"`
	FinishedAt  time.Time        `json:"finished_at"`
	Erased      Counts           `json:"erased"`
	Verified    Verification     `json:"verified"`
	NotCovered  []string         `json:"not_covered"`
}

// CertificateActor is who asked for an erasure.
type CertificateActor struct {
	Type string      `json:"type"`
	ID   *handoff.ID `json:"id,omitempty" format:"uuid"`
	Name string      `json:"name,omitempty"`
}

// Verification is what was looked for after everything was deleted.
type Verification struct {
	At time.Time `json:"at"`
	// Remaining counts rows that refer to the contact, by table: all are zero.
	Remaining map[string]int64 `json:"remaining"`
}

// notCovered is what no deletion of rows and files reaches.
var notCovered = []string{
	"backups of the database and of the media store made before: restore none of them without erasing again",
	"webhooks and messages that were delivered before: their receivers are told by contact.erased, where they ask for it",
	"logs of the operating system, proxies and collectors; the product's own log holds no names, numbers and texts",
	"files that an agent also sent to other contacts",
	"what others wrote about the contact in their own conversations",
}

// EraseFinishInput is what was looked for at last.
type EraseFinishInput struct {
	ErasureInput
	Verified map[string]int64 `json:"verified"`
}

// EraseVerify looks through what no index leads to, receipts and stored answers, for what names the contact. It fails with Unerased where
// there is something: an answer that was being given while the erasure began.
func (a *Activities) EraseVerify(ctx context.Context, in ErasureInput) (map[string]int64, error) {
	defer heartbeat(ctx)()
	t, err := a.leads(ctx, in)
	if err != nil {
		return nil, a.storeFailed(ctx, "read the subject", err)
	}
	err = a.receipts(ctx, in, t, func(ids []handoff.ID) error { return noneLeft("receipts", len(ids)) })
	if err == nil {
		err = a.answers(ctx, in, t, func(rows []dbsqlc.IdempotencyKey) error { return noneLeft("stored answers", len(rows)) })
	}
	if errors.Is(err, errMoreCame) {
		return nil, unerased(err.Error())
	}
	return map[string]int64{"receipts": 0, "idempotency_keys": 0}, a.storeFailed(ctx, "look whether anything is left", err)
}

func noneLeft(what string, n int) error {
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d %s", errMoreCame, n, what)
}

// EraseFinish looks whether anything is left of the contact, deletes its own row, writes the certificate and tells of it, in one
// transaction. It fails with Unerased where something has come since: then everything is done once more.
func (a *Activities) EraseFinish(ctx context.Context, finish EraseFinishInput) (struct{}, error) {
	in := finish.ErasureInput
	err := db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		if err := q.SearchCursorHold(ctx, in.AccountID); err != nil {
			return err
		}
		inboxes, err := q.ErasureWakeLock(ctx, dbsqlc.ErasureWakeLockParams{AccountID: in.AccountID, ContactID: in.ContactID})
		if err != nil {
			return err
		}
		row, err := q.ErasureLock(ctx, in.ErasureID)
		if err != nil || row.FinishedAt != nil {
			return err
		}
		counts := Counts{}
		if err := json.Unmarshal(row.Counts, &counts); err != nil {
			return err
		}
		left, err := a.eraseContact(ctx, q, in, row, counts)
		if err != nil {
			return err
		}
		maps.Copy(left, finish.Verified)
		if err := a.certify(ctx, q, row, counts, left); err != nil {
			return err
		}
		return a.tellErased(ctx, q, in, inboxes)
	})
	if err != nil && (errors.Is(err, errMoreCame) || db.StillReferred(err)) {
		return struct{}{}, unerased(err.Error())
	}
	return struct{}{}, a.storeFailed(ctx, "finish the erasure", err)
}

// errMoreCame says that rows are left that refer to the contact.
var errMoreCame = errors.New("something came while the contact was erased")

// eraseContact deletes the contact's own rows, and gives how much is left by table, which is nothing. Whatever refers to them makes that
// fail, whoever wrote it and when.
func (a *Activities) eraseContact(ctx context.Context, q *dbsqlc.Queries, in ErasureInput, row dbsqlc.Erasure, counts Counts) (map[string]int64, error) {
	subject, err := a.openSubject(row)
	if err != nil {
		return nil, err
	}
	counts.add(kindIdentities, int64(len(subject.Identities)))
	d := &deletion{a: a, q: q, account: in.AccountID, counts: counts}
	if _, err := d.contact(ctx, in.ContactID); err != nil {
		return nil, err
	}
	left, err := remaining(ctx, q, in)
	if err != nil {
		return nil, err
	}
	for table, n := range left {
		if n > 0 {
			return nil, fmt.Errorf("%w: %d %s", errMoreCame, n, table)
		}
	}
	return left, nil
}

// remaining counts what refers to the contact, by table.
func remaining(ctx context.Context, q *dbsqlc.Queries, in ErasureInput) (map[string]int64, error) {
	left, err := q.PrivacyVerify(ctx, dbsqlc.PrivacyVerifyParams{ContactID: in.ContactID, AccountID: in.AccountID})
	return map[string]int64{
		"contact_identities": left.Identities, "wakes": left.Wakes, "conversations": left.Conversations, "messages": left.Messages,
		"media": left.Files, "deliveries": left.Deliveries, "search_documents": left.Documents,
	}, err
}

func (a *Activities) certify(ctx context.Context, q *dbsqlc.Queries, row dbsqlc.Erasure, counts Counts, left map[string]int64) error {
	now := a.Now().UTC()
	text, err := json.Marshal(Certificate{
		Version: 1, ErasureID: row.ID, AccountID: row.AccountID, ContactID: row.ContactID, RequestedAt: row.RequestedAt.UTC(), FinishedAt: now,
		RequestedBy: CertificateActor{Type: row.ActorType, ID: row.ActorID, Name: row.ActorName},
		Erased:      counts, Verified: Verification{At: now, Remaining: left}, NotCovered: notCovered,
	})
	if err != nil {
		return err
	}
	total, err := json.Marshal(counts)
	if err != nil {
		return err
	}
	hash := sha256.Sum256(text)
	err = q.ErasureFinish(ctx, dbsqlc.ErasureFinishParams{ID: row.ID, FinishedAt: &now, Certificate: text, Sha256: hash[:], Counts: total})
	if err != nil {
		return err
	}
	detail, err := json.Marshal(map[string]any{"erasure_id": row.ID})
	if err != nil {
		return err
	}
	return q.AuditInsert(ctx, dbsqlc.AuditInsertParams{
		ID: handoff.NewID(), AccountID: row.AccountID, At: now, ActorType: "system", Action: "contact-erased", TargetType: "contact",
		TargetID: &row.ContactID, Detail: detail,
	})
}

// tellErased tells followers of events, who forget what they have of the contact, and the endpoints that ask for it: those of inboxes that
// knew the contact however they ask, others by name or family.
func (a *Activities) tellErased(ctx context.Context, q *dbsqlc.Queries, in ErasureInput, inboxes []handoff.ID) error {
	data, err := json.Marshal(map[string]any{"contact_id": in.ContactID, "erasure_id": in.ErasureID})
	if err != nil {
		return err
	}
	event := dbsqlc.EventInsertParams{
		ID: handoff.NewID(), AccountID: in.AccountID, Type: handoff.EventContactErased, ActorType: handoff.AuthorSystem, Data: data, OccurredAt: a.Now(),
	}
	if err := db.ExecBatch(q.EventInsert(ctx, []dbsqlc.EventInsertParams{event})); err != nil {
		return err
	}
	endpoints, err := q.EndpointListTold(ctx, in.AccountID)
	if err != nil {
		return err
	}
	var rows []dbsqlc.DeliveryInsertParams
	for _, endpoint := range endpoints {
		types := endpoint.EventTypes
		if !slices.Contains(inboxes, endpoint.InboxID) {
			types = slices.DeleteFunc(slices.Clone(types), func(t string) bool { return t == "*" })
		}
		if endpoint.Payload == admin.PayloadMeta || !handoff.Subscribed(types, event.Type) {
			continue
		}
		hooks, err := native.Webhooks(protocol.Event{
			ID: event.ID, Type: event.Type, At: event.OccurredAt, Actor: protocol.Actor{Type: event.ActorType}, Details: event.Data,
			Inbox: protocol.Inbox{ID: endpoint.InboxID, AccountID: in.AccountID},
		})
		if err != nil {
			return err
		}
		for _, hook := range hooks {
			rows = append(rows, dbsqlc.DeliveryInsertParams{
				ID: handoff.NewID(), AccountID: in.AccountID, EndpointID: endpoint.ID, InboxID: endpoint.InboxID, EventID: &event.ID,
				EventType: hook.Event, WebhookID: handoff.NewWebhookID(), Body: hook.Body, State: handoff.DeliveryPending,
				NextAttemptAt: &event.OccurredAt, CreatedAt: event.OccurredAt,
			})
		}
	}
	return db.ExecBatch(q.DeliveryInsert(ctx, rows))
}
