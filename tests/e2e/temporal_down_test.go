package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTemporalDown stops Temporal in the middle of a conversation. Gateways notice nothing, agents are told to come back, and
// afterwards everything that was accepted is where it belongs.
func TestTemporalDown(t *testing.T) {
	t.Parallel()
	temporal := newTemporal(t)
	s := newStackOn(t, temporal.address())
	into[receipt](t, s.post(text("447700900123", "wamid.before", "before")), http.StatusOK)
	conv := s.open()
	into[conversation](t, s.command(s.anaKey, conv.ID, "claim", nil), http.StatusOK)
	temporal.stop(t)

	fastest := time.Hour // the machine may be slow: of five the fastest shows that none waits
	for i := range 5 {
		began := time.Now()
		into[receipt](t, s.post(text("447700900123", fmt.Sprintf("wamid.down.%d", i), fmt.Sprintf("down %d", i))), http.StatusOK)
		fastest = min(fastest, time.Since(began))
	}
	require.Less(t, fastest, 2*time.Second, "acceptance does not wait for Temporal")
	into[receipt](t, s.post(text("447700900999", "wamid.new", "somebody new")), http.StatusOK)
	s.answersWithoutTemporal(conv.ID)

	require.NoError(t, temporal.start(t.Context()))
	s.ready(s.url)
	until(t, readyWithin, "everything that was accepted is applied", func() bool {
		all := into[list[conversation]](t, s.get("/v1/conversations?status=waiting,assigned"), http.StatusOK)
		return len(all.Items) == 2 && len(s.messages(conv.ID)) >= 6
	})
	s.retriedReplyLeavesOnce(conv.ID)
	ended := into[conversation](t, s.command(s.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	require.Equal(t, "ended", ended.Status)
	require.Contains(t, s.webhook(2).Body, `"event":"conversation_resolved"`)
}

var downReply = map[string]string{"type": "text", "text": "are you there?"}

// answersWithoutTemporal is what agents get meanwhile: what they read, conflicts that the rows show, and 503 for the rest.
func (s *stack) answersWithoutTemporal(id string) {
	s.Helper()
	require.Equal(s, "assigned", s.conversation(id).Status)
	requireProblem(s.T, s.commandOnce(s.benKey, id, "claim", nil), http.StatusConflict, "conflict")
	for _, refused := range []answer{
		s.commandOnce(s.anaKey, id, "messages", downReply, "Idempotency-Key", "down"),
		s.commandOnce(s.anaKey, id, "release", nil),
	} {
		requireProblem(s.T, refused, http.StatusServiceUnavailable, "unavailable")
		require.Regexp(s, `^[1-9]\d*$`, refused.header.Get("Retry-After"))
	}
	require.Equal(s, http.StatusOK, s.get("/livez").status)
	// It stays in service, for it accepts.
	require.Contains(s, string(into[json.RawMessage](s.T, s.get("/readyz"), http.StatusOK)), `"status":"degraded"`)
	require.Empty(s, s.gateway.Requests())
}

func (s *stack) retriedReplyLeavesOnce(id string) {
	s.Helper()
	sent := into[message](s.T, s.command(s.anaKey, id, "messages", downReply, "Idempotency-Key", "down"), http.StatusCreated)
	require.Contains(s, s.webhook(1).Body, "are you there?")
	var texts []string
	for _, m := range s.messages(id) {
		texts = append(texts, m.Text)
	}
	require.Equal(s, "before, down 0, down 1, down 2, down 3, down 4, are you there?", strings.Join(texts, ", "))
	require.Equal(s, sent.ID, s.messages(id)[6].ID)
}
