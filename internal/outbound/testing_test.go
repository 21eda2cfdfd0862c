package outbound

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newDevClient is a client that may call the loopback servers of a test.
func newDevClient(tb testing.TB, timeout time.Duration) *Client {
	tb.Helper()
	client := NewClient(Config{AllowLoopback: true, Timeout: timeout})
	tb.Cleanup(client.Close)
	return client
}

// newPipeClient is for a bubble of synctest, where sockets would hold the clock: each connection is a pipe, and serve its other end.
func newPipeClient(serve func(net.Conn)) *Client {
	client := NewClient(Config{AllowLoopback: true})
	client.transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			serve(far)
		}()
		return near, nil
	}
	return client
}

func newServer(tb testing.TB, handler http.HandlerFunc) *httptest.Server {
	tb.Helper()
	server := httptest.NewServer(handler)
	tb.Cleanup(server.Close)
	return server
}

// newRawServer hands each connection to serve and closes it afterwards. Its URL is http://127.0.0.1:port.
func newRawServer(tb testing.TB, serve func(net.Conn)) string {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	tb.Cleanup(func() {
		_ = listener.Close()
		running.Wait()
	})
	return "http://" + listener.Addr().String()
}

// lookup answers a DNS question for addresses; none is NXDOMAIN.
type lookup func(name string) []netip.Addr

func always(addrs ...string) lookup {
	return func(string) []netip.Addr {
		parsed := make([]netip.Addr, len(addrs))
		for i, addr := range addrs {
			parsed[i] = netip.MustParseAddr(addr)
		}
		return parsed
	}
}

// newResolver is a DNS server inside of the process: no packet leaves it. Go's resolver speaks DNS over TCP (RFC 1035 §4.2.2, a
// two-byte length before each message) to a connection that is no net.PacketConn.
func newResolver(answer lookup) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go serveDNS(server, answer)
		return client, nil
	}}
}

func serveDNS(conn net.Conn, answer lookup) {
	defer conn.Close()
	for {
		var size uint16
		if binary.Read(conn, binary.BigEndian, &size) != nil {
			return
		}
		question := make([]byte, size)
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		reply, err := answerDNS(question, answer)
		if err != nil {
			return
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...)); err != nil {
			return
		}
	}
}

func answerDNS(question []byte, answer lookup) ([]byte, error) {
	var message dnsmessage.Message
	if err := message.Unpack(question); err != nil {
		return nil, err
	}
	q := message.Questions[0]
	addrs := answer(q.Name.String())
	message.Header.Response = true
	message.Additionals = nil
	if len(addrs) == 0 {
		message.Header.RCode = dnsmessage.RCodeNameError
	}
	for _, addr := range addrs {
		header := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}
		switch {
		case q.Type == dnsmessage.TypeA && addr.Is4():
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: addr.As4()}})
		case q.Type == dnsmessage.TypeAAAA && addr.Is6():
			message.Answers = append(message.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: addr.As16()}})
		}
	}
	return message.Pack()
}

var errRecorded = errors.New("recorded, not connected")

// recorder lists the addresses that the guard let through. No connection is made: the hook fails before connect.
type recorder struct {
	mu    sync.Mutex
	addrs []netip.AddrPort
}

func record(client *Client) *recorder {
	r, guarded := &recorder{}, client.dialer.Control
	client.dialer.Control = func(network, address string, raw syscall.RawConn) error {
		if err := guarded(network, address, raw); err != nil {
			return err
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.addrs = append(r.addrs, netip.MustParseAddrPort(address))
		return errRecorded
	}
	return r
}

func (r *recorder) dialled() []netip.AddrPort {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]netip.AddrPort(nil), r.addrs...)
}

func post(t testing.TB, client *Client, url string) Result {
	t.Helper()
	return client.Post(t.Context(), url, http.Header{}, []byte(`{}`))
}
