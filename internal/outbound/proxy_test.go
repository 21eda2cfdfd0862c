package outbound

import (
	"bufio"
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

const proxiedURL = "https://example.com/canary"

// Everything goes through the proxy, whose address may be private though no address of a target may.
func TestDelivery_21_EgressProxyCarriesEverything(t *testing.T) {
	t.Parallel()

	target := newTLSServer(t, nil)
	proxy := newTestProxy(t, hostOf(t, target.URL), func(p *testProxy) { p.password = "p@ss" })
	client := proxied(t, "http://handoff:p%40ss@"+proxy.host(), target)

	for range 5 {
		result := post(t, client, proxiedURL)
		require.True(t, result.OK(), "%v", result.Err)
		require.True(t, result.Sent)
		require.False(t, result.RemoteIP.IsValid(), "the proxy's address is not the receiver's")
	}
	require.EqualValues(t, 1, proxy.connected.Load(), "the tunnel is kept")
	stream, err := client.Get(t.Context(), proxiedURL, nil, 10)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, stream.Status)
	require.NoError(t, stream.Close())

	plain := newServer(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Host) })
	forward := newTestProxy(t, hostOf(t, plain.URL), nil)
	result := post(t, proxied(t, forward.URL, nil), "http://example.com/hook")
	require.True(t, result.OK(), "%v", result.Err)
	require.Equal(t, "example.com", string(result.Body))
	require.False(t, result.RemoteIP.IsValid())
	require.EqualValues(t, 1, forward.forwarded.Load())

	socks := proxied(t, newSOCKS(t, 0, hostOf(t, target.URL)), target)
	require.True(t, post(t, socks, proxiedURL).OK())
}

func TestDelivery_21_EgressProxyByTLS(t *testing.T) {
	t.Parallel()

	target := newTLSServer(t, nil)
	proxy := newTestProxy(t, hostOf(t, target.URL), func(p *testProxy) {
		p.Config.ErrorLog = log.New(io.Discard, "", 0)
		p.StartTLS()
	})
	client := proxied(t, proxy.URL, target)
	untrusted := post(t, client, proxiedURL)
	require.Equal(t, ErrorProxy, untrusted.ErrorClass, "%v", untrusted.Err)

	client.proxy.tls.RootCAs = x509.NewCertPool()
	client.proxy.tls.RootCAs.AddCert(proxy.Certificate())
	require.True(t, post(t, client, proxiedURL).OK())

	other := proxied(t, proxy.URL, nil)
	other.proxy.tls.RootCAs = client.proxy.tls.RootCAs
	require.Equal(t, ErrorTLS, post(t, other, proxiedURL).ErrorClass, "the certificate of the target, through a proxy that is trusted")
}

// The guard's place is taken by two rules: no address of a URL is passed on unchecked, and nothing but the proxy is dialled.
func TestDelivery_21_GuardStillAppliesBehindTheProxy(t *testing.T) {
	t.Parallel()

	proxy := newTestProxy(t, "127.0.0.1:1", nil)
	client := proxied(t, proxy.URL, nil)
	for _, addr := range internalAddresses {
		if strings.Contains(addr, ":") {
			addr = "[" + addr + "]"
		}
		require.Equal(t, ErrorInvalidURL, post(t, client, "https://"+addr+"/").ErrorClass, addr)
	}
	for _, raw := range []string{
		proxy.URL, "http://" + proxy.host(), "http://localhost/", "https://metadata.google.internal/", "https://127.1/", "https://example.com:22/",
		"https://user@example.com/", "file:///etc/passwd",
	} {
		require.Equal(t, ErrorInvalidURL, post(t, client, raw).ErrorClass, raw)
		_, err := client.Get(t.Context(), raw, nil, 10)
		require.Error(t, err, raw)
	}
	require.Zero(t, proxy.connected.Load()+proxy.forwarded.Load())

	for _, address := range []string{"127.0.0.1:1", "10.0.0.1:443", "8.8.8.8:443", "example.com:443", strings.Replace(proxy.host(), "127.", "127.0.", 1)} {
		_, err := client.transport.DialContext(t.Context(), "tcp", address)
		require.ErrorIs(t, err, errBlocked, address)
	}
}

