package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"syscall"
)

// ErrorClass is why an attempt got no complete answer. It is for the operator; a tenant sees ErrorClass.Public.
type ErrorClass string

// The classes of error. Any HTTP status, also 500, is an answer and not an error.
const (
	// ErrorNone is a complete answer, or one that was cut at MaxBody.
	ErrorNone ErrorClass = ""
	// ErrorInvalidURL is a URL that CheckURL refuses.
	ErrorInvalidURL ErrorClass = "invalid_url"
	// ErrorDNS is a host name that did not resolve.
	ErrorDNS ErrorClass = "dns"
	// ErrorBlocked is a name whose addresses the guard refused.
	ErrorBlocked ErrorClass = "blocked_destination"
	// ErrorConnect is an address that refused the connection or cannot be reached.
	ErrorConnect ErrorClass = "connect"
	// ErrorTLS is a failed handshake or a certificate that is not trusted.
	ErrorTLS ErrorClass = "tls"
	// ErrorTimeout is the deadline passing at any stage, while the body of an answer is being read included.
	ErrorTimeout ErrorClass = "timeout"
	// ErrorReset is a connection that was closed before the answer was complete.
	ErrorReset ErrorClass = "reset"
	// ErrorProtocol is an answer that is not HTTP, or whose headers are over 32 KiB (net/http has no typed error for those).
	ErrorProtocol ErrorClass = "protocol"
	// ErrorProxy is the operator's egress proxy failing: it cannot be reached, refuses our credentials or answers CONNECT with an error
	// of its own. The receiver was not asked.
	ErrorProxy ErrorClass = "proxy"
	// ErrorCanceled is the caller's context being cancelled, such as by a shutdown: the receiver is not to blame.
	ErrorCanceled ErrorClass = "canceled"
)

var publicTexts = map[ErrorClass]string{
	ErrorInvalidURL: "the URL is not allowed any more: save the endpoint again with a valid one",
	ErrorBlocked:    "the host name does not resolve to an address that may be called: check the name, or have the operator allow its network",
	ErrorConnect:    "the connection was refused or the host cannot be reached: check that the server is running and its firewall is open",
	ErrorTLS:        "the TLS handshake failed: check the certificate, its chain and that TLS 1.2 or later is on",
	ErrorTimeout:    "no complete answer came in time: answer with 2xx first and work afterwards",
	ErrorReset:      "the connection was closed before the answer was complete",
	ErrorProtocol:   "the answer is not valid HTTP or its headers are larger than 32 KiB",
	ErrorProxy:      "this server's egress proxy does not work: its operator has to repair it, and nothing is wrong with your endpoint",
	ErrorCanceled:   "the attempt was interrupted by this server and will be made again",
}

// Public is the class to show to a tenant. A name that does not resolve and one that resolves to an internal address look the
// same: else a tenant could read the operator's DNS, name by name.
func (c ErrorClass) Public() ErrorClass {
	if c == ErrorDNS {
		return ErrorBlocked
	}
	return c
}

// stage is how far the connection came, for the many errors of net/http and crypto/tls that have no type of their own.
type stage struct {
	tlsFailed bool // the handshake reported an error
	answered  bool // the first byte of an answer came

	viaProxy     bool
	proxyReached bool // connected to the proxy, TLS included
	tunnelled    bool // the proxy has opened the way to the target
}

// classify finds the class by the types of the error and by the stage. The more telling cause comes first: a refused address may
// also be a failed dial.
func classify(err error, reached stage) ErrorClass {
	var dnsError *net.DNSError
	var certificateError *tls.CertificateVerificationError
	var opError *net.OpError
	if err == nil {
		return ErrorNone
	}
	if class, ofProxy := proxyClass(err, reached); ofProxy {
		return class
	}
	switch {
	case errors.Is(err, errBlocked):
		return ErrorBlocked
	case errors.Is(err, context.Canceled):
		return ErrorCanceled
	case errors.As(err, &dnsError):
		return ErrorDNS
	case isTimeout(err):
		return ErrorTimeout
	case reached.tlsFailed, errors.As(err, &certificateError):
		return ErrorTLS
	case errors.As(err, &opError) && opError.Op == "dial":
		return ErrorConnect
	case isReset(err), !reached.answered:
		return ErrorReset
	}
	return ErrorProtocol
}

func isTimeout(err error) bool {
	var netError net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) ||
		errors.As(err, &netError) && netError.Timeout()
}

func isReset(err error) bool {
	for _, cause := range []error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}

// withoutURL drops the layer of http.Client that repeats the URL: a webhook's URL often is its only credential, and errors are
// logged.
func withoutURL(err error) error {
	var urlError *url.Error
	if errors.As(err, &urlError) {
		return urlError.Err
	}
	return err
}
