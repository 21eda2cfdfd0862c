package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
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

const (
	metaAppSecret   = "e2e-app-secret-0123"
	metaVerifyToken = "e2e-verify-token-0123"
)

// line is one more inbox of a stack: a number at the fake Meta, which posts its webhooks to us.
type line struct {
	*stack
	inbox, number string
}

// receiver is an endpoint of a line, and the program behind it.
type receiver struct {
	*fixture.Gateway
	id, secret string
}

// line makes an inbox as an operator does.
func (s *stack) line(protocol, number string, flags ...string) *line {
	s.Helper()
	s.graph.AddNumber(waba, number, "+34 910 00 00 01")
	made := s.make(append([]string{
		"inbox", "create", "--account=" + s.account, "--name=" + protocol, "--protocol=" + protocol, "--waba-id=" + waba,
		"--phone-number-id=" + number, "--access-token=" + s.metaToken, "--app-secret=" + metaAppSecret, "--verify-token=" + metaVerifyToken,
	}, flags...)...)
	return &line{s, made["id"], number}
}

// nothingLeaks looks where a conversation of the line is not to be found.
func (l *line) nothingLeaks(conv conversation, said ...string) {
	l.Helper()
	of := *l.stack
	of.inbox = l.inbox
	of.nothingLeaks(conv, said...)
}

func (l *line) receiver(flags ...string) *receiver {
	l.Helper()
	g := fixture.NewGateway(l.T)
	made := l.make(append([]string{"endpoint", "create", "--account=" + l.account, "--inbox=" + l.inbox, "--url=" + g.URL}, flags...)...)
	return &receiver{g, made["id"], made["secret"]}
}

// hooks are the webhooks that arrived. An empty body is the question whether anybody is there.
func (r *receiver) hooks() []fixture.Request {
	return slices.DeleteFunc(r.Requests(), func(q fixture.Request) bool { return q.Body == "" })
}

// hook waits for the nth webhook, from 1, and verifies our signature.
func (r *receiver) hook(t *testing.T, n int) fixture.Request {
	t.Helper()
	until(t, 30*time.Second, fmt.Sprintf("webhook %d of %s", n, r.id), func() bool { return len(r.hooks()) >= n })
	hook := r.hooks()[n-1]
	verifier, err := standardwebhooks.NewWebhook(r.secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify([]byte(hook.Body), hook.Header))
	return hook
}

func (l *line) address() string { return l.url + "/v1/whatsapp/" + l.inbox + "/webhook" }

// meta posts a body as Meta does, with its signature.
func (l *line) meta(body string) answer {
	l.Helper()
	return call(l.T, http.MethodPost, l.address(), "", []byte(body), "Content-Type", "application/json", signature.HeaderMeta, metaSignature(l.T, body))
}

func metaSignature(t *testing.T, body string) string {
	t.Helper()
	value, err := signature.SignMeta(metaAppSecret, []byte(body))
	require.NoError(t, err)
	return value
}

// pass asks for a message to be sent.
func (l *line) pass(body string, header ...string) answer {
	l.Helper()
	return call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/messages", "", []byte(body),
		append([]string{"Authorization", "AppKey " + l.gatewayKey}, header...)...)
}

// fails orders a fault for the line's next sends.
func (l *line) fails(f fakegraph.Fault) {
	f.Method, f.Path = http.MethodPost, "/"+l.number+"/messages"
	l.graph.Fail(f)
}

// sent are the bodies that Meta took from the line.
func (l *line) sent() []fakegraph.Message {
	return slices.DeleteFunc(l.graph.Sent(), func(m fakegraph.Message) bool { return m.PhoneNumberID != l.number })
}

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
	a := call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/cloudapisendmessages", "", []byte(pageTemplate),
		"Authorization", "AppKey "+l.gatewayKey)
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
		metas := call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/messages", l.gatewayKey, []byte(
			`{"messaging_product":"whatsapp","to":"34600000001","type":"`+kind+`","`+kind+`":`+content+`,"biz_opaque_callback_data":"mine"}`))
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
	server := call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/messages", "", []byte(pageTemplate), "Authorization", "ServerKey "+l.gatewayKey)
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

// text is a webhook of Meta with one text for the line; the text is JSON without its quotes.
func (l *line) text(from, wamid, words string) string {
	return l.webhook("messages", fmt.Sprintf(`"contacts":[{"profile":{"name":"John"},"wa_id":%q}],"messages":[{"from":%q,"id":%q,"timestamp":"%d",`+
		`"type":"text","text":{"body":"%s"}}]`, from, from, wamid, time.Now().Unix(), words))
}

// webhook is one of Meta's with the given members of its value.
func (l *line) webhook(field, members string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":{"messaging_product":"whatsapp",`+
		`"metadata":{"display_phone_number":"34910000001","phone_number_id":%q},%s},"field":%q}]}]}`, waba, l.number, members, field)
}

