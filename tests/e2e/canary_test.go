package e2e_test

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// canary is a text that occurs nowhere else.
func canary(name string) string { return "canary" + name + "7f3a9c" }

// The canaries of config are secrets; those of talk are what people say, and may stand in the database.
var (
	config = []string{"accesstoken", "appsecret", "verifytoken", "headervalue", "challenge", "chatlayertoken", "pathsecret"}
	talk   = []string{
		"inbound", "contactname", "history", "offload", "note", "tag", "attribute", "reply", "filename", "answer", "query", "idempotency",
		"wrongkey", "badbody", "header", "jwt", "quickreply", "view",
	}
)

const canaryPhone = "447700900777"

// TestNoSecretIsInADump plants something of its own in every kind of input, with the log at debug, and looks for it where it may not be: in
// both logs, on both metrics pages, in refusals and in Temporal. What is a secret is not in a dump of the database either.
func TestNoSecretIsInADump(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	worker, serve := s.metrics(s.worker, "", s.workerURL()), s.metrics(s.serve, "serving metrics", "")
	generated := s.plantConfig()
	conv := s.plantTalk()
	refusals := s.plantRefusals(conv)
	s.gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, canary("answer") })
	into[message](t, s.command(s.anaKey, conv, "messages", map[string]string{"type": "text", "text": canary("reply")}), http.StatusCreated)
	until(t, readyWithin, "a webhook fails with an answer", func() bool { return len(s.gateway.Requests()) > 0 })

	c := s.conversation(conv)
	places := map[string]string{
		"the API's log": s.serve.log(), "the worker's log": s.worker.log(), "the API's metrics": serve(), "the worker's metrics": worker(),
		"Temporal": written(s.history("conversation:" + s.inbox + ":" + c.Contact.ID)), "a refusal": refusals,
	}
	secrets := append([]string{s.gatewayKey, s.anaKey, s.adminKey, s.metaToken, strings.TrimPrefix(s.secret, "whsec_")}, generated...)
	for _, name := range config {
		secrets = append(secrets, canary(name))
	}
	hidden := append([]string{canaryPhone}, secrets...)
	for _, name := range talk {
		hidden = append(hidden, canary(name))
	}
	for place, text := range places {
		require.NotEmpty(t, text, place)
		for _, what := range hidden {
			require.NotContains(t, text, what, place)
		}
	}
	s.inNoDump(secrets)
}

// plantConfig saves secrets wherever one can be saved, and gives those that the server made.
func (s *stack) plantConfig() (generated []string) {
	s.Helper()
	made := func(path string, body map[string]any) map[string]any {
		return into[map[string]any](s.T, call(s.T, http.MethodPost, s.url+path, s.adminKey, body), http.StatusCreated)
	}
	made("/v1/inboxes", map[string]any{"name": "Kapso", "protocol": "kapso", "waba_id": "102290129340399", "phone_number_id": "106540352242999", "app_secret": canary("appsecret"), "verify_token": canary("verifytoken")})
	chatlayer := made("/v1/inboxes", map[string]any{"name": "Bot", "protocol": "chatlayer", "bot_id": "b1", "verify_token": canary("challenge")})
	native := made("/v1/inboxes", map[string]any{"name": "Native", "protocol": "native"})
	endpoint := made("/v1/inboxes/"+native["id"].(string)+"/endpoints", map[string]any{
		"url": s.gateway.URL, "headers": map[string]string{"X-Canary": canary("headervalue")},
	})
	generated = append(generated, strings.TrimPrefix(endpoint["secret"].(string), "whsec_"))
	key := made("/v1/api-keys", map[string]any{"name": "k", "scope": "admin"})
	generated = append(generated, key["key"].(string))
	call(s.T, http.MethodPost, s.url+"/v1/chatlayer/"+chatlayer["id"].(string), "", map[string]any{"challenge": map[string]string{"verifyToken": canary("chatlayertoken")}})
	call(s.T, http.MethodPatch, s.url+"/v1/inboxes/"+s.inbox, s.adminKey, map[string]any{"access_token": canary("accesstoken")}) // Meta refuses it
	call(s.T, http.MethodGet, s.url+"/m/"+canary("pathsecret"), "", nil)
	return generated
}

