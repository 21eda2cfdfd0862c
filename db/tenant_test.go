package db_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/db/dbtest"
)

// unbound are references that do not carry the account, and why they need not.
var unbound = map[string]string{
	"delivery_attempts.delivery_id -> deliveries": "the same, of deliveries; the table has no account",
	"mentions.note_id -> notes":                   "written with its note, in one statement",
	"messages.retry_of -> messages":               "the message repeated was read under the account; a unique index for it would cost every message",
	"parked_statuses.inbox_id -> inboxes":         "the table has no account: what it holds is found by its inbox only",
	"receipt_items.receipt_id -> receipts":        "the hottest insert of intake: both rows are written in one transaction",
	"scheduled_messages.message_id -> messages":   "both rows are written in one transaction; a unique index for it would cost every message",
	"scheduled_messages.otherwise_id -> messages": "the same",
}

// A row of one account cannot point at another account's: the database refuses it, whatever the code does. A reference that does not carry
// the account has a reason here.
func TestReferencesStayWithinAnAccount(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	rows, err := pool.Query(t.Context(), `
		SELECT c.conrelid::regclass::text || '.' || string_agg(a.attname, ',' ORDER BY k.n) || ' -> ' || c.confrelid::regclass::text,
		       bool_or(a.attname = 'account_id' AND f.attname = 'account_id')
		FROM pg_constraint c
		CROSS JOIN LATERAL unnest(c.conkey, c.confkey) WITH ORDINALITY AS k(con, conf, n)
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.con
		JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = k.conf
		WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace AND c.confrelid <> 'accounts'::regclass
		GROUP BY c.oid, c.conrelid, c.confrelid ORDER BY 1`)
	require.NoError(t, err)
	defer rows.Close()
	var without []string
	bound := 0
	for rows.Next() {
		var reference string
		var carries bool
		require.NoError(t, rows.Scan(&reference, &carries))
		if carries {
			bound++
			continue
		}
		without = append(without, reference)
	}
	require.NoError(t, rows.Err())
	require.Greater(t, bound, 25)
	require.ElementsMatch(t, slices.Collect(maps.Keys(unbound)), without, "make a reference (account_id, id), or say above why it need not be")
}
