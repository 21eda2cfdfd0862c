package outbound

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"github.com/stretchr/testify/require"
)

// twoFaces is a server on 127.0.0.2, which stands for a public one, and one on the same port of 127.0.0.1, which is internal.
type twoFaces struct {
	port         uint16
	public       atomic.Int32
	internalHits atomic.Int32
}

func newTwoFaces(t *testing.T) *twoFaces {
	t.Helper()
	faces := &twoFaces{}
	var open, inside net.Listener
	for inside == nil { // a port that is free on the one may be another process's on the other
		var err error
		open, err = net.Listen("tcp", "127.0.0.2:0")
		if err != nil {
			t.Skipf("no second loopback address on this system: %v", err)
		}
		faces.port = open.Addr().(*net.TCPAddr).AddrPort().Port()
		if inside, err = net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", faces.port)); err != nil {
			require.ErrorIs(t, err, syscall.EADDRINUSE)
			require.NoError(t, open.Close())
		}
	}
	serve := func(listener net.Listener, hits *atomic.Int32) {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
		require.NoError(t, server.Listener.Close())
		server.Listener = listener
		server.Start()
		t.Cleanup(server.Close)
	}
	serve(open, &faces.public)
	serve(inside, &faces.internalHits)
	return faces
}

// client allows the public face's address only; its port is allowed everywhere, so that the address alone is what blocks.
func (f *twoFaces) client(t *testing.T, answer lookup) *Client {
	t.Helper()
	client := NewClient(Config{
		AllowHTTP: true, Ports: []uint16{f.port}, AllowPrivateCIDRs: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")},
		Timeout: 5 * time.Second,
	})
	client.dialer.Resolver = newResolver(answer)
	client.floor = 0
	t.Cleanup(client.Close)
	return client
}

func (f *twoFaces) url(host string) string { return fmt.Sprintf("http://%s:%d/hook", host, f.port) }

// The name is public on the first look-up and internal from then on: the second attempt is refused before it connects.
func TestDelivery_19_RebindingIsRefused(t *testing.T) {
	t.Parallel()

	faces := newTwoFaces(t)
	var rebound atomic.Bool
	client := faces.client(t, func(name string) []netip.Addr {
		if rebound.Load() {
			return always("127.0.0.1")(name)
		}
		return always("127.0.0.2")(name)
	})

	first := post(t, client, faces.url("rebind.example.com"))
	require.NoError(t, first.Err)
	require.True(t, first.OK())
	require.Equal(t, "127.0.0.2", first.RemoteIP.String())

	rebound.Store(true)
	client.Close() // else the kept connection to the public address would be used, and no name looked up
	second := post(t, client, faces.url("rebind.example.com"))

	require.ErrorIs(t, second.Err, ssrf.ErrProhibitedIP)
	require.Equal(t, ErrorBlocked, second.ErrorClass)
	require.False(t, second.OK())
	require.False(t, second.RemoteIP.IsValid())
	require.EqualValues(t, 1, faces.public.Load())
	require.Zero(t, faces.internalHits.Load())
}

// Of mixed records only the allowed address is connected to.
func TestDelivery_19_OfMixedRecordsThePublicIsCalled(t *testing.T) {
	t.Parallel()

	faces := newTwoFaces(t)
	client := faces.client(t, always("127.0.0.1", "127.0.0.2", "10.0.0.1"))
	for range 10 {
		result := post(t, client, faces.url("mixed.example.com"))
		require.NoError(t, result.Err)
		require.Equal(t, "127.0.0.2", result.RemoteIP.String())
		client.Close()
	}
	require.Zero(t, faces.internalHits.Load())
}
