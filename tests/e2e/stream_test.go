package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/testenv"
)

const (
	streamClients = 500
	streamWithin  = 3 * time.Minute
)

// TestStreamsOutliveTheDatabase has 500 clients follow the events while PostgreSQL is killed and comes back. Every client gets every
// event once and in the order of the list, and nobody's stream ends.
func TestStreamsOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	postgres := newPostgres(t)
	s := newStackWith(t, postgres.database(t), testenv.Temporal(t), "message.received")
	before := s.serveMemory()
	followers := make([]*follower, streamClients)
	var wg sync.WaitGroup
	for i := range followers {
		followers[i] = newFollower(t, s.url, s.anaKey)
		if i%20 == 19 {
			wg.Wait()
		}
		wg.Add(1)
		go func() { defer wg.Done(); followers[i].waitOpen() }()
	}
	wg.Wait()
	for _, f := range followers {
		require.True(t, f.isOpen(), "a stream did not open")
	}
	perClient := (s.serveMemory() - before) / streamClients

	for n := range 10 {
		into[receipt](t, s.post(text(crashPhone(n), fmt.Sprintf("wamid.before.%d", n), "x")), http.StatusOK)
		pause(t.Context(), 200*time.Millisecond)
	}
	s.allArrive(followers, 20)
	require.NoError(t, postgres.kill(t.Context()))
	pause(t.Context(), 3*time.Second)
	require.NoError(t, postgres.start(t.Context()))
	back := time.Now()
	for n := range 10 {
		until(t, readyWithin, "a message is accepted again", func() bool {
			a, err := send(http.MethodPost, s.url+"/v1/public/inbound", s.gatewayKey, []byte(text(crashPhone(n), fmt.Sprintf("wamid.after.%d", n), "y")))
			return err == nil && a.status == http.StatusOK
		})
	}
	s.allArrive(followers, 30)
	t.Logf("all events of after the restart were with %d clients %s after it", streamClients, time.Since(back).Round(time.Millisecond))

	var want []string
	for _, e := range pages[event](t, s.url+"/v1/events", s.anaKey) {
		want = append(want, e.ID)
	}
	var took []time.Duration
	for _, f := range followers {
		ids, latencies, ended := f.result()
		require.False(t, ended, "a stream has ended")
		require.Equal(t, want[:len(ids)], ids)
		took = append(took, latencies...)
	}
	slices.Sort(took)
	t.Logf("%d events for each of %d clients: median %s, p95 %s after they happened; %d kB of the server's memory per client", len(want), streamClients,
		took[len(took)/2].Round(time.Millisecond), took[len(took)*95/100].Round(time.Millisecond), perClient)
	_, gone := s.serve.ended()
	require.False(t, gone)
	began := time.Now()
	require.True(t, s.serve.signal(syscall.SIGTERM, time.Minute), "streams hold the server up")
	t.Logf("the server stopped after %s with %d streams open", time.Since(began).Round(time.Millisecond), streamClients)
}

// allArrive waits until every client has at least n events.
func (s *stack) allArrive(followers []*follower, n int) {
	s.Helper()
	until(s.T, streamWithin, fmt.Sprintf("%d events are with every client", n), func() bool {
		return !slices.ContainsFunc(followers, func(f *follower) bool { ids, _, _ := f.result(); return len(ids) < n })
	})
}

// serveMemory is the resident memory of the server, in kB.
func (s *stack) serveMemory() int {
	s.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.serve.cmd.Process.Pid))
	if err != nil {
		return 0 // not on Linux
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(s, err)
	return kb
}

// follower is one client of the stream.
type follower struct {
	open chan struct{}

	mu    sync.Mutex
	ids   []string
	took  []time.Duration
	ended bool
}

func newFollower(t *testing.T, url, key string) *follower {
	t.Helper()
	f := &follower{open: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		f.follow(ctx, url, key)
		f.mu.Lock()
		defer f.mu.Unlock()
		f.ended = true
	}()
	return f
}

func (f *follower) follow(ctx context.Context, url, key string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/v1/events/stream", nil)
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+key)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return
	}
	defer func() { _ = answer.Body.Close() }()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	for opened := false; lines.Scan(); {
		if !opened && answer.StatusCode == http.StatusOK {
			opened = true
			close(f.open)
		}
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		var e struct {
			ID string    `json:"id"`
			At time.Time `json:"at"`
		}
		if !found || json.Unmarshal([]byte(data), &e) != nil {
			continue
		}
		f.mu.Lock()
		f.ids, f.took = append(f.ids, e.ID), append(f.took, time.Since(e.At))
		f.mu.Unlock()
	}
}

func (f *follower) waitOpen() {
	select {
	case <-f.open:
	case <-time.After(readyWithin):
	}
}

func (f *follower) isOpen() bool {
	select {
	case <-f.open:
		return true
	default:
		return false
	}
}

func (f *follower) result() (ids []string, took []time.Duration, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ids), slices.Clone(f.took), f.ended
}
