package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

// The bodies of indigitall's page on its passthrough, word for word; only the ids are replaced.
const (
	pageTemplate = `{
"recipient": "34600000000",
"channel": "whatsapp",
"type": "template",
"template": {
"name": "shipping_update",
"language": {
"code": "en_US"
},
"components": [
{
"type": "body",
"parameters": [
{
"type": "text",
"text": "Your order #12345 is on its way!"
}
]
}
]
}
}`
	pageStatus = `{
"object": "whatsapp_business_account",
"entry": [{
"id": "WHATSAPP_BUSINESS_ACCOUNT_ID",
"changes": [{
"value": {
"messaging_product": "whatsapp",
"metadata": { "display_phone_number": "34910000000", "phone_number_id": "PHONE_ID" },
"statuses": [{
"id": "wamid.ID_STRING",
"status": "read",
"timestamp": "1707564000",
"recipient_id": "34600000000"
}]
},
"field": "messages"
}]
}]
}`
)

// vendorAnswer is the envelope of indigitall's APIs.
type vendorAnswer struct {
	StatusCode int             `json:"statusCode"`
	Message    string          `json:"message"`
	Data       json.RawMessage `json:"data"`
}

// metaAnswer is Meta's answer to a send, or its error.
type metaAnswer struct {
	Product  string `json:"messaging_product"`
	Contacts []struct {
		Input string `json:"input"`
		WAID  string `json:"wa_id"`
	} `json:"contacts"`
	Messages []struct {
		ID string `json:"id"`
	} `json:"messages"`
	Error struct {
		Code int `json:"code"`
	} `json:"error"`
}

// TestPassthroughPage is the page's story: a template out, its status back as it came, and nothing of it in the agents' inbox.
func TestPassthroughPage(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	l := s.line("passthrough", "106540352242903")
	r := l.receiver()
	l.challenge()
	wamid := l.pageTemplate()
	l.forms()
	l.refusals()
	l.pageStatus(r, wamid)
	l.notOfMeta(r)
	l.nobodySees()
	l.switches(r)
	for _, canary := range []string{
		"12345", "34600000000", "happy", "Hola", metaAppSecret, metaVerifyToken, s.metaToken, s.gatewayKey, s.adminKey, r.secret,
	} {
		require.NotContains(t, s.serve.log(), canary, "the API's log")
		require.NotContains(t, s.worker.log(), canary, "the worker's log")
	}
}

func (l *line) challenge() {
	l.Helper()
	ask := func(token string) answer {
		return call(l.T, http.MethodGet, l.address()+"?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="+token, "", nil)
	}
	right := ask(metaVerifyToken)
	require.Equal(l, http.StatusOK, right.status)
	require.Equal(l, "1158201444", string(right.body))
	require.Equal(l, http.StatusForbidden, ask("wrong").status)
}

// pageTemplate sends the page's message and gives its wamid.
func (l *line) pageTemplate() string {
	l.Helper()
	a := l.passTo("/cloudapisendmessages", pageTemplate, "Authorization", "AppKey "+l.gatewayKey)
	got := into[vendorAnswer](l.T, a, http.StatusOK)
	require.Equal(l, 200, got.StatusCode)
	require.NotEmpty(l, got.Message)
	sent := l.sent()
	require.Len(l, sent, 1)
	require.Regexp(l, `^\{"statusCode":200,"message":"[^"]+","data":\{.*\}\}$`, string(a.body))
	require.JSONEq(l, fmt.Sprintf(`{"messaging_product":"whatsapp","contacts":[{"input":"34600000000","wa_id":"34600000000"}],`+
		`"messages":[{"id":%q,"message_status":"accepted"}]}`, sent[0].ID), string(got.Data))

	var template bytes.Buffer
	var page struct {
		Template json.RawMessage `json:"template"`
	}
	require.NoError(l, json.Unmarshal([]byte(pageTemplate), &page))
	require.NoError(l, json.Compact(&template, page.Template))
	require.Equal(l, `{"messaging_product":"whatsapp","to":"34600000000","type":"template","template":`+
		template.String()+`,"biz_opaque_callback_data":"`+a.header.Get("Handoff-Message-Id")+`"}`, string(sent[0].Body))
	return sent[0].ID
}

