package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

// entries is the audit log of the account, the newest first.
func (w *world) entries(t *testing.T, query string) []any {
	t.Helper()
	items, _ := w.do(t, "GET", "/v1/audit-log?"+query, w.adm, nil).is(http.StatusOK).field("items").([]any)
	return items
}

// Every route by which admins change something writes one entry; a new route has to be given a request here that succeeds.
func TestWhatAdminsChangeIsInTheAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const canary = "EAAcanarysecret"
	c := w.conversation(t, "447700900123")
	forgotten := w.conversation(t, "447700900124").ContactID.String()
	delivery := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK).text("deliveries.0.id")
	waiting := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK).text("deliveries.0.id")
	made := func(path string, body any) string {
		return w.do(t, "POST", path, w.adm, body).is(http.StatusCreated).text("id")
	}
	agent, team := made("/v1/agents", `{"name":"Cleo"}`), teamID(w.team(t, map[string]any{"name": "Billing"}))
	inbox := made("/v1/inboxes", `{"name":"Second","waba_id":"1","phone_number_id":"2"}`)
	endpoint := made("/v1/inboxes/"+inbox+"/endpoints", `{"url":"http://127.0.0.1:9/"}`)
	key := made("/v1/api-keys", `{"name":"k","scope":"gateway"}`)
	spare := made("/v1/api-keys", `{"name":"k","scope":"gateway"}`)
	gone := made("/v1/inboxes/"+inbox+"/endpoints", `{"url":"http://127.0.0.1:9/"}`)
	empty := made("/v1/inboxes", `{"name":"Third","waba_id":"1","phone_number_id":"3"}`)
	old := teamID(w.team(t, map[string]any{"name": "Old"}))
	reply, view := made("/v1/quick-replies", `{"shortcut":"hi","text":"Hi"}`), made("/v1/views", `{"name":"All","filters":{}}`)
	since := time.Now().Add(-time.Hour)
	requests := map[string]struct {
		path       string
		body       any
		kind, id   string
		field      string
		idempotent bool
	}{
		"create-agent":           {"/v1/agents", `{"name":"Dora","email":"` + canary + `@example.com"}`, "agent", "", "email", false},
		"update-agent":           {"/v1/agents/" + agent, `{"name":"Chloe"}`, "agent", agent, "name", false},
		"create-api-key":         {"/v1/api-keys", `{"name":"n","scope":"gateway"}`, "api_key", "", "scope", true},
		"revoke-api-key":         {"/v1/api-keys/" + key, nil, "api_key", key, "", false},
		"rotate-api-key":         {"/v1/api-keys/" + spare + "/rotate", `{"grace_seconds":60}`, "api_key", "", "grace_seconds", true},
		"create-inbox":           {"/v1/inboxes", `{"name":"New","waba_id":"1","phone_number_id":"4","access_token":"` + canary + `"}`, "inbox", "", "access_token", true},
		"update-inbox":           {"/v1/inboxes/" + inbox, `{"app_secret":"` + canary + `"}`, "inbox", inbox, "app_secret", false},
		"delete-inbox":           {"/v1/inboxes/" + empty, nil, "inbox", empty, "", false},
		"create-endpoint":        {"/v1/inboxes/" + inbox + "/endpoints", `{"url":"http://127.0.0.1:9/` + canary + `"}`, "endpoint", "", "url", false},
		"update-endpoint":        {"/v1/endpoints/" + endpoint, `{"headers":{"X-A":"` + canary + `"}}`, "endpoint", endpoint, "headers", false},
		"delete-endpoint":        {"/v1/endpoints/" + gone, nil, "endpoint", gone, "", false},
		"rotate-secret":          {"/v1/endpoints/" + endpoint + "/rotate-secret", `{}`, "endpoint", endpoint, "", false},
		"recover-endpoint":       {"/v1/endpoints/" + endpoint + "/recover", map[string]any{"since": since}, "endpoint", endpoint, "since", false},
		"replay-endpoint":        {"/v1/endpoints/" + endpoint + "/replay", map[string]any{"since": since, "until": time.Now()}, "endpoint", endpoint, "until", false},
		"redeliver":              {"/v1/deliveries/" + delivery + "/redeliver", nil, "delivery", delivery, "", false},
		"skip-delivery":          {"/v1/deliveries/" + waiting + "/skip", nil, "delivery", waiting, "", false},
		"erase-contact":          {"/v1/contacts/" + forgotten + "/erasure", nil, "contact", forgotten, "", true},
		"create-team":            {"/v1/teams", `{"name":"Sales"}`, "team", "", "name", true},
		"update-team":            {"/v1/teams/" + team, `{"name":"Bills"}`, "team", team, "name", false},
		"delete-team":            {"/v1/teams/" + old, nil, "team", old, "", false},
		"add-team-member":        {"/v1/teams/" + team + "/members/" + agent, nil, "team", team, "", false},
		"remove-team-member":     {"/v1/teams/" + team + "/members/" + agent, nil, "team", team, "", false},
		"take-over-conversation": {"/v1/conversations/" + c.ID.String() + "/takeover", map[string]any{"agent_id": w.Ana.Agent.ID}, "conversation", c.ID.String(), "agent_id", false},
		"create-quick-reply":     {"/v1/quick-replies", `{"shortcut":"pay","text":"` + canary + `"}`, "quick_reply", "", "text", true},
		"update-quick-reply":     {"/v1/quick-replies/" + reply, `{"text":"` + canary + `"}`, "quick_reply", reply, "text", false},
		"delete-quick-reply":     {"/v1/quick-replies/" + reply, nil, "quick_reply", reply, "", false},
		"create-view":            {"/v1/views", `{"name":"Mine","filters":{}}`, "view", "", "filters", true},
		"update-view":            {"/v1/views/" + view, `{"name":"Every"}`, "view", view, "name", false},
		"delete-view":            {"/v1/views/" + view, nil, "view", view, "", false},
		"put-sign-in":            {"/v1/sign-in", `{"issuer":"https://login.example.com","audience":"x"}`, "sign_in", "", "issuer", false},
		"delete-sign-in":         {"/v1/sign-in", nil, "sign_in", "", "", false},
		"put-agent-sign-in":      {"/v1/agents/" + agent + "/sign-in", `{"subject":"cleo"}`, "agent", agent, "subject", false},
		"delete-agent-sign-in":   {"/v1/agents/" + agent + "/sign-in", nil, "agent", agent, "", false},
	}
	before := len(w.entries(t, "limit=100"))
	order := []string{"add-team-member", "put-sign-in", "put-agent-sign-in"}
	for path, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if operation.Extensions["x-scope"] == string(handoff.ScopeAdmin) && method != http.MethodGet {
				require.Contains(t, requests, operation.OperationID, "%s %s changes something: give it a request here", method, path)
			}
		}
	}
	methods := map[string]string{}
	for _, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			methods[operation.OperationID] = method
		}
	}
	for name := range requests {
		if name != "add-team-member" && name != "put-sign-in" && name != "put-agent-sign-in" && !strings.HasPrefix(name, "delete-") {
			order = append(order, name)
		}
	}
	order = append(order, "delete-team", "delete-endpoint", "delete-inbox", "delete-quick-reply", "delete-view", "delete-agent-sign-in", "delete-sign-in")
	for n, name := range order {
		r := requests[name]
		headers := []string{"X-Request-Id", "request-" + name}
		if r.idempotent {
			headers = append(headers, "Idempotency-Key", name)
		}
		for range 2 {
			got := w.do(t, methods[name], r.path, w.adm, r.body, headers...)
			require.Less(t, got.status, 300, "%s: %s", name, got.body)
			if !r.idempotent {
				break // the second time, the key has the answer of the first
			}
		}
		items := w.entries(t, "limit=100")
		require.Len(t, items, before+n+1, name)
		encoded, err := json.Marshal(items[0])
		require.NoError(t, err)
		entry := answer{t: t, body: encoded}
		require.Equal(t, name, entry.text("action"))
		require.Equal(t, "key", entry.text("actor.type"))
		require.Equal(t, "admin", entry.text("actor.name"))
		require.Equal(t, "request-"+name, entry.text("request_id"))
		require.Equal(t, r.kind, entry.text("target_type"), name)
		if r.id != "" {
			require.Equal(t, r.id, entry.text("target_id"), name)
		} else if r.kind != "sign_in" {
			require.NotEmpty(t, entry.text("target_id"), name)
		}
		if r.field != "" {
			require.Contains(t, entry.field("detail.fields"), r.field, name)
		}
		require.NotContains(t, string(encoded), canary, name)
	}
}

