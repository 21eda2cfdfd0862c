package outbound

import (
	"context"
	"crypto/tls"
	"net/http/httptrace"
	"net/netip"
	"sync/atomic"
)

// connectionTrace remembers what only the connection knows. Its hooks may run after the request has been given up.
type connectionTrace struct {
	once      bool
	sent      atomic.Bool
	remote    atomic.Pointer[netip.AddrPort]
	tlsFailed atomic.Bool
	answered  atomic.Bool

	viaProxy     bool
	proxyReached atomic.Bool
	tunnelled    atomic.Bool
}

// traceKey is where the dial of a proxy finds the trace.
type traceKey struct{}

func (t *connectionTrace) attach(ctx context.Context) context.Context {
	return context.WithValue(httptrace.WithClientTrace(ctx, t.hooks()), traceKey{}, t)
}

func (t *connectionTrace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		// A request with Once that asks for a second connection has not been written to the first one, else it would not be repeated.
		GetConn: func(string) {
			if t.once {
				t.sent.Store(false)
			}
			t.proxyReached.Store(false)
			t.tunnelled.Store(false)
		},
		// From here on, bytes may be written at any moment, and net/http does not tell which of them left.
		GotConn: func(info httptrace.GotConnInfo) {
			t.sent.Store(true)
			t.tunnelled.Store(true)
			if remote, err := netip.ParseAddrPort(info.Conn.RemoteAddr().String()); err == nil {
				t.remote.Store(&remote)
			}
		},
		TLSHandshakeStart:    func() { t.tunnelled.Store(true) }, // that of the target: egressProxy.dial makes the proxy's
		TLSHandshakeDone:     func(_ tls.ConnectionState, err error) { t.tlsFailed.Store(err != nil) },
		GotFirstResponseByte: func() { t.answered.Store(true) },
	}
}

func (t *connectionTrace) stage() stage {
	return stage{
		tlsFailed: t.tlsFailed.Load(), answered: t.answered.Load(),
		viaProxy: t.viaProxy, proxyReached: t.proxyReached.Load(), tunnelled: t.tunnelled.Load(),
	}
}

func (t *connectionTrace) remoteIP() netip.Addr {
	if remote := t.remote.Load(); remote != nil && !t.viaProxy {
		return remote.Addr().Unmap()
	}
	return netip.Addr{}
}