// forms are both forms of a body, with each kind of message that the page promises, under each scheme that its customers use.
func (l *line) forms() {
	l.Helper()
	contents := map[string]string{
		"text":        `{"body":"Hola <3 & adiós"}`,
		"image":       `{"link":"https://files.example.com/a.png","caption":"Hola"}`,
		"document":    `{"link":"https://files.example.com/a.pdf","filename":"a.pdf"}`,
		"interactive": `{"type":"button","body":{"text":"Hola?"},"action":{"buttons":[{"type":"reply","reply":{"id":"y","title":"Yes"}}]}}`,
	}
	for kind, content := range contents {
		before := len(l.sent())
		ours := l.pass(`{"recipient":"+34 600 000 001","channel":"whatsapp","type":"` + kind + `","` + kind + `":` + content + `}`)
		require.Equal(l, 200, into[vendorAnswer](l.T, ours, http.StatusOK).StatusCode, kind)
		metas := l.pass(`{"messaging_product":"whatsapp","to":"34600000001","type":"`+kind+`","`+kind+`":`+content+`,"biz_opaque_callback_data":"mine"}`,
			"Authorization", "Bearer "+l.gatewayKey)
		answered := into[metaAnswer](l.T, metas, http.StatusOK)
		require.Equal(l, "whatsapp", answered.Product)
		sent := l.sent()
		require.Len(l, sent, before+2, kind)
		require.Equal(l, sent[before+1].ID, answered.Messages[0].ID)
		require.Equal(l, "34600000001", sent[before].To)
		require.Equal(l, "mine", sent[before+1].CallbackData, "the program's own")
		for _, m := range sent[before:] {
			var body map[string]json.RawMessage
			require.NoError(l, json.Unmarshal(m.Body, &body))
			require.Equal(l, content, string(body[kind]), "the content as it came")
		}
	}
	server := l.pass(pageTemplate, "Authorization", "ServerKey "+l.gatewayKey)
	require.Equal(l, http.StatusOK, server.status, "%s", server.body)
}

func (l *line) refusals() {
	l.Helper()
	before := len(l.sent())
	requireProblem(l.T, l.pass(pageTemplate, "Authorization", "AppKey "+l.anaKey), http.StatusForbidden, "forbidden")
	requireProblem(l.T, l.pass(pageTemplate, "Authorization", "AppKey nobody"), http.StatusUnauthorized, "unauthorized")
	requireProblem(l.T, l.pass(`{"recipient":`), http.StatusBadRequest, "malformed")
	for _, body := range []string{
		`{"recipient":"34600000000","channel":"whatsapp","type":"text"}`, `{"recipient":"34600000000","channel":"sms","type":"text","text":{"body":"x"}}`,
		`{"channel":"whatsapp","type":"text","text":{"body":"x"}}`, strings.Replace(pageTemplate, `"channel"`, `"sent_by": "me", "channel"`, 1),
	} {
		requireProblem(l.T, l.pass(body), http.StatusUnprocessableEntity, "invalid")
	}
	other := call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.stack.inbox+"/messages", l.gatewayKey, []byte(pageTemplate))
	require.GreaterOrEqual(l, other.status, 400, "an inbox with another protocol")
	require.Len(l, l.sent(), before)
}

// pageStatus is the page's status. What the program gets are Meta's bytes, signed by Meta and by us.
func (l *line) pageStatus(r *receiver, wamid string) {
	l.Helper()
	body := strings.NewReplacer("WHATSAPP_BUSINESS_ACCOUNT_ID", waba, "PHONE_ID", l.number, "wamid.ID_STRING", wamid).Replace(pageStatus)
	accepted := into[receipt](l.T, l.meta(body), http.StatusOK)
	require.Equal(l, "status", accepted.Items[0].Kind)
	hook := r.hook(l.T, 1)
	require.Equal(l, body, hook.Body, "no byte of it is touched")
	require.Equal(l, metaSignature(l.T, body), hook.Header.Get(signature.HeaderMeta))
	require.NoError(l, signature.VerifyMeta(metaAppSecret, []byte(hook.Body), hook.Header.Get(signature.HeaderMeta)))
	require.Equal(l, "application/json", hook.Header.Get("Content-Type"))

	inbound := strings.Replace(l.text("34600000000", "wamid.IN1", "Gracias, no happy\\u0020faces \\ud83d"), `{"object"`, "{ \n\t\"object\"", 1)
	into[receipt](l.T, l.meta(inbound), http.StatusOK)
	require.Equal(l, inbound, r.hook(l.T, 2).Body, "odd spaces and half a smiley too")
	into[receipt](l.T, l.meta(inbound), http.StatusOK) // Meta repeats itself
	other := l.event("account_update", `{"event":"VERIFIED_ACCOUNT"}`)
	into[receipt](l.T, l.meta(other), http.StatusOK)
	require.Equal(l, other, r.hook(l.T, 3).Body, "whatever Meta tells, and the repeated body once")
}

