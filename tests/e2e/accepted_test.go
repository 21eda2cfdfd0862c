package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	acceptedRounds   = 200
	acceptedContacts = 8
)

// TestDelivery_24_AcceptedMeansDurable kills the API right after it has said that it has taken a message or a reply, again and again:
// what it took is in its conversation once, and at the gateway in the conversation's order. No wake-up survives in its memory.
func TestDelivery_24_AcceptedMeansDurable(t *testing.T) {
	t.Parallel()
	s := newStack(t, "message.received", "outbound_message")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	conversations := map[int]string{}
	want := map[int][]string{}
	for round := range acceptedRounds {
		contact, words := round%acceptedContacts, fmt.Sprint(round)
		if round%(2*acceptedContacts) < acceptedContacts {
			_, err := s.insist(ctx, http.StatusOK, http.MethodPost, "/v1/public/inbound", s.gatewayKey, text(crashPhone(contact), "wamid."+words, words))
			require.NoError(t, err)
		} else {
			_, err := s.insist(ctx, http.StatusCreated, http.MethodPost, "/v1/conversations/"+conversations[contact]+"/messages", s.anaKey,
				fmt.Sprintf(`{"type":"text","text":%q}`, words), "Idempotency-Key", words)
			require.NoError(t, err)
		}
		s.serve.kill()
		require.NoError(t, s.serve.start())
		want[contact] = append(want[contact], words)
		if conversations[contact] == "" {
			id, err := s.find(ctx, crashPhone(contact))
			require.NoError(t, err)
			conversations[contact] = id
		}
	}
	until(t, readyWithin, "every webhook has arrived", func() bool { return len(webhookIDs(s.gateway.Requests())) >= acceptedRounds })
	s.requireWebhooksInOrder(acceptedRounds)
	for contact, id := range conversations {
		var said []string
		for _, m := range s.messages(id) {
			said = append(said, m.Text)
		}
		require.ElementsMatch(t, want[contact], said)
	}
}
