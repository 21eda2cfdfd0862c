package outbound

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
	"time"
)

// MaxBody is how much of an answer is read and kept, in bytes.
const MaxBody = 64 << 10

const (
	defaultTimeout    = 15 * time.Second // Standard Webhooks: "15s to 30s"
	maxResponseHeader = 32 << 10
	idleTimeout       = 90 * time.Second
	// A lane has one request in flight, so a busy endpoint has as many connections as there are conversations talking to it.
	// Fewer kept ones would mean a TLS handshake for most posts.
	maxIdlePerHost = 128
	maxIdle        = 1024
)

// Config is what the operator decides. The zero value is the strict one: https, public addresses, ports 80, 443 and 8443, 15 s.
type Config struct {
	// AllowLoopback opens 127.0.0.0/8, ::1 and localhost on any port, by http too. For development only.
	AllowLoopback bool
	// AllowHTTP opens http:// for every host.
	AllowHTTP bool
	// AllowPrivateCIDRs are networks of the operator that may be called on any port. They win over every denial.
	AllowPrivateCIDRs []netip.Prefix
	// Ports replaces the allowed ports 80, 443 and 8443.
	Ports []uint16
	// Timeout covers one whole attempt; 0 is 15 s.
	Timeout time.Duration
}

// Client posts webhooks. It is safe for concurrent use and keeps connections open: make one and share it.
type Client struct {
	guard     guard
	allowHTTP bool
	timeout   time.Duration
	dialer    *net.Dialer
	transport *http.Transport
	http      *http.Client
}

// Result is the outcome of one attempt.
type Result struct {
	// Status is 0 where no status line came. It stays set where the body failed afterwards; see OK.
	Status int
	Header http.Header
	// Body is at most MaxBody bytes as they came, not decompressed. It may be cut, and may not be UTF-8.
	Body []byte
	// Truncated is true where the answer had more than MaxBody bytes. The rest is not read.
	Truncated bool
	Duration  time.Duration
	// RemoteIP is the address that was connected to, for the operator only; invalid where no connection was made.
	RemoteIP   netip.Addr
	ErrorClass ErrorClass
	// Err is the cause, for the operator's log only: it can hold a resolved internal address.
	Err error
}

// NewClient makes a client.
func NewClient(cfg Config) *Client {
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	g := newGuard(cfg)
	dialer := &net.Dialer{Timeout: timeout, Control: g.control}
	protocols := new(http.Protocols)
	// One request per connection bounds what a hostile receiver can cost; HTTP/2 would add streams, pings and settings floods.
	protocols.SetHTTP1(true)
	transport := &http.Transport{
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  timeout,
		MaxResponseHeaderBytes: maxResponseHeader,
		DisableCompression:     true, // a 50 KB answer can inflate to 50 MB
		MaxIdleConns:           maxIdle,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		IdleConnTimeout:        idleTimeout,
		Protocols:              protocols,
	}
	return &Client{
		guard:     g,
		allowHTTP: cfg.AllowHTTP,
		timeout:   timeout,
		dialer:    dialer,
		transport: transport,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// Close closes the idle connections. Call it once no Post is running.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// OK is the one rule for success: a status of 200 to 299 and an answer that was read to its end, or to MaxBody, before the
// deadline. 2xx headers with a body that is unfinished at the deadline are a timeout, and so a failure: the receiver may still be
// failing behind the status that it sent early, and to send once more under the same webhook-id is harmless.
func (r Result) OK() bool { return r.Err == nil && r.Status >= 200 && r.Status < 300 }

// Public is what a tenant may read about a failed attempt, as "class: advice"; empty where an answer came. It holds no address.
func (r Result) Public() string {
	class := r.ErrorClass.Public()
	if class == ErrorNone {
		return ""
	}
	return fmt.Sprintf("%s: %s", class, publicTexts[class])
}

// Post makes one attempt. The header is not changed; Content-Type and User-Agent are added where they are missing.
func (c *Client) Post(ctx context.Context, url string, header http.Header, body []byte) Result {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var trace connectionTrace
	result, err := c.send(httptrace.WithClientTrace(ctx, trace.hooks()), url, header, body)
	result.Duration = time.Since(start)
	result.RemoteIP = trace.remoteIP()
	if err != nil {
		result.Err = withoutURL(err)
	}
	if result.ErrorClass == ErrorNone {
		result.ErrorClass = classify(result.Err, trace.stage())
	}
	return result
}

func (c *Client) send(ctx context.Context, url string, header http.Header, body []byte) (Result, error) {
	// Checked again, because the operator's rules may be stricter now than when the endpoint was saved.
	if err := c.CheckURL(url); err != nil {
		return Result{ErrorClass: ErrorInvalidURL}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Result{ErrorClass: ErrorInvalidURL}, err
	}
	request.Header = requestHeader(header)
	response, err := c.http.Do(request)
	if err != nil {
		return Result{}, err
	}
	defer response.Body.Close()
	result := Result{Status: response.StatusCode, Header: response.Header}
	// Read to the end where it is near, so that the connection can be used again.
	result.Body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if len(result.Body) > MaxBody {
		result.Body, result.Truncated = result.Body[:MaxBody], true
	}
	return result, err
}

func requestHeader(header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "handoff-webhooks")
	}
	// A nil value is never sent, but tells net/http (see http.Transport) that the request may be repeated on a new connection
	// where a kept one turns out to be closed: Node closes them after 5 s, and a POST would fail on the race.
	if _, set := header["X-Idempotency-Key"]; !set {
		header["X-Idempotency-Key"] = nil
	}
	return header
}

// connectionTrace remembers what only the connection knows. Its hooks may run after the request has been given up.
type connectionTrace struct {
	remote    atomic.Pointer[netip.AddrPort]
	tlsFailed atomic.Bool
	answered  atomic.Bool
}

func (t *connectionTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			if remote, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil {
				t.remote.Store(&remote)
			}
		},
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { t.tlsFailed.Store(err != nil) },
		GotFirstResponseByte: func() { t.answered.Store(true) },
	}
}

func (t *connectionTrace) stage() stage {
	return stage{tlsFailed: t.tlsFailed.Load(), answered: t.answered.Load()}
}

func (t *connectionTrace) remoteIP() netip.Addr {
	if remote := t.remote.Load(); remote != nil {
		return remote.Addr().Unmap()
	}
	return netip.Addr{}
}
