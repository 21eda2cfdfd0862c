package graph_test

import (
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
	"handoff/internal/graph"
	"handoff/internal/meta"
	"handoff/internal/outbound"
)

const (
	messages = "/" + number + "/messages"
	text     = `{"messaging_product":"whatsapp","to":"16315555555","type":"text","text":{"body":"hello"}}`
)

func TestCallSends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	result := b.Call(t.Context(), token, messages, []byte(text))
	require.True(t, result.OK(), "%v", result.Err)
	require.True(t, result.Sent)
	var answer struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	require.NoError(t, json.Unmarshal(result.Body, &answer))
	sent := b.fake.Sent()
	require.Len(t, sent, 1)
	require.Equal(t, sent[0].ID, answer.Messages[0].ID)
	require.Equal(t, text, string(sent[0].Body))

	result = b.Call(t.Context(), token, "/"+number+"/thread_control", []byte(`{"messaging_product":"whatsapp","to":"16315555555","action":"release"}`))
	require.True(t, result.OK())
	require.Len(t, b.fake.Controls(), 1)
}

func TestTheDefaultsAreMetas(t *testing.T) {
	t.Parallel()
	require.Equal(t, "https://graph.facebook.com", graph.DefaultBaseURL)
	require.Equal(t, "v24.0", graph.DefaultVersion)
	// The guard refuses the port before any connection: nothing is sent, and the client with no configuration is a working one.
	client := outbound.NewClient(outbound.Config{Ports: []uint16{8443}})
	result := graph.New(graph.Config{HTTP: client}).Call(t.Context(), token, messages, []byte(text))
	require.Equal(t, outbound.ErrorInvalidURL, result.ErrorClass)
	require.False(t, result.Sent)
	require.Zero(t, result.Status)
}

// Every error of Meta's comes back as its action, and what fails without an answer tells whether it may have been sent. No fault
// makes the client send a message a second time.
func TestCallMeetsFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  fakegraph.Fault
		status int
		action meta.Action
		sent   int // messages that Meta has
	}{
		"token":      {fakegraph.Fault{Code: 190}, 401, meta.ActionRefreshToken, 0},
		"permission": {fakegraph.Fault{Code: 3}, 500, meta.ActionPermission, 0},
		"pair":       {fakegraph.Fault{Code: 131056}, 429, meta.ActionPairThrottle, 0},
		"window":     {fakegraph.Fault{Code: 131047}, 400, meta.ActionNever, 0},
		"template":   {fakegraph.Fault{Code: 132001}, 404, meta.ActionFix, 0},
		"passing":    {fakegraph.Fault{Code: 131016}, 503, meta.ActionRetry, 0},
		"proxy":      {fakegraph.Fault{Body: "<html>", Status: 502}, 502, meta.ActionRetry, 0},
		"redirect":   {fakegraph.Fault{Location: "/elsewhere"}, 302, meta.ActionFix, 0},
		"hang":       {fakegraph.Fault{Hang: true}, 0, "", 1},
		"before":     {fakegraph.Fault{Before: true}, 0, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			require.True(t, b.Call(t.Context(), token, messages, []byte(text)).OK(), "opens the connection that is kept")
			b.fake.Fail(tt.fault)

			result := b.Call(t.Context(), token, messages, []byte(text))

			require.Equal(t, tt.status, result.Status)
			require.True(t, result.Sent)
			require.False(t, result.OK())
			require.Len(t, b.fake.Sent(), 1+tt.sent)
			if tt.status != 0 {
				e, _ := meta.ParseSendError(result.Status, result.Body)
				require.Equal(t, tt.action, e.Action())
			}
		})
	}
}

func TestCallRepeatsRetryAfter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fake.Fail(fakegraph.Fault{Code: 130429, RetryAfter: 30 * time.Second})
	result := b.Call(t.Context(), token, messages, []byte(text))
	require.Equal(t, http.StatusTooManyRequests, result.Status)
	wait, asked := outbound.RetryAfter(result.Header, b.clock.read())
	require.True(t, asked)
	require.Equal(t, 30*time.Second, wait)
}

func TestCallToNobodySendsNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	client := graph.New(graph.Config{BaseURL: closed, HTTP: b.http})
	result := client.Call(t.Context(), token, messages, []byte(text))
	require.False(t, result.Sent)
	require.Equal(t, outbound.ErrorConnect, result.ErrorClass)
	requireNoToken(t, result.Err.Error())

	result = b.Call(t.Context(), token+"\r\nX: y", messages, []byte(text))
	require.False(t, result.Sent, "a token that is no header value")
	requireNoToken(t, result.Err.Error())
}
