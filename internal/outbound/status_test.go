package outbound

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// 200 to 299 is success and nothing else, over every status that three digits can write.
func TestDelivery_15_Only2xxIsSuccess(t *testing.T) {
	t.Parallel()

	address := newRawServer(t, func(conn net.Conn) {
		for requests := bufio.NewReader(conn); ; {
			request, err := http.ReadRequest(requests)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s Any\r\nContent-Length: 0\r\n\r\n", path.Base(request.URL.Path))
		}
	})
	client := newDevClient(t, 0)
	succeeded := 0
	for status := 200; status <= 999; status++ {
		result := post(t, client, fmt.Sprintf("%s/%d", address, status))
		require.NoError(t, result.Err, status)
		require.Equal(t, status, result.Status)
		require.Equal(t, status >= 200 && status <= 299, result.OK(), status)
		require.Equal(t, ErrorNone, result.ErrorClass)
		if result.OK() {
			succeeded++
		}
	}
	require.Equal(t, 100, succeeded)
}

// A 1xx is no answer but an announcement of one (RFC 9110 §15.2): it is passed over, and what counts is the answer that follows, if
// any. 101 is the exception: it ends HTTP on the connection, and nobody asked for it.
func TestDelivery_15_InformationalIsNoAnswer(t *testing.T) {
	t.Parallel()

	after := func(then string) string {
		return newRawServer(t, func(conn net.Conn) {
			request, err := http.ReadRequest(bufio.NewReader(conn))
			if err != nil {
				return
			}
			_, _ = fmt.Fprintf(conn, "HTTP/1.1 %s Any\r\n\r\n%s", path.Base(request.URL.Path), then)
		})
	}
	nothing, success, failure := after(""), after("HTTP/1.1 204 Done\r\n\r\n"), after("HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n")
	client := newDevClient(t, 0)
	for status := 100; status <= 199; status++ {
		alone := post(t, client, fmt.Sprintf("%s/%d", nothing, status))
		require.False(t, alone.OK(), status)
		if status == http.StatusSwitchingProtocols {
			require.NoError(t, alone.Err)
			require.Equal(t, status, alone.Status)
			continue
		}
		require.Zero(t, alone.Status, status)
		require.Equal(t, ErrorReset, alone.ErrorClass, "%d: %v", status, alone.Err)

		require.True(t, post(t, client, fmt.Sprintf("%s/%d", success, status)).OK(), status)
		failed := post(t, client, fmt.Sprintf("%s/%d", failure, status))
		require.Equal(t, http.StatusInternalServerError, failed.Status, status)
		require.False(t, failed.OK())
	}
}

// An answer of 101 turns the connection over to whoever asked for it, out of the reach of every deadline: read like a body, it would
// hold its lane for ever.
func TestDelivery_15_SwitchOfProtocolsHangsNothing(t *testing.T) {
	t.Parallel()

	closed := make(chan struct{}, 2)
	address := newRawServer(t, func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) {
			_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			_, _ = io.Copy(io.Discard, conn)
			closed <- struct{}{}
		}
	})
	client := newDevClient(t, 0)

	result := post(t, client, address)
	require.NoError(t, result.Err)
	require.Equal(t, http.StatusSwitchingProtocols, result.Status)
	require.False(t, result.OK())
	require.Empty(t, result.Body)
	<-closed

	_, err := client.Get(t.Context(), address, nil, 10)
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, ErrorProtocol, failure.Class)
	<-closed
}

func TestDelivery_15_NoStatusIsNoSuccess(t *testing.T) {
	t.Parallel()

	for _, status := range []string{"099", "000", "20", "2000", "-200", "+200", "2e2", "OK"} {
		result := post(t, newDevClient(t, 0), newRawServer(t, answer("HTTP/1.1 "+status+" OK\r\nContent-Length: 0\r\n\r\n")))
		require.False(t, result.OK(), status)
	}
}

// A redirect is a failure: neither the event nor a header of it goes to a host that nobody checked.
func TestDelivery_14_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()

	var hits atomic.Int32
	target := newServer(t, func(http.ResponseWriter, *http.Request) { hits.Add(1) })
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		var status int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
		w.Header().Set("Location", target.URL)
		w.Header().Set("Content-Location", target.URL)
		w.Header().Set("Refresh", "0; url="+target.URL)
		w.WriteHeader(status)
	})
	client := newDevClient(t, 0)
	for _, status := range []int{300, 301, 302, 303, 304, 305, 306, 307, 308} {
		for range 2 { // the second time, a client that remembers permanent redirects would not ask
			result := post(t, client, fmt.Sprintf("%s/%d", server.URL, status))
			require.NoError(t, result.Err)
			require.Equal(t, status, result.Status)
			require.False(t, result.OK(), status)
		}
		_, err := client.Get(t.Context(), fmt.Sprintf("%s/%d", server.URL, status), nil, 10)
		require.ErrorIs(t, err, ErrRedirect, status)
	}
	require.Zero(t, hits.Load())
}
