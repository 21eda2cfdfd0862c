package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

const (
	crashContacts = 50
	crashMessages = 12 // of each contact
	crashes       = 15 // at most
	crashPace     = time.Second
)

// TestCrashes kills the worker, the API and Temporal at random moments while 50 contacts write, an agent answers each of them
// and ends the conversation. Whoever got no answer asks again with the same bytes. It wants the machine for itself.
func TestCrashes(t *testing.T) {
	temporal := newTemporal(t)
	s := newStackOn(t, temporal.address(), "message.received", "outbound_message", "conversation_resolved")
	s.slowGateway(20 * time.Millisecond)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	chaos, stopChaos := context.WithCancel(ctx)
	killed := make(chan error, 1)
	go func() { killed <- s.crash(chaos, temporal, rand.New(rand.NewPCG(seed, 0))) }()
	var load errgroup.Group
	for i := range crashContacts {
		load.Go(func() error { return s.talk(ctx, i, rand.New(rand.NewPCG(seed, uint64(i)+1))) })
	}
	err := load.Wait()
	stopChaos()
	require.NoError(t, <-killed)
	if err != nil {
		s.explainConversations()
	}
	require.NoError(t, err)

	began := time.Now()
	want := crashContacts * (crashMessages + 2)
	if !waitFor(2*readyWithin, func() bool { return len(webhookIDs(s.gateway.Requests())) >= want }) {
		s.explainStuck()
		t.Fatalf("%d of %d webhooks have arrived", len(webhookIDs(s.gateway.Requests())), want)
	}
	t.Logf("%d webhooks %s after the last answer, %d of them twice", want, time.Since(began).Round(time.Millisecond), len(s.gateway.Requests())-want)
	s.requireTold(want)
	s.requireWebhooksInOrder(want)
	until(t, readyWithin, "nothing is left to deliver", func() bool { return len(s.deliveries("pending")) == 0 })
	require.Empty(t, s.deliveries("failed"))
}

// slowGateway lets every webhook take a while after it has arrived, so that processes die between its arrival and its answer. It gives how
// many it has at the moment.
func (s *stack) slowGateway(delay time.Duration) *atomic.Int32 {
	s.Helper()
	var sending atomic.Int32
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		sending.Add(1)
		defer sending.Add(-1)
		s.gateway.ServeHTTP(httptest.NewRecorder(), r)
		pause(r.Context(), delay)
	}))
	s.Cleanup(slow.Close)
	a := call(s.T, http.MethodPatch, s.url+"/v1/endpoints/"+s.endpoint, s.adminKey, map[string]string{"url": slow.URL})
	require.Equal(s, http.StatusOK, a.status, "%s", a.body)
	return &sending
}

// crash kills and starts one process after the other.
func (s *stack) crash(ctx context.Context, temporal *temporalServer, random *rand.Rand) error {
	var victims []int
	for range crashes {
		if len(victims) == 0 {
			victims = random.Perm(3)
		}
		victim := victims[0]
		victims = victims[1:]
		if !pause(ctx, time.Duration(300+random.IntN(900))*time.Millisecond) {
			return nil
		}
		down := time.Duration(random.IntN(400)) * time.Millisecond
		s.Logf("kill -9 of %s for %s", []string{"the API", "the worker", "Temporal"}[victim], down)
		var err error
		switch victim {
		case 0:
			err = s.restart(ctx, s.serve, down)
		case 1:
			err = s.restart(ctx, s.worker, down)
		default:
			err = temporal.kill(context.WithoutCancel(ctx))
			pause(ctx, down)
			err = errors.Join(err, temporal.start(context.WithoutCancel(ctx)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *stack) restart(ctx context.Context, p *process, down time.Duration) error {
	p.kill()
	pause(ctx, down)
	return p.start()
}

// pause is the pace of the load. It is false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func crashPhone(contact int) string { return fmt.Sprintf("4477009%05d", contact) }

// talk is one contact's conversation from the first message to its end.
func (s *stack) talk(ctx context.Context, contact int, random *rand.Rand) error {
	from := crashPhone(contact)
	for n := range crashMessages {
		pause(ctx, time.Duration(random.Int64N(int64(2*crashPace))))
		body := text(from, fmt.Sprintf("wamid.%d.%d", contact, n), fmt.Sprint(n))
		answered, err := s.insist(ctx, http.StatusOK, http.MethodPost, "/v1/public/inbound", s.gatewayKey, body)
		if err != nil {
			return err
		}
		if !strings.Contains(string(answered), `"kind":"message"`) {
			return fmt.Errorf("message %d of contact %d was not taken: %s", n, contact, answered)
		}
	}
	id, err := s.find(ctx, from)
	if err == nil {
		// A reply goes before what is accepted and not applied yet: nobody has read that.
		err = s.awaitMessages(ctx, id, crashMessages)
	}
	if err != nil {
		return err
	}
	path := "/v1/conversations/" + id
	_, err = s.insist(ctx, http.StatusCreated, http.MethodPost, path+"/messages", s.anaKey, `{"type":"text","text":"bye"}`,
		"Idempotency-Key", "reply")
	if err != nil {
		return err
	}
	_, err = s.insist(ctx, http.StatusOK, http.MethodPost, path+"/resolve", s.anaKey, `{}`, "Idempotency-Key", "resolve")
	return err
}

// insist asks until it is answered, and asks again where the answer is to come back later.
func (s *stack) insist(ctx context.Context, want int, method, path, key, body string, header ...string) ([]byte, error) {
	for {
		a, err := send(method, s.url+path, key, []byte(body), header...)
		switch {
		case err == nil && a.status == want:
			return a.body, nil
		case err == nil && a.status != http.StatusServiceUnavailable && a.status != http.StatusTooManyRequests:
			return nil, fmt.Errorf("%s %s: %d %s", method, path, a.status, a.body)
		case !pause(ctx, 100*time.Millisecond):
			return nil, fmt.Errorf("%s %s is still not answered: %d %s: %w", method, path, a.status, a.body, errors.Join(err, ctx.Err()))
		}
	}
}

// find waits for the conversation of a contact.
func (s *stack) find(ctx context.Context, phone string) (string, error) {
	for {
		body, err := s.insist(ctx, http.StatusOK, http.MethodGet, "/v1/conversations?q="+phone, s.anaKey, "")
		if err != nil {
			return "", err
		}
		var found list[conversation]
		if err := json.Unmarshal(body, &found); err != nil {
			return "", err
		}
		if len(found.Items) == 1 {
			return found.Items[0].ID, nil
		}
		if !pause(ctx, 100*time.Millisecond) {
			return "", fmt.Errorf("%d conversations of %s: %w", len(found.Items), phone, ctx.Err())
		}
	}
}

func (s *stack) awaitMessages(ctx context.Context, id string, want int) error {
	for {
		body, err := s.insist(ctx, http.StatusOK, http.MethodGet, "/v1/conversations/"+id+"/messages", s.anaKey, "")
		if err != nil {
			return err
		}
		var found list[message]
		if err := json.Unmarshal(body, &found); err != nil {
			return err
		}
		if len(found.Items) >= want {
			return nil
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%d of %d messages in conversation %s: %w", len(found.Items), want, id, ctx.Err())
		}
	}
}
