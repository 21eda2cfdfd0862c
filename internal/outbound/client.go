package outbound

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
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
	// Proxy is the egress proxy, as ParseProxy gives it; nil for none. See the package's documentation for who then checks what.
	Proxy *url.URL
}

// Client makes requests. It is safe for concurrent use and keeps connections open: make one and share it.
type Client struct {
	guard     guard
	allowHTTP bool
	timeout   time.Duration
	floor     time.Duration
	proxy     *egressProxy // nil without one
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
	// Sent tells whether a byte of the request may have left this machine. False is certain: the address was refused, not found or
	// not reached, or its certificate was not trusted. True without a Status means that nobody knows whether the request was acted on.
	Sent     bool
	Duration time.Duration
	// RemoteIP is the address that was connected to, for the operator only; invalid where no connection was made, or by a proxy.
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
	client := &Client{
		guard:     g,
		allowHTTP: cfg.AllowHTTP,
		timeout:   timeout,
		floor:     refusalFloor,
		dialer:    dialer,
		transport: transport,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if cfg.Proxy != nil {
		client.proxy = newEgressProxy(cfg.Proxy, timeout)
		transport.Proxy = http.ProxyURL(client.proxy.url)
		transport.DialContext = client.proxy.dial
		transport.OnProxyConnectResponse = readConnect
	}
	return client
}

// Close closes the idle connections. Call it once no request is running.
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
