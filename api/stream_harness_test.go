package api_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"handoff/api"
	"handoff/internal/feed"
)

// streamPatience allows for a busy machine, and for transactions of other tests on the same server: they hold events back.
const streamPatience = time.Minute

// streamWorld is a world whose API is served on loopback with streams.
type streamWorld struct {
	*world
	url   string
	ticks chan time.Time
	// stop stops the hub and then the server, as a process does, and gives how long that took.
	stop func() time.Duration
}

func newStreamWorld(t *testing.T, change ...func(*world)) *streamWorld {
	t.Helper()
	w := &streamWorld{world: newWorld(t), ticks: make(chan time.Time)}
	pool := w.DB.(*pgxpool.Pool)
	w.deps.Feed = feed.New(pool, feed.Dial(pool), w.deps.Log)
	w.deps.Streams.Tick = func(time.Duration) (<-chan time.Time, func()) { return w.ticks, func() {} }
	for _, c := range change {
		c(w.world)
	}
	w.serve(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	w.url = "http://" + listener.Addr().String()
	server := api.Server(w.url, w.handler)
	ctx, cancel := context.WithCancel(context.Background())
	ran, served := make(chan error, 1), make(chan error, 1)
	go func() { ran <- w.deps.Feed.Run(ctx) }()
	go func() { served <- server.Serve(listener) }()
	stopped := false
	w.stop = func() time.Duration {
		if stopped {
			return 0
		}
		stopped = true
		began := time.Now()
		cancel()
		require.NoError(t, <-ran)
		shutdown, cancel := context.WithTimeout(context.Background(), streamPatience)
		defer cancel()
		require.NoError(t, server.Shutdown(shutdown))
		require.ErrorIs(t, <-served, http.ErrServerClosed)
		return time.Since(began)
	}
	t.Cleanup(func() { w.stop() })
	return w
}

// block is one block of a stream.
type block struct {
	id, event, comment string
	data               map[string]any
}

// client reads a stream.
type client struct {
	t      *testing.T
	answer *http.Response
	blocks chan block
	cancel func()
	last   string // the latest id
}

func (w *streamWorld) open(t *testing.T, key, query string, headers ...string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+"/v1/events/stream"+query, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	transport := &http.Transport{DisableCompression: false}
	answer, err := (&http.Client{Transport: transport}).Do(request) //nolint:bodyclose // cancel closes it
	require.NoError(t, err)
	c := &client{t: t, answer: answer, blocks: make(chan block, 10_000)}
	read := make(chan struct{})
	go func() { defer close(read); defer close(c.blocks); c.read() }()
	c.cancel = func() {
		cancel()
		_ = answer.Body.Close()
		<-read
		transport.CloseIdleConnections()
	}
	t.Cleanup(c.cancel)
	return c
}

// follow opens a stream and waits until it stands.
func (w *streamWorld) follow(t *testing.T, key, query string, headers ...string) *client {
	t.Helper()
	c := w.open(t, key, query, headers...)
	require.Equal(t, http.StatusOK, c.answer.StatusCode)
	require.Equal(t, "ping", c.next().comment)
	return c
}

func (c *client) read() {
	scanner := bufio.NewScanner(c.answer.Body)
	scanner.Buffer(nil, 1<<20)
	var b block
	for scanner.Scan() {
		name, value, _ := strings.Cut(scanner.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case scanner.Text() == "":
			c.blocks <- b
			b = block{}
		case name == "":
			b.comment = value
		case name == "id":
			b.id = value
		case name == "event":
			b.event = value
		case name == "data":
			if err := json.Unmarshal([]byte(value), &b.data); err != nil {
				b.comment = "broken: " + value
			}
		}
	}
}

// next waits for a block. It is empty at the end of the stream.
func (c *client) next() block {
	c.t.Helper()
	select {
	case b, open := <-c.blocks:
		if open {
			require.NotEmpty(c.t, b.id)
			c.last = b.id
		}
		return b
	case <-time.After(streamPatience):
		require.FailNow(c.t, "the stream says nothing")
		return block{}
	}
}

// events waits for n events.
func (c *client) events(n int) []block {
	c.t.Helper()
	var got []block
	for len(got) < n {
		b := c.next()
		require.NotEmpty(c.t, b.id, "the stream has ended")
		if b.event != "" {
			got = append(got, b)
		}
	}
	return got
}

// ended waits for the end of the stream.
func (c *client) ended() {
	c.t.Helper()
	for c.next().id != "" {
	}
}

func types(blocks []block) []string {
	var out []string
	for _, b := range blocks {
		out = append(out, b.event)
	}
	return out
}
