package outbound

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestConnectionFailures(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		serve  func(net.Conn)
		want   ErrorClass
		status int
	}{
		"closed at once":         {func(net.Conn) {}, ErrorReset, 0},
		"closed after request":   {func(c net.Conn) { readRequest(bufio.NewReader(c)) }, ErrorReset, 0},
		"reset after request":    {answerAndReset(""), ErrorReset, 0},
		"closed in the headers":  {answer("HTTP/1.1 200 OK\r\nX-A: "), ErrorReset, 0},
		"closed in the body":     {answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), ErrorReset, 200},
		"reset in the body":      {answerAndReset("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"), ErrorReset, 200},
		"closed in a chunk":      {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), ErrorReset, 200},
		"not HTTP":               {answer("SSH-2.0-OpenSSH_9.6\r\n\r\n"), ErrorProtocol, 0},
		"no number as status":    {answer("HTTP/1.1 abc OK\r\n\r\n"), ErrorProtocol, 0},
		"bad chunk":              {answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), ErrorProtocol, 200},
		"two lengths":            {answer("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), ErrorProtocol, 0},
		"complete, for contrast": {answer("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), ErrorNone, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := post(t, newDevClient(t, 5*time.Second), newRawServer(t, tt.serve)+"/canary")

			require.Equal(t, tt.want, result.ErrorClass, "%v", result.Err)
			require.Equal(t, tt.status, result.Status)
			require.Equal(t, tt.want == ErrorNone, result.OK())
			requireNothingToldAbout(t, result, "127.0.0.1")
		})
	}
}

// answer reads a request, writes text as it is and closes.
func answer(text string) func(net.Conn) {
	return func(conn net.Conn) {
		if readRequest(bufio.NewReader(conn)) {
			_, _ = io.WriteString(conn, text)
		}
	}
}

// answerAndReset closes with a TCP reset.
func answerAndReset(text string) func(net.Conn) {
	return func(conn net.Conn) {
		answer(text)(conn)
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// requireNothingToldAbout checks that the tenant's text has neither the address nor the path "canary" of the URL, and the logged one
// not the path.
func requireNothingToldAbout(t *testing.T, result Result, addr string) {
	t.Helper()
	const path = "canary"
	require.NotContains(t, result.Public(), addr)
	require.NotContains(t, result.Public(), path)
	if result.Err == nil {
		require.Empty(t, result.Public())
		return
	}
	require.NotContains(t, result.Err.Error(), path)
	require.True(t, strings.HasPrefix(result.Public(), string(result.ErrorClass)+": "), result.Public())
}

func TestNothingListens(t *testing.T) {
	t.Parallel()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())

	result := post(t, newDevClient(t, 0), "http://"+listener.Addr().String()+"/canary")

	require.Equal(t, ErrorConnect, result.ErrorClass)
	require.False(t, result.RemoteIP.IsValid())
	requireNothingToldAbout(t, result, "127.0.0.1")
}

func TestURLThatIsNotAllowedAnyMore(t *testing.T) {
	t.Parallel()

	result := post(t, NewClient(Config{}), "http://10.0.0.1/canary")

	require.Equal(t, ErrorInvalidURL, result.ErrorClass)
	requireNothingToldAbout(t, result, "10.0.0.1")
}

// A shutdown is told apart from a slow receiver, and the caller's own deadline is a timeout.
func TestContextOfTheCaller(t *testing.T) {
	t.Parallel()

	arrived := make(chan struct{}, 1)
	url := newRawServer(t, func(conn net.Conn) {
		arrived <- struct{}{}
		_, _ = io.Copy(io.Discard, conn)
	})
	client := newDevClient(t, 0)

	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-arrived
		cancel()
	}()
	require.Equal(t, ErrorCanceled, client.Post(ctx, url, nil, nil).ErrorClass)

	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.Equal(t, ErrorTimeout, client.Post(ctx, url, nil, nil).ErrorClass)
}

func newTLSServer(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func TestTLS(t *testing.T) {
	t.Parallel()

	trusting := func(server *httptest.Server) *Client {
		client := newDevClient(t, 5*time.Second)
		client.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		client.transport.TLSClientConfig.RootCAs.AddCert(server.Certificate())
		return client
	}
	modern := newTLSServer(t, nil)
	require.True(t, post(t, trusting(modern), modern.URL).OK())

	untrusted := post(t, newDevClient(t, 0), modern.URL)
	require.Equal(t, ErrorTLS, untrusted.ErrorClass, "%v", untrusted.Err)

	old := newTLSServer(t, &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	require.Equal(t, ErrorTLS, post(t, trusting(old), old.URL).ErrorClass)

	wrongName := post(t, trusting(modern), strings.Replace(modern.URL, "127.0.0.1", "127.0.0.2", 1))
	require.Contains(t, []ErrorClass{ErrorTLS, ErrorConnect}, wrongName.ErrorClass)

	plain := newServer(t, func(http.ResponseWriter, *http.Request) {})
	require.Equal(t, ErrorTLS, post(t, newDevClient(t, 0), strings.Replace(plain.URL, "http:", "https:", 1)).ErrorClass)
}

// A handshake that never ends is a timeout, not a fault of the certificate.
func TestHangingHandshake(t *testing.T) {
	t.Parallel()

	url := newRawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	result := post(t, newDevClient(t, 100*time.Millisecond), strings.Replace(url, "http:", "https:", 1))
	require.Equal(t, ErrorTimeout, result.ErrorClass, "%v", result.Err)
}

func TestEveryClassHasItsText(t *testing.T) {
	t.Parallel()

	for _, class := range []ErrorClass{
		ErrorInvalidURL, ErrorDNS, ErrorBlocked, ErrorConnect, ErrorTLS, ErrorTimeout, ErrorReset, ErrorProtocol, ErrorProxy,
		ErrorCanceled,
	} {
		require.NotEmpty(t, publicTexts[class.Public()], class)
	}
	require.Equal(t, ErrorNone, classify(nil, stage{tlsFailed: true}))
}
