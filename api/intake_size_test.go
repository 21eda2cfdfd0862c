package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
)

func TestDelivery_39_IntakeRefusesAMessageThatIsTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	large := w.Body("447700900123", strings.Repeat("x", db.MaxContent))
	got := w.do(t, "POST", "/v1/public/inbound", w.gateway, large).refused(http.StatusRequestEntityTooLarge, handoff.CodeTooLarge)
	require.Contains(t, got.text("detail"), "wamid.", "it names the message")
	require.NotEmpty(t, got.text("errors.0.location"))
	require.Zero(t, w.Count(t, "receipts", "true"))

	inbox := w.AddInbox(t, handoff.ProtocolKapso)
	w.Inbox = inbox
	got = w.metaPosts(t, inbox, w.Body("447700900123", "before", strings.Repeat("x", db.MaxContent))).is(http.StatusOK)
	require.Equal(t, "message", got.text("items.0.kind"))
	require.Equal(t, "event", got.text("items.1.kind"))
	require.Contains(t, got.text("items.1.reason"), "too large")
}
