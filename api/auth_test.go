package api_test

import (
	"cmp"
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/apikey"
)

// withoutKey are the routes that need no key: of operators, of files, and of vendors, who prove themselves otherwise.
var withoutKey = []string{"/livez", "/m/{token}", "/r/{token}", "/readyz", "/v1/chatlayer/{inbox_id}", "/v1/whatsapp/{inbox_id}/webhook"}

var pathParameter = regexp.MustCompile(`\{[a-z_]+\}`)

// Every route that is not public refuses every scope but its own and admin.
func TestScopes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := map[string]string{"gateway": w.gateway, "agent": w.ana}
	checked := 0
	for path, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			scope, scoped := operation.Extensions["x-scope"].(string)
			also, _ := operation.Extensions["x-also"].([]any)
			if !scoped {
				require.Contains(t, withoutKey, path)
				continue
			}
			concrete := pathParameter.ReplaceAllString(strings.ReplaceAll(path, "{kind}", "snooze"), handoff.NewID().String())
			for _, p := range operation.Parameters {
				if p.Value.In == "query" && p.Value.Required {
					concrete += "?" + p.Value.Name + "=447700900123"
				}
			}
			w.do(t, method, concrete, "", nil).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
			for name, key := range keys {
				if name != scope && !slices.Contains(also, any(name)) {
					w.do(t, method, concrete, key, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
					continue
				}
				got := w.do(t, method, concrete, key, nil)
				require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, "%s %s as %s", method, path, name)
			}
			got := w.do(t, method, concrete, w.adm, nil)
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, got.status, "%s %s as admin", method, path)
			checked++
		}
	}
	require.Greater(t, checked, 30)
}

func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	clock := w.timed(t)
	soon := clock.now().Add(time.Hour)
	_, expiring, err := w.admin().CreateKey(context.Background(), w.Account.ID, admin.NewKey{
		Name: "expiring", Scope: handoff.ScopeAdmin, ExpiresAt: &soon,
	})
	require.NoError(t, err)
	w.do(t, "GET", "/v1/agents", expiring, nil).is(http.StatusOK)

	bodies := map[string]bool{}
	for name, key := range map[string]string{
		"unknown":      apikey.New().Text,
		"wrong secret": w.adm[:16] + apikey.New().Text[16:],
		"cut":          w.adm[:30],
		"no key":       "bearer",
	} {
		got := w.do(t, "GET", "/v1/agents", key, nil, "X-Request-Id", "same").refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
		require.NotEmpty(t, got.header.Get("WWW-Authenticate"), name)
		bodies[string(got.body)] = true
	}
	require.Len(t, bodies, 1, "a refusal does not tell what is wrong with a key")
	clock.forward(time.Hour)
	w.do(t, "GET", "/v1/agents", expiring, nil).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)

	w.do(t, "GET", "/v1/agents", "", nil, "X-API-Key", w.adm).is(http.StatusOK)
	w.do(t, "GET", "/v1/agents", "", nil, "Authorization", "bearer "+w.adm).is(http.StatusOK)
}

// A key that is in use has a prefix that the server knows by heart, and one that nobody has is looked up. The two take turns, so that what
// else the machine does hits both.
func TestTheTimeOfARefusalDoesNotTellAKnownPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const times = 2000
	known, unknown := make([]time.Duration, 0, times), make([]time.Duration, 0, times)
	refuse := func(key string) time.Duration {
		begin := time.Now()
		w.do(t, "GET", "/v1/agents", key, nil).is(http.StatusUnauthorized)
		return time.Since(begin)
	}
	w.do(t, "GET", "/v1/agents", w.adm, nil).is(http.StatusOK)
	for range times {
		known = append(known, refuse(w.adm[:16]+apikey.New().Text[16:]))
		unknown = append(unknown, refuse(apikey.New().Text))
	}
	slices.Sort(known)
	slices.Sort(unknown)
	ratio := float64(known[times/2]) / float64(unknown[times/2])
	t.Logf("medians: %s with a known prefix, %s with an unknown one: %.3f", known[times/2], unknown[times/2], ratio)
	require.InDelta(t, 1, ratio, 0.25)
}

