package activities

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.temporal.io/sdk/activity"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
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
	gaps := dbsqlc.ErasureDeleteGapsParams{AccountID: in.AccountID, ContactID: in.ContactID}
	if err := counted(ctx, d, kindGaps, d.q.ErasureDeleteGaps, gaps); err != nil {
		return false, err
	}
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
	if err := d.q.PrivacyWakeLock(ctx, ids); err != nil {
		return false, err
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
	t, err := a.leads(ctx, in)
	if err != nil {
		return struct{}{}, a.storeFailed(ctx, "read the subject", err)
	}
	err = a.receipts(ctx, in, t.erasing(), func(ids []handoff.ID) error { return a.blankReceipts(ctx, in, t, ids) })
	return struct{}{}, a.storeFailed(ctx, "blank receipts", err)
}

// receipts finds the receipts that tell of the contact, a page at a time.
func (a *Activities) receipts(ctx context.Context, in ErasureInput, t leads, found func([]handoff.ID) error) error {
	search := dbsqlc.ReceiptScanParams{
		AccountID: in.AccountID, ContactID: in.ContactID, Patterns: t.patterns, NamedUntil: t.until, RowLimit: scanPage,
	}
	if activity.IsActivity(ctx) && activity.HasHeartbeatDetails(ctx) {
		_ = activity.GetHeartbeatDetails(ctx, &search.AfterID) // from the beginning, if it cannot be read
	}
	for {
		rows, err := a.queries().ReceiptScan(ctx, search)
		if err != nil || len(rows) == 0 {
			return err
		}
		var ids []handoff.ID
		for _, row := range rows {
			if row.Listed || row.Named {
				ids = append(ids, row.ID)
			}
		}
		if err := found(ids); err != nil {
			return err
		}
		search.AfterID = rows[len(rows)-1].ID
		if activity.IsActivity(ctx) {
			activity.RecordHeartbeat(ctx, search.AfterID)
		}
	}
}

func (a *Activities) blankReceipts(ctx context.Context, in ErasureInput, t leads, ids []handoff.ID) error {
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
			if p.InboxID == nil || p.ExternalID == nil || !maybeOf(t.subject, *p.ExternalID) {
				continue
			}
			n, err := q.ParkedStatusDelete(ctx, dbsqlc.ParkedStatusDeleteParams{InboxID: *p.InboxID, ExternalID: *p.ExternalID})
			if err != nil {
				return err
			}
			counts.add(kindParked, n)
		}
		// Before the items forget whose they were.
		forwarded, err := q.ErasureForwarded(ctx, dbsqlc.ErasureForwardedParams{ReceiptIds: ids, NamedUntil: t.until, ContactID: in.ContactID})
		if err != nil {
			return err
		}
		if _, err := q.ErasureBlankDeliveries(ctx, dbsqlc.ErasureBlankDeliveriesParams{Ids: forwarded, Now: a.Now()}); err != nil {
			return err
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
