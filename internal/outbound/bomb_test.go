package outbound

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// gzipBomb is 50 KB that inflate to 50 MiB: 50 members (RFC 1952 §2.2) of a mebibyte of zeros each.
func gzipBomb(t *testing.T) []byte {
	t.Helper()
	var member bytes.Buffer
	writer := gzip.NewWriter(&member)
	_, err := writer.Write(make([]byte, 1<<20))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	bomb := bytes.Repeat(member.Bytes(), 50)
	require.Less(t, len(bomb), MaxBody)
	return bomb
}

// bombs are answers that are larger than what may be kept of them; each is written by a receiver until its connection is closed.
func bombs(t *testing.T) map[string]func(io.Writer) error {
	t.Helper()
	const ok = "HTTP/1.1 200 OK\r\n"
	chunk := bytes.Repeat([]byte("a"), 32<<10)
	text := func(text string) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		}
	}
	flood := func(begin string, then []byte, times int) func(io.Writer) error {
		return func(w io.Writer) error {
			_, err := io.WriteString(w, begin)
			for range times {
				if _, err = w.Write(then); err != nil {
					return err
				}
			}
			return err
		}
	}
	squeezed := gzipBomb(t)
	return map[string]func(io.Writer) error{
		"1 GiB body":      flood(ok+fmt.Sprintf("Content-Length: %d\r\n\r\n", 1<<30), chunk, 1<<30/len(chunk)),
		"chunked":         flood(ok+"Transfer-Encoding: chunked\r\n\r\n", fmt.Appendf(nil, "8000\r\n%s\r\n", chunk), 1<<15),
		"no length":       flood(ok+"Connection: close\r\n\r\n", chunk, 1<<15),
		"gzip":            text(ok + fmt.Sprintf("Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(squeezed), squeezed)),
		"one long header": flood(ok+"X-Long: ", chunk, 10<<20/len(chunk)),
		"many headers":    flood(ok, bytes.Repeat([]byte("X-A: b\r\n"), 1<<10), 1280), // 10 MiB
		"long status":     flood("HTTP/1.1 200 ", chunk, 10<<20/len(chunk)),
		"many trailers":   flood(ok+"Transfer-Encoding: chunked\r\n\r\n0\r\n", bytes.Repeat([]byte("X-A: b\r\n"), 1<<10), 1280),
		"endless 1xx":     flood("", bytes.Repeat([]byte("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), 100), 1<<20),
	}
}

// What one delivery allocates in all, which is more than what it can make the process grow by, stays below 8 MiB whatever comes
// back. Not parallel: the runtime counts for the whole process.
func TestDelivery_17_BombsTakeNoMemory(t *testing.T) {
	client := newDevClient(t, 0)
	for name, bomb := range bombs(t) {
		var written atomic.Int64
		done := make(chan struct{}, 1)
		url := newRawServer(t, func(conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) {
				_ = bomb(counter{conn, &written})
				done <- struct{}{}
			}
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)

		result := post(t, client, url)

		<-done
		runtime.ReadMemStats(&after)
		allocated := after.TotalAlloc - before.TotalAlloc
		require.Less(t, allocated, uint64(8<<20), name)
		require.LessOrEqual(t, len(result.Body), MaxBody, name)
		require.LessOrEqual(t, cap(result.Body), 2*MaxBody, name)
		require.Less(t, written.Load(), int64(32<<20), "%s: what is not kept is not drained either", name)
		t.Logf("%s: %d KiB allocated, %d KiB written by the receiver", name, allocated>>10, written.Load()>>10)
	}
}

// counter counts what a receiver got rid of, socket buffers included.
type counter struct {
	io.Writer
	written *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// A small answer that inflates to 50 MiB stays what it was on the wire.
func TestDelivery_17_GzipBombIsNotInflated(t *testing.T) {
	t.Parallel()

	bomb := gzipBomb(t)
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "" {
			w.WriteHeader(http.StatusTeapot)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})

	result := post(t, newDevClient(t, 0), server.URL)

	require.True(t, result.OK())
	require.Equal(t, bomb, result.Body)
	require.False(t, result.Truncated)
}

// Of a body that is too long the first MaxBody bytes are kept, and a 2xx with them is an answer.
func TestDelivery_17_LongBodyIsCut(t *testing.T) {
	t.Parallel()

	for _, size := range []int{MaxBody - 1, MaxBody, MaxBody + 1, 16 << 20} {
		server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.CopyN(w, letters{}, int64(size))
		})
		result := post(t, newDevClient(t, 0), server.URL)
		require.True(t, result.OK(), "%v", result.Err)
		require.Equal(t, size > MaxBody, result.Truncated, size)
		require.Equal(t, strings.Repeat("a", min(size, MaxBody)), string(result.Body), size)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestDelivery_17_HeaderBombsAreRefused(t *testing.T) {
	t.Parallel()

	all := bombs(t)
	for _, name := range []string{"one long header", "many headers", "long status", "endless 1xx"} {
		url := newRawServer(t, func(conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) {
				_ = all[name](conn)
			}
		})

		result := post(t, newDevClient(t, 0), url)

		require.Equal(t, ErrorProtocol, result.ErrorClass, "%s: %v", name, result.Err)
		require.Zero(t, result.Status)
		require.False(t, result.OK())
		require.Contains(t, result.Public(), "protocol: ")
	}
}
