package e2e_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// balancer stands before the API as a load balancer does: it asks /readyz, gives requests to those that are ready in turn, and repeats
// nothing.
type balancer struct {
	mu       sync.Mutex
	backends []*backend
	next     int
}

type backend struct {
	url   *url.URL
	proxy *httputil.ReverseProxy
	ready atomic.Bool
}

func newBalancer(t *testing.T) (*balancer, string) {
	t.Helper()
	b := &balancer{}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return b, server.URL
}

// add asks a backend how it is until ctx is done.
func (b *balancer) add(ctx context.Context, address string) *backend {
	target := &url.URL{Scheme: "http", Host: strings.TrimPrefix(address, "http://")}
	added := &backend{url: target, proxy: httputil.NewSingleHostReverseProxy(target)}
	added.proxy.ErrorLog = log.New(io.Discard, "", 0)
	b.mu.Lock()
	b.backends = append(b.backends, added)
	b.mu.Unlock()
	go func() {
		for pause(ctx, 100*time.Millisecond) {
			a, err := send(http.MethodGet, address+"/readyz", "", nil)
			added.ready.Store(err == nil && a.status == http.StatusOK)
		}
	}()
	return added
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	ready := slices.DeleteFunc(slices.Clone(b.backends), func(c *backend) bool { return !c.ready.Load() })
	b.next++
	turn := b.next
	b.mu.Unlock()
	if len(ready) == 0 {
		http.Error(w, "nobody is ready", http.StatusBadGateway)
		return
	}
	ready[turn%len(ready)].proxy.ServeHTTP(w, r)
}

// TestProcessesAreReplacedUnderLoad replaces every process of a stack, one after the other, while gateways post and agents work. Not one
// request fails, and nothing that was accepted or answered is missing.
func TestProcessesAreReplacedUnderLoad(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t)
	balancer, traffic, finish := s.loaded(4)
	serve, worker := s.serve, s.worker
	for range 2 {
		serve = s.replaceServe(balancer, serve)
		worker = s.replaceWorker(worker)
	}
	finish()
	require.Empty(t, traffic.failures)
	require.Greater(t, traffic.replies.Load(), int64(8), "there was load: %d messages", traffic.accepted.Load())
	until(t, readyWithin, "every answer has reached the gateway", func() bool {
		told := map[string]bool{}
		for _, r := range s.gateway.Requests() {
			if strings.Contains(r.Body, `"outbound_message"`) {
				told[r.Header.Get("webhook-id")] = true
			}
		}
		return int64(len(told)) == traffic.replies.Load()
	})
	until(t, readyWithin, "every message is in a conversation", func() bool { return s.countInbound() == traffic.accepted.Load() })
}

// loaded puts a stack behind a balancer and has contacts play until finish is called.
func (s *stack) loaded(contacts int) (b *balancer, load *traffic, finish func()) {
	s.Helper()
	b, front := newBalancer(s.T)
	served := b.add(s.Context(), s.url)
	until(s.T, readyWithin, "the balancer knows the API", served.ready.Load)
	s.url = front
	ctx, stop := context.WithCancel(s.Context())
	load = &traffic{stack: s}
	var clients sync.WaitGroup
	for n := range contacts {
		clients.Go(func() { load.run(ctx, fmt.Sprintf("4477009001%02d", n)) })
	}
	finish = func() { stop(); clients.Wait() }
	s.Cleanup(finish)
	return b, load, finish
}

// replaceServe starts another API, waits until it is in service, and stops the one before.
func (s *stack) replaceServe(b *balancer, old *process) *process {
	s.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(s.T))
	started := launch(s.T, append(slices.Clone(s.env), "HANDOFF_LISTEN="+address, "HANDOFF_DRAIN=2s"), "serve")
	added := b.add(s.Context(), "http://"+address)
	until(s.T, readyWithin, "the next API is in service", added.ready.Load)
	s.stopped(old)
	return started
}

func (s *stack) replaceWorker(old *process) *process {
	s.Helper()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(s.T))
	started := launch(s.T, append(slices.Clone(s.env), "HANDOFF_WORKER_LISTEN="+address), "worker")
	s.ready("http://" + address)
	s.stopped(old)
	return started
}

// stopped asks a process to stop, as a deployment does.
func (s *stack) stopped(p *process) {
	s.Helper()
	require.True(s, p.signal(syscall.SIGTERM, 45*time.Second), "it stops in time")
	code, gone := p.ended()
	require.True(s, gone)
	require.Zero(s, code, "%s", tail(p.log()))
}

