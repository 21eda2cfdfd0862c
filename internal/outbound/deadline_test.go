package outbound

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// drips are answers, each with what it begins with; the rest comes byte by byte.
var drips = map[string]struct {
	begin  string
	status int
}{
	"status line": {"", 0},
	"headers":     {"HTTP/1.1 200 OK\r\nX-Long: ", 0},
	"body":        {"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 200},
	"chunks":      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", 200},
	"failed body": {"HTTP/1.1 503 Unavailable\r\nContent-Length: 100000\r\n\r\n", 503},
}

func drip(conn net.Conn, begin string, every time.Duration) {
	if !readRequest(bufio.NewReader(conn)) {
		return
	}
	_, _ = io.WriteString(conn, begin)
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for range ticker.C {
		if _, err := io.WriteString(conn, "x"); err != nil {
			return
		}
	}
}

// An attempt against a receiver that drips one byte a second ends at the deadline wherever it drips, and leaves no goroutine. 2xx
// headers with a body that is unfinished by then are a failure (Result.OK). The clock is the bubble's, so the times are exact.
func TestDelivery_16_OneDeadlineForHeadersAndBody(t *testing.T) {
	t.Parallel()

	for name, tt := range drips {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				served := make(chan struct{})
				client := newPipeClient(func(conn net.Conn) {
					defer close(served)
					drip(conn, tt.begin, time.Second)
				})

				result := post(t, client, "http://127.0.0.1/")

				require.Equal(t, ErrorTimeout, result.ErrorClass, "%v", result.Err)
				require.Equal(t, tt.status, result.Status)
				require.False(t, result.OK())
				require.Equal(t, defaultTimeout, result.Duration)
				require.LessOrEqual(t, len(result.Body), int(defaultTimeout/time.Second))
				require.Contains(t, result.Public(), "timeout: ")
				<-served        // the connection was closed, not left to drip
				synctest.Wait() // synctest.Test fails where a goroutine of the attempt is left
			})
		})
	}
}

// The same over real sockets.
func TestDelivery_16_DrippingSocketIsClosed(t *testing.T) {
	t.Parallel()

	const timeout = time.Second
	for name, tt := range drips {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			closed := make(chan struct{})
			url := newRawServer(t, func(conn net.Conn) {
				defer close(closed)
				drip(conn, tt.begin, time.Millisecond)
			})

			result := post(t, newDevClient(t, timeout), url)

			require.Equal(t, ErrorTimeout, result.ErrorClass, "%v", result.Err)
			require.Equal(t, tt.status, result.Status)
			require.GreaterOrEqual(t, result.Duration, timeout)
			<-closed
		})
	}
}

// A receiver that takes the request byte by byte, and one that never takes it, are under the same deadline.
func TestDelivery_16_SendingIsUnderTheDeadline(t *testing.T) {
	t.Parallel()

	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		client := newPipeClient(func(net.Conn) { <-release }) // a pipe has no buffer: nobody reads, nothing is sent
		result := client.Post(t.Context(), "http://127.0.0.1/", http.Header{}, make([]byte, 1<<20))
		require.Equal(t, ErrorTimeout, result.ErrorClass, "%v", result.Err)
		require.Equal(t, defaultTimeout, result.Duration)
		close(release)
	})
}
