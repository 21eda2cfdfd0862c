package activities

import (
	"context"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/mediastore"
)

// eraseLimit is how many rows of a kind one transaction deletes: it holds the contact's lock meanwhile.
const eraseLimit = 1000

const filesAtOnce = 16

// The kinds of what is deleted, as certificates and results name them.
const (
	kindAnswers       = "stored_answers"
	kindConversations = "conversations"
	kindDeliveries    = "deliveries"
	kindDocuments     = "search_documents"
	kindEvents        = "events"
	kindGaps          = "ledger_gaps"
	kindFiles         = "files"
	kindHistories     = "workflow_histories"
	kindIdentities    = "identities"
	kindMessages      = "messages"
	kindNotes         = "notes"
	kindParked        = "parked_statuses"
	kindRatings       = "ratings"
	kindReceipts      = "receipts"
	kindScheduled     = "scheduled_messages"
)

// Counts is how many rows of each kind were deleted.
type Counts map[string]int64

func (c Counts) add(kind string, n int64) {
	if n > 0 {
		c[kind] += n
	}
}

// Add takes in what another batch deleted.
func (c Counts) Add(other Counts) {
	for kind, n := range other {
		c.add(kind, n)
	}
}

// deletion is one transaction that deletes.
type deletion struct {
	a       *Activities
	q       *dbsqlc.Queries
	account handoff.ID
	counts  Counts
}

// deleteIn deletes in one transaction. What is searched is held first, or an indexer that read a row before would write its document after;
// then come the rows that intake locks. done is called last, in the same transaction.
func (a *Activities) deleteIn(ctx context.Context, account handoff.ID, do func(*deletion) error, done func(*dbsqlc.Queries, Counts) error) error {
	return db.InTx(ctx, a.DB, func(_ pgx.Tx, q *dbsqlc.Queries) error {
		d := &deletion{a: a, q: q, account: account, counts: Counts{}}
		if err := q.SearchCursorHold(ctx, account); err != nil {
			return err
		}
		if err := do(d); err != nil {
			return err
		}
		return done(q, d.counts)
	})
}

// counted runs one statement and counts its rows.
func counted[P any](ctx context.Context, d *deletion, kind string, statement func(context.Context, P) (int64, error), params P) error {
	n, err := statement(ctx, params)
	d.counts.add(kind, n)
	return err
}

// conversations deletes ended conversations with everything of theirs, or a part of it: more tells that there is something left. The caller
// has locked the contacts' rows (PrivacyWakeLock).
func (d *deletion) conversations(ctx context.Context, ids []handoff.ID) (more bool, err error) {
	if ids, err = d.q.PrivacyConversationLock(ctx, ids); err != nil || len(ids) == 0 {
		return false, err
	}
	for _, part := range []struct {
		kind      string
		statement func(context.Context, []handoff.ID) (int64, error)
	}{
		{kindDocuments, d.q.PrivacyDeleteDocuments},
		{kindScheduled, d.q.PrivacyDeleteScheduled},
		{kindNotes, d.q.PrivacyDeleteNotes},
		{kindRatings, d.q.PrivacyDeleteRatings},
		{"commands", d.q.PrivacyDeleteCommands},
		{kindGaps, d.q.PrivacyDeleteGaps},
	} {
		if err := counted(ctx, d, part.kind, part.statement, ids); err != nil {
			return false, err
		}
	}
	deliveries := dbsqlc.PrivacyDeleteDeliveriesParams{ConversationIds: ids, RowLimit: eraseLimit}
	if err := counted(ctx, d, kindDeliveries, d.q.PrivacyDeleteDeliveries, deliveries); err != nil {
		return false, err
	}
	events := dbsqlc.PrivacyDeleteEventsParams{ConversationIds: ids, RowLimit: eraseLimit}
	if err := counted(ctx, d, kindEvents, d.q.PrivacyDeleteEvents, events); err != nil {
		return false, err
	}
	rows, err := d.q.PrivacyMessages(ctx, dbsqlc.PrivacyMessagesParams{ConversationIds: ids, RowLimit: eraseLimit})
	if err != nil {
		return false, err
	}
	gone := goneMessages{}
	for _, row := range rows {
		gone.add(row.ID, row.MediaID)
	}
	if err := d.messages(ctx, gone); err != nil {
		return false, err
	}
	if more, err = d.q.PrivacyLeftOfConversations(ctx, ids); err != nil || more {
		return more, err
	}
	if err := d.q.PrivacyUnlinkConversations(ctx, ids); err != nil {
		return false, err
	}
	return false, counted(ctx, d, kindConversations, d.q.PrivacyDeleteConversations, ids)
}