func TestRevocationTakesASecondAtMost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	row, text, err := w.admin().CreateKey(context.Background(), w.Account.ID, admin.NewKey{Name: "short-lived", Scope: handoff.ScopeAdmin})
	require.NoError(t, err)
	w.do(t, "GET", "/v1/agents", text, nil).is(http.StatusOK)

	w.do(t, "DELETE", "/v1/api-keys/"+row.ID.String(), w.adm, nil).is(http.StatusNoContent)
	takenUntilRefused(t, w, text, time.Now())
	w.do(t, "DELETE", "/v1/api-keys/"+row.ID.String(), w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

// Two servers over one database: the one that revokes refuses the key at once, and no other takes it for a request that begins a second
// later.
func TestARevokedKeyIsRefusedByEveryServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := *w
	other.serve(t)
	row, text, err := w.admin().CreateKey(context.Background(), w.Account.ID, admin.NewKey{Name: "short-lived", Scope: handoff.ScopeAdmin})
	require.NoError(t, err)
	w.do(t, "GET", "/v1/agents", text, nil).is(http.StatusOK)
	other.do(t, "GET", "/v1/agents", text, nil).is(http.StatusOK)

	w.do(t, "DELETE", "/v1/api-keys/"+row.ID.String(), w.adm, nil).is(http.StatusNoContent)
	revoked := time.Now()
	w.do(t, "GET", "/v1/agents", text, nil).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	takenUntilRefused(t, &other, text, revoked)
}

// takenUntilRefused asks with a key until it is refused, which is what a request is told that begins a second after the key was revoked.
func takenUntilRefused(t *testing.T, w *world, key string, revoked time.Time) {
	t.Helper()
	for begun := time.Now(); w.do(t, "GET", "/v1/agents", key, nil).status != http.StatusUnauthorized; begun = time.Now() {
		require.Less(t, begun.Sub(revoked), time.Second, "taken though it was revoked before that")
	}
}