// A proxy that does not work is the operator's matter: it has a class of its own, in whatever way it fails.
func TestDelivery_21_FailuresOfTheProxyItself(t *testing.T) {
	t.Parallel()

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dead := "http://" + listener.Addr().String()
	require.NoError(t, listener.Close())
	raw := func(serve func(net.Conn)) string { return newRawServer(t, serve) }
	connectRead := func(then string) string {
		return raw(func(conn net.Conn) {
			if readRequest(bufio.NewReader(conn)) {
				_, _ = io.WriteString(conn, then)
			}
		})
	}
	for name, proxy := range map[string]string{
		"dead":                 dead,
		"dead, TLS":            strings.Replace(dead, "http:", "https:", 1),
		"dead, SOCKS":          strings.Replace(dead, "http:", "socks5:", 1),
		"no such name":         "http://proxy.invalid:4750",
		"no TLS":               strings.Replace(raw(func(net.Conn) {}), "http:", "https:", 1),
		"closes at once":       raw(func(net.Conn) {}),
		"closes after CONNECT": connectRead(""),
		"is not HTTP":          connectRead("SSH-2.0-OpenSSH_9.6\r\n\r\n"),
		"header bomb":          connectRead("HTTP/1.1 200 OK\r\nX-Long: " + strings.Repeat("a", 1<<20)),
		"SOCKS closes":         strings.Replace(raw(func(net.Conn) {}), "http:", "socks5:", 1),
		"SOCKS wants password": strings.Replace(raw(func(conn net.Conn) {
			if discard(conn, 3) {
				_, _ = conn.Write([]byte{5, 0xff}) // RFC 1928 §3: no acceptable method
			}
		}), "http:", "socks5:", 1),
		"SOCKS is broken":      newSOCKS(t, 1, ""),
		"SOCKS has no CONNECT": newSOCKS(t, 7, ""),
		"SOCKS has no names":   newSOCKS(t, 8, ""),
		"SOCKS, unknown code":  newSOCKS(t, 99, ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := proxied(t, proxy, nil)
			result := post(t, client, proxiedURL)
			require.Equal(t, ErrorProxy, result.ErrorClass, "%v", result.Err)
			require.False(t, result.Sent)
			require.Zero(t, result.Status)
			require.Contains(t, result.Public(), "proxy: ")
			require.Contains(t, result.Public(), "operator")
			requireNothingToldAbout(t, result, "127.0.0.1")

			_, err := client.Get(t.Context(), proxiedURL, nil, 10)
			var failure *Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, ErrorProxy, failure.Class)
		})
	}

	require.Equal(t, ErrorProxy, post(t, proxied(t, dead, nil), "http://example.com/").ErrorClass, "an http:// target")
}

// A proxy whose handshake hangs is not reached; one that has taken CONNECT and is silent most likely waits for the target.
func TestDelivery_21_HangingProxy(t *testing.T) {
	t.Parallel()

	silent := newRawServer(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	for proxy, class := range map[string]ErrorClass{
		silent: ErrorTimeout,
		strings.Replace(silent, "http:", "https:", 1):  ErrorProxy,
		strings.Replace(silent, "http:", "socks5:", 1): ErrorTimeout,
	} {
		t.Run(proxy[:6], func(t *testing.T) {
			t.Parallel()
			result := proxied(t, proxy, nil).Do(t.Context(), Request{URL: proxiedURL, Timeout: time.Second})
			require.Equal(t, class, result.ErrorClass, "%v", result.Err)
			require.False(t, result.Sent)
		})
	}
}

// What the proxy says of CONNECT, with the headers by which some proxies say whose fault it is.
func TestDelivery_21_AnswersToCONNECT(t *testing.T) {
	t.Parallel()

	for name, tt := range map[string]struct {
		status      int
		header, say string
		want        ErrorClass
	}{
		"credentials refused":       {407, "Proxy-Authenticate", "Basic", ErrorProxy},
		"bad gateway":               {502, "", "", ErrorProxy},
		"unavailable":               {503, "", "", ErrorProxy},
		"gateway timeout":           {504, "", "", ErrorProxy},
		"broken":                    {500, "", "", ErrorProxy},
		"not a proxy":               {404, "", "", ErrorProxy},
		"a portal":                  {302, "Location", "http://portal.invalid/", ErrorProxy},
		"no tunnel":                 {204, "", "", ErrorProxy},
		"denied":                    {403, "", "", ErrorBlocked},
		"smokescreen denies":        {407, "X-Smokescreen-Error", "Egress proxying is denied to host 'a': 10.0.0.1 denied by rule", ErrorBlocked},
		"smokescreen denies by 403": {403, "X-Smokescreen-Error", "Egress proxying is denied", ErrorBlocked},
		"smokescreen, no name":      {502, "X-Smokescreen-Error", "Failed to resolve remote hostname: no such host", ErrorDNS},
		"smokescreen, refused":      {502, "X-Smokescreen-Error", "Failed to connect to remote host: connection refused", ErrorConnect},
		"smokescreen, timeout":      {504, "X-Smokescreen-Error", "Timed out connecting to remote host", ErrorTimeout},
		"smokescreen, own error":    {500, "X-Smokescreen-Error", "An unexpected error occurred", ErrorProxy},
		"RFC 9209, refused":         {502, "Proxy-Status", "egress; error=connection_refused", ErrorConnect},
		"RFC 9209, timeout":         {504, "Proxy-Status", `egress;error=connection_timeout; details="x"`, ErrorTimeout},
		"RFC 9209, no name":         {502, "Proxy-Status", `egress; error=dns_error; rcode="NXDOMAIN"`, ErrorDNS},
		"RFC 9209, prohibited":      {502, "Proxy-Status", "egress; error=destination_ip_prohibited", ErrorBlocked},
		"RFC 9209, own error":       {502, "Proxy-Status", "egress; error=proxy_internal_error", ErrorProxy},
		"squid, no name":            {503, "X-Squid-Error", "ERR_DNS_FAIL 0", ErrorDNS},
		"squid, refused":            {503, "X-Squid-Error", "ERR_CONNECT_FAIL 111", ErrorConnect},
		"squid, denied":             {403, "X-Squid-Error", "ERR_ACCESS_DENIED 0", ErrorBlocked},
		"squid, own error":          {503, "X-Squid-Error", "ERR_CANNOT_FORWARD 0", ErrorProxy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy := newTestProxy(t, "", func(p *testProxy) {
				p.answer = func(w http.ResponseWriter, _ *http.Request) bool {
					if tt.header != "" {
						w.Header().Set(tt.header, tt.say)
					}
					w.WriteHeader(tt.status)
					return true
				}
			})
			result := post(t, proxied(t, proxy.URL, nil), proxiedURL)
			require.Equal(t, tt.want, result.ErrorClass, "%v", result.Err)
			require.False(t, result.Sent)
			require.Zero(t, result.Status, "the target gave no answer")
			require.NotContains(t, result.Public(), "10.0.0.1")
			require.EqualValues(t, 1, proxy.connected.Load())
		})
	}
	for reply, want := range map[byte]ErrorClass{2: ErrorBlocked, 3: ErrorConnect, 4: ErrorDNS, 5: ErrorConnect, 6: ErrorConnect} {
		result := post(t, proxied(t, newSOCKS(t, reply, ""), nil), proxiedURL)
		require.Equal(t, want, result.ErrorClass, "SOCKS reply %d: %v", reply, result.Err)
		require.False(t, result.Sent)
	}
}

