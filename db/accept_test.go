package db_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/internal/fixture"
)

func names(t *testing.T, w *fixture.World) (out []string) {
	t.Helper()
	rows, err := w.DB.Query(t.Context(), "SELECT name FROM contacts ORDER BY id")
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		out = append(out, name)
	}
	return out
}

func TestARepeatedMessageDoesNotBringBackAnOldName(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	old := batch(w, said{phone: john, name: "John", id: "wamid.1"})
	w.Accept(t, old, time.Now())
	w.Accept(t, batch(w, said{phone: john, name: "Johnny", id: "wamid.2"}), time.Now())
	require.Equal(t, []string{"Johnny"}, names(t, w))
	before := w.Dump(t)
	accepted := w.Accept(t, old, time.Now())
	require.True(t, accepted.Items[0].Duplicate)
	require.Equal(t, db.OutcomeDuplicate, accepted.Items[0].Outcome)
	require.Empty(t, accepted.Wakes)
	w.RequireUnchanged(t, before)
}

func TestTheStrongerIdentityNamesTheContact(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	w.Accept(t, batch(w, said{phone: john, name: "John", id: "wamid.1", bsuid: "GB.1"}), time.Now())
	w.Accept(t, batch(w, said{phone: "447700900124", name: "Jane", id: "wamid.2"}), time.Now())
	// John has Jane's number now; he is still John, and she keeps what is hers.
	w.Accept(t, batch(w, said{phone: "447700900124", name: "John", id: "wamid.3", bsuid: "GB.1"}), time.Now())
	require.Equal(t, []string{"John", "Jane"}, names(t, w))
	require.Equal(t, 3, w.Count(t, "contact_identities", "true"))
	require.Equal(t, 2, w.Count(t, "messages", "contact_id = (SELECT contact_id FROM contact_identities WHERE value = 'GB.1')"))
}

func TestOnlyABodyOfWhichNothingIsForUsIsRefused(t *testing.T) {
	t.Parallel()
	w := crowded(t)
	mine := string(w.Body(john, "hello"))
	strange := strings.Replace(mine, w.Inbox.PhoneNumberID, "999", 1)
	_, err := accept(w, w.DB, []byte(strange))
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err))
	require.Zero(t, w.Count(t, "receipts", "true"))

	entry := mine[strings.Index(mine, `[{"changes"`)+1 : strings.LastIndex(mine, "]")]
	both := strings.Replace(mine, entry, strings.Replace(entry, w.Inbox.PhoneNumberID, "999", 1)+","+entry, 1)
	accepted, err := accept(w, w.DB, []byte(both))
	require.NoError(t, err)
	require.Len(t, accepted.Items, 2)
	require.Equal(t, handoff.ItemIgnored, accepted.Items[0].Kind)
	require.Contains(t, accepted.Items[0].Reason, `no inbox of this account has`)
	require.Equal(t, db.OutcomeAccepted, accepted.Items[1].Outcome)
}

func TestTheWindowOpensWithTheContactsOwnTimeWhereItCanBeOne(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 8, 12, 0, 0, 0, time.UTC)
	for sent, want := range map[time.Time]time.Time{
		now.Add(-time.Hour):                    now.Add(-time.Hour),
		now.Add(-7 * 24 * time.Hour):           now.Add(-7 * 24 * time.Hour),
		now.Add(-7*24*time.Hour - time.Second): now, // a time stamp of a sample
		now.Add(time.Second):                   now, // a clock that is ahead would hold the window open
		{}:                                     now,
	} {
		require.Equal(t, want, db.WindowStart(sent, now), "%s", sent)
	}
}
