package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/corpora"
	"handoff/internal/fixture"
	"handoff/internal/signature"
)

func metaPath(inbox dbsqlc.Inbox) string { return "/v1/whatsapp/" + inbox.ID.String() + "/webhook" }

// metaPosts posts a body as Meta does.
func (w *world) metaPosts(t *testing.T, inbox dbsqlc.Inbox, body []byte) answer {
	t.Helper()
	signed, err := signature.SignMeta(fixture.AppSecret, body)
	require.NoError(t, err)
	return w.do(t, "POST", metaPath(inbox), "", body, signature.HeaderMeta, signed)
}

// bodyFor is a webhook with text messages for an inbox.
func (w *world) bodyFor(inbox dbsqlc.Inbox, phone string, texts ...string) []byte {
	of := *w.World
	of.Inbox = inbox
	return of.Body(phone, texts...)
}

func TestDelivery_38_MetasCheckOfTheCallbackURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolHitlChat)
	query := "?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=" + fixture.VerifyToken
	got := w.do(t, "GET", metaPath(inbox)+query, "", nil).is(http.StatusOK)
	require.Equal(t, "1158201444", string(got.body))
	require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))
	tokenless := w.AddInbox(t, handoff.ProtocolKapso, func(row *dbsqlc.InboxInsertParams) { row.VerifyToken = nil })
	for name, path := range map[string]string{
		"wrong token":   metaPath(inbox) + strings.Replace(query, fixture.VerifyToken, "guess", 1),
		"another mode":  metaPath(inbox) + strings.Replace(query, "subscribe", "unsubscribe", 1),
		"no query":      metaPath(inbox),
		"none saved":    metaPath(tokenless) + strings.Replace(query, fixture.VerifyToken, "", 1),
		"no such inbox": metaPath(dbsqlc.Inbox{ID: handoff.NewID()}) + query,
		"not WhatsApp":  metaPath(w.AddInbox(t, handoff.ProtocolChatlayer)) + query,
	} {
		got := w.do(t, "GET", path, "", nil).refused(http.StatusForbidden, handoff.CodeForbidden)
		require.NotContains(t, string(got.body), "1158201444", name)
	}
}

func TestMetasSignatureIsChecked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolHitlChat)
	// Computed with openssl.
	const body, right = `{"object":"whatsapp_business_account","entry":[]}`, "sha256=ee9f05f989bc0aa2693d85691a477f8b8403933cde7959a1c5c6be7ea85e8d3d"
	w.do(t, "POST", metaPath(inbox), "", body, signature.HeaderMeta, right).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "receipts", "true"))

	secretless := w.AddInbox(t, handoff.ProtocolHitlChat, func(row *dbsqlc.InboxInsertParams) { row.AppSecret = nil })
	other := w.AddInbox(t, handoff.ProtocolChatlayer)
	answers := map[string]bool{}
	for name, c := range map[string]struct {
		inbox      dbsqlc.Inbox
		body, sent string
	}{
		"none":            {inbox, body, ""},
		"wrong":           {inbox, body, strings.Replace(right, "ee9f", "ee90", 1)},
		"no prefix":       {inbox, body, strings.TrimPrefix(right, "sha256=")},
		"changed body":    {inbox, body + " ", right},
		"body no JSON":    {inbox, "{", right},
		"no secret saved": {secretless, body, right},
		"not WhatsApp":    {other, body, right},
		"no such inbox":   {dbsqlc.Inbox{ID: handoff.NewID()}, body, right},
	} {
		got := w.do(t, "POST", metaPath(c.inbox), "", c.body, signature.HeaderMeta, c.sent, "X-Request-Id", "same").
			refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
		answers[string(got.body)] = true
		require.Len(t, answers, 1, name)
	}
	require.Equal(t, 1, w.Count(t, "receipts", "true"))
	require.Contains(t, w.log.String(), `save one","inbox_id":"`+secretless.ID.String(), "the operator is told")
	require.NotContains(t, w.log.String(), fixture.AppSecret)
}

func TestMetaMayPostToEveryWhatsAppInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, p := range []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso} {
		inbox := w.AddInbox(t, p)
		body := w.bodyFor(inbox, "447700900123", "Hello")
		got := w.metaPosts(t, inbox, body).is(http.StatusOK)
		require.Equal(t, "message", got.text("items.0.kind"), p)
		require.Equal(t, 1, w.Count(t, "wakes", "raised AND inbox_id = $1", inbox.ID))
		before := w.Dump(t)
		got = w.metaPosts(t, inbox, body).is(http.StatusOK)
		require.Equal(t, true, got.field("items.0.duplicate"))
		w.RequireUnchanged(t, before)
	}
	require.Len(t, w.waker.all(), 2)
}