// goneMessages are messages that are deleted together, and the files that they have.
type goneMessages struct{ ids, files []handoff.ID }

func (g *goneMessages) add(id handoff.ID, file *handoff.ID) {
	g.ids = append(g.ids, id)
	if file != nil {
		g.files = append(g.files, *file)
	}
}

// messages deletes messages, what was to be sent of them, and files that nothing else has.
func (d *deletion) messages(ctx context.Context, gone goneMessages) error {
	if len(gone.ids) == 0 {
		return nil
	}
	if err := counted(ctx, d, kindDeliveries, d.q.PrivacyDeleteMessageDeliveries, gone.ids); err != nil {
		return err
	}
	if err := counted(ctx, d, kindMessages, d.q.PrivacyDeleteMessages, gone.ids); err != nil {
		return err
	}
	if len(gone.files) == 0 {
		return nil
	}
	rows, err := d.q.PrivacyFilesUnused(ctx, gone.files)
	if err != nil {
		return err
	}
	ids := make([]handoff.ID, 0, len(rows))
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return d.files(ctx, ids)
}

// files deletes files that no message has. Their rows are gone when the transaction ends: whatever dies before, they tell the next try of
// the bytes.
func (d *deletion) files(ctx context.Context, ids []handoff.ID) error {
	if len(ids) == 0 {
		return nil
	}
	if err := counted(ctx, d, kindFiles, d.q.PrivacyDeleteFiles, ids); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(filesAtOnce) // a bucket takes tens of milliseconds for each, and the transaction waits
	for _, id := range ids {
		group.Go(func() error { return d.a.Store.Delete(ctx, mediastore.Key(d.account, id)) })
	}
	return group.Wait()
}

// emptyContact deletes a contact that has nothing left. It is false for one that has something again.
func (d *deletion) emptyContact(ctx context.Context, contact handoff.ID) (bool, error) {
	if _, err := d.q.ErasureWakeLock(ctx, dbsqlc.ErasureWakeLockParams{AccountID: d.account, ContactID: contact}); err != nil {
		return false, err
	}
	used, err := d.q.PrivacyContactUsed(ctx, contact)
	if err != nil || used {
		return false, err
	}
	identities, err := d.q.ErasureDetach(ctx, dbsqlc.ErasureDetachParams{AccountID: d.account, ContactID: contact})
	if err != nil {
		return false, err
	}
	d.counts.add(kindIdentities, int64(len(identities)))
	n, err := d.contact(ctx, contact)
	d.counts.add("contacts", n)
	return n == 1, err
}

// contact deletes a contact's own rows, once its identities are detached.
func (d *deletion) contact(ctx context.Context, contact handoff.ID) (int64, error) {
	documents := dbsqlc.SearchDocumentEraseContactParams{AccountID: d.account, ContactID: contact}
	if err := counted(ctx, d, kindDocuments, d.q.SearchDocumentEraseContact, documents); err != nil {
		return 0, err
	}
	if _, err := d.q.PrivacyDeleteWakes(ctx, dbsqlc.PrivacyDeleteWakesParams{AccountID: d.account, ContactID: contact}); err != nil {
		return 0, err
	}
	return d.q.PrivacyDeleteContact(ctx, dbsqlc.PrivacyDeleteContactParams{AccountID: d.account, ID: contact})
}
