package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fixture"
)

// gaps are the notes of those that a page lists, in its order.
func gaps(t *testing.T, a answer) (notes []string) {
	t.Helper()
	items, listed := a.is(http.StatusOK).field("items").([]any)
	require.True(t, listed)
	for _, item := range items {
		notes = append(notes, item.(map[string]any)["note"].(string))
	}
	return notes
}

func TestTheLedgersGapsAreListedByPagesToTheirAccountsAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message, at := handoff.NewID(), time.Now().UTC().Truncate(time.Second)
	insert := func(of *fixture.World, kind handoff.GapKind, subject string, repaired *time.Time) {
		of.Exec(t, `INSERT INTO ledger_gaps (id, account_id, kind, subject, inbox_id, message_id, seq, found_at, repaired_at, note)
			VALUES ($1, $2, $3, $4, $5, $6, 3, $7, $8, $4)`, handoff.NewID(), of.Account.ID, string(kind), subject, of.Inbox.ID, message, at, repaired)
	}
	for i := range 3 {
		insert(w.World, handoff.GapEventMissing, fmt.Sprint("open ", i), nil)
	}
	insert(w.World, handoff.GapNotWoken, "repaired", &at)
	insert(w.strangerWorld, handoff.GapEventMissing, "somebody else's", nil)

	first := w.do(t, "GET", "/v1/ledger/gaps?limit=3", w.adm, nil)
	require.Equal(t, []string{"repaired", "open 2", "open 1"}, gaps(t, first), "the newest first")
	require.Equal(t, "not_woken", first.text("items.0.kind"))
	require.Equal(t, at.Format(time.RFC3339), first.text("items.0.repaired_at"))
	require.Equal(t, at.Format(time.RFC3339), first.text("items.1.found_at"))
	require.Nil(t, first.field("items.1.repaired_at"))
	require.Equal(t, message.String(), first.text("items.1.message_id"))
	require.Equal(t, w.Inbox.ID.String(), first.text("items.1.inbox_id"))
	require.EqualValues(t, 3, first.field("items.1.seq"))
	second := w.do(t, "GET", "/v1/ledger/gaps?limit=3&cursor="+first.text("next_cursor"), w.adm, nil)
	require.Equal(t, []string{"open 0"}, gaps(t, second))
	require.Empty(t, second.field("next_cursor"))

	require.Equal(t, []string{"open 2", "open 1", "open 0"}, gaps(t, w.do(t, "GET", "/v1/ledger/gaps?state=open", w.adm, nil)))
	require.Equal(t, []string{"repaired"}, gaps(t, w.do(t, "GET", "/v1/ledger/gaps?state=repaired", w.adm, nil)))
	require.Equal(t, []string{"somebody else's"}, gaps(t, w.do(t, "GET", "/v1/ledger/gaps", w.stranger, nil)))

	for _, key := range []string{w.gateway, w.ana} {
		w.do(t, "GET", "/v1/ledger/gaps", key, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	}
	w.do(t, "GET", "/v1/ledger/gaps?state=lost", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/ledger/gaps?cursor=nonsense", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}
