package activities_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/internal/mediastore"
)

// writes lets a contact write, who is the scene's from then on.
func (s *scene) writes(phone, text string) handoff.ID {
	s.Helper()
	wake := s.Accept(s.T, s.Body(phone, text), s.now).Wakes[0]
	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	s.apply()
	return s.conversation().ID
}

// ends ends the scene's conversation, and tells the gateway.
func (s *scene) ends() {
	s.Helper()
	out, err := s.End(s.Context(), activities.EndCommand{
		Command: s.command("end:"+handoff.NewID().String(), handoff.Actor{Admin: true}), Reason: handoff.EndAdmin,
	})
	require.NoError(s, err)
	require.Nil(s, out.Refused)
	_, err = s.deliver()
	require.NoError(s, err)
}

// forgets sweeps every inbox that forgets, as the workflow does.
func (s *scene) forgets() activities.Counts {
	s.Helper()
	inboxes, err := s.RetentionList(s.Context(), activities.RetentionListInput{})
	require.NoError(s, err)
	total := activities.Counts{}
	for _, in := range inboxes {
		swept, err := s.RetentionSweep(s.Context(), in)
		require.NoError(s, err)
		total.Add(swept)
		receipts, err := s.RetentionReceipts(s.Context(), in)
		require.NoError(s, err)
		total.Add(receipts)
	}
	return total
}

const (
	joan  = "447700900456"
	kim   = "447700900789"
	aDay  = 24 * time.Hour
	month = 30 * aDay
)

// TestRetentionForgetsWhatEndedLongAgo has one contact with an old and a younger conversation, one with an old one only, and one whose
// conversation is open; two of them share a receipt.
func TestRetentionForgetsWhatEndedLongAgo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.apply()
	johns := s.ref
	old := s.conversation().ID
	s.ends()
	janes := s.writes(joan, "Jane was here")
	janesContact := s.ref.ContactID
	file := handoff.NewID()
	s.exec(`INSERT INTO media (id, account_id, inbox_id, contact_id, kind, state, created_at) VALUES ($1, $2, $3, $4, 'image', 'ready', $5)`,
		file, s.Account.ID, s.Inbox.ID, janesContact, s.now)
	s.exec(`UPDATE messages SET media_id = $1 WHERE contact_id = $2`, file, janesContact)
	_, err := s.Store.Write(t.Context(), mediastore.Key(s.Account.ID, file), strings.NewReader("her file"), mediastore.Limits{})
	require.NoError(t, err)
	s.ends()
	kims := s.writes(kim, "Kim waits")

	s.now = s.now.Add(20 * aDay)
	s.ref = johns
	young := s.writes(john, "again")
	s.exec("UPDATE conversations SET previous_id = $1 WHERE id = $2", old, young)
	s.ends()
	// One body of two contacts: Jane's conversation is closed by it not, for she writes nothing that opens one.
	s.Accept(t, s.Envelope(map[string]any{"messages": []any{
		map[string]any{"from": kim, "id": "wamid.kim2", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "Kim again"}},
		map[string]any{"from": john, "id": "wamid.john2", "timestamp": "1733670000", "type": "text", "text": map[string]string{"body": "John again"}},
	}}), s.now)
	s.apply()
	s.ref.ContactID = johns.ContactID

	require.Empty(t, s.forgets(), "nobody has said how long to keep")
	s.exec("UPDATE inboxes SET retention_days = 30")
	require.Empty(t, s.forgets(), "nothing is that old")
	s.now = s.now.Add(month - 20*aDay + aDay)
	deleted := s.forgets()
	require.EqualValues(t, 2, deleted["conversations"], "%v", deleted)
	require.EqualValues(t, 1, deleted["contacts"], "%v", deleted)
	require.EqualValues(t, 1, deleted["files"], "%v", deleted)
	require.EqualValues(t, 3, deleted["receipts"], "those of the first day: %v", deleted)

	require.Equal(t, 0, s.Count(t, "conversations", "id IN ($1, $2)", old, janes))
	require.Equal(t, 1, s.Count(t, "conversations", "id = $1 AND previous_id IS NULL", young), "the younger one stays, and points at nothing")
	require.Equal(t, 1, s.Count(t, "conversations", "id = $1 AND status <> 'ended'", kims), "what is open stays, however old")
	require.Equal(t, 1, s.Count(t, "messages", "text = 'Kim waits'"))
	require.Equal(t, 1, s.Count(t, "messages", "text = 'Kim again'"))
	require.Equal(t, 1, s.Count(t, "messages", "text = 'John again'"))
	require.Equal(t, 0, s.Count(t, "contacts", "id = $1", janesContact))
	require.Equal(t, 2, s.Count(t, "contacts", "true"))
	require.Equal(t, 2, s.Count(t, "receipts", "length(body) > 0"), "what is younger stays, the one of two contacts too")
	require.Empty(t, hits(t, s.World.DB, "Jane was here"))
	require.Empty(t, hits(t, s.World.DB, joan))
	_, err = s.Store.Read(t.Context(), mediastore.Key(s.Account.ID, file))
	require.Error(t, err)
	require.Empty(t, s.forgets(), "run again it finds nothing")
}

