package graph_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
	"handoff/internal/graph"
	"handoff/internal/outbound"
)

const (
	waba   = "100000000000001"
	number = "200000000000001"
	token  = "EAAcanarytoken0123456789"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bundle is a client, and the Graph that it calls.
type bundle struct {
	*graph.Client
	fake  *fakegraph.Graph
	clock *clock
	url   string
	http  *outbound.Client
}

func setup(t *testing.T) bundle {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	fake := fakegraph.New(c.read)
	fake.AddNumber(waba, number, "+1 555-0100")
	fake.Token(token, true)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	client := outbound.NewClient(outbound.Config{AllowLoopback: true, Timeout: 5 * time.Second})
	t.Cleanup(client.Close)
	return bundle{
		Client: graph.New(graph.Config{BaseURL: server.URL, HTTP: client, Now: c.read}), fake: fake, clock: c, url: server.URL, http: client,
	}
}

// stranger is a third host: it remembers every request, and answers with a file.
type stranger struct {
	mu       sync.Mutex
	requests []*http.Request
	url      string
}

func newStranger(t *testing.T) *stranger {
	t.Helper()
	s := &stranger{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, r)
		_, _ = w.Write([]byte("stolen"))
	}))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// got is how many requests came.
func (s *stranger) got() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.requests)
}

// requireNoToken fails where an error has a token in it, in any form.
func requireNoToken(t *testing.T, text string) {
	t.Helper()
	require.NotContains(t, text, token)
	require.NotContains(t, strings.ToLower(text), strings.ToLower(token[3:]))
}
