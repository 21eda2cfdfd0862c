package outbound

import (
	"bufio"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// testProxy is a small egress proxy on loopback. It finds every target at one address, so that a test's names need no DNS.
type testProxy struct {
	*httptest.Server
	target    string
	password  string                                        // asked for where it is set, of the user "handoff"
	answer    func(http.ResponseWriter, *http.Request) bool // true where it has answered in place of the proxy
	connected atomic.Int32
	forwarded atomic.Int32
	tunnels   sync.WaitGroup
}

// newTestProxy makes one that passes everything on to target, which is host:port.
func newTestProxy(t *testing.T, target string, configure func(*testProxy)) *testProxy {
	t.Helper()
	p := &testProxy{target: target}
	p.Server = httptest.NewUnstartedServer(p)
	p.tunnels.Add(1) // else the first tunnel would race with Wait
	if configure != nil {
		configure(p)
	}
	if p.URL == "" {
		p.Start()
	}
	t.Cleanup(func() {
		p.Close()
		p.tunnels.Done()
		p.tunnels.Wait()
	})
	return p
}

func (p *testProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodConnect {
		p.connected.Add(1)
	} else {
		p.forwarded.Add(1)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("handoff:"+p.password))
	if p.password != "" && r.Header.Get("Proxy-Authorization") != want {
		w.WriteHeader(http.StatusProxyAuthRequired)
		return
	}
	if p.answer != nil && p.answer(w, r) {
		return
	}
	if r.Method != http.MethodConnect {
		p.forward(w, r)
		return
	}
	target, err := net.Dial("tcp", p.target)
	if err != nil { // in smokescreen's words
		w.Header().Set("X-Smokescreen-Error", "Failed to connect to remote host: "+err.Error())
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.tunnels.Go(func() { pipe(client, target) })
}

func (p *testProxy) forward(w http.ResponseWriter, r *http.Request) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+p.target+r.URL.Path, r.Body)
	if err != nil {
		return
	}
	request.Host, request.Close = r.Host, true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, response.Body)
}

// pipe ends with the first of the two directions.
func pipe(a, b net.Conn) {
	var directions sync.WaitGroup
	for _, way := range [][2]net.Conn{{a, b}, {b, a}} {
		directions.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_, _ = a.Close(), b.Close()
		})
	}
	directions.Wait()
}

func (p *testProxy) host() string { return p.Listener.Addr().String() }

// proxied is a strict client behind a proxy. It trusts the certificate of target, which httptest makes for example.com.
func proxied(t *testing.T, proxy string, target *httptest.Server) *Client {
	t.Helper()
	u, err := ParseProxy(proxy)
	require.NoError(t, err)
	client := NewClient(Config{Proxy: u, AllowHTTP: true, Timeout: 10 * time.Second})
	client.floor = 0
	if target != nil {
		client.transport.TLSClientConfig.RootCAs = x509.NewCertPool()
		client.transport.TLSClientConfig.RootCAs.AddCert(target.Certificate())
	}
	t.Cleanup(client.Close)
	return client
}

func hostOf(t *testing.T, raw string) string {
	t.Helper()
	u, err := url.Parse(raw)
	require.NoError(t, err)
	return u.Host
}

// newSOCKS is a SOCKS5 server (RFC 1928) that asks for no password and answers every request with reply; with 0 it connects to target.
func newSOCKS(t *testing.T, reply byte, target string) string {
	t.Helper()
	raw := newRawServer(t, func(client net.Conn) {
		r := bufio.NewReader(client)
		greeting := make([]byte, 2)
		if _, err := io.ReadFull(r, greeting); err != nil || !discard(r, int(greeting[1])) {
			return
		}
		_, _ = client.Write([]byte{5, 0})
		request := make([]byte, 5) // version, command, reserved, 3 for a name, its length
		if _, err := io.ReadFull(r, request); err != nil || request[3] != 3 || !discard(r, int(request[4])) {
			return
		}
		var port uint16
		if binary.Read(r, binary.BigEndian, &port) != nil {
			return
		}
		if reply == 0 {
			upstream, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			_, _ = client.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
			pipe(client, upstream)
			return
		}
		_, _ = client.Write([]byte{5, reply, 0, 1, 0, 0, 0, 0, 0, 0})
	})
	return "socks5://" + hostOf(t, raw)
}

func discard(r io.Reader, n int) bool {
	_, err := io.CopyN(io.Discard, r, int64(n))
	return err == nil
}
