package fakegateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegateway"
	"handoff/internal/fakegraph"
	"handoff/internal/signature"
)

const (
	number    = "106540352242922"
	token     = "EAAtoken"
	appSecret = "meta-app-secret"
)

func post(t *testing.T, url string, header http.Header, body []byte) (int, string) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(text)
}

func TestOutboundMessagesGoToMetaOnce(t *testing.T) {
	t.Parallel()
	graph := fakegraph.New(nil)
	graph.AddNumber("102290129340398", number, "+1 555 000 0001")
	graph.Token(token, true)
	meta := httptest.NewServer(graph)
	t.Cleanup(meta.Close)
	g := fakegateway.New(func(fakegateway.Webhook) {})
	g.SendThrough(meta.URL+"/v24.0", token)
	secret := signature.GenerateSecret()
	g.Expect(fakegateway.Sender{Secret: secret})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)

	deliver := func(id, text string) (int, string) {
		body := []byte(`{"event":"outbound_message","phone_number_id":"` + number + `","meta_payload":{"messaging_product":"whatsapp",` +
			`"to":"447700900123","type":"text","text":{"body":"` + text + `"}}}`)
		header, err := signature.Sign([]signature.Secret{secret}, id, time.Now(), body)
		require.NoError(t, err)
		header.Set("Handoff-Event", "outbound_message")
		return post(t, server.URL+fakegateway.Path, header, body)
	}
	status, first := deliver("msg_1", "Hi")
	require.Equal(t, http.StatusOK, status)
	require.Len(t, graph.Sent(), 1)
	require.Contains(t, first, graph.Sent()[0].ID)
	_, again := deliver("msg_1", "Hi")
	require.Equal(t, first, again, "an attempt that is repeated sends nothing")
	require.Len(t, graph.Sent(), 1)
	status, refused := deliver("msg_2", "")
	require.Equal(t, http.StatusBadRequest, status)
	require.Contains(t, refused, `"code":131008`)
}

func TestMetasWebhooksArePassedOnAsTheyCame(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var got []*http.Request
	var bodies []string
	stack := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got, bodies = append(got, r), append(bodies, string(body))
		if r.URL.Path == "/v1/refuses" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	t.Cleanup(stack.Close)
	g := fakegateway.New(func(fakegateway.Webhook) {})
	g.Forward(number, fakegateway.Target{URL: stack.URL + "/v1/public/inbound", Header: http.Header{"Authorization": {"Bearer key"}}})
	g.Forward("2", fakegateway.Target{URL: stack.URL + "/v1/refuses"})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)

	graph := fakegraph.New(nil)
	graph.AddNumber("1", number, "+1 555 000 0001")
	graph.AddNumber("1", "2", "+1 555 000 0002")
	graph.AddNumber("1", "3", "+1 555 000 0003")
	graph.Notify(server.URL+fakegateway.MetaPath, appSecret, "")
	posted, err := graph.Customer("447700900123", "Jane").To(number).Text("hello")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, posted.Status)
	require.Equal(t, string(posted.Body), bodies[0])
	require.Equal(t, "Bearer key", got[0].Header.Get("Authorization"))
	require.NoError(t, signature.VerifyMeta(appSecret, posted.Body, got[0].Header.Get(signature.HeaderMeta)))

	posted, err = graph.Customer("447700900123", "Jane").To("2").PassControl("a summary")
	require.NoError(t, err)
	require.Equal(t, http.StatusServiceUnavailable, posted.Status, "Meta has to hear of it, or it would not repeat it")
	posted, err = graph.Customer("447700900123", "Jane").To("3").Text("nobody waits for this number")
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, posted.Status)
	require.Len(t, bodies, 2)
}

func TestVendorsSignatureIsVerifiedToo(t *testing.T) {
	t.Parallel()
	secret := signature.GenerateSecret()
	g := fakegateway.New(func(fakegateway.Webhook) {})
	g.Expect(fakegateway.Sender{Inbox: "Demo Kapso", Secret: secret, VendorSecret: "kapso-secret"})
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	body, err := json.Marshal(map[string]any{"id": handoff.NewID()})
	require.NoError(t, err)
	for _, c := range []struct {
		under string
		want  int
	}{{"kapso-secret", http.StatusOK}, {"another", http.StatusUnauthorized}} {
		header, err := signature.Sign([]signature.Secret{secret}, "msg_1", time.Now(), body)
		require.NoError(t, err)
		value, err := signature.SignHex(c.under, body)
		require.NoError(t, err)
		header.Set(signature.HeaderHex, value)
		status, _ := post(t, server.URL+fakegateway.Path+"/kapso", header, body)
		require.Equal(t, c.want, status)
	}
}