// Meta repeats for days what is not answered with 200.
func TestWhatIsForOtherNumbersIsIgnoredAndNotRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Gateway = fixture.NewGateway(t)
	inbox, sibling := w.AddInbox(t, handoff.ProtocolPassthrough), w.AddInbox(t, handoff.ProtocolHitlChat)
	w.AddRawEndpoint(t, inbox, w.Gateway)
	for name, body := range map[string][]byte{
		"a sibling's":  w.bodyFor(sibling, "447700900123", "Hello"),
		"a stranger's": w.strangerWorld.Body("447700900123", "Hello"),
		"not Meta's":   []byte(`{"hello":"world"}`),
		"empty list":   []byte(`{"object":"whatsapp_business_account","entry":[]}`),
		"odd entries":  []byte(`{"entry":[7,{"id":7,"changes":"x"}]}`),
	} {
		got := w.metaPosts(t, inbox, body).is(http.StatusOK)
		row, err := dbsqlc.New(w.DB).ReceiptGet(t.Context(), dbsqlc.ReceiptGetParams{AccountID: w.Account.ID, ID: uuidOf(t, got.text("receipt_id"))})
		require.NoError(t, err, name)
		require.Equal(t, string(body), string(row.Body))
	}
	require.Zero(t, w.Count(t, "messages", "true"))
	require.Zero(t, w.Count(t, "deliveries", "true"), "another number's bytes go nowhere")

	mine := string(w.bodyFor(inbox, "447700900123", "Hello"))
	entry := func(body string) string {
		return body[strings.Index(body, `[{"changes"`)+1 : strings.LastIndex(body, "]")]
	}
	both := strings.Replace(mine, entry(mine), entry(mine)+","+entry(string(w.bodyFor(sibling, "447700900124", "Hi"))), 1)
	got := w.metaPosts(t, inbox, []byte(both)).is(http.StatusOK)
	require.Equal(t, "message", got.text("items.0.kind"))
	require.Equal(t, "ignored", got.text("items.1.kind"))
	require.NotEmpty(t, got.text("items.1.reason"))
	w.metaPosts(t, inbox, []byte(`{"entry":[`)).refused(http.StatusBadRequest, handoff.CodeMalformed)
}

// lane sends what a contact's lane holds, as the worker does.
func (w *world) lane(t *testing.T, endpoint dbsqlc.Endpoint, contact handoff.ID) {
	t.Helper()
	_, err := w.activities.DeliverWebhooks(t.Context(), activities.DeliverInput{
		Ref: activities.Ref{AccountID: endpoint.AccountID, InboxID: endpoint.InboxID, ContactID: contact}, EndpointID: endpoint.ID, Max: 10,
	})
	require.NoError(t, err)
}

func TestThePassthroughsClientGetsTheBytesThatMetaPosted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	endpoint := w.AddRawEndpoint(t, inbox, w.Gateway)
	// The order of keys and the white space are no program's of ours.
	body := []byte("{ \"object\":\"whatsapp_business_account\",\n\"entry\":[{\"id\":\"" + inbox.WABAID + `","changes":[{"value":{"messaging_product":"whatsapp",` +
		`"metadata":{"phone_number_id":"` + inbox.PhoneNumberID + `"},"messages":[{"id":"wamid.<&>","from":"34600000000","timestamp":"1707564000",` +
		`"type":"text","text":{"body":"\u00e9 é"}}]},"field":"messages"}]}]}`)
	got := w.metaPosts(t, inbox, body).is(http.StatusOK)
	receipt := w.do(t, "GET", "/v1/receipts/"+got.text("receipt_id"), w.gateway, nil).is(http.StatusOK)
	require.Equal(t, "forwarded", receipt.text("items.0.outcome"))
	require.Len(t, w.waker.all(), 1)
	w.lane(t, endpoint, w.waker.all()[0].ContactID)
	require.Len(t, w.Gateway.Requests(), 1)
	forwarded := w.Gateway.Requests()[0]
	require.Equal(t, string(body), forwarded.Body)
	require.NoError(t, signature.VerifyMeta(fixture.AppSecret, []byte(forwarded.Body), forwarded.Header.Get(signature.HeaderMeta)))
	require.NotEmpty(t, forwarded.Header.Get("Webhook-Signature"))
	require.Zero(t, w.Count(t, "messages", "true"), "there are no conversations")

	before := w.Dump(t)
	w.metaPosts(t, inbox, body).is(http.StatusOK)
	w.RequireUnchanged(t, before)
}