// TestRetentionWaitsForWhatIsOnItsWay keeps a conversation whose webhook its gateway has not taken.
func TestRetentionWaitsForWhatIsOnItsWay(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Gateway.Answer(func(int) (int, string) { return 503, "" })
	s.apply()
	out, err := s.End(t.Context(), activities.EndCommand{Command: s.command("end", handoff.Actor{Admin: true}), Reason: handoff.EndAdmin})
	require.NoError(t, err)
	require.Nil(t, out.Refused)
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'pending'"))
	s.exec("UPDATE inboxes SET retention_days = 1")
	s.now = s.now.Add(3 * aDay)
	require.Zero(t, s.forgets()["conversations"])
	s.exec("UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = now(), gap_told = true")
	require.EqualValues(t, 1, s.forgets()["conversations"])
}

// endedLongAgo makes conversations of as many contacts, with 10 messages, 10 events and 4 deliveries each.
func (s *scene) endedLongAgo(ago time.Time, from, to int) {
	s.Helper()
	s.exec(`INSERT INTO contacts (id, account_id, name, created_at) SELECT md5('c' || n)::uuid, $1, 'c' || n, $2 FROM generate_series($3::int, $4::int) n`, s.Account.ID, ago, from, to)
	s.exec(`INSERT INTO contact_identities (account_id, kind, value, contact_id, created_at) SELECT $1, 'phone', (440000000 + n)::text, md5('c' || n)::uuid, $2 FROM generate_series($3::int, $4::int) n`, s.Account.ID, ago, from, to)
	s.exec(`INSERT INTO wakes (inbox_id, contact_id, account_id, last_intake, raised) SELECT $1, md5('c' || n)::uuid, $2, 1, false FROM generate_series($3::int, $4::int) n`, s.Inbox.ID, s.Account.ID, from, to)
	s.exec(`INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, end_reason, version, last_seq, opened_at, last_activity_at, ended_at, windowed, queued_at, control_since)
		SELECT md5('v' || n)::uuid, $1, $2, md5('c' || n)::uuid, 'ended', 'admin', 1, 10, $3, $3, $3, true, $3, $3 FROM generate_series($4::int, $5::int) n`, s.Account.ID, s.Inbox.ID, ago, from, to)
	s.exec(`INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, seq, direction, author_type, type, text, content, created_at, applied_at)
		SELECT md5('m' || n || ':' || k)::uuid, $1, $2, md5('c' || n)::uuid, md5('v' || n)::uuid, k, 'inbound', 'contact', 'text', 'hello', '{"type":"text"}', $3, $3
		FROM generate_series($4::int, $5::int) n, generate_series(1, 10) k`, s.Account.ID, s.Inbox.ID, ago, from, to)
	s.exec(`INSERT INTO events (id, account_id, inbox_id, conversation_id, seq, type, actor_type, message_id, data, at)
		SELECT md5('e' || n || ':' || k)::uuid, $1, $2, md5('v' || n)::uuid, k, 'message.received', 'contact', md5('m' || n || ':' || k)::uuid, '{}', $3
		FROM generate_series($4::int, $5::int) n, generate_series(1, 10) k`, s.Account.ID, s.Inbox.ID, ago, from, to)
	s.exec(`INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, contact_id, conversation_id, event_type, webhook_id, body, state, attempts, created_at, finished_at)
		SELECT md5('d' || n || ':' || k)::uuid, $1, $2, $3, md5('c' || n)::uuid, md5('v' || n)::uuid, 'message.received', 'msg', '{}', 'delivered', 1, $4, $4
		FROM generate_series($5::int, $6::int) n, generate_series(1, 4) k`, s.Account.ID, s.Endpoint.ID, s.Inbox.ID, ago, from, to)
}

// TestRetentionOfManyConversations measures; HANDOFF_RETENTION=20000 says of how many.
func TestRetentionOfManyConversations(t *testing.T) {
	t.Parallel()
	n := 300
	if given := os.Getenv("HANDOFF_RETENTION"); given != "" {
		_, err := fmt.Sscan(given, &n)
		require.NoError(t, err)
	}
	s := newScene(t)
	ago := s.now.Add(-100 * aDay)
	for from := 1; from <= n; from += 1000 { // a statement may take some seconds only
		s.endedLongAgo(ago, from, min(n, from+999))
	}
	s.exec("UPDATE inboxes SET retention_days = 30")
	s.exec("ANALYZE")
	began := time.Now()
	deleted := s.forgets()
	t.Logf("%d conversations with 10 messages, 10 events and 4 deliveries each, and their contacts: %s: %v", n, time.Since(began), deleted)
	require.EqualValues(t, n, deleted["conversations"])
	require.EqualValues(t, 10*n, deleted["messages"])
	require.EqualValues(t, n, deleted["contacts"])
	require.Equal(t, 1, s.Count(t, "contacts", "true"), "the scene's own")
}