// What is refused changes nothing, and is in no log of changes.
func TestRefusalsAreNotInTheAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "POST", "/v1/api-keys", w.adm, `{"name":"k","scope":"agent"}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "PATCH", "/v1/agents/"+handoff.NewID().String(), w.adm, `{"name":"x"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "DELETE", "/v1/api-keys/"+handoff.NewID().String(), w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "GET", "/v1/agents", w.adm, nil).is(http.StatusOK)
	require.Empty(t, w.entries(t, ""))
}

// What agents make for themselves by a route on which admins change what is shared is no change of an admin's.
func TestWhatAgentsKeepForThemselvesIsNotInTheAuditLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "POST", "/v1/quick-replies", w.ana, `{"shortcut":"hi","text":"Hi"}`).is(http.StatusCreated)
	view := w.do(t, "POST", "/v1/views", w.ana, `{"name":"All","filters":{}}`).is(http.StatusCreated)
	w.do(t, "PATCH", "/v1/views/"+view.text("id"), w.ana, `{"name":"Every"}`).is(http.StatusOK)
	require.Empty(t, w.entries(t, ""))
}

func TestTheAuditLogIsFilteredAndPaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"Cleo", "Dora", "Emil"} {
		w.do(t, "POST", "/v1/agents", w.adm, map[string]string{"name": name}).is(http.StatusCreated)
	}
	w.do(t, "PATCH", "/v1/agents/"+w.Ana.Agent.ID.String(), w.adm, `{"skills":["german"]}`).is(http.StatusOK)
	w.do(t, "GET", "/v1/exports/conversations?status=ended", w.adm, nil).is(http.StatusOK)

	page := w.do(t, "GET", "/v1/audit-log?limit=3", w.adm, nil).is(http.StatusOK)
	require.Len(t, page.field("items"), 3)
	require.Equal(t, "export-conversations", page.text("items.0.action"))
	require.Equal(t, "ended", page.text("items.0.detail.filters.status"))
	rest := w.do(t, "GET", "/v1/audit-log?limit=3&cursor="+page.text("next_cursor"), w.adm, nil).is(http.StatusOK)
	require.Len(t, rest.field("items"), 2)
	require.Empty(t, rest.text("next_cursor"))

	require.Len(t, w.entries(t, "action=create-agent"), 3)
	require.Len(t, w.entries(t, "target_id="+w.Ana.Agent.ID.String()), 1)
	require.Len(t, w.entries(t, "target_type=agent&actor_type=key&since="+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)), 4)
	require.Empty(t, w.entries(t, "until=2020-01-01T00:00:00Z"))
	require.Empty(t, w.entries(t, "actor_id="+handoff.NewID().String()))
	w.do(t, "GET", "/v1/audit-log", w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	require.Empty(t, w.do(t, "GET", "/v1/audit-log", w.stranger, nil).is(http.StatusOK).field("items"), "another account's")
}