func TestARotatedKeyIsTakenUntilItsGraceIsOver(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	now := time.Now()
	w.deps.Now = func() time.Time { return now }
	w.serve(t)
	old := w.do(t, "POST", "/v1/api-keys", w.adm, map[string]any{"name": "gateway", "scope": "gateway", "inbox_id": w.Inbox.ID}).is(http.StatusCreated)
	path := "/v1/api-keys/" + old.text("id") + "/rotate"
	fresh := w.do(t, "POST", path, w.adm, `{"grace_seconds":3600}`, "Idempotency-Key", "once").is(http.StatusCreated)
	again := w.do(t, "POST", path, w.adm, `{"grace_seconds":3600}`, "Idempotency-Key", "once").is(http.StatusCreated)
	require.Equal(t, fresh.text("key"), again.text("key"), "an answer that was lost shows the same key")
	for _, field := range []string{"name", "scope", "inbox_id"} {
		require.Equal(t, old.text(field), fresh.text(field))
	}
	w.do(t, "POST", path, w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)
	works := func(key answer, status int) {
		t.Helper()
		w.do(t, "POST", "/v1/public/inbound", key.text("key"), w.Body("447700900123", "Hi")).is(status)
	}
	works(old, http.StatusOK)
	works(fresh, http.StatusOK)
	now = now.Add(time.Hour)
	works(old, http.StatusUnauthorized)
	works(fresh, http.StatusOK)

	at := "/v1/api-keys/" + fresh.text("id") + "/rotate"
	last := w.do(t, "POST", at, w.adm, `{"grace_seconds":0}`).is(http.StatusCreated)
	works(fresh, http.StatusUnauthorized)
	works(last, http.StatusOK)
	w.do(t, "POST", path, w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", at, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", at, w.adm, `{"grace_seconds":604801}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}

func TestADisabledAgentsKeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "GET", "/v1/conversations", w.ana, nil).is(http.StatusOK)
	w.do(t, "PATCH", "/v1/agents/"+w.Ana.Agent.ID.String(), w.adm, `{"disabled":true}`).is(http.StatusOK)
	require.Eventually(t, func() bool { return w.do(t, "GET", "/v1/conversations", w.ana, nil).status == http.StatusUnauthorized }, eventually, tick)

	c := w.conversation(t, "447700900123")
	claim := map[string]any{"agent_id": w.Ana.Agent.ID}
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", w.adm, claim).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}

func TestUseOfAKeyIsNoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "GET", "/v1/conversations", w.ana, nil).is(http.StatusOK)
	require.Eventually(t, func() bool {
		keys, err := dbsqlc.New(w.DB).APIKeyList(context.Background(), dbsqlc.APIKeyListParams{AccountID: w.Account.ID, RowLimit: 100})
		require.NoError(t, err)
		return slices.ContainsFunc(keys, func(k dbsqlc.APIKey) bool { return k.Scope == handoff.ScopeAgent && k.LastUsedAt != nil })
	}, eventually, tick)
}

// What belongs to another account is as absent as what is not there: same status, same body.
func TestAccountsNeverMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	deliveries := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK)
	receipt := w.do(t, "POST", "/v1/public/inbound", w.gateway, w.Body("447700900124", "Hi")).is(http.StatusOK)
	keys := w.do(t, "GET", "/v1/api-keys", w.adm, nil).is(http.StatusOK)
	file := w.do(t, "POST", "/v1/media", w.ana, "hello", "Content-Type", "text/plain").is(http.StatusCreated)
	forgotten := w.do(t, "POST", "/v1/contacts/"+w.conversation(t, "447700900125").ContactID.String()+"/erasure", w.adm, nil).is(http.StatusAccepted)
	own := map[string]string{
		"/v1/erasures/":      forgotten.text("id"),
		"/v1/media/":         file.text("id"),
		"/v1/conversations/": c.ID.String(), "/v1/inboxes/": w.Inbox.ID.String(), "/v1/endpoints/": w.Endpoint.ID.String(),
		"/v1/agents/": w.Ana.Agent.ID.String(), "/v1/deliveries/": deliveries.text("deliveries.0.id"),
		"/v1/receipts/": receipt.text("receipt_id"), "/v1/api-keys/": keys.text("items.0.id"),
		"/v1/teams/":    teamID(w.team(t, map[string]any{"name": "Billing"})),
		"/v1/contacts/": c.ContactID.String(),
		"/v1/views/":    w.do(t, "POST", "/v1/views", w.adm, `{"name":"Waiting","filters":{"status":["waiting"]}}`).is(http.StatusCreated).text("id"),
		"/v1/quick-replies/": w.do(t, "POST", "/v1/quick-replies", w.adm, `{"shortcut":"hi","text":"Hi"}`).
			is(http.StatusCreated).text("id"),
	}
	bodies := map[string]any{
		"/presence": map[string]string{"state": "away"}, "/sign-in": map[string]string{"subject": "ana"},
		"PUT /tags": map[string]any{"tags": []string{"vip"}}, "/takeover": map[string]any{"agent_id": w.Ana.Agent.ID},
		"/offer": map[string]any{"to": "bot"}, "/transfer": map[string]any{"to_agent_id": w.Ana.Agent.ID},
		"/timers/inactivity": map[string]any{"cancel": true}, "/render": map[string]any{"conversation_id": c.ID},
		"/scheduled-messages": map[string]any{"message": map[string]string{"type": "text", "text": "x"}},
		"/ratings":            map[string]any{"score": 5, "conversation_id": c.ID},
		"/notes":              map[string]string{"text": "x"}, "/messages": map[string]string{"type": "text", "text": "x"},
		"/endpoints": map[string]string{"url": "http://127.0.0.1:9/"},
		"/recover":   map[string]any{"since": time.Now().Add(-time.Hour)},
		"/replay":    map[string]any{"since": time.Now().Add(-time.Hour), "until": time.Now()},
	}
	checked := 0
	for path, item := range document(t).Paths.Map() {
		before, after, ok := strings.Cut(path, "{id}")
		if !ok {
			continue
		}
		after = strings.ReplaceAll(after, "{agent_id}", w.Ana.Agent.ID.String())
		after = strings.ReplaceAll(after, "{kind}", "inactivity")
		after = pathParameter.ReplaceAllString(after, handoff.NewID().String())
		if path == "/v1/inboxes/{id}/owner" {
			after += "?contact=447700900123"
		}
		for method := range item.Operations() {
			var body any
			if method == http.MethodPost || method == http.MethodPatch {
				body = map[string]any{}
			}
			if given := cmp.Or(bodies[method+" "+after], bodies[after]); given != nil && (method == http.MethodPost || method == http.MethodPut) {
				body = given
			}
			foreign := w.do(t, method, before+own[before]+after, w.stranger, body, "X-Request-Id", "same").refused(http.StatusNotFound, handoff.CodeNotFound)
			absent := w.do(t, method, before+handoff.NewID().String()+after, w.stranger, body, "X-Request-Id", "same").refused(http.StatusNotFound, handoff.CodeNotFound)
			require.Equal(t, string(absent.body), string(foreign.body), "%s %s", method, path)
			malformed := w.do(t, method, before+"not-an-id"+after, w.stranger, body)
			malformed.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			checked++
		}
	}
	require.Greater(t, checked, 20)

	for _, list := range []string{"/v1/conversations", "/v1/deliveries", "/v1/deliveries?conversation_id=" + c.ID.String(), "/v1/events"} {
		require.Empty(t, w.do(t, "GET", list, w.stranger, nil).is(http.StatusOK).field("items"), list)
	}
	w.do(t, "GET", "/v1/conversations/"+c.ID.String(), w.adm, nil).is(http.StatusOK)
	for _, body := range []map[string]any{
		{"name": "k", "scope": "agent", "agent_id": w.Ana.Agent.ID}, {"name": "k", "scope": "gateway", "inbox_id": w.Inbox.ID},
	} {
		w.do(t, "POST", "/v1/api-keys", w.stranger, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
}
