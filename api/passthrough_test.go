package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/signature"
)

// The bodies in the two forms: the template is that of the vendor's page.
const (
	passedTemplate = `{"recipient":"34600000000","channel":"whatsapp","type":"template","template":{"name":"shipping_update",` +
		`"language":{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Your order #12345 is on its way!"}]}]}}`
	passedText = `{"messaging_product":"whatsapp","to":"34600000000","type":"text","text":{"body":"Hi"}}`
)

// passage is a world with a passthrough inbox, a Graph API and, in place of a worker, somebody who does its work when woken.
type passage struct {
	*world
	inbox  dbsqlc.Inbox
	graph  *fakegraph.Graph
	asleep bool
	before func() // before the work
	woken  func() // in the request that wakes
	work   sync.WaitGroup
}

func newPassage(t *testing.T) *passage {
	t.Helper()
	p := &passage{world: newWorld(t), graph: fakegraph.New(nil)}
	p.inbox = p.AddInbox(t, handoff.ProtocolPassthrough)
	p.graph.AddNumber(p.inbox.WABAID, p.inbox.PhoneNumberID, "34910000000")
	server := httptest.NewServer(p.graph)
	t.Cleanup(server.Close)
	p.GraphURL = server.URL
	p.activities = p.Activities(t, time.Now)
	p.deps.Waker = p
	p.serve(t)
	t.Cleanup(p.work.Wait)
	return p
}

// hurried answers what is not settled at once.
func (p *passage) hurried(t *testing.T) *passage {
	t.Helper()
	p.deps.SendWait = time.Millisecond
	p.serve(t)
	return p
}

func (*passage) Accepting() func() { return func() {} }

func (p *passage) Wake(w db.Wake) {
	p.waker.Wake(w)
	if p.woken != nil {
		p.woken()
	}
	if !p.asleep {
		p.work.Go(func() { p.deliver(w) })
	}
}

// deliver does what the contact's workflow does.
func (p *passage) deliver(w db.Wake) {
	if p.before != nil {
		p.before()
	}
	ref := activities.Ref{AccountID: w.AccountID, InboxID: w.InboxID, ContactID: w.ContactID}
	snapshot, err := p.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	if err != nil {
		panic(err)
	}
	for _, lane := range snapshot.Lanes {
		// What it says of the next attempt is the workflow's business.
		_, _ = p.activities.DeliverWebhooks(context.Background(), activities.DeliverInput{Ref: ref, EndpointID: lane.EndpointID, Max: 10})
	}
}

func (p *passage) path() string { return "/v1/passthrough/" + p.inbox.ID.String() + "/messages" }

func (p *passage) send(t *testing.T, body string, headers ...string) answer {
	t.Helper()
	return p.do(t, "POST", p.path(), p.gateway, body, headers...)
}

func TestAMessageIsPassedThroughInTheVendorsFormAndInMetas(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	got := p.do(t, "POST", strings.Replace(p.path(), "/messages", "/cloudapisendmessages", 1), p.gateway, passedTemplate).is(http.StatusOK)
	require.EqualValues(t, 200, got.field("statusCode"))
	wamid := got.text("data.messages.0.id")
	sent := p.graph.Sent()[0]
	require.Equal(t, sent.ID, wamid)
	id := got.header.Get("Handoff-Message-Id")
	require.Equal(t, `{"messaging_product":"whatsapp","to":"34600000000","type":"template","template":{"name":"shipping_update","language":`+
		`{"code":"en_US"},"components":[{"type":"body","parameters":[{"type":"text","text":"Your order #12345 is on its way!"}]}]},`+
		`"biz_opaque_callback_data":"`+id+`"}`, string(sent.Body))

	shown := p.do(t, "GET", p.path()+"/"+id, p.gateway, nil).is(http.StatusOK)
	require.Equal(t, wamid, shown.text("external_id"))
	require.Equal(t, "delivered_to_gateway", shown.text("status"))

	got = p.send(t, strings.TrimSuffix(passedText, "}")+`,"biz_opaque_callback_data":"order-7"}`).is(http.StatusOK)
	require.Equal(t, "whatsapp", got.text("messaging_product"))
	require.Equal(t, p.graph.Sent()[1].ID, got.text("messages.0.id"))
	require.Contains(t, string(p.graph.Sent()[1].Body), `"biz_opaque_callback_data":"order-7"`, "Meta repeats it to the program in every status")
	require.Equal(t, 1, p.Count(t, "messages", "callback_data = 'order-7' AND author_type = 'bot' AND conversation_id IS NULL"))
	require.Equal(t, 1, p.Count(t, "contacts", "true"))
	require.Zero(t, p.Count(t, "conversations", "true"))
}

func TestAStatusOfAPassedMessageFindsIt(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	got := p.send(t, passedText).is(http.StatusOK)
	of := *p.World
	of.Inbox = p.inbox
	body := of.StatusBody(got.text("messages.0.id"), "read")
	signed, err := signature.SignMeta(fixture.AppSecret, body)
	require.NoError(t, err)
	p.do(t, "POST", metaPath(p.inbox), "", body, signature.HeaderMeta, signed).is(http.StatusOK)
	p.work.Wait()
	shown := p.do(t, "GET", p.path()+"/"+got.header.Get("Handoff-Message-Id"), p.gateway, nil).is(http.StatusOK)
	require.Equal(t, "read", shown.text("status"))
}