// An entry and its change are one transaction: where the log cannot be written, nothing is changed.
func TestNoChangeWithoutItsEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.DB.Exec(context.Background(), `ALTER TABLE audit_entries ADD CONSTRAINT no_more CHECK (action <> 'create-agent' AND action <> 'revoke-api-key' AND action <> 'update-agent')`)
	require.NoError(t, err)
	defer func() {
		_, err := w.DB.Exec(context.Background(), `ALTER TABLE audit_entries DROP CONSTRAINT no_more`)
		require.NoError(t, err)
	}()
	key := w.do(t, "POST", "/v1/api-keys", w.adm, `{"name":"k","scope":"gateway"}`).is(http.StatusCreated)
	w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`).is(http.StatusInternalServerError)
	w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`, "Idempotency-Key", "cleo").is(http.StatusInternalServerError)
	w.do(t, "PATCH", "/v1/agents/"+w.Ana.Agent.ID.String(), w.adm, `{"name":"Cleo"}`).is(http.StatusInternalServerError)
	w.do(t, "DELETE", "/v1/api-keys/"+key.text("id"), w.adm, nil).is(http.StatusInternalServerError)
	agents, err := dbsqlc.New(w.DB).AgentList(context.Background(), dbsqlc.AgentListParams{AccountID: w.Account.ID, RowLimit: 100})
	require.NoError(t, err)
	for _, agent := range agents {
		require.NotEqual(t, "Cleo", agent.Name)
	}
	w.do(t, "POST", "/v1/public/inbound", key.text("key"), w.Body("447700900124", "Hi")).is(http.StatusOK)
}