// plantTalk has a contact and an agent say things, and gives their conversation.
func (s *stack) plantTalk() string {
	s.Helper()
	body := strings.Replace(text(canaryPhone, "wamid.canary", canary("inbound")), `"name":"John"`, `"name":"`+canary("contactname")+`"`, 1)
	body = strings.TrimSuffix(strings.TrimSpace(body), "}") + `,"prior_history":[{"direction":"inbound","text":"` + canary("history") + `","timestamp":"2026-06-08T09:14:00Z"}]}`
	into[receipt](s.T, s.post(body), http.StatusOK)
	conv := s.open().ID
	path := s.url + "/v1/conversations/" + conv
	for _, act := range []struct {
		method, path string
		body         any
	}{
		{http.MethodPost, path + "/notes", map[string]string{"text": canary("note")}},
		{http.MethodPut, path + "/tags", map[string]any{"tags": []string{canary("tag")}}},
		{http.MethodPatch, path, map[string]any{"attributes": map[string]string{"a": canary("attribute")}}},
		{http.MethodPost, s.url + "/v1/quick-replies", map[string]string{"shortcut": "c", "text": canary("quickreply")}},
		{http.MethodPost, s.url + "/v1/views", map[string]any{"name": canary("view"), "filters": map[string]any{}}},
		{http.MethodGet, s.url + "/v1/search?q=" + canary("query"), nil},
	} {
		a := call(s.T, act.method, act.path, s.anaKey, act.body, "Idempotency-Key", canary("idempotency"))
		require.Less(s, a.status, 300, "%s %s: %s", act.method, act.path, a.body)
	}
	call(s.T, http.MethodPost, s.url+"/v1/media?filename="+canary("filename")+".txt", s.anaKey, "hello", "Content-Type", "text/plain")
	return conv
}

// plantRefusals asks for what is refused, and gives all that was answered.
func (s *stack) plantRefusals(conv string) string {
	s.Helper()
	jwt := "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"`+canary("jwt")+`"}`)) + "." + canary("jwt")
	var all strings.Builder
	for _, ask := range []struct {
		method, path, key, body string
		header                  []string
	}{
		{http.MethodGet, "/v1/me", "hk_" + canary("wrongkey") + "_" + strings.Repeat("x", 40), "", nil},
		{http.MethodGet, "/v1/me", jwt, "", nil},
		{http.MethodGet, "/v1/me", "", "", []string{"X-API-Key", canary("wrongkey"), "Cookie", canary("header"), "X-Hub-Signature-256", canary("header")}},
		{http.MethodPost, "/v1/conversations/" + conv + "/messages", s.anaKey, `{"type":"text","text":"` + canary("badbody") + `","text":`, nil},
		{http.MethodPost, "/v1/conversations/" + conv + "/messages", s.anaKey, `{"type":"text","text":{"a":"` + canary("badbody") + `"}}`, nil},
		{http.MethodPost, "/v1/public/inbound", s.gatewayKey, `{"object":"` + canary("badbody") + `"}`, nil},
		{http.MethodPost, "/v1/whatsapp/" + s.inbox + "/webhook?hub.verify_token=" + canary("query"), "", canary("badbody"), nil},
		{http.MethodGet, "/v1/whatsapp/" + s.inbox + "/webhook?hub.mode=subscribe&hub.challenge=1&hub.verify_token=" + canary("query"), "", "", nil},
		{http.MethodPost, "/v1/chatlayer/" + s.inbox, "", `{"challenge":{"verifyToken":"` + canary("badbody") + `"}}`, nil},
		{http.MethodGet, "/v1/conversations?cursor=" + canary("query"), s.anaKey, "", nil},
	} {
		a, err := send(ask.method, s.url+ask.path, ask.key, []byte(ask.body), append([]string{"Content-Type", "application/json"}, ask.header...)...)
		require.NoError(s, err)
		require.GreaterOrEqual(s, a.status, 400, "%s %s: %s", ask.method, ask.path, a.body)
		require.Less(s, a.status, 500, "%s %s: %s", ask.method, ask.path, a.body)
		all.Write(a.body)
	}
	return all.String()
}

// inNoDump looks for secrets in a dump of the database, as they are, and as PostgreSQL writes bytes.
func (s *stack) inNoDump(secrets []string) {
	s.Helper()
	if _, err := exec.LookPath("pg_dump"); err != nil {
		s.Skip("pg_dump is not in PATH: it comes with PostgreSQL's client programs")
	}
	dump, err := exec.CommandContext(s.Context(), "pg_dump", "--format=plain", s.databaseURL).Output()
	require.NoError(s, err)
	text := string(dump)
	require.Contains(s, text, canary("note"), "the dump is whole")
	for _, secret := range secrets {
		require.NotContains(s, text, secret)
		require.NotContains(s, text, hex.EncodeToString([]byte(secret)))
		require.NotContains(s, text, base64.RawStdEncoding.EncodeToString([]byte(secret)))
	}
}