// traffic is what gateways and agents do meanwhile.
type traffic struct {
	*stack
	accepted, replies atomic.Int64
	mu                sync.Mutex
	failures          []string
}

// run plays one contact and the agent that answers it, over and over.
func (l *traffic) run(ctx context.Context, contact string) {
	for n := 0; ctx.Err() == nil; n++ {
		if !l.ask(http.MethodPost, "/v1/public/inbound", l.gatewayKey, text(contact, fmt.Sprintf("wamid.%s.%d", contact, n), "help"), http.StatusOK) {
			return
		}
		l.accepted.Add(1)
		id := l.conversationOf(ctx, contact)
		if id == "" {
			continue
		}
		path := "/v1/conversations/" + id
		if !l.ask(http.MethodPost, path+"/messages", l.anaKey, `{"type":"text","text":"on it"}`, http.StatusCreated) {
			return
		}
		l.replies.Add(1)
		if n%3 == 2 && !l.ask(http.MethodPost, path+"/resolve", l.anaKey, `{}`, http.StatusOK) {
			return
		}
	}
}

// conversationOf waits for the contact's open conversation.
func (l *traffic) conversationOf(ctx context.Context, contact string) string {
	for pause(ctx, 20*time.Millisecond) {
		a, err := send(http.MethodGet, l.url+"/v1/conversations?status=waiting,assigned&limit=100", l.anaKey, nil)
		if err != nil || a.status != http.StatusOK {
			l.failed(fmt.Sprintf("list: %d %v", a.status, err))
			return ""
		}
		for _, c := range into[list[conversation]](l.T, a, http.StatusOK).Items {
			if len(c.Contact.Identities) > 0 && c.Contact.Identities[0].Value == contact {
				return c.ID
			}
		}
	}
	return ""
}

// inTime is less than a server tries to do what it is asked before it says that the machine is too busy for it. What is refused sooner was
// not tried.
const inTime = 4 * time.Second

// ask makes a request, which must not fail. On a machine that other tests keep busy it may have to be made again, with the same key.
func (l *traffic) ask(method, path, key, body string, status int) bool {
	header := []string{"Content-Type", "application/json", "Idempotency-Key", handoff.NewID().String()}
	for {
		began := time.Now()
		a, err := send(method, l.url+path, key, []byte(body), header...)
		if err == nil && a.status == status {
			return true
		}
		took := time.Since(began)
		if err != nil || !a.later() || took < inTime {
			l.failed(fmt.Sprintf("%s %s: %d %v %s after %s", method, path, a.status, err, a.body, took))
			return false
		}
	}
}

func (l *traffic) failed(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, what)
}

// countInbound is how many of the contacts' messages stand in conversations.
func (s *stack) countInbound() (total int64) {
	s.Helper()
	for _, c := range pages[conversation](s.T, s.url+"/v1/conversations", s.anaKey) {
		for _, m := range pages[message](s.T, s.url+"/v1/conversations/"+c.ID+"/messages", s.anaKey) {
			if m.Direction == "inbound" {
				total++
			}
		}
	}
	return total
}

// In a small installation one process is both. While it drains it still takes commands, and its worker has to be there for them.
func TestAWorkerBesideTheAPIStopsAfterIt(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	into[receipt](t, s.post(text("447700900123", "wamid.one", "Hello")), http.StatusOK)
	conv := s.open()
	s.stopped(s.serve)
	s.stopped(s.worker)
	both := launch(t, append(slices.Clone(s.env), "HANDOFF_DRAIN=20s"), "serve", "--with-worker")
	s.ready(s.url)
	until(t, readyWithin, "its worker carries out commands", func() bool {
		return s.command(s.anaKey, conv.ID, "claim", nil).status == http.StatusOK
	})

	stopped := make(chan bool, 1)
	go func() { stopped <- both.signal(syscall.SIGTERM, time.Minute) }()
	until(t, readyWithin, "it drains", func() bool {
		a, err := send(http.MethodGet, s.url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusServiceUnavailable
	})
	require.Equal(t, http.StatusOK, s.command(s.anaKey, conv.ID, "release", nil).status)
	require.Equal(t, http.StatusOK, s.command(s.anaKey, conv.ID, "claim", nil).status, "a worker that stops would have stopped by now")
	require.True(t, <-stopped)
	code, _ := both.ended()
	require.Zero(t, code, "%s", tail(both.log()))
}
