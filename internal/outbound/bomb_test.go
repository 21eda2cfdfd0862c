package outbound

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A small answer that inflates to 50 MiB stays what it was on the wire.
func TestGzipBombIsNotInflated(t *testing.T) {
	t.Parallel()

	var bomb bytes.Buffer
	writer, err := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
	require.NoError(t, err)
	_, err = io.CopyN(writer, zeros{}, 50<<20)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Less(t, bomb.Len(), MaxBody)
	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb.Bytes())
	})

	result := post(t, newDevClient(t, 0), server.URL)

	require.True(t, result.OK())
	require.Equal(t, bomb.Bytes(), result.Body)
	require.False(t, result.Truncated)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Of an endless answer MaxBody bytes are kept, and the receiver gets rid of no more than what the socket buffers hold.
func TestEndlessBodyIsCut(t *testing.T) {
	t.Parallel()

	var written atomic.Int64
	done := make(chan struct{})
	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
		defer close(done)
		chunk := bytes.Repeat([]byte("a"), 32<<10)
		for {
			n, err := w.Write(chunk)
			written.Add(int64(n))
			if err != nil {
				return
			}
		}
	})

	result := post(t, newDevClient(t, 0), server.URL)

	require.NoError(t, result.Err)
	require.True(t, result.OK(), "a 2xx with a full first 64 KiB is an answer")
	require.True(t, result.Truncated)
	require.Equal(t, strings.Repeat("a", MaxBody), string(result.Body))
	<-done
	require.Less(t, written.Load(), int64(16<<20))
}

func TestOneByteTooManyIsTruncated(t *testing.T) {
	t.Parallel()

	server := newServer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, MaxBody+1)) })
	result := post(t, newDevClient(t, 0), server.URL)
	require.True(t, result.Truncated)
	require.Len(t, result.Body, MaxBody)
}

func TestHeaderBombsAreRefused(t *testing.T) {
	t.Parallel()

	for name, flood := range map[string]func(io.Writer) error{
		"one long header": func(w io.Writer) error {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\nX-Long: "+strings.Repeat("a", 10<<20)+"\r\n\r\n")
			return err
		},
		"many headers": func(w io.Writer) error {
			_, err := io.WriteString(w, "HTTP/1.1 200 OK\r\n"+strings.Repeat("X-A: b\r\n", 1<<20)+"\r\n")
			return err
		},
		"endless 1xx": func(w io.Writer) error {
			for {
				if _, err := io.WriteString(w, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"); err != nil {
					return err
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := newRawServer(t, func(conn net.Conn) {
				if readRequest(bufio.NewReader(conn)) {
					_ = flood(conn)
				}
			})

			result := post(t, newDevClient(t, 0), url)

			require.Equal(t, ErrorProtocol, result.ErrorClass, "%v", result.Err)
			require.Zero(t, result.Status)
			require.Contains(t, result.Public(), "protocol: ")
		})
	}
}
