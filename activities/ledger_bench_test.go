package activities_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// day is a day's worth: 20,000 conversations of 50 events, 15 messages and 10 deliveries each, a thousand of them at a time.
var day = []string{
	// Ids are by time, as ours are.
	`CREATE TEMP TABLE began AS SELECT now() - interval '24 hours' AS at`,
	`CREATE FUNCTION pg_temp.id_at(i bigint) RETURNS uuid LANGUAGE sql VOLATILE AS $$
		SELECT (lpad(to_hex((extract(epoch FROM (SELECT at FROM began)) * 1000 + i * 86.4)::bigint), 12, '0')
			|| '7' || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15))::uuid $$`,
	`CREATE TEMP TABLE c AS SELECT n, gen_random_uuid() AS contact, pg_temp.id_at(n / 1000 * 50000) AS conversation FROM generate_series(0, 19999) n`,
	`CREATE TEMP TABLE e AS SELECT i, pg_temp.id_at(i) AS id, i / 50000 * 1000 + i % 1000 AS n, i % 50000 / 1000 + 1 AS seq, i % 50000 / 1000 % 10 AS kind,
		CASE WHEN i % 50000 / 1000 % 10 IN (0, 3, 6) THEN pg_temp.id_at(i) END AS message, (SELECT at FROM began) + i * interval '86.4 ms' AS at
		FROM generate_series(0, 999999) i`,
	`CREATE INDEX ON e (n)`, `ANALYZE c`, `ANALYZE e`,
	`INSERT INTO contacts (id, account_id) SELECT contact, (SELECT id FROM accounts) FROM c`,
	`INSERT INTO wakes (inbox_id, contact_id, account_id) SELECT i.id, c.contact, i.account_id FROM c, inboxes i`,
	`INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, end_reason, ended_at, last_seq, opened_at, last_activity_at, inactive_at)
		SELECT c.conversation, i.account_id, i.id, c.contact, CASE WHEN n % 2 = 0 THEN 'ended' ELSE 'waiting' END, CASE WHEN n % 2 = 0 THEN 'resolved' END,
		CASE WHEN n % 2 = 0 THEN now() END, 50, now(), now(), CASE WHEN n % 2 = 1 THEN now() + interval '1 hour' END FROM c, inboxes i`,
	`INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, seq, direction, author_type, type, text, status, created_at, applied_at)
		SELECT e.message, i.account_id, i.id, c.contact, c.conversation, e.seq, CASE kind WHEN 3 THEN 'outbound' ELSE 'inbound' END,
		CASE kind WHEN 3 THEN 'agent' ELSE 'contact' END, 'text', repeat('words ', 10), CASE kind WHEN 3 THEN 'delivered_to_gateway' END, e.at, e.at
		FROM e JOIN c USING (n), inboxes i WHERE message IS NOT NULL ORDER BY e.i`,
	`INSERT INTO events (id, account_id, inbox_id, conversation_id, seq, type, actor_type, message_id, data, at)
		SELECT e.id, i.account_id, i.id, c.conversation, e.seq, CASE WHEN e.seq = 50 AND e.n % 2 = 0 THEN 'conversation.ended' ELSE
		(ARRAY['message.received', 'conversation.claimed', 'message.sent', 'message.queued', 'message.read', 'message.delivered', 'message.received'])
			[least(kind, 6) + 1] END, 'system', e.message, '{"some": "data"}', e.at
		FROM e JOIN c USING (n), inboxes i ORDER BY e.i`,
	`INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, contact_id, conversation_id, event_id, message_id, event_type, webhook_id, body, state, created_at, next_attempt_at)
		SELECT pg_temp.id_at(e.i), p.account_id, p.id, p.inbox_id, c.contact, c.conversation, e.id, e.message, CASE kind WHEN 3 THEN 'outbound_message' ELSE 'conversation.claimed' END,
		'msg_' || e.i, convert_to(repeat('body ', 80), 'UTF8'), CASE WHEN e.i % 20 < 10 AND e.i > 500000 THEN 'pending' ELSE 'delivered' END, e.at,
		CASE WHEN e.i % 20 < 10 AND e.i > 500000 THEN now() - interval '1 hour' END
		FROM e JOIN c USING (n), endpoints p WHERE kind IN (1, 3) ORDER BY e.i`,
	// Its receiver is away: what waits for it is no gap, and has to be looked through.
	`UPDATE endpoints SET open_until = now() + interval '1 hour'`,
	`VACUUM (ANALYZE) events`, `VACUUM (ANALYZE) messages`, `VACUUM (ANALYZE) deliveries`, `VACUUM (ANALYZE) conversations`, `VACUUM (ANALYZE) wakes`,
}

// BenchmarkLedger looks at a day's worth of a million events at once, and then at ten minutes' worth. What it costs stands in docs/doctor.md.
func BenchmarkLedger(b *testing.B) {
	url := dbtest.URL(b)
	pool, err := db.Open(context.Background(), url, 2)
	require.NoError(b, err)
	b.Cleanup(pool.Close)
	w := fixture.New(b, pool, "outbound_message", "conversation.claimed")
	w.Exec(b, "UPDATE endpoints SET created_at = now() - interval '2 days', updated_at = now() - interval '2 days'")
	conn, err := pgx.Connect(context.Background(), url)
	require.NoError(b, err)
	for _, statement := range day {
		_, err := conn.Exec(context.Background(), statement)
		require.NoError(b, err, statement)
	}
	require.NoError(b, conn.Close(context.Background()))
	a := w.Activities(b, time.Now)
	a.Log = slog.New(slog.DiscardHandler)
	look := func(b *testing.B, since string) {
		b.Helper()
		for range b.N {
			w.Exec(b, "DELETE FROM ledger_marks")
			w.Exec(b, "INSERT INTO ledger_marks (name, through, looked_at) SELECT 'events', min(id::text)::uuid, now() FROM events WHERE at > now() - $1::text::interval", since)
			report, err := a.CheckLedger(context.Background(), activities.LedgerInput{})
			require.NoError(b, err)
			require.Empty(b, report.Found)
			require.False(b, report.Behind)
			b.ReportMetric(float64(report.Events), "events")
		}
	}
	b.Run("the first time", func(b *testing.B) { look(b, "23 hours 59 minutes") })
	b.Run("ten minutes", func(b *testing.B) { look(b, "20 minutes") })
}