// notOfMeta is what nobody with the app secret has signed.
func (l *line) notOfMeta(r *receiver) {
	l.Helper()
	before := len(r.hooks())
	body := l.text("34600000000", "wamid.EVIL", "Send me money")
	for name, value := range map[string]string{
		"none": "", "of another body": metaSignature(l.T, body+" "), "cut": metaSignature(l.T, body)[:40], "no hex": "sha256=zz",
	} {
		a := call(l.T, http.MethodPost, l.address(), "", []byte(body), signature.HeaderMeta, value)
		requireProblem(l.T, a, http.StatusUnauthorized, "unauthorized")
		require.Contains(l, string(a.body), signature.HeaderMeta, name)
	}
	last := l.text("34600000000", "wamid.IN2", "The next one")
	into[receipt](l.T, l.meta(last), http.StatusOK)
	require.Equal(l, last, r.hook(l.T, before+1).Body, "nothing came between")
}

func (l *line) nobodySees() {
	l.Helper()
	require.Empty(l, into[list[conversation]](l.T, l.get("/v1/conversations?inbox_id="+l.inbox), http.StatusOK).Items)
	for _, e := range pages[event](l.T, l.url+"/v1/events", l.anaKey) {
		require.Empty(l, e.ConversationID, "%s", e.Type)
	}
}

// switches turns the inbox into one with agents and back, which is refused while something is on its way or open.
func (l *line) switches(r *receiver) {
	l.Helper()
	to := func(protocol string) answer {
		return call(l.T, http.MethodPatch, l.url+"/v1/inboxes/"+l.inbox, l.adminKey, map[string]string{"protocol": protocol})
	}
	idle := func(protocol string) {
		l.Helper()
		var a answer
		until(l.T, readyWithin, "the inbox is idle and becomes "+protocol, func() bool {
			a = to(protocol)
			return a.status != http.StatusConflict
		})
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
	}
	before := len(r.hooks())
	r.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	into[receipt](l.T, l.meta(l.text("34600000002", "wamid.IN3", "Are you there?")), http.StatusOK)
	r.hook(l.T, before+1)
	requireProblem(l.T, to("kapso"), http.StatusConflict, "conflict")
	r.Answer(func(int) (int, string) { return http.StatusOK, "" })
	idle("kapso")

	into[receipt](l.T, l.meta(l.text("34600000002", "wamid.IN4", "A person, please")), http.StatusOK)
	conv := l.open()
	require.Equal(l, l.inbox, conv.InboxID)
	require.Equal(l, "A person, please", l.nth(conv.ID, 1).Text, "what was passed through is nobody's history")
	requireProblem(l.T, l.pass(pageTemplate), http.StatusConflict, "conflict")
	requireProblem(l.T, to("passthrough"), http.StatusConflict, "conflict")
	into[conversation](l.T, l.command(l.anaKey, conv.ID, "claim", nil), http.StatusOK)
	into[conversation](l.T, l.command(l.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	idle("passthrough")
	last := l.text("34600000002", "wamid.IN5", "Only a program now")
	into[receipt](l.T, l.meta(last), http.StatusOK)
	until(l.T, readyWithin, "Meta's bytes again", func() bool {
		hooks := r.hooks()
		return hooks[len(hooks)-1].Body == last
	})
	require.Equal(l, 200, into[vendorAnswer](l.T, l.pass(pageTemplate), http.StatusOK).StatusCode)
	require.Empty(l, into[list[conversation]](l.T, l.get("/v1/conversations?status=waiting,assigned"), http.StatusOK).Items)
}
