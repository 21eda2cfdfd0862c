package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fixture"
	"handoff/internal/secretbox"
)

// kinds are what ids in paths, queries and bodies stand for, by the last part of their name.
var kinds = map[string]string{
	"actor_id": "api_key", "agent_id": "agent", "to_agent_id": "agent", "mentions": "agent", "contact_id": "contact", "conversation_id": "conversation",
	"endpoint_id": "endpoint", "inbox_id": "inbox", "media_id": "media", "message_id": "message", "reply_to": "message", "note_ids": "note",
	"target_id": "agent", "team_id": "team", "to_team_id": "team", "scheduled_id": "scheduled",
}

// belongings are ids of one account's things, one of each kind.
func (w *world) belongings(t *testing.T, of *fixture.World, admin, agent string) map[string]string {
	t.Helper()
	c := w.conversationOf(t, of, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	media := w.do(t, "POST", "/v1/media", agent, "hello", "Content-Type", "text/plain").is(http.StatusCreated)
	note := w.do(t, "POST", path+"/notes", agent, map[string]any{"text": "x", "mentions": []handoff.ID{of.Ana.Agent.ID}}).is(http.StatusCreated)
	team := w.do(t, "POST", "/v1/teams", admin, `{"name":"Billing"}`).is(http.StatusCreated)
	w.do(t, "PUT", "/v1/teams/"+team.text("id")+"/members/"+of.Ana.Agent.ID.String(), admin, nil).is(http.StatusNoContent)
	scheduled := w.do(t, "POST", path+"/scheduled-messages", agent, map[string]any{
		"message": map[string]string{"type": "text", "text": "x"},
	}).is(http.StatusCreated)
	gateway := w.key(t, of, handoff.ScopeGateway, nil)
	receipt := w.do(t, "POST", "/v1/public/inbound", gateway, of.Body("447700900124", "Hi")).is(http.StatusOK)
	delivery := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", gateway, nil).is(http.StatusOK)
	erasure := handoff.NewID()
	of.Exec(t, "INSERT INTO erasures (id, account_id, contact_id, actor_type, requested_at) VALUES ($1, $2, $1, 'operator', now())", erasure, of.Account.ID)
	return map[string]string{
		"erasure": erasure.String(), "receipt": receipt.text("receipt_id"), "delivery": delivery.text("deliveries.0.id"),
		"native": of.AddInbox(t, handoff.ProtocolNative).ID.String(), "passthrough": of.AddInbox(t, handoff.ProtocolPassthrough).ID.String(),
		"agent": of.Ana.Agent.ID.String(), "api_key": w.do(t, "GET", "/v1/api-keys", admin, nil).is(http.StatusOK).text("items.0.id"),
		"contact": c.ContactID.String(), "conversation": c.ID.String(), "endpoint": of.Endpoint.ID.String(), "inbox": of.Inbox.ID.String(),
		"media": media.text("id"), "message": w.do(t, "GET", path+"/messages", agent, nil).is(http.StatusOK).text("items.0.id"),
		"note": note.text("id"), "scheduled": scheduled.text("id"), "team": team.text("id"),
		"quick_reply": w.do(t, "POST", "/v1/quick-replies", admin, `{"shortcut":"hi","text":"Hi"}`).is(http.StatusCreated).text("id"),
		"view":        w.do(t, "POST", "/v1/views", admin, `{"name":"Waiting","filters":{"status":["waiting"]}}`).is(http.StatusCreated).text("id"),
	}
}

// bodies are what operations that take ids take besides.
func requestBodies(mine map[string]string) map[string]map[string]any {
	text := map[string]any{"type": "text", "text": "x"}
	return map[string]map[string]any{
		"add-note": {"text": "x"}, "add-rating": {"score": 5}, "create-api-key": {"name": "k", "scope": "admin"},
		"create-inbox":       {"name": "Sales", "protocol": "native"},
		"create-quick-reply": {"shortcut": "s", "text": "x"}, "create-view": {"name": "v", "filters": map[string]any{}},
		"edit-tags": {"add": []string{"vip"}}, "move-timer": {"cancel": true}, "offer-conversation": {}, "post-statuses": {"status": "delivered"},
		"schedule-message": {"due_at": time.Now().Add(time.Hour), "message": text, "otherwise": text}, "send-message": text, "set-tags": {"tags": []string{"vip"}},
		"snooze-conversation": {"until": time.Now().Add(time.Hour)},
		"start-conversation":  {"inbox_id": mine["inbox"], "contact_id": mine["contact"], "message": text},
		"update-contact":      {"name": "John"}, "update-view": {"filters": map[string]any{}},
	}
}

// Whoever names a thing of another account, anywhere in a request, gets the very answer that the id of nothing gets, and moves nothing of
// that account. The document says where ids are, so a new one is tried without a word here.
func TestIDsOfAnotherAccountAreThoseOfNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	secret, err := w.Box.Seal([]byte(w.strangerWorld.Gateway.Secret.Reveal()), secretbox.EndpointSecret(w.strangerWorld.Account.ID, w.strangerWorld.Endpoint.ID))
	require.NoError(t, err)
	w.Exec(t, "UPDATE endpoints SET secret = $1 WHERE id = $2", secret, w.strangerWorld.Endpoint.ID) // the API has one key set
	theirs := w.belongings(t, w.World, w.adm, w.ana)
	mine := w.belongings(t, w.strangerWorld, w.stranger, w.strangerAgent)
	before := w.rowsOf(t, w.Account.ID)
	m := &matrix{world: w, T: t, theirs: theirs, mine: mine, bodies: requestBodies(mine)}
	for path, item := range document(t).Paths.Map() {
		for method, op := range item.Operations() {
			if op.Extensions["x-scope"] == nil || op.OperationID == "stream-events" { // TestStreams: are an account's own
				continue
			}
			m.operation(method, path, op)
		}
	}
	require.Greater(t, m.paths, 60)
	require.Greater(t, m.queries, 15)
	require.Greater(t, m.inBodies, 50)
	require.Equal(t, before, w.rowsOf(t, w.Account.ID), "nothing of the other account has moved")
}