func TestMetasRefusalIsAnsweredByWhatItAsksFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code, status int
	}{
		"outside the window": {131047, http.StatusUnprocessableEntity},
		"bad parameter":      {100, http.StatusUnprocessableEntity},
		"token refused":      {190, http.StatusServiceUnavailable},
		"no permission":      {10, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPassage(t)
			p.graph.Fail(fakegraph.Fault{Path: "/messages", Code: c.code, Times: -1})
			got := p.send(t, passedText).is(c.status)
			require.EqualValues(t, c.code, got.field("error.code"), "Meta's own error, in Meta's form")
			got = p.send(t, strings.Replace(passedTemplate, "34600000000", "34600000001", 1))
			require.Equal(t, c.status, got.status)
			if c.status == http.StatusUnprocessableEntity {
				require.EqualValues(t, c.code, got.field("data.error.code"))
				require.NotEmpty(t, got.text("message"))
				return
			}
			// The endpoint is disabled by now: the first message is kept, and no further one is.
			got.refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
			require.Equal(t, 1, p.Count(t, "messages", "status = 'queued'"))
			require.Equal(t, 1, p.Count(t, "messages", "true"))
			require.Equal(t, 1, p.Count(t, "deliveries", "state = 'held'"))
		})
	}
}

func TestAMessageThatMetasLimitsStoppedForGoodSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	p.graph.Fail(fakegraph.Fault{Path: "/messages", Code: 130429})
	p.before = func() { p.Exec(t, "UPDATE deliveries SET created_at = now() - interval '60 days', step = 100") }
	got := p.send(t, passedText).is(http.StatusTooManyRequests)
	require.Equal(t, "60", got.header.Get("Retry-After"))
	require.EqualValues(t, 130429, got.field("error.code"))
}

func TestAMessageGoesToWhomTheProgramNames(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	const both = `{"messaging_product":"whatsapp","to":"34600000000","recipient":"ES.13491208655302741918","type":"text","text":{"body":"Hi"}}`
	p.send(t, both).is(http.StatusOK)
	require.Equal(t, 1, p.Count(t, "contacts", "true"))
	require.Equal(t, 2, p.Count(t, "contact_identities", "true"))
	p.send(t, strings.Replace(both, `"to":"34600000000",`, "", 1)).is(http.StatusOK)
	p.send(t, passedText).is(http.StatusOK)
	require.Equal(t, 1, p.Count(t, "contacts", "true"))
	require.Contains(t, string(p.graph.Sent()[1].Body), `"recipient":"ES.13491208655302741918"`)
	require.Contains(t, string(p.graph.Sent()[2].Body), `"to":"34600000000"`)
}

func TestSendsThatAreRefused(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	at := func(inbox dbsqlc.Inbox) string { return "/v1/passthrough/" + inbox.ID.String() + "/messages" }
	tokenless := p.AddInbox(t, handoff.ProtocolPassthrough, func(row *dbsqlc.InboxInsertParams) { row.AccessToken = nil })
	_, bound, err := p.admin().CreateKey(t.Context(), p.Account.ID, admin.NewKey{Name: "bound", Scope: handoff.ScopeGateway, InboxID: &tokenless.ID})
	require.NoError(t, err)
	got := p.do(t, "POST", at(tokenless), p.gateway, passedText).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, got.text("detail"), "access_token")
	got = p.do(t, "POST", at(p.AddInbox(t, handoff.ProtocolNative)), p.gateway, passedText).refused(http.StatusConflict, handoff.CodeConflict)
	require.Contains(t, got.text("detail"), "/v1/inboxes/")
	p.do(t, "POST", at(p.inbox), bound, passedText).refused(http.StatusForbidden, handoff.CodeForbidden)
	p.do(t, "POST", at(p.inbox), p.strangerGateway, passedText).refused(http.StatusNotFound, handoff.CodeNotFound)
	p.do(t, "POST", at(p.inbox), p.gateway, `{`).refused(http.StatusBadRequest, handoff.CodeMalformed)
	got = p.do(t, "POST", at(p.inbox), p.gateway, strings.Replace(passedText, `"34600000000"`, `"somebody"`, 1)).
		refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "body.to", got.text("errors.0.location"))
	require.Zero(t, p.Count(t, "messages", "true"))
	require.Zero(t, p.Count(t, "contacts", "true"))

	p.do(t, "GET", p.path()+"/"+handoff.NewID().String(), p.gateway, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	p.do(t, "GET", p.path()+"/1", p.gateway, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	c := p.conversation(t, "447700900123")
	p.do(t, "GET", p.path()+"/"+c.LastMessageID.String(), p.gateway, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

// Programs that were written for the vendor send its schemes, and no other route takes them.
func TestTheVendorsAuthorizationSchemes(t *testing.T) {
	t.Parallel()
	p := newPassage(t)
	for _, scheme := range []string{"AppKey", "ServerKey", "appkey", "Bearer"} {
		p.do(t, "POST", p.path(), "", passedText, "Authorization", scheme+" "+p.gateway).is(http.StatusOK)
	}
	p.do(t, "POST", p.path(), "", passedText, "X-API-Key", p.gateway).is(http.StatusOK)
	p.do(t, "POST", p.path(), "", passedText, "Authorization", "Basic "+p.gateway).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	p.do(t, "POST", p.path(), "", passedText).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	p.do(t, "POST", "/v1/public/inbound", "", p.Body("447700900123", "Hello"), "Authorization", "AppKey "+p.gateway).
		refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	require.Len(t, p.graph.Sent(), 5)
}