// Behind a proxy that works, the target's failures are what they are without one.
func TestDelivery_21_FailuresOfTheTargetBehindTheProxy(t *testing.T) {
	t.Parallel()

	refused := newTestProxy(t, "127.0.0.1:1", nil)
	result := post(t, proxied(t, refused.URL, nil), proxiedURL)
	require.Equal(t, ErrorConnect, result.ErrorClass, "%v", result.Err)

	closing := newTestProxy(t, hostOf(t, newRawServer(t, func(net.Conn) {})), nil)
	require.Equal(t, ErrorTLS, post(t, proxied(t, closing.URL, nil), proxiedURL).ErrorClass)

	failing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Smokescreen-Error", "not the proxy's")
		w.WriteHeader(http.StatusProxyAuthRequired)
	}))
	t.Cleanup(failing.Close)
	proxy := newTestProxy(t, hostOf(t, failing.URL), nil)
	result = post(t, proxied(t, proxy.URL, failing), proxiedURL)
	require.Equal(t, ErrorNone, result.ErrorClass, "%v", result.Err)
	require.Equal(t, http.StatusProxyAuthRequired, result.Status, "a target cannot pass for the proxy")
	require.True(t, result.Sent)

	// Nor over http, where the proxy's answers and the target's look the same, and so all count as the target's.
	for _, status := range []int{403, 407, 502, 503, 504} {
		plain := newTestProxy(t, "", func(p *testProxy) {
			p.answer = func(w http.ResponseWriter, _ *http.Request) bool {
				w.WriteHeader(status)
				return true
			}
		})
		result = post(t, proxied(t, plain.URL, nil), "http://example.com/")
		require.Equal(t, status, result.Status)
		require.Equal(t, ErrorNone, result.ErrorClass)
	}
}

// A proxy that goes away takes its kept tunnels with it, and the next attempt is not the target's failure.
func TestDelivery_21_ProxyDiesBetweenAttempts(t *testing.T) {
	t.Parallel()

	target := newTLSServer(t, nil)
	proxy := newTestProxy(t, hostOf(t, target.URL), nil)
	client := proxied(t, proxy.URL, target)
	require.True(t, post(t, client, proxiedURL).OK())
	require.NoError(t, proxy.Listener.Close())
	target.CloseClientConnections()

	require.Eventually(t, func() bool { return post(t, client, proxiedURL).ErrorClass == ErrorProxy }, time.Minute, time.Millisecond)
}
