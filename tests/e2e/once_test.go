package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestDelivery_35_OneKeyOneDelivery sends the same thing again and again, in parallel and after days: it leaves once.
func TestDelivery_35_OneKeyOneDelivery(t *testing.T) {
	t.Parallel()
	s := newStack(t, "message.received", "outbound_message")
	inbound := text("447700900123", "wamid.once", "hello")
	first := into[receipt](t, s.post(inbound), http.StatusOK)
	conv := s.open()
	s.webhook(1)

	reply := "/v1/conversations/" + conv.ID + "/messages"
	s.fiftyAtOnce(reply)
	s.otherKeys(conv.ID, reply)
	s.keysOfOthers(conv.ID)
	s.intakeInParallel()
	before := len(s.gateway.Requests())
	s.afterEightDays(inbound, first, reply)

	// What comes last shows that nothing is still on its way.
	_, err := s.insist(t.Context(), http.StatusCreated, http.MethodPost, reply, s.anaKey, `{"type":"text","text":"the last"}`, "Idempotency-Key", "last")
	require.NoError(t, err)
	require.Contains(t, s.webhook(before+1).Body, "the last")
	s.requireWebhooksInOrder(before + 1)
	require.Len(t, s.gateway.Requests(), before+1)
}

const onceReply = `{"type":"text","text":"once"}`

// fiftyAtOnce sends one reply in fifty requests at the same time. All get the answer of the one that was carried out.
func (s *stack) fiftyAtOnce(path string) {
	s.Helper()
	answers := make([]answer, 50)
	errs := make([]error, len(answers))
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() {
			answers[i], errs[i] = followed(s.Context(), http.MethodPost, s.url+path, s.anaKey, onceReply, "Idempotency-Key", "once")
		})
	}
	group.Wait()
	replayed := 0
	for i, a := range answers {
		require.NoError(s, errs[i])
		require.Equal(s, http.StatusCreated, a.status, "%s", a.body)
		require.Equal(s, string(answers[0].body), string(a.body))
		if a.header.Get("Idempotent-Replayed") == "true" {
			replayed++
		}
	}
	require.Equal(s, len(answers)-1, replayed)
	require.Contains(s, s.webhook(2).Body, "once")
}

// otherKeys shows that the key stands for its request alone, on its route alone.
func (s *stack) otherKeys(conversation, path string) {
	s.Helper()
	other := call(s.T, http.MethodPost, s.url+path, s.anaKey, []byte(`{"type":"text","text":"another"}`), "Idempotency-Key", "once")
	requireProblem(s.T, other, http.StatusConflict, "conflict")
	note := s.command(s.anaKey, conversation, "notes", map[string]string{"text": "a note"}, "Idempotency-Key", "once")
	require.Equal(s, http.StatusCreated, note.status, "%s", note.body)
	require.Empty(s, note.header.Get("Idempotent-Replayed"))
}

// keysOfOthers shows that the same key of another account is another key, even with the same body on the same route.
func (s *stack) keysOfOthers(conversation string) {
	s.Helper()
	made := s.make("key", "create", "--account="+s.make("account", "create", "Other")["id"], "--name=test", "--scope=admin", "--expires-at=2099-12-31T23:59:59Z")
	require.Equal(s, "2099-12-31T23:59:59Z", made["expires_at"])
	stranger := made["key"]
	agent := []byte(`{"name":"Cleo"}`)
	mine := into[named](s.T, call(s.T, http.MethodPost, s.url+"/v1/agents", s.adminKey, agent, "Idempotency-Key", "once"), http.StatusCreated)
	a := call(s.T, http.MethodPost, s.url+"/v1/agents", stranger, agent, "Idempotency-Key", "once")
	theirs := into[named](s.T, a, http.StatusCreated)
	require.NotEqual(s, mine.ID, theirs.ID)
	require.Empty(s, a.header.Get("Idempotent-Replayed"))
	a = call(s.T, http.MethodPost, s.url+"/v1/conversations/"+conversation+"/messages", stranger, []byte(onceReply), "Idempotency-Key", "once")
	requireProblem(s.T, a, http.StatusNotFound, "not_found")
}

// intakeInParallel posts one message of a customer in fifty requests at the same time, without a key: its own id is one.
func (s *stack) intakeInParallel() {
	s.Helper()
	body := []byte(text("447700900124", "wamid.fifty", "fifty"))
	answers := make([]answer, 50)
	errs := make([]error, len(answers))
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i], errs[i] = send(http.MethodPost, s.url+"/v1/public/inbound", s.gatewayKey, body) })
	}
	group.Wait()
	fresh := 0
	ids := map[string]bool{}
	for i, a := range answers {
		require.NoError(s, errs[i])
		items := into[receipt](s.T, a, http.StatusOK).Items
		require.Len(s, items, 1)
		ids[items[0].MessageID] = true
		if !items[0].Duplicate {
			fresh++
		}
	}
	require.Equal(s, 1, fresh)
	require.Len(s, ids, 1)
	require.Contains(s, s.webhook(3).Body, "wamid.fifty")
}

// afterEightDays turns the clock forward, by making everything older, to just before and just after the end of the eighth day, and
// lets the API forget what it forgets. Keys are known for eight days; a message's own id for as long as the message is there.
func (s *stack) afterEightDays(inbound string, first receipt, path string) {
	s.Helper()
	again := func() answer {
		return call(s.T, http.MethodPost, s.url+path, s.anaKey, []byte(onceReply), "Idempotency-Key", "once")
	}
	s.age(8*24*time.Hour - 10*time.Minute)
	require.Equal(s, "true", again().header.Get("Idempotent-Replayed"))
	s.seenBefore(inbound, first)
	s.age(24 * time.Hour)
	s.seenBefore(inbound, first)
}

// seenBefore posts what was posted before: it is known, and it is the same message.
func (s *stack) seenBefore(inbound string, first receipt) {
	s.Helper()
	items := into[receipt](s.T, s.post(inbound), http.StatusOK).Items
	require.True(s, items[0].Duplicate)
	require.Equal(s, first.Items[0].MessageID, items[0].MessageID)
}

// age makes everything older that is forgotten one day, and starts the API again, which then looks for what that is.
func (s *stack) age(by time.Duration) {
	s.Helper()
	s.serve.kill()
	database, err := pgx.Connect(s.Context(), s.databaseURL)
	require.NoError(s, err)
	defer func() { _ = database.Close(s.Context()) }()
	for table, column := range map[string]string{
		"idempotency_keys": "created_at", "commands": "created_at", "messages": "created_at", "receipts": "received_at",
	} {
		_, err := database.Exec(s.Context(), fmt.Sprintf("UPDATE %[1]s SET %[2]s = %[2]s - $1::interval", table, column), by)
		require.NoError(s, err, strings.ToUpper(table))
	}
	require.NoError(s, s.serve.start())
	s.ready(s.url)
}
