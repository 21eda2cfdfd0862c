package activities

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
)

const (
	erasePage = 20   // conversations
	scanPage  = 1000 // receipts
	// leastPattern is how long an identity has to be to be looked for in bytes: a shorter one is in everybody's. What has it is still found
	// by the contact's id.
	leastPattern = 5
)

// EraseRows deletes all rows and files of the contact but its own.
func (a *Activities) EraseRows(ctx context.Context, in ErasureInput) (struct{}, error) {
	defer heartbeat(ctx)()
	for _, step := range []func(context.Context, ErasureInput, *deletion) (bool, error){
		eraseEvents, eraseConversations, eraseLoose, eraseDeliveries, eraseFiles,
	} {
		for more := true; more; {
			err := a.deleteIn(ctx, in.AccountID, func(d *deletion) error {
				var err error
				more, err = step(ctx, in, d)
				return err
			}, func(q *dbsqlc.Queries, counts Counts) error { return erased(ctx, q, in, counts) })
			if err != nil {
				return struct{}{}, a.storeFailed(ctx, "erase rows", err)
			}
		}
	}
	return struct{}{}, nil
}

func eraseEvents(ctx context.Context, in ErasureInput, d *deletion) (bool, error) {
	return false, counted(ctx, d, kindEvents, d.q.ErasureDeleteEvents, dbsqlc.ErasureDeleteEventsParams{
		AccountID: in.AccountID, ContactText: in.ContactID.String(), ContactID: in.ContactID,
	})
}

func eraseConversations(ctx context.Context, in ErasureInput, d *deletion) (bool, error) {
	rows, err := d.q.ErasureConversations(ctx, dbsqlc.ErasureConversationsParams{AccountID: in.AccountID, ContactID: in.ContactID, RowLimit: erasePage})
	if err != nil || len(rows) == 0 {
		return false, err
	}
	var ids []handoff.ID
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	before := d.counts[kindConversations]
	more, err := d.conversations(ctx, ids)
	if err == nil && !more && d.counts[kindConversations] == before {
		return false, nil // they are open: whoever closes them comes back
	}
	return true, err
}

func eraseLoose(ctx context.Context, in ErasureInput, d *deletion) (bool, error) {
	rows, err := d.q.PrivacyLooseMessages(ctx, dbsqlc.PrivacyLooseMessagesParams{ContactID: in.ContactID, AccountID: in.AccountID, RowLimit: eraseLimit})
	if err != nil {
		return false, err
	}
	gone := goneMessages{}
	for _, row := range rows {
		gone.add(row.ID, row.MediaID)
	}
	return len(rows) == eraseLimit, d.messages(ctx, gone)
}

func eraseDeliveries(ctx context.Context, in ErasureInput, d *deletion) (bool, error) {
	before := d.counts[kindDeliveries]
	err := counted(ctx, d, kindDeliveries, d.q.ErasureDeleteDeliveries, dbsqlc.ErasureDeleteDeliveriesParams{
		ContactID: &in.ContactID, AccountID: in.AccountID, RowLimit: eraseLimit,
	})
	return d.counts[kindDeliveries]-before == eraseLimit, err
}

func eraseFiles(ctx context.Context, in ErasureInput, d *deletion) (bool, error) {
	rows, err := d.q.ErasureFiles(ctx, dbsqlc.ErasureFilesParams{AccountID: in.AccountID, ContactID: &in.ContactID, RowLimit: eraseLimit})
	if err != nil {
		return false, err
	}
	var ids []handoff.ID
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return len(rows) == eraseLimit, d.files(ctx, ids)
}

// patterns are the forms in which the contact's identities stand in bytes.
func patterns(subject db.ErasureSubject) [][]byte {
	out := [][]byte{}
	for _, identity := range subject.Identities {
		values := []string{identity.Value}
		if identity.Kind == handoff.IdentityPhone {
			values = handoff.PhoneVariants(identity.Value)
		}
		for _, value := range values {
			value = strings.TrimPrefix(value, "+")
			escaped, err := json.Marshal(value)
			if len(value) < leastPattern || err != nil {
				continue
			}
			out = append(out, []byte(value))
			if inner := escaped[1 : len(escaped)-1]; string(inner) != value {
				out = append(out, inner)
			}
		}
	}
	return out
}

// EraseReceipts blanks the bytes of every receipt that names the contact: hash and time stay. What came with it of others are rows already.
// It looks at every receipt of the account, a page at a time, and goes on where it was.
func (a *Activities) EraseReceipts(ctx context.Context, in ErasureInput) (struct{}, error) {
	subject, err := a.subject(ctx, in)
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "read the subject", err)
	}
	search := dbsqlc.ReceiptScanParams{AccountID: in.AccountID, ContactID: in.ContactID, Patterns: patterns(subject), RowLimit: scanPage}
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &search.AfterID) // from the beginning, if it cannot be read
	}
	for {
		rows, err := a.queries().ReceiptScan(ctx, search)
		if err != nil {
			return struct{}{}, a.storeFailed(ctx, "look through receipts", err)
		}
		if len(rows) == 0 {
			return struct{}{}, nil
		}
		var ids []handoff.ID
		for _, row := range rows {
			if row.Listed || row.Named {
				ids = append(ids, row.ID)
			}
		}
		if err := a.blankReceipts(ctx, in, subject, ids); err != nil {
			return struct{}{}, a.storeFailed(ctx, "blank receipts", err)
		}
		search.AfterID = rows[len(rows)-1].ID
		if activity.IsActivity(ctx) {
			activity.RecordHeartbeat(ctx, search.AfterID)
		}
	}
}

