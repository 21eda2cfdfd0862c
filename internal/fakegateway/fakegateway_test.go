package fakegateway_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/fakegateway"
	"handoff/internal/signature"
)

func TestGatewayShowsWhatArrived(t *testing.T) {
	t.Parallel()
	secret := signature.GenerateSecret()
	var shown []fakegateway.Webhook
	g := fakegateway.New(func(w fakegateway.Webhook) { shown = append(shown, w) })
	g.Expect(
		fakegateway.Sender{Inbox: "Support", Protocol: handoff.ProtocolHitlChat, Secret: secret},
		fakegateway.Sender{Inbox: "Other", Protocol: handoff.ProtocolNative, Secret: signature.GenerateSecret()},
	)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	body := []byte(`{"event":"outbound_message"}`)

	send := func(with signature.Secret) (int, string) {
		header, err := signature.Sign([]signature.Secret{with}, "msg_1", time.Now(), body)
		require.NoError(t, err)
		req, err := http.NewRequest(http.MethodPost, server.URL+fakegateway.Path, bytes.NewReader(body))
		require.NoError(t, err)
		req.Header = header
		req.Header.Set("Handoff-Event", "outbound_message")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer func() { _ = resp.Body.Close() }()
		text, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(text)
	}
	status, answer := send(secret)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, answer, `"messages":[{"id":"wamid.fake.`)
	status, _ = send(signature.GenerateSecret())
	require.Equal(t, http.StatusUnauthorized, status)
	require.Len(t, shown, 2)
	require.True(t, shown[0].Verified)
	require.Equal(t, "Support", shown[0].Inbox)
	require.Equal(t, handoff.ProtocolHitlChat, shown[0].Protocol)
	require.Empty(t, shown[1].Inbox)
	require.False(t, shown[1].Verified)

	resp, err := http.Get(server.URL + "/")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	list, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(list), `"verified": true`)
}
