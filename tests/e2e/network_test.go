package e2e_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/stretchr/testify/require"

	"handoff/internal/fixture"
)

// unreliable is a receiver of webhooks that fails every sixth first attempt while it is told to.
type unreliable struct {
	url     string
	failing atomic.Bool

	mu     sync.Mutex
	random *rand.Rand
	taken  []fixture.Request
	good   map[string]bool
	bad    int
}

func newUnreliable(t *testing.T, random *rand.Rand) *unreliable {
	t.Helper()
	r := &unreliable{random: random, good: map[string]bool{}}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

// ServeHTTP takes a webhook.
func (u *unreliable) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodHead {
		return // the question whether anybody is there
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the connection broke: it has not arrived
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	status := http.StatusOK
	if u.failing.Load() && r.Header.Get("Handoff-Attempt") == "1" && u.random.IntN(6) == 0 {
		status = http.StatusInternalServerError
		u.bad++
	} else {
		u.good[r.Header.Get("webhook-id")] = true
	}
	u.taken = append(u.taken, fixture.Request{Header: r.Header.Clone(), Body: string(body), Status: status})
	w.WriteHeader(status)
}

func (u *unreliable) requests() []fixture.Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]fixture.Request(nil), u.taken...)
}

func (u *unreliable) refusals() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.bad
}

// successes is how many webhooks were taken at least once.
func (u *unreliable) successes() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.good)
}

// badNetwork is a proxy before a receiver. It is always slow, by a time of its own for every piece.
type badNetwork struct {
	url   string
	proxy *toxiproxy.Proxy
}

const (
	slow   = `{"name":"slow","type":"latency","attributes":{"latency":10,"jitter":10}}`
	resets = `{"name":"resets","type":"reset_peer","stream":"downstream","attributes":{"timeout":0}}`
	sliced = `{"name":"slices","type":"slicer","stream":"upstream","attributes":{"average_size":300,"size_variation":200,"delay":500}}`
)

func newBadNetwork(t *testing.T, receiver string) *badNetwork {
	t.Helper()
	server := &toxiproxy.ApiServer{Collection: toxiproxy.NewProxyCollection(), Metrics: toxiproxy.NewMetricsContainer(nil)}
	server.Logger = newOf(server.Logger)
	proxy := toxiproxy.NewProxy(server, "network", "127.0.0.1:0", strings.TrimPrefix(receiver, "http://"))
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	_, err := proxy.Toxics.AddToxicJson(strings.NewReader(slow))
	require.NoError(t, err)
	return &badNetwork{url: "http://" + proxy.Listen, proxy: proxy}
}

// newOf makes a value of the type of p. The proxy wants a logger of a library that we do not use; its zero value logs nothing.
func newOf[T any](*T) *T { return new(T) }

// during adds a fault for a while.
func (b *badNetwork) during(ctx context.Context, d time.Duration, fault string) error {
	toxic, err := b.proxy.Toxics.AddToxicJson(strings.NewReader(fault))
	if err != nil {
		return fmt.Errorf("add %s: %w", fault, err)
	}
	pause(ctx, d)
	return b.proxy.Toxics.RemoveToxic(context.WithoutCancel(ctx), toxic.Name)
}
