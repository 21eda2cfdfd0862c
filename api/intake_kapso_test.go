package api_test

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

// TestKapsosClientGetsTheHashOfMetasBytes: to its webhooks of kind "meta" Kapso sends the SHA-256 of the body as X-Idempotency-Key.
func TestKapsosClientGetsTheHashOfMetasBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolKapso)
	endpoint := w.AddRawEndpoint(t, inbox, w.Gateway)
	body := w.bodyFor(inbox, "447700900123", "Hello")
	w.metaPosts(t, inbox, body).is(http.StatusOK)
	w.lane(t, endpoint, w.waker.all()[0].ContactID)
	require.Len(t, w.Gateway.Requests(), 1)
	forwarded := w.Gateway.Requests()[0]
	require.Equal(t, string(body), forwarded.Body)
	sum := sha256.Sum256(body)
	require.Equal(t, hex.EncodeToString(sum[:]), forwarded.Header.Get("X-Idempotency-Key"))
}
