package outbound

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPost(t *testing.T) {
	t.Parallel()

	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != `{"a":1}` || r.Method != http.MethodPost {
			w.WriteHeader(http.StatusTeapot)
		}
		for _, name := range []string{"Content-Type", "User-Agent", "Webhook-Id", "Accept-Encoding", "X-Idempotency-Key"} {
			w.Header().Set("Got-"+name, strings.Join(r.Header.Values(name), ","))
		}
		_, _ = io.WriteString(w, "thanks")
	})
	client, header := newDevClient(t, 0), http.Header{"Webhook-Id": {"msg_1"}}

	result := client.Post(t.Context(), server.URL, header, []byte(`{"a":1}`))

	require.NoError(t, result.Err)
	require.True(t, result.OK())
	require.Equal(t, "thanks", string(result.Body))
	require.False(t, result.Truncated)
	require.Positive(t, result.Duration)
	require.Equal(t, "127.0.0.1", result.RemoteIP.String())
	require.Empty(t, result.Public())
	require.Equal(t, "application/json", result.Header.Get("Got-Content-Type"))
	require.Equal(t, "handoff-webhooks", result.Header.Get("Got-User-Agent"))
	require.Equal(t, "msg_1", result.Header.Get("Got-Webhook-Id"))
	require.Empty(t, result.Header.Get("Got-Accept-Encoding"))
	require.Empty(t, result.Header.Get("Got-X-Idempotency-Key"), "the mark that allows a repeat is never sent")
	require.Equal(t, http.Header{"Webhook-Id": {"msg_1"}}, header, "the caller's header was changed")

	own := http.Header{"Content-Type": {"text/plain"}, "User-Agent": {"me"}, "X-Idempotency-Key": {"k"}}
	result = client.Post(t.Context(), server.URL, own, []byte(`{"a":1}`))
	require.Equal(t, "text/plain", result.Header.Get("Got-Content-Type"))
	require.Equal(t, "me", result.Header.Get("Got-User-Agent"))
	require.Equal(t, "k", result.Header.Get("Got-X-Idempotency-Key"))

	require.True(t, client.Post(t.Context(), server.URL, nil, []byte(`{"a":1}`)).OK(), "no header at all")
}

// Hundreds of posts a second to one endpoint are only possible over kept connections.
func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()

	var opened atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, MaxBody)) // the largest answer that is still read to its end
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	client := newDevClient(t, 0)

	for range 100 {
		result := post(t, client, server.URL)
		require.True(t, result.OK())
		require.False(t, result.Truncated)
		require.Len(t, result.Body, MaxBody)
	}
	require.EqualValues(t, 1, opened.Load())

	var lanes sync.WaitGroup
	for range 32 {
		lanes.Go(func() {
			for range 20 {
				if result := client.Post(t.Context(), server.URL, nil, nil); !result.OK() {
					t.Errorf("post over a kept connection: %v", result.Err)
				}
			}
		})
	}
	lanes.Wait()
	require.LessOrEqual(t, opened.Load(), int32(64), "32 lanes, and dials that lost the race against a connection coming back")
}

// A kept connection that the receiver closed meanwhile costs no attempt: the request goes out again on a new one.
func TestStaleConnectionIsReplaced(t *testing.T) {
	t.Parallel()

	var connections atomic.Int32
	url := newRawServer(t, func(conn net.Conn) {
		connections.Add(1)
		requests := bufio.NewReader(conn)
		if !readRequest(requests) {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		readRequest(requests) // and closes without an answer
	})
	client := newDevClient(t, 0)

	require.True(t, post(t, client, url).OK())
	second := post(t, client, url)

	require.NoError(t, second.Err)
	require.True(t, second.OK())
	require.EqualValues(t, 2, connections.Load())
}

func readRequest(reader *bufio.Reader) bool {
	request, err := http.ReadRequest(reader)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, request.Body)
	return err == nil
}
