package outbound

import (
	"bufio"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func once(url string) Request {
	return Request{Method: http.MethodPost, URL: url, Header: http.Header{}, Body: []byte(`{"n":1}`), Once: true}
}

func TestDoSendsWhatItIsGiven(t *testing.T) {
	t.Parallel()
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Got", strings.Join([]string{r.Method, r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key")}, "|"))
		_, _ = w.Write(body)
	})
	client := newDevClient(t, 0)

	request := once(server.URL)
	request.Header.Set("Idempotency-Key", "k")
	result := client.Do(t.Context(), request)
	require.True(t, result.OK(), "%v", result.Err)
	require.True(t, result.Sent)
	require.Equal(t, "POST|application/json|k", result.Header.Get("Got"), "the caller's key arrives under any case")
	require.Equal(t, `{"n":1}`, string(result.Body))
	require.Equal(t, http.Header{"Idempotency-Key": {"k"}}, request.Header, "the caller's header was changed")

	result = client.Do(t.Context(), Request{Method: http.MethodGet, URL: server.URL})
	require.True(t, result.OK())
	require.Equal(t, "GET||", result.Header.Get("Got"))

	result = client.Do(t.Context(), Request{URL: server.URL, Content: strings.NewReader("streamed"), Size: 8, Once: true})
	require.Equal(t, "streamed", string(result.Body))
}

// It is certain that a request which found no connection was not acted on.
func TestSentIsFalseWithoutAConnection(t *testing.T) {
	t.Parallel()
	refused := newRawServer(t, func(net.Conn) {})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	rebound := NewClient(Config{})
	rebound.dialer.Resolver = newResolver(always("10.0.0.1"))
	nowhere := NewClient(Config{})
	nowhere.dialer.Resolver = newResolver(func(string) []netip.Addr { return nil })
	dev := newDevClient(t, 0)

	for name, tt := range map[string]struct {
		client *Client
		url    string
		class  ErrorClass
	}{
		"refused":   {dev, closed, ErrorConnect},
		"no TLS":    {dev, strings.Replace(refused, "http:", "https:", 1), ErrorTLS},
		"untrusted": {dev, untrusted.URL, ErrorTLS},
		"guard":     {rebound, "https://rebound.example.com", ErrorBlocked},
		"DNS":       {nowhere, "https://nowhere.example.com", ErrorDNS},
		"URL":       {dev, "http://10.0.0.1", ErrorInvalidURL},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := tt.client.Do(t.Context(), once(tt.url))
			require.Equal(t, tt.class, result.ErrorClass, "%v", result.Err)
			require.False(t, result.Sent)
		})
	}
}

// A server that takes the request and dies with it: it may have acted on it, and it is asked no second time.
func TestClosedBeforeTheAnswerIsSentOnce(t *testing.T) {
	t.Parallel()
	for _, isOnce := range []bool{true, false} {
		var requests atomic.Int32
		url := newRawServer(t, func(conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) {
				requests.Add(1)
			}
		})
		request := once(url)
		request.Once = isOnce

		result := newDevClient(t, 0).Do(t.Context(), request)

		require.Equal(t, ErrorReset, result.ErrorClass, "%v", result.Err)
		require.True(t, result.Sent)
		require.Zero(t, result.Status)
		require.EqualValues(t, 1, requests.Load())
	}
}

// The server answers the first request and closes the kept connection on the second, without a word. A webhook is made again; a
// request with Once is not, though its header asks for it.
func TestOnceIsNotRepeatedOnAKeptConnection(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		once     bool
		requests int32
	}{"once": {true, 2}, "webhook": {false, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var requests, connections atomic.Int32
			url := newRawServer(t, func(conn net.Conn) {
				first := connections.Add(1) == 1
				reader := bufio.NewReader(conn)
				for i := 1; readRequest(reader); i++ {
					requests.Add(1)
					if first && i == 2 {
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			client := newDevClient(t, 0)
			request := once(url)
			request.Once = tt.once
			request.Header.Set("Idempotency-Key", "k")
			require.True(t, client.Do(t.Context(), request).OK())

			second := client.Do(t.Context(), request)

			require.True(t, second.Sent)
			require.Equal(t, tt.once, !second.OK(), "%v", second.Err)
			require.Equal(t, tt.requests, requests.Load())
		})
	}
}

// The server closes the kept connection while nothing is under way. Whether the client has noticed it or not, the server never
// sees the second request twice, and what failed without a trace on the wire is told from what may have arrived.
func TestOnceAfterAnIdleConnectionWasClosed(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	url := newRawServer(t, func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) {
			requests.Add(1)
			_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	client := newDevClient(t, 0)
	for range 200 {
		before := requests.Load()
		result := client.Do(t.Context(), once(url))
		seen := requests.Load() - before
		require.LessOrEqual(t, seen, int32(1))
		if result.OK() {
			require.EqualValues(t, 1, seen)
		}
		require.True(t, result.Sent)
	}
}

func TestTimeoutOfOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newPipeClient(func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		request := once("http://127.0.0.1/")
		request.Timeout = 50 * time.Millisecond

		result := client.Do(t.Context(), request)

		require.Equal(t, ErrorTimeout, result.ErrorClass)
		require.True(t, result.Sent)
		require.Equal(t, request.Timeout, result.Duration)
	})
}