// rowsOf is all that an account has, as a hash for each table.
func (w *world) rowsOf(t *testing.T, account handoff.ID) map[string]string {
	t.Helper()
	rows, err := w.DB.Query(t.Context(), `SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
		WHERE c.table_schema = 'public' AND c.column_name = 'account_id' AND t.table_type = 'BASE TABLE' AND c.table_name <> 'api_keys'`) // when they were used last
	require.NoError(t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	require.NoError(t, rows.Err())
	out := map[string]string{}
	for _, table := range tables {
		var sum string
		require.NoError(t, w.DB.QueryRow(t.Context(), "SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM "+table+" t WHERE account_id = $1", account).Scan(&sum))
		out[table] = sum
	}
	return out
}

// matrix asks for things as an admin of one account, with ids of its own, of another's, of nothing, and with what is no id.
type matrix struct {
	*world
	*testing.T
	theirs, mine             map[string]string
	bodies                   map[string]map[string]any
	paths, queries, inBodies int
	n                        int
}

// ownIsNot200 are reads of one's own thing that find nothing here, and why.
var ownIsNot200 = map[string]string{
	"get-agent-sign-in":  "the account trusts no issuer",
	"get-rating":         "nobody has rated it",
	"get-passed-message": "no message was passed",
}

// required adds the parameters that a request has to have.
func required(op *openapi3.Operation, query url.Values) string {
	for _, other := range op.Parameters {
		if other.Value.In == "query" && other.Value.Required {
			query.Set(other.Value.Name, "447700900123")
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

func (m *matrix) operation(method, path string, op *openapi3.Operation) {
	m.Helper()
	for _, parameter := range op.Parameters {
		switch p := parameter.Value; {
		case p.In == "path" && p.Schema.Value.Format == "uuid":
			m.paths++
			if method == http.MethodGet && p.Name != "message_id" && ownIsNot200[op.OperationID] == "" {
				m.Run(method+" "+path+" own", func(t *testing.T) { //nolint:paralleltest // as in same
					m.ask(t, method, m.concrete(path, "", "")+required(op, url.Values{}), op, nil).is(http.StatusOK)
				})
			}
			m.same(method+" "+path+" "+p.Name, func(t *testing.T, id string) answer {
				t.Helper()
				return m.ask(t, method, m.concrete(path, p.Name, id)+required(op, url.Values{}), op, nil)
			}, kindOf(path, p.Name))
		case p.In == "query" && isID(p.Schema.Value):
			m.queries++
			m.same(method+" "+path+"?"+p.Name, func(t *testing.T, id string) answer {
				t.Helper()
				return m.ask(t, method, m.concrete(path, "", "")+required(op, url.Values{p.Name: {id}}), op, nil)
			}, kinds[p.Name])
		}
	}
	if op.RequestBody == nil {
		return
	}
	media := op.RequestBody.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return // a file, or a vendor's body
	}
	for _, place := range idsIn(media.Schema.Value, nil) {
		m.inBodies++
		name := strings.TrimSuffix(place[len(place)-1], "[]")
		require.NotEmpty(m, kinds[name], "%s: what is %s?", op.OperationID, place)
		m.same(op.OperationID+" "+strings.Join(place, "."), func(t *testing.T, id string) answer {
			t.Helper()
			return m.ask(t, method, m.concrete(path, "", ""), op, with(m.bodies[op.OperationID], place, id))
		}, kinds[name])
	}
}

// same holds the answers against each other.
func (m *matrix) same(what string, ask func(t *testing.T, id string) answer, kind string) {
	m.Run(what, func(t *testing.T) { //nolint:tparallel // what comes after sees that nothing has moved
		require.NotEmpty(t, m.theirs[kind], "nobody has a %s", kind)
		absent := handoff.NewID().String()
		nothing, foreign := ask(t, absent), ask(t, m.theirs[kind])
		require.Equal(t, nothing.status, foreign.status, string(foreign.body))
		require.Equal(t, blurred(nothing.body, absent), blurred(foreign.body, m.theirs[kind]))
		require.Less(t, foreign.status, 500, string(foreign.body))
		got := ask(t, "not-an-id")
		require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.status, string(got.body))
	})
}

var (
	anyID     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyTime   = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)
	anyKey    = regexp.MustCompile(`hk_\w+|"prefix":"[^"]+"|whsec_[^"]+`)
	anyCursor = regexp.MustCompile(`"next_cursor":"[^"]+"`)
	anyName   = regexp.MustCompile(`[nsv]-\d+`)
)

// blurred is a body without what differs between any two requests.
func blurred(body []byte, id string) string {
	text := strings.ReplaceAll(string(body), id, "ID")
	for _, pattern := range []*regexp.Regexp{anyID, anyTime, anyKey, anyCursor, anyName} {
		text = pattern.ReplaceAllString(text, "*")
	}
	return text
}

// ask makes the request as the stranger, who is an admin of an account of its own.
func (m *matrix) ask(t *testing.T, method, target string, op *openapi3.Operation, body map[string]any) answer {
	t.Helper()
	m.n++
	var sent any
	if op.RequestBody != nil {
		if body == nil {
			body = m.bodies[op.OperationID]
		}
		unique := map[string]any{}
		for k, v := range body {
			unique[k] = v
		}
		for _, k := range []string{"shortcut", "name"} {
			if v, ok := unique[k].(string); ok {
				unique[k] = fmt.Sprintf("%c-%d", v[0]|0x20, m.n)
			}
		}
		sent = unique
	}
	return m.do(t, method, target, m.stranger, sent, "X-Request-Id", "same")
}

// concrete fills a path in with ids of the stranger's own, but for one.
func (m *matrix) concrete(path, but, id string) string {
	return pathParameter.ReplaceAllStringFunc(path, func(found string) string {
		name := strings.Trim(found, "{}")
		if name == but {
			return id
		}
		if name == "kind" {
			return "inactivity"
		}
		if own := m.mine[kindOf(path, name)]; own != "" {
			return own
		}
		return handoff.NewID().String()
	})
}

// kindOf is what a path's parameter stands for: {id} for one of the collection before it.
func kindOf(path, name string) string {
	switch { // of the inbox that speaks what the route takes
	case strings.HasPrefix(path, "/v1/passthrough/{inbox_id}") && name == "inbox_id":
		return "passthrough"
	case path == "/v1/inboxes/{id}/statuses" && name == "id":
		return "native"
	}
	if name != "id" {
		return kinds[name]
	}
	before, _, _ := strings.Cut(path, "/{id}")
	collection := strings.ReplaceAll(before[strings.LastIndex(before, "/")+1:], "-", "_")
	switch collection {
	case "media":
		return "media"
	case "inboxes":
		return "inbox"
	case "quick_replies":
		return "quick_reply"
	case "deliveries":
		return "delivery"
	}
	return strings.TrimSuffix(collection, "s")
}

func isID(s *openapi3.Schema) bool {
	return s.Format == "uuid" || (s.Items != nil && s.Items.Value.Format == "uuid")
}

// idsIn are the places of ids in a body.
func idsIn(s *openapi3.Schema, at []string) (out [][]string) {
	for _, choice := range slices.Concat(s.OneOf, s.AnyOf, s.AllOf) {
		out = append(out, idsIn(choice.Value, at)...)
	}
	for name, property := range s.Properties {
		here := append(slices.Clone(at), name)
		switch p := property.Value; {
		case p.Format == "uuid":
			out = append(out, here)
		case p.Items != nil && p.Items.Value.Format == "uuid":
			here[len(here)-1] += "[]"
			out = append(out, here)
		case p.Items != nil:
			here[len(here)-1] += "[]"
			out = append(out, idsIn(p.Items.Value, here)...)
		default:
			out = append(out, idsIn(p, here)...)
		}
	}
	return out
}

// with puts an id into a copy of a body.
func with(body map[string]any, place []string, id string) map[string]any {
	encoded, _ := json.Marshal(body)
	out := map[string]any{}
	if len(body) > 0 {
		_ = json.Unmarshal(encoded, &out)
	}
	node := out
	for i, name := range place {
		plain, list := strings.CutSuffix(name, "[]")
		switch {
		case i == len(place)-1 && list:
			node[plain] = []string{id}
		case i == len(place)-1:
			node[plain] = id
		case list:
			next := map[string]any{}
			node[plain] = []any{next}
			node = next
		default:
			next, ok := node[plain].(map[string]any)
			if !ok {
				next = map[string]any{}
				node[plain] = next
			}
			node = next
		}
	}
	return out
}
