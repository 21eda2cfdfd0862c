package api_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

// parallel sends the same request n times at once.
func (w *world) parallel(t *testing.T, n int, method, path, key string, body any, headers ...string) []answer {
	t.Helper()
	answers := make([]answer, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { answers[i] = w.do(t, method, path, key, body, headers...) })
	}
	group.Wait()
	return answers
}

func TestOneKeyOneEffect(t *testing.T) {
	t.Parallel()
	const n = 50
	for name, c := range map[string]struct {
		path   func(w *world, conversation string) string
		body   any
		status int
		count  string // how many effects there are
	}{
		"a reply": {
			path: func(_ *world, id string) string { return "/v1/conversations/" + id + "/messages" },
			body: map[string]string{"type": "text", "text": "once"}, status: http.StatusCreated,
			count: "SELECT count(*) FROM messages WHERE direction = 'outbound'",
		},
		"a note": {
			path: func(_ *world, id string) string { return "/v1/conversations/" + id + "/notes" },
			body: map[string]string{"text": "once"}, status: http.StatusCreated, count: "SELECT count(*) FROM notes",
		},
		"a claim": {
			path: func(_ *world, id string) string { return "/v1/conversations/" + id + "/claim" },
			body: map[string]string{}, status: http.StatusOK, count: "SELECT count(*) FROM events WHERE type = 'conversation.claimed'",
		},
		"an end with a note": {
			path: func(_ *world, id string) string { return "/v1/conversations/" + id + "/resolve" },
			body: map[string]string{"note": "done"}, status: http.StatusOK, count: "SELECT count(*) FROM notes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := c.path(w, w.conversation(t, "447700900123").ID.String())
			answers := w.parallel(t, n, "POST", path, w.ana, c.body, "Idempotency-Key", "key-1")
			replayed := 0
			for _, a := range answers {
				a.is(c.status)
				require.Equal(t, string(answers[0].body), string(a.body))
				if a.header.Get("Idempotent-Replayed") == "true" {
					replayed++
				}
			}
			require.Equal(t, n-1, replayed)
			require.Equal(t, 1, w.count(t, c.count))
			w.do(t, "POST", path, w.ana, map[string]string{"type": "text", "text": "other", "note": "x"}, "Idempotency-Key", "key-1").
				refused(http.StatusConflict, handoff.CodeConflict)
		})
	}
}

func (w *world) count(t *testing.T, query string) int {
	t.Helper()
	var n int
	require.NoError(t, w.DB.QueryRow(context.Background(), query).Scan(&n))
	return n
}

func TestConfigurationIsMadeOncePerKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	endpoints := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	for path, body := range map[string]any{
		"/v1/agents":   map[string]string{"name": "Cleo"},
		"/v1/api-keys": map[string]string{"name": "k", "scope": "gateway"},
		"/v1/inboxes":  map[string]string{"name": "I", "waba_id": "1", "phone_number_id": "2"},
		endpoints:      map[string]string{"url": w.Gateway.URL},
	} {
		answers := w.parallel(t, 10, "POST", path, w.adm, body, "Idempotency-Key", "same key on every route")
		for _, a := range answers {
			a.is(http.StatusCreated)
			require.Equal(t, string(answers[0].body), string(a.body), "the secret that is shown once is shown to each repetition")
		}
	}
	require.Equal(t, 3, w.count(t, "SELECT count(*) FROM agents WHERE account_id = '"+w.Account.ID.String()+"'"))
	// The answer with a secret in it is not readable in the table.
	require.Zero(t, w.count(t, `SELECT count(*) FROM idempotency_keys WHERE position('whsec_'::bytea IN body) > 0 OR position('hk_'::bytea IN body) > 0`))
}

func TestAKeyBelongsToItsAccountAndRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mine := w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`, "Idempotency-Key", "k").is(http.StatusCreated)
	theirs := w.do(t, "POST", "/v1/agents", w.stranger, `{"name":"Cleo"}`, "Idempotency-Key", "k").is(http.StatusCreated)
	require.NotEqual(t, mine.text("id"), theirs.text("id"))
	require.Empty(t, theirs.header.Get("Idempotent-Replayed"))
}

func TestARefusedRequestMayBeTriedAgainWithItsKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	w.do(t, "POST", path+"/claim", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/claim", w.ana, nil, "Idempotency-Key", "k").refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", path+"/release", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/claim", w.ana, nil, "Idempotency-Key", "k").is(http.StatusOK)

	w.do(t, "POST", "/v1/agents", w.adm, `{"name":""}`, "Idempotency-Key", "k").refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`, "Idempotency-Key", "k").is(http.StatusCreated)
}

// The answer told of a contact who has been erased since. What it had done is not done again.
func TestAnAnswerThatWasErasedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func() answer { return w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`, "Idempotency-Key", "k") }
	ask().is(http.StatusCreated)
	_, err := dbsqlc.New(w.DB).AnswerErase(t.Context(), dbsqlc.AnswerEraseParams{AccountID: w.Account.ID, Route: "POST /v1/agents", Key: "k"})
	require.NoError(t, err)
	ask().says(http.StatusConflict, handoff.CodeConflict, "erased with its contact")
	require.Equal(t, 3, w.count(t, "SELECT count(*) FROM agents WHERE account_id = '"+w.Account.ID.String()+"'"))
}

// A command whose answer was lost has happened; asked again with the same key it is not done again and not refused for its own effect.
func TestALostAnswerIsFoundAgain(t *testing.T) {
	t.Parallel()
	for command, body := range map[string]any{
		"/messages": map[string]string{"type": "text", "text": "once"}, "/resolve": map[string]string{"note": "once"}, "/release": nil, "/claim": nil,
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
			w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
			w.commands.lose = &handoff.Error{Code: handoff.CodeUnavailable, Message: "lost"}
			first := w.do(t, "POST", path+command, w.ana, body, "Idempotency-Key", "k").refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
			require.NotEmpty(t, first.header.Get("Retry-After"))
			w.commands.lose = nil
			calls := w.commands.count()

			again := w.do(t, "POST", path+command, w.ana, body, "Idempotency-Key", "k")
			require.Contains(t, []int{http.StatusOK, http.StatusCreated}, again.status, string(again.body))
			require.Equal(t, calls, w.commands.count(), "what is done is not asked for again")
			require.LessOrEqual(t, w.count(t, "SELECT count(*) FROM messages WHERE direction = 'outbound'"), 1)
			require.LessOrEqual(t, w.count(t, "SELECT count(*) FROM notes"), 1)
			w.do(t, "POST", path+command, w.ana, body, "Idempotency-Key", "k").is(again.status)
		})
	}
}

func TestKeysOfOddShapeAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, key := range []string{"ключ", string(make([]byte, 256)), "a\tb"} {
		w.do(t, "POST", "/v1/agents", w.adm, `{"name":"`+strconv.Itoa(i)+`"}`, "Idempotency-Key", key).
			refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
}

func TestIntakeTakesAKeyToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := w.Body("447700900123", "Hello")
	first := w.do(t, "POST", "/v1/public/inbound", w.gateway, body, "Idempotency-Key", "k").is(http.StatusOK)
	second := w.do(t, "POST", "/v1/public/inbound", w.gateway, body, "Idempotency-Key", "k").is(http.StatusOK)
	require.Equal(t, first.text("receipt_id"), second.text("receipt_id"))
	receipts, err := dbsqlc.New(w.DB).ReceiptGet(context.Background(), dbsqlc.ReceiptGetParams{
		AccountID: w.Account.ID, ID: uuidOf(t, first.text("receipt_id")),
	})
	require.NoError(t, err)
	require.Equal(t, body, receipts.Body)
}
