package outbound

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestGetStreamsAFile(t *testing.T) {
	t.Parallel()
	file := bytes.Repeat([]byte("0123456789"), 100<<10)
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp4")
		w.Header().Set("Got", r.Method+r.Header.Get("Authorization")+r.Header.Get("Content-Type"))
		if r.URL.Path != "/chunked" {
			w.Header().Set("Content-Length", strconv.Itoa(len(file)))
		}
		if r.URL.Path == "/missing" {
			w.WriteHeader(http.StatusNotFound)
		}
		if r.URL.Path == "/chunked" {
			w.(http.Flusher).Flush()
		}
		_, _ = w.Write(file)
	})
	client, size := newDevClient(t, 0), int64(len(file))
	for _, path := range []string{"/", "/chunked", "/missing"} {
		stream, err := client.Get(t.Context(), server.URL+path, http.Header{"Authorization": {"Bearer t"}}, size)
		require.NoError(t, err)
		got, err := io.ReadAll(stream)
		require.NoError(t, err, "the cap is the size itself")
		require.Len(t, got, len(file))
		require.True(t, bytes.Equal(file, got))
		require.Equal(t, "video/mp4", stream.Header.Get("Content-Type"))
		require.Equal(t, "GETBearer t", stream.Header.Get("Got"))
		require.Equal(t, path == "/missing", stream.Status == http.StatusNotFound)
		require.NoError(t, stream.Close())
		require.NoError(t, stream.Close())
	}

	_, err := client.Get(t.Context(), server.URL, nil, size-1)
	require.ErrorIs(t, err, ErrTooLarge, "announced")
	stream, err := client.Get(t.Context(), server.URL+"/chunked", nil, size-1)
	require.NoError(t, err)
	require.EqualValues(t, -1, stream.Size)
	got, err := io.ReadAll(stream)
	require.ErrorIs(t, err, ErrTooLarge, "not announced")
	require.Len(t, got, int(size-1))
	require.NoError(t, stream.Close())
}

func TestGetFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	var followed atomic.Int32
	target := newServer(t, func(http.ResponseWriter, *http.Request) { followed.Add(1) })
	server := newServer(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, target.URL, http.StatusFound) })
	_, err := newDevClient(t, 0).Get(t.Context(), server.URL, http.Header{"Authorization": {"Bearer t"}}, 10)
	require.ErrorIs(t, err, ErrRedirect)
	require.Zero(t, followed.Load())
}

func TestGetIsGuarded(t *testing.T) {
	t.Parallel()
	client := NewClient(Config{})
	client.floor = 0
	client.dialer.Resolver = newResolver(always("10.0.0.1"))
	for url, class := range map[string]ErrorClass{
		"https://rebound.example.com": ErrorBlocked, "https://10.0.0.1": ErrorInvalidURL, "http://example.com": ErrorInvalidURL,
	} {
		_, err := client.Get(t.Context(), url, nil, 10)
		var failure *Error
		require.ErrorAs(t, err, &failure)
		require.Equal(t, class, failure.Class)
		require.NotContains(t, err.Error(), "10.0.0.1")
	}
}

// A server that stops in the middle of a file ends the read after the client's Timeout, and sooner where ctx ends.
func TestGetEndsWhereNothingComes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newPipeClient(func(conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
				_, _ = io.Copy(io.Discard, conn)
			}
		})
		requireTimeout := func(ctx context.Context, after time.Duration) {
			start := time.Now()
			stream, err := client.Get(ctx, "http://127.0.0.1/", nil, 1000)
			require.NoError(t, err)
			got, err := io.ReadAll(stream)
			require.Equal(t, "abc", string(got))
			var failure *Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, ErrorTimeout, failure.Class, "%v", failure.Err)
			require.Equal(t, after, time.Since(start))
			require.NoError(t, stream.Close())
		}
		requireTimeout(t.Context(), defaultTimeout)

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		requireTimeout(ctx, 100*time.Millisecond)
	})
}

// The stall timer runs while bytes are waited for, not while the reader is busy with them.
func TestGetWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newPipeClient(answer("HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\n\r\n" + strings.Repeat("a", 1<<20)))
		stream, err := client.Get(t.Context(), "http://127.0.0.1/", nil, 2<<20)
		require.NoError(t, err)
		<-time.After(3 * defaultTimeout)
		got, err := io.ReadAll(stream)
		require.NoError(t, err)
		require.Len(t, got, 1<<20)
		require.NoError(t, stream.Close())
		client.Close()
	})
}

func TestGetOfACutFile(t *testing.T) {
	t.Parallel()
	url := newRawServer(t, func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
		}
	})
	stream, err := newDevClient(t, 0).Get(t.Context(), url, nil, 1000)
	require.NoError(t, err)
	defer func() { _ = stream.Close() }()
	_, err = io.ReadAll(stream)
	var failure *Error
	require.ErrorAs(t, err, &failure)
	require.Equal(t, ErrorReset, failure.Class)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