// event is a webhook about the account: it names no number.
func (l *line) event(field, value string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"value":%s,"field":%q}]}]}`, waba, value, field)
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
		until(l.T, 30*time.Second, "the inbox is idle and becomes "+protocol, func() bool {
			a = to(protocol)
			return a.status != http.StatusConflict
		})
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
	}
	before := len(r.hooks())
	r.Answer(func(n int) (int, string) { return http.StatusServiceUnavailable, "" })
	into[receipt](l.T, l.meta(l.text("34600000002", "wamid.IN3", "Are you there?")), http.StatusOK)
	r.hook(l.T, before+1)
	requireProblem(l.T, to("kapso"), http.StatusConflict, "conflict")
	r.Answer(func(n int) (int, string) { return http.StatusOK, "" })
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
	until(l.T, 20*time.Second, "Meta's bytes again", func() bool {
		hooks := r.hooks()
		return hooks[len(hooks)-1].Body == last
	})
	require.Equal(l, 200, into[vendorAnswer](l.T, l.pass(pageTemplate), http.StatusOK).StatusCode)
	require.Empty(l, into[list[conversation]](l.T, l.get("/v1/conversations?status=waiting,assigned"), http.StatusOK).Items)
}

// TestPassthroughOrder forwards fifty messages of five contacts, two contacts in a body, to a program that is slow and fails now and
// then: each contact's messages arrive in their order, and each body is taken once.
func TestPassthroughOrder(t *testing.T) {
	t.Parallel()
	const contacts, each = 5, 10
	s := newStack(t)
	l := s.line("passthrough", "106540352242904")
	r := l.receiver()
	var bodies []string
	said := [contacts]int{}
	say := func(contact int) string {
		said[contact]++
		return fmt.Sprintf(`{"from":"3460000010%d","id":"wamid.%d-%02d","timestamp":"%d","type":"text","text":{"body":"%d"}}`,
			contact, contact, said[contact], time.Now().Unix(), said[contact])
	}
	for i := range contacts * each / 2 {
		// Two pairs of contacts, now one of them first and now the other, and one who writes alone.
		pair := [][2]int{{0, 1}, {2, 3}, {4, 4}, {1, 0}, {3, 2}}[i%contacts]
		bodies = append(bodies, l.webhook("messages", `"messages":[`+say(pair[0])+`,`+say(pair[1])+`]`))
	}
	// The third and the twelfth body are refused once.
	var mu sync.Mutex
	refused := map[string]bool{bodies[2]: true, bodies[11]: true}
	r.AnswerTo(func(body string) int {
		mu.Lock()
		defer mu.Unlock()
		<-time.After(5 * time.Millisecond)
		if refused[body] {
			delete(refused, body)
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	for _, body := range bodies {
		into[receipt](t, l.meta(body), http.StatusOK)
	}
	taken := func() []string {
		var out []string
		for _, hook := range r.hooks() {
			if hook.Status == http.StatusOK {
				out = append(out, hook.Body)
			}
		}
		return out
	}
	until(t, 40*time.Second, "every body has arrived", func() bool { return len(taken()) >= len(bodies) })
	require.ElementsMatch(t, bodies, taken(), "each once")
	require.Len(t, r.hooks(), len(bodies)+2)
	whole := strings.Join(taken(), "\n")
	for contact := range contacts {
		last := -1
		for n := 1; n <= each; n++ {
			at := strings.Index(whole, fmt.Sprintf("wamid.%d-%02d", contact, n))
			require.Greater(t, at, last, "message %d of contact %d", n, contact)
			last = at
		}
	}
	for i := range bodies {
		r.hook(t, i+1) // its signature
	}
	l.nobodySees()
}

// TestPassthroughErrors is what Meta answers when it does not take a message, and when nobody knows whether it did.
func TestPassthroughErrors(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	l := s.line("passthrough", "106540352242905")
	r := l.receiver()
	s.graph.Statuses()
	s.graph.Notify(l.address(), metaAppSecret, "")
	l.onceEach()
	l.neverRetried()
	l.retried()
	l.lostAnswer(r)
	l.refusedToken()
}

// words is a text in the vendor's form.
func words(to, body string) string {
	return fmt.Sprintf(`{"recipient":%q,"channel":"whatsapp","type":"text","text":{"body":%q}}`, to, body)
}

// onceEach repeats a request with its Idempotency-Key, one after the other and at once.
func (l *line) onceEach() {
	l.Helper()
	answers := make([]answer, 4)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			for answers[i].status == 0 || answers[i].status == http.StatusConflict {
				a, err := send(http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+"/messages", l.gatewayKey,
					[]byte(words("34600000200", "once")), "Idempotency-Key", "order-12345")
				if err != nil {
					return
				}
				answers[i] = a
			}
		})
	}
	all.Wait()
	require.Len(l, l.sent(), 1)
	again := l.pass(words("34600000200", "once"), "Idempotency-Key", "order-12345")
	for _, a := range append(answers, again) {
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
		require.Equal(l, string(answers[0].body), string(a.body))
	}
	require.Len(l, l.sent(), 1)
	requireProblem(l.T, l.pass(words("34600000200", "twice"), "Idempotency-Key", "order-12345"), http.StatusConflict, "conflict")
}

// neverRetried is the closed service window: Meta's error, in either form.
func (l *line) neverRetried() {
	l.Helper()
	before := len(l.sent())
	l.fails(fakegraph.Fault{Code: 131047, Times: 2})
	refused := into[vendorAnswer](l.T, l.pass(words("34600000201", "too late")), http.StatusUnprocessableEntity)
	require.Equal(l, 422, refused.StatusCode)
	require.NotEmpty(l, refused.Message)
	var data metaAnswer
	require.NoError(l, json.Unmarshal(refused.Data, &data))
	require.Equal(l, 131047, data.Error.Code)
	meta := l.pass(`{"messaging_product":"whatsapp","to":"34600000201","type":"text","text":{"body":"too late"}}`)
	require.Equal(l, 131047, into[metaAnswer](l.T, meta, http.StatusUnprocessableEntity).Error.Code)
	require.Equal(l, 200, into[vendorAnswer](l.T, l.pass(words("34600000201", "in time")), http.StatusOK).StatusCode, "the fault was asked twice only")
	require.Len(l, l.sent(), before+1)
}

// retried are the errors that pass: the limit of one customer, and Meta's own.
func (l *line) retried() {
	l.Helper()
	before := len(l.sent())
	for i, code := range []int{131056, 131000} {
		l.fails(fakegraph.Fault{Code: code})
		to := fmt.Sprintf("3460000021%d", i)
		began := time.Now()
		a := into[vendorAnswer](l.T, l.pass(words(to, "patience")), http.StatusOK)
		require.Equal(l, 200, a.StatusCode, "%d", code)
		require.Greater(l, time.Since(began), time.Second, "%d asks for a wait", code)
		require.Len(l, l.sent(), before+i+1)
	}
}

// lostAnswer is a send that Meta took, and whose answer never came. It is not sent again; its status tells.
func (l *line) lostAnswer(r *receiver) {
	l.Helper()
	before, hooks := len(l.sent()), len(r.hooks())
	l.fails(fakegraph.Fault{Hang: true})
	body := words("34600000220", "did it leave?")
	first := l.pass(body, "Idempotency-Key", "lost-1")
	var state struct {
		MessageID  string `json:"message_id"`
		Status     string `json:"status"`
		ExternalID string `json:"external_id"`
	}
	require.NoError(l, json.Unmarshal(into[vendorAnswer](l.T, first, http.StatusAccepted).Data, &state))
	require.Equal(l, "uncertain", state.Status)
	require.Equal(l, first.header.Get("Handoff-Message-Id"), state.MessageID)
	again := l.pass(body, "Idempotency-Key", "lost-1")
	require.Equal(l, http.StatusAccepted, again.status)
	require.Equal(l, state.MessageID, again.header.Get("Handoff-Message-Id"))
	sent := l.sent()
	require.Len(l, sent, before+1, "it left once")
	require.Equal(l, state.MessageID, sent[before].CallbackData)

	requirePosted(l.T)(l.graph.Status(sent[before].ID, "delivered", 0))
	hook := r.hook(l.T, hooks+1)
	require.Contains(l, hook.Body, `"biz_opaque_callback_data":"`+state.MessageID+`"`)
	until(l.T, 20*time.Second, "the status tells that it left", func() bool {
		a := call(l.T, http.MethodGet, l.url+"/v1/passthrough/"+l.inbox+"/messages/"+state.MessageID, l.gatewayKey, nil)
		require.Equal(l, http.StatusOK, a.status, "%s", a.body)
		require.NoError(l, json.Unmarshal(a.body, &state))
		return state.Status == "delivered"
	})
	require.Equal(l, sent[before].ID, state.ExternalID)
	settled := into[vendorAnswer](l.T, l.pass(body, "Idempotency-Key", "lost-1"), http.StatusOK)
	require.Contains(l, string(settled.Data), sent[before].ID)
	require.Len(l, l.sent(), before+1)
}

// refusedToken keeps what is asked for while Meta refuses the token, until a valid one is saved.
func (l *line) refusedToken() {
	l.Helper()
	before := len(l.sent())
	l.graph.Token(l.metaToken, false)
	kept := l.pass(words("34600000230", "kept"), "Idempotency-Key", "kept-1")
	require.Equal(l, 503, into[vendorAnswer](l.T, kept, http.StatusServiceUnavailable).StatusCode)
	require.NotContains(l, string(kept.body), l.metaToken)
	next := l.pass(words("34600000231", "not kept"))
	require.Equal(l, http.StatusServiceUnavailable, next.status, "%s", next.body)
	require.Len(l, l.sent(), before)
	l.graph.Token("EAAnewtoken", true)
	l.make("inbox", "update", "--account="+l.account, l.inbox, "--access-token=EAAnewtoken")
	until(l.T, 20*time.Second, "what was kept has left", func() bool { return len(l.sent()) == before+1 })
	require.Contains(l, string(l.sent()[before].Body), "kept")
	require.Equal(l, http.StatusOK, l.pass(words("34600000230", "kept"), "Idempotency-Key", "kept-1").status)
	require.Len(l, l.sent(), before+1)
}