func (a *Activities) blankReceipts(ctx context.Context, in ErasureInput, subject db.ErasureSubject, ids []handoff.ID) error {
	if len(ids) == 0 {
		return nil
	}
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		counts := Counts{}
		parked, err := q.ReceiptParked(ctx, ids)
		if err != nil {
			return err
		}
		for _, p := range parked {
			if p.InboxID == nil || p.ExternalID == nil || !maybeOf(subject, *p.ExternalID) {
				continue
			}
			n, err := q.ParkedStatusDelete(ctx, dbsqlc.ParkedStatusDeleteParams{InboxID: *p.InboxID, ExternalID: *p.ExternalID})
			if err != nil {
				return err
			}
			counts.add(kindParked, n)
		}
		n, err := q.ReceiptBlank(ctx, ids)
		if err != nil {
			return err
		}
		counts.add(kindReceipts, n)
		if _, err := q.ReceiptItemBlank(ctx, dbsqlc.ReceiptItemBlankParams{ReceiptIds: ids, ContactID: in.ContactID}); err != nil {
			return err
		}
		return erased(ctx, q, in, counts)
	})
}

// maybeOf tells whether a vendor's id may be of a message of the contact. WhatsApp's holds the number in Base64; of others nobody knows.
func maybeOf(subject db.ErasureSubject, externalID string) bool {
	coded, ok := strings.CutPrefix(externalID, "wamid.")
	if !ok {
		return true
	}
	text, err := base64.StdEncoding.DecodeString(coded)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(patterns(subject), func(p []byte) bool { return bytes.Contains(text, p) })
}

var idPattern = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// erasedAnswer is what a repeated request gets whose answer told of the contact. It has its one effect still.
const erasedAnswer = `{"type":"about:blank","title":"Conflict","status":409,"code":"conflict",` +
	`"detail":"the answer to this Idempotency-Key was erased with its contact: use a new key for a new request"}`

// EraseAnswers erases what is kept of answers that told of the contact. It comes before EraseRows, which deletes by what they are known.
func (a *Activities) EraseAnswers(ctx context.Context, in ErasureInput) (struct{}, error) {
	defer heartbeat(ctx)()
	subject, err := a.subject(ctx, in)
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "read the subject", err)
	}
	ids, err := a.queries().ErasureTrace(ctx, dbsqlc.ErasureTraceParams{AccountID: in.AccountID, ContactID: in.ContactID})
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "list what answers name", err)
	}
	trace := answerTrace{ids: map[handoff.ID]bool{in.ContactID: true}, patterns: patterns(subject)}
	for _, id := range ids {
		trace.ids[id] = true
	}
	page := dbsqlc.AnswerScanParams{AccountID: in.AccountID, RowLimit: eraseLimit}
	for {
		rows, err := a.queries().AnswerScan(ctx, page)
		if err != nil || len(rows) == 0 {
			return struct{}{}, a.storeFailed(ctx, "look through answers", err)
		}
		counts := Counts{}
		for _, row := range rows {
			n, err := a.eraseAnswer(ctx, trace, row)
			if err != nil {
				return struct{}{}, a.storeFailed(ctx, "erase an answer", err)
			}
			counts.add(kindAnswers, n)
		}
		if err := a.eraseCount(ctx, in, counts); err != nil {
			return struct{}{}, a.storeFailed(ctx, "count", err)
		}
		last := rows[len(rows)-1]
		page.AfterRoute, page.AfterKey = last.Route, last.Key
	}
}

type answerTrace struct {
	ids      map[handoff.ID]bool
	patterns [][]byte
}

func (t answerTrace) in(text []byte) bool {
	for _, found := range idPattern.FindAll(text, -1) {
		if id, err := uuid.ParseBytes(found); err == nil && t.ids[id] {
			return true
		}
	}
	return slices.ContainsFunc(t.patterns, func(p []byte) bool { return bytes.Contains(text, p) })
}

// eraseAnswer forgets a request to something that is deleted: repeated, it is refused. One to anything else keeps its one effect.
func (a *Activities) eraseAnswer(ctx context.Context, trace answerTrace, row dbsqlc.IdempotencyKey) (int64, error) {
	if trace.in([]byte(row.Route)) {
		return a.queries().AnswerDelete(ctx, dbsqlc.AnswerDeleteParams{AccountID: row.AccountID, Route: row.Route, Key: row.Key})
	}
	if row.Body == nil {
		return 0, nil
	}
	place := secretbox.Answer(row.AccountID, row.CommandID)
	body, err := a.Box.Open(row.Body, place)
	if err != nil {
		return 0, err
	}
	if !trace.in(body) {
		return 0, nil
	}
	sealed, err := a.Box.Seal([]byte(erasedAnswer), place)
	if err != nil {
		return 0, err
	}
	status := int32(http.StatusConflict)
	return a.queries().AnswerErase(ctx, dbsqlc.AnswerEraseParams{
		AccountID: row.AccountID, Route: row.Route, Key: row.Key, Status: &status, Body: sealed,
	})
}
