package activities_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
)

// between is a database in which something happens before each transaction.
type between struct {
	db.DB
	happens func()
}

func (b between) Begin(ctx context.Context) (pgx.Tx, error) {
	b.happens()
	return b.DB.Begin(ctx)
}

// TestRetentionLooksAgainAtWhatItListed: between its list and its locks a conversation is rated, which its gateway is to be told, and what
// a contact said to the bot becomes another's transcript.
func TestRetentionLooksAgainAtWhatItListed(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	old := s.conversation().ID
	s.ends()
	s.now = s.now.Add(2 * aDay)
	s.writes(joan, "Hello")
	joans := s.conversation().ID
	said := handoff.NewID()
	s.exec(`INSERT INTO messages (id, account_id, inbox_id, contact_id, direction, author_type, type, text, shadow, created_at)
		VALUES ($1, $2, $3, $4, 'inbound', 'contact', 'text', 'said to the bot', true, $5)`, said, s.Account.ID, s.Inbox.ID, s.ref.ContactID, s.now.Add(-2*aDay))
	s.exec("UPDATE inboxes SET retention_days = 1")
	pool := s.Activities.DB
	s.Activities.DB = between{pool, func() {
		s.exec("UPDATE messages SET conversation_id = $1 WHERE id = $2", joans, said)
		s.exec("UPDATE deliveries SET state = 'pending', next_attempt_at = now() WHERE conversation_id = $1", old)
	}}
	in := activities.RetentionInput{AccountID: s.Account.ID, InboxID: s.Inbox.ID, Before: s.now.Add(-aDay)}
	_, err := s.RetentionSweep(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, 1, s.Count(t, "conversations", "id = $1", old))
	require.NotZero(t, s.Count(t, "deliveries", "conversation_id = $1 AND state = 'pending'", old))
	require.Equal(t, 1, s.Count(t, "messages", "id = $1", said))
}

// Receipts and contacts are looked through a page at a time: a statement that looks for the next one past its time among millions that stay
// takes longer than a statement may. So a page in which nothing is due is not the end.
func TestRetentionGoesOnPastPagesOfWhatStays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	s.ends()
	ago := s.now.Add(-100 * aDay)
	s.exec("UPDATE inboxes SET retention_days = 30")
	s.exec("UPDATE conversations SET ended_at = $1", s.now) // the scene's own stays
	// Ids are by time, and what stays is the older: receipts of an inbox that keeps for ever, and contacts that have a file.
	s.exec(`INSERT INTO inboxes (id, account_id, name, protocol) VALUES (gen_random_uuid(), $1, 'keeps', 'native')`, s.Account.ID)
	s.exec(`INSERT INTO receipts (id, account_id, protocol, body, sha256, received_at)
		SELECT ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, 'native', '', 'x', $2 FROM generate_series(1, 2100) n`, s.Account.ID, ago)
	s.exec(`INSERT INTO receipt_items (receipt_id, n, account_id, kind, location, inbox_id, outcome)
		SELECT r.id, 0, r.account_id, 'message', '', x.id, 'applied' FROM receipts r, inboxes x WHERE x.name = 'keeps' AND r.received_at = $1`, ago)
	s.exec(`INSERT INTO receipts (id, account_id, protocol, body, sha256, received_at) VALUES ('01000000-0000-7000-9000-000000000000', $1, 'native', 'goes', 'x', $2)`, s.Account.ID, ago)
	s.exec(`INSERT INTO contacts (id, account_id, created_at) SELECT ('01000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, $1, $2 FROM generate_series(1, 2100) n`, s.Account.ID, ago)
	s.exec(`INSERT INTO media (id, account_id, contact_id, kind, state, created_at) SELECT c.id, c.account_id, c.id, 'image', 'failed', $1 FROM contacts c WHERE c.created_at = $1`, ago)
	s.exec(`INSERT INTO contacts (id, account_id, name, created_at) VALUES ('01000000-0000-7000-9000-000000000000', $1, 'goes', $2)`, s.Account.ID, ago)
	s.exec(`INSERT INTO wakes (inbox_id, contact_id, account_id) SELECT $1, c.id, c.account_id FROM contacts c WHERE c.created_at = $2`, s.Inbox.ID, ago)

	deleted := s.forgets()
	require.EqualValues(t, 1, deleted["receipts"], "%v", deleted)
	require.EqualValues(t, 1, deleted["contacts"], "%v", deleted)
	require.Empty(t, hits(t, s.World.DB, "goes"))
	require.Empty(t, s.forgets())
}
