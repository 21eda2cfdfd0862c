package e2e_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestHitlChatRefusals is everything that a gateway can get wrong, and what is no mistake.
func TestHitlChatRefusals(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	good := text("447700900123", "wamid.1", "hello")
	inbound := s.url + "/v1/public/inbound"
	for name, c := range map[string]struct {
		key, body string
		status    int
		code      string
	}{
		"wrong WABA":         {s.gatewayKey, strings.Replace(good, waba, "999", 1), http.StatusUnprocessableEntity, "invalid"},
		"wrong number":       {s.gatewayKey, strings.Replace(good, phone, "999", 1), http.StatusUnprocessableEntity, "invalid"},
		"no key":             {"", good, http.StatusUnauthorized, "unauthorized"},
		"wrong key":          {s.gatewayKey[:len(s.gatewayKey)-1] + "!", good, http.StatusUnauthorized, "unauthorized"},
		"an agent's key":     {s.anaKey, good, http.StatusForbidden, "forbidden"},
		"no JSON":            {s.gatewayKey, `{"object":`, http.StatusBadRequest, "malformed"},
		"another JSON":       {s.gatewayKey, `[1]`, http.StatusUnprocessableEntity, "invalid"},
		"nothing":            {s.gatewayKey, ``, http.StatusBadRequest, "malformed"},
		"more than it takes": {s.gatewayKey, good + strings.Repeat(" ", 4<<20), http.StatusRequestEntityTooLarge, "too_large"},
	} {
		a, err := send(http.MethodPost, inbound, c.key, []byte(c.body))
		require.NoError(t, err, name)
		require.Equal(t, c.status, a.status, "%s: %s", name, a.body)
		requireProblem(t, a, c.status, c.code)
	}
	requireProblem(t, call(t, http.MethodGet, s.url+"/v1/nothing", s.anaKey, nil), http.StatusNotFound, "not_found")

	first := into[receipt](t, s.post(good), http.StatusOK)
	second := into[receipt](t, s.post(good), http.StatusOK)
	require.False(t, first.Items[0].Duplicate)
	require.True(t, second.Items[0].Duplicate)
	require.Equal(t, first.Items[0].MessageID, second.Items[0].MessageID)
	conv := s.open()
	until(t, readyWithin, "one message", func() bool { return len(s.messages(conv.ID)) == 1 })

	// In a batch, what routes nowhere is ignored and what routes is taken.
	mixed := strings.Replace(text("447700900123", "wamid.2", "again"), `"entry":[`,
		`"entry":[{"id":"999","changes":[{"field":"messages","value":{"metadata":{"phone_number_id":"9"},"messages":[{"from":"1","id":"wamid.9","type":"text","text":{"body":"x"}}]}}]},`, 1)
	batch := into[receipt](t, s.post(mixed), http.StatusOK)
	require.Equal(t, []string{"ignored", "message"}, []string{batch.Items[0].Kind, batch.Items[1].Kind})
	require.Empty(t, s.gateway.Requests())
}

// TestStrangersSeeNothing reads one account's things with another account's keys.
func TestStrangersSeeNothing(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	accepted := into[receipt](t, s.post(text("447700900123", "wamid.1", "hello")), http.StatusOK)
	conv := s.open()
	account := s.make("account", "create", "Other")["id"]
	stranger := s.make("key", "create", "--account="+account, "--name=x", "--scope=admin")["key"]

	absent := "/v1/conversations/0198a000-0000-7000-8000-000000000000"
	want := requireProblem(t, call(t, http.MethodGet, s.url+absent, stranger, nil), http.StatusNotFound, "not_found")
	got := requireProblem(t, call(t, http.MethodGet, s.url+"/v1/conversations/"+conv.ID, stranger, nil), http.StatusNotFound, "not_found")
	require.Equal(t, want.Detail, got.Detail)
	for _, verb := range []string{"claim", "resolve", "release"} {
		requireProblem(t, s.command(stranger, conv.ID, verb, nil), http.StatusNotFound, "not_found")
	}
	requireProblem(t, call(t, http.MethodGet, s.url+"/v1/receipts/"+accepted.ReceiptID, stranger, nil), http.StatusNotFound, "not_found")
	require.Empty(t, pages[event](t, s.url+"/v1/events", stranger))
	foreign := call(t, http.MethodPost, s.url+"/v1/public/inbound", stranger, bytes.NewBufferString(text("1", "wamid.3", "x")).Bytes())
	requireProblem(t, foreign, http.StatusUnprocessableEntity, "invalid")
}
