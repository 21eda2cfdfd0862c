package e2e_test

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/signature"
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
func (s *stack) line(protocol, number string) *line {
	s.Helper()
	s.graph.AddNumber(waba, number, "+34 910 00 00 01")
	made := s.make("inbox", "create", "--account="+s.account, "--name="+protocol, "--protocol="+protocol, "--waba-id="+waba,
		"--phone-number-id="+number, "--access-token="+s.metaToken, "--app-secret="+metaAppSecret, "--verify-token="+metaVerifyToken)
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
	until(t, readyWithin, fmt.Sprintf("webhook %d of %s", n, r.id), func() bool { return len(r.hooks()) >= n })
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

// pass asks for a message to be sent. Where Meta's answer is not there in time, which on a busy machine it may not be, it asks again with
// the same Idempotency-Key, as the answer says.
func (l *line) pass(body string, header ...string) answer {
	l.Helper()
	return l.passTo("/messages", body, append([]string{"Authorization", "AppKey " + l.gatewayKey}, header...)...)
}

func (l *line) passTo(route, body string, header ...string) answer {
	l.Helper()
	if !slices.Contains(header, "Idempotency-Key") {
		header = append(header, "Idempotency-Key", handoff.NewID().String())
	}
	var a answer
	until(l.T, readyWithin, "it is settled", func() bool {
		a = call(l.T, http.MethodPost, l.url+"/v1/passthrough/"+l.inbox+route, "", []byte(body), header...)
		return !unsettled(a)
	})
	return a
}

// unsettled tells whether an answer says that nobody knows yet what becomes of a message.
func unsettled(a answer) bool {
	return a.status == http.StatusAccepted && bytes.Contains(a.body, []byte(`"queued"`))
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