func TestABodyThatNamesSeveralContactsIsForwardedOnceAndKeepsEachOnesOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	w.AddRawEndpoint(t, inbox, w.Gateway)
	a, b := string(w.bodyFor(inbox, "447700900123", "Hello")), string(w.bodyFor(inbox, "447700900124", "Hi"))
	entry := func(body string) string {
		return body[strings.Index(body, `[{"changes"`)+1 : strings.LastIndex(body, "]")]
	}
	both := strings.Replace(a, entry(a), entry(a)+","+entry(b), 1)
	w.metaPosts(t, inbox, []byte(both)).is(http.StatusOK)
	require.Equal(t, 2, w.Count(t, "deliveries", "event_type = 'meta'"))
	require.Equal(t, 1, w.Count(t, "deliveries", "body = $1 AND after_id IS NULL", []byte(both)))
	require.Equal(t, 1, w.Count(t, "deliveries m", "length(body) = 0 AND after_id IN (SELECT id FROM deliveries WHERE body = $1)", []byte(both)))
	require.Len(t, w.waker.all(), 2)
}

// What names nobody goes on too, in the lane of the number.
func TestStatusesAndNoticesAreForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	w.AddInbox(t, handoff.ProtocolHitlChat, func(row *dbsqlc.InboxInsertParams) {
		row.WABAID, row.ID = inbox.WABAID, handoff.ID{1} // an elder number of the same account
	})
	endpoint := w.AddRawEndpoint(t, inbox, w.Gateway)
	of := *w.World
	of.Inbox = inbox
	for name, body := range map[string][]byte{
		"status":        of.StatusBody("wamid.1", "read"),
		"number's":      of.Envelope(map[string]any{"errors": []any{map[string]any{"code": 130429}}}),
		"unknown field": bytes.Replace(of.Envelope(map[string]any{"event": "x"}), []byte(`"field":"messages"`), []byte(`"field":"weather"`), 1),
		"account's":     []byte(`{"object":"whatsapp_business_account","entry":[{"id":"` + inbox.WABAID + `","changes":[{"field":"account_update","value":{"event":"VERIFIED_ACCOUNT"}}]}]}`),
	} {
		before := w.Count(t, "deliveries", "true")
		got := w.metaPosts(t, inbox, body).is(http.StatusOK)
		require.Equal(t, before+1, w.Count(t, "deliveries", "true"), "%s: %s", name, got.body)
		require.Equal(t, 1, w.Count(t, "deliveries", "body = $1", body), name)
	}
	for _, wake := range w.waker.all() {
		w.lane(t, endpoint, wake.ContactID)
	}
	require.Len(t, w.Gateway.Requests(), 4)
}

// A gateway may post for a passthrough inbox with its key.
func TestAGatewayMayPostWhatIsForwarded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	endpoint := w.AddRawEndpoint(t, inbox, w.Gateway)
	a, b := string(w.Body("447700900123", "Hello")), string(w.bodyFor(inbox, "447700900124", "Hi"))
	entry := func(body string) string {
		return body[strings.Index(body, `[{"changes"`)+1 : strings.LastIndex(body, "]")]
	}
	both := strings.Replace(a, entry(a), entry(a)+","+entry(b), 1)
	w.do(t, "POST", "/v1/public/inbound", w.gateway, both, signature.HeaderMeta, "sha256=passed-on").is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "deliveries", "true"), "the other inbox's contact has no lane here")
	for _, wake := range w.waker.all() {
		if wake.InboxID == inbox.ID {
			w.lane(t, endpoint, wake.ContactID)
		}
	}
	require.Len(t, w.Gateway.Requests(), 1)
	require.Equal(t, both, w.Gateway.Requests()[0].Body)
	require.Equal(t, "sha256=passed-on", w.Gateway.Requests()[0].Header.Get(signature.HeaderMeta))
}

// Every webhook that open SDKs and Meta's own examples show goes through as its bytes.
func TestEveryKnownWebhookIsForwardedAsItCame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolPassthrough)
	w.AddRawEndpoint(t, inbox, w.Gateway)
	of := *w
	of.World = &fixture.World{Inbox: inbox}
	seen, forwarded := map[string]bool{}, 0
	for name, body := range files(t, corpora.Dir(t), "whatsapp", "webhooks") {
		body = of.addressed(t, body)
		got := w.metaPosts(t, inbox, body)
		require.Equal(t, http.StatusOK, got.status, "%s: %s", name, got.body)
		if len(got.field("items").([]any)) == 0 || seen[string(body)] {
			continue // it names no number
		}
		seen[string(body)] = true
		require.Equal(t, 1, w.Count(t, "deliveries", "body = $1", body), "%s is not forwarded as it came: %s", name, got.body)
		forwarded++
	}
	require.Greater(t, forwarded, 200)
}
