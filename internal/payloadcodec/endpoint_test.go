package payloadcodec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"handoff/internal/payloadcodec"
)

const (
	ui        = "https://temporal.example.com"
	namespace = "handoff"
)

func newEndpoint(t *testing.T, verify func(context.Context, string) error) (*payloadcodec.Codec, string) {
	t.Helper()
	codec := payloadcodec.New(newBox(t), true)
	server := httptest.NewServer(payloadcodec.Endpoint(codec, payloadcodec.Access{
		Namespace: namespace, Origins: []string{ui}, Verify: verify, Log: slog.New(slog.DiscardHandler),
	}))
	t.Cleanup(server.Close)
	return codec, server.URL
}

// The SDK's own client of codec endpoints asks as the UI does.
func TestTheEndpointOpensAndSeals(t *testing.T) {
	t.Parallel()
	codec, url := newEndpoint(t, nil)
	remote := converter.NewRemotePayloadCodec(converter.RemotePayloadCodecOptions{
		Endpoint: url, ModifyRequest: func(r *http.Request) error { r.Header.Set("X-Namespace", namespace); return nil },
	})
	plain := []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(`{"by":"Olga"}`)}}
	sealed, err := codec.Encode(plain)
	require.NoError(t, err)
	opened, err := remote.Decode(sealed)
	require.NoError(t, err)
	require.Equal(t, plain[0].Data, opened[0].Data)

	sealed, err = remote.Encode(plain)
	require.NoError(t, err)
	require.NotContains(t, string(sealed[0].Data), "Olga", "what is typed into the UI is sealed on its way")
	opened, err = codec.Decode(sealed)
	require.NoError(t, err)
	require.Equal(t, plain[0].Data, opened[0].Data)
}

func TestWhoMayAskTheEndpoint(t *testing.T) {
	t.Parallel()
	_, open := newEndpoint(t, nil)
	_, guarded := newEndpoint(t, func(_ context.Context, token string) error {
		if token != "good" {
			return errors.New("no such token")
		}
		return nil
	})
	for name, c := range map[string]struct {
		url     string
		headers map[string]string
		status  int
	}{
		"the UI":            {open, map[string]string{"Origin": ui}, http.StatusOK},
		"a program":         {open, nil, http.StatusOK},
		"another page":      {open, map[string]string{"Origin": "https://evil.example"}, http.StatusForbidden},
		"a file":            {open, map[string]string{"Origin": "null"}, http.StatusForbidden},
		"another namespace": {open, map[string]string{"Origin": ui, "X-Namespace": "other"}, http.StatusForbidden},
		"a token":           {guarded, map[string]string{"Origin": ui, "Authorization": "Bearer good"}, http.StatusOK},
		"a wrong token":     {guarded, map[string]string{"Origin": ui, "Authorization": "Bearer bad"}, http.StatusUnauthorized},
		"no token":          {guarded, map[string]string{"Origin": ui}, http.StatusUnauthorized},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url+"/decode", strings.NewReader(`{"payloads":[]}`))
		require.NoError(t, err)
		for header, value := range c.headers {
			request.Header.Set(header, value)
		}
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c.status, answer.StatusCode, "%s: %s", name, body)
	}
}

func TestOnlyTheUIGetsAPreflight(t *testing.T) {
	t.Parallel()
	_, url := newEndpoint(t, nil)
	for origin, allowed := range map[string]string{ui: ui, "https://evil.example": ""} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, url+"/decode", nil)
		require.NoError(t, err)
		request.Header.Set("Origin", origin)
		request.Header.Set("Access-Control-Request-Method", http.MethodPost)
		request.Header.Set("Access-Control-Request-Headers", "authorization,content-type,x-namespace")
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, allowed, answer.Header.Get("Access-Control-Allow-Origin"))
	}
}

func TestALargeBodyIsRefused(t *testing.T) {
	t.Parallel()
	_, url := newEndpoint(t, nil)
	answer, err := http.Post(url+"/decode", "application/json", bytes.NewReader(bytes.Repeat([]byte(" "), 9<<20)))
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusBadRequest, answer.StatusCode)
}
