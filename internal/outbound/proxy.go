package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// proxyPorts are the kinds of proxy that can be asked, each with its port where the URL names none.
var proxyPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080"}

// ParseProxy reads the URL of an egress proxy: http://, https:// or socks5://, a host, and optionally a port, a user and a password.
// The error says what to change and never repeats the text, which may hold the password.
func ParseProxy(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("proxy URL cannot be read: write http://host:port, and percent-encode special characters of a password")
	}
	if _, known := proxyPorts[u.Scheme]; !known || u.Opaque != "" {
		return nil, errors.New("proxy URL must start with http://, https:// or socks5://")
	}
	if u.Hostname() == "" {
		return nil, errors.New("proxy URL has no host: write http://host:port")
	}
	if _, err := portOf(u); err != nil {
		return nil, errors.New("proxy URL has a port that is not a number from 1 to 65535")
	}
	if strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("proxy URL has more than a host and a port: write http://host:port")
	}
	return u, nil
}

// egressProxy is the proxy through which every connection goes, and the only address that is then dialled.
type egressProxy struct {
	// url is what net/http is told: an https proxy is http to it, because dial makes that handshake itself. So a handshake that
	// net/http reports is always the target's.
	url     *url.URL
	address string
	tls     *tls.Config // nil without https
	dialer  *net.Dialer
}

func newEgressProxy(u *url.URL, timeout time.Duration) *egressProxy {
	port := u.Port()
	if port == "" {
		port = proxyPorts[u.Scheme]
	}
	host := strings.ToLower(u.Hostname())
	p := &egressProxy{address: net.JoinHostPort(host, port), dialer: &net.Dialer{Timeout: timeout}}
	p.url = &url.URL{Scheme: u.Scheme, Host: p.address, User: u.User}
	if u.Scheme == "https" {
		p.url.Scheme = "http"
		p.tls = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	}
	return p
}

// dial connects to the proxy and to nothing else. The guard does not look at its address, which is the operator's and usually private.
func (p *egressProxy) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if address != p.address {
		return nil, fmt.Errorf("%w: with an egress proxy nothing else is dialled", errBlocked)
	}
	conn, err := p.dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if p.tls != nil {
		conn, err = p.handshake(ctx, conn)
	}
	if trace, ok := ctx.Value(traceKey{}).(*connectionTrace); ok && err == nil {
		trace.proxyReached.Store(true)
	}
	return conn, err
}

func (p *egressProxy) handshake(ctx context.Context, conn net.Conn) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, p.dialer.Timeout) // net/http lets a dial outlive its request
	defer cancel()
	secured := tls.Client(conn, p.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("TLS to the egress proxy: %w", err)
	}
	return secured, nil
}

// tunnelError is the proxy's refusal to connect to the target. Its text is for the operator's log only: proxies name the addresses
// that they refuse.
type tunnelError struct {
	class  ErrorClass
	reason string
}

func (e *tunnelError) Error() string { return "egress proxy: " + e.reason }

// readConnect is the http.Transport.OnProxyConnectResponse hook.
func readConnect(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	reason := fmt.Sprintf("CONNECT was answered with %.100q", answer.Status)
	for _, name := range []string{smokescreenError, "Proxy-Status", squidError} {
		if told := answer.Header.Get(name); told != "" {
			reason += fmt.Sprintf(" (%s: %.300q)", name, told)
		}
	}
	return &tunnelError{class: connectClass(answer.StatusCode, answer.Header), reason: reason}
}

// The headers by which proxies say whose fault a refusal is.
const (
	smokescreenError = "X-Smokescreen-Error" // stripe/smokescreen, on each of its refusals
	squidError       = "X-Squid-Error"
)

// proxyStatusError finds the error of the header Proxy-Status (RFC 9209 §2.1.2).
var proxyStatusError = regexp.MustCompile(`;\s*error=([a-z_]+)`)

// proxyStatusClasses are the error types of RFC 9209 §2.3 that name the target; the rest are the proxy's own.
var proxyStatusClasses = map[string]ErrorClass{
	"destination_ip_prohibited": ErrorBlocked,
	"http_request_denied":       ErrorBlocked,
	"dns_error":                 ErrorDNS,
	"dns_timeout":               ErrorDNS,
	"connection_refused":        ErrorConnect,
	"connection_terminated":     ErrorConnect,
	"destination_ip_unroutable": ErrorConnect,
	"destination_unavailable":   ErrorConnect,
	"connection_timeout":        ErrorTimeout,
}

// connectClass tells the target's failures, which the proxy only reports, from the proxy's own.
func connectClass(status int, header http.Header) ErrorClass {
	if told := header.Get(smokescreenError); told != "" {
		return smokescreenClass(status, told)
	}
	if found := proxyStatusError.FindStringSubmatch(header.Get("Proxy-Status")); found != nil {
		if class, ofTarget := proxyStatusClasses[found[1]]; ofTarget {
			return class
		}
		return ErrorProxy
	}
	switch told := header.Get(squidError); {
	case strings.HasPrefix(told, "ERR_DNS_FAIL"):
		return ErrorDNS
	case strings.HasPrefix(told, "ERR_CONNECT_FAIL"):
		return ErrorConnect
	case status == http.StatusForbidden:
		return ErrorBlocked
	}
	return ErrorProxy
}

// smokescreenClass reads smokescreen's statuses: 407 for what its rules deny, 502 and 504 for what it could not reach.
func smokescreenClass(status int, told string) ErrorClass {
	switch status {
	case http.StatusProxyAuthRequired, http.StatusForbidden:
		return ErrorBlocked
	case http.StatusBadGateway:
		if strings.HasPrefix(told, "Failed to resolve") {
			return ErrorDNS
		}
		return ErrorConnect
	case http.StatusGatewayTimeout:
		return ErrorTimeout
	}
	return ErrorProxy
}

// socksClasses are the replies of RFC 1928 §6 that are about the target, by the words of net/http, which gives no code. Servers answer
// "host unreachable" for a name that does not resolve.
var socksClasses = map[string]ErrorClass{
	"connection not allowed by ruleset": ErrorBlocked,
	"host unreachable":                  ErrorDNS,
	"network unreachable":               ErrorConnect,
	"connection refused":                ErrorConnect,
	"TTL expired":                       ErrorConnect,
}

// proxyClass is the class of a failure before the way to the target was open; false where it was open, or where there is no proxy.
func proxyClass(err error, reached stage) (ErrorClass, bool) {
	var refusal *tunnelError
	if errors.As(err, &refusal) {
		return refusal.class, true
	}
	if !reached.viaProxy || reached.tunnelled || errors.Is(err, errBlocked) || errors.Is(err, context.Canceled) {
		return ErrorNone, false
	}
	var opError *net.OpError
	switch {
	case reached.proxyReached && isTimeout(err):
		// The proxy works and waits for somebody, which more likely is the target than itself.
		return ErrorTimeout, true
	case reached.proxyReached && errors.As(err, &opError) && strings.HasPrefix(opError.Op, "socks") && opError.Err != nil:
		if class, ofTarget := socksClasses[strings.TrimPrefix(opError.Err.Error(), "unknown error ")]; ofTarget {
			return class, true
		}
	}
	return ErrorProxy, true
}
