package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"handoff/internal/fixture"
)

const (
	hangingEndpoints = 20
	healthyEndpoints = 10
	hangingContacts  = 12 // of each hanging endpoint: more than it may have in flight
	healthyRate      = 20 // a second, over all healthy endpoints
	healthyFor       = 8 * time.Second
	hangFor          = 20 * time.Second // longer than an attempt may take
	// isolationNoise is what 160 messages may differ by from the 160 before them, on a machine that other tests keep so busy that its median
	// is near a second. With the machine to itself p95 was 25 ms before and 49 ms beside 200 hanging requests. Whoever waited for one of
	// those would wait for its deadline, 15 s.
	isolationNoise = 5 * time.Second
)

// TestDelivery_28_HangingEndpointsDelayNobodyElse has 240 conversations write to 20 endpoints that hang, and compares what those wait who
// write to healthy ones with what they waited before.
func TestDelivery_28_HangingEndpointsDelayNobodyElse(t *testing.T) {
	t.Parallel()
	theMachine.Lock()
	defer theMachine.Unlock()
	s := newStack(t, "message.received")
	watch := &watch{arrived: map[string]time.Time{}, held: map[*http.Request]time.Time{}}
	healthy, hanging := watch.server(t, 0), watch.server(t, hangFor)
	var well, ill []string
	for i := range healthyEndpoints {
		well = append(well, s.nativeInbox(fmt.Sprintf("well %d", i), healthy))
	}
	for i := range hangingEndpoints {
		ill = append(ill, s.nativeInbox(fmt.Sprintf("ill %d", i), hanging))
	}
	s.steadily(well, "warm", healthyFor/4)
	before := watch.waits(t, s.steadily(well, "before", healthyFor))

	var load errgroup.Group
	for i, inbox := range ill {
		load.Go(func() error {
			for contact := range hangingContacts {
				if err := s.native(t.Context(), inbox, fmt.Sprintf("ill-%d-%d", i, contact), contact); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, load.Wait())
	until(t, readyWithin, "every hanging endpoint has as many in flight as it may", func() bool { return watch.hanging() >= hangingEndpoints*10 })
	during := watch.waits(t, s.steadily(well, "during", healthyFor))

	p95 := func(waits []time.Duration) time.Duration { return waits[len(waits)*95/100] }
	t.Logf("median %s before, %s beside %d hanging requests; p95 %s and %s", before[len(before)/2], during[len(during)/2],
		watch.hanging(), p95(before), p95(during))
	require.LessOrEqual(t, watch.most(), hangingEndpoints*10, "ten at once to each")
	require.LessOrEqual(t, p95(during), p95(before)*3/2+isolationNoise)
}

// nativeInbox makes an inbox whose endpoint is at url.
func (s *stack) nativeInbox(name, url string) string {
	s.Helper()
	inbox := into[struct {
		ID string `json:"id"`
	}](s.T, call(s.T, http.MethodPost, s.url+"/v1/inboxes", s.adminKey, map[string]any{"name": name, "protocol": "native"}), http.StatusCreated)
	a := call(s.T, http.MethodPost, s.url+"/v1/inboxes/"+inbox.ID+"/endpoints", s.adminKey,
		map[string]any{"url": url, "event_types": []string{"message.received"}})
	require.Equal(s, http.StatusCreated, a.status, "%s", a.body)
	return inbox.ID
}

// native writes one message by our own protocol.
func (s *stack) native(ctx context.Context, inbox, id string, contact int) error {
	body, err := json.Marshal(map[string]any{
		"contact": map[string]string{"id": fmt.Sprintf("%s-%d", inbox, contact), "name": "John"}, "id": id, "text": "Is anybody there?",
	})
	if err != nil {
		return err
	}
	_, err = s.insist(ctx, http.StatusOK, http.MethodPost, "/v1/inboxes/"+inbox+"/messages", s.gatewayKey, string(body))
	return err
}

// steadily writes to the inboxes in turn, at healthyRate, whatever becomes of what was written before, and gives when each was due.
func (s *stack) steadily(inboxes []string, load string, lasting time.Duration) map[string]time.Time {
	s.Helper()
	due := map[string]time.Time{}
	start := time.Now()
	var all errgroup.Group
	for i := range int(healthyRate * lasting.Seconds()) {
		at := start.Add(time.Duration(i) * time.Second / healthyRate)
		id := fmt.Sprintf("%s-%d", load, i)
		due[id] = at
		require.True(s, pause(s.Context(), time.Until(at)))
		all.Go(func() error { return s.native(s.Context(), inboxes[i%len(inboxes)], id, i%50) })
	}
	require.NoError(s, all.Wait())
	return due
}

// surelyHeld is for how long a request counts as one that hangs. The sender gives up after 15 s and then begins another; on a busy machine
// that one can be here before the first is seen to have ended.
const surelyHeld = 10 * time.Second

// watch notes when the webhook of each message arrived, and how many are being held.
type watch struct {
	mu      sync.Mutex
	arrived map[string]time.Time
	held    map[*http.Request]time.Time // since when
	peak    int                         // the most of those that began within surelyHeld
}

func (w *watch) server(t *testing.T, hang time.Duration) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method == http.MethodHead {
			return
		}
		w.mu.Lock()
		w.arrived[externalID(fixture.Request{Body: string(body)})] = time.Now()
		w.mu.Unlock()
		if hang > 0 {
			w.hold(r)
			pause(r.Context(), hang)
			w.release(r)
		}
	}))
	t.Cleanup(server.CloseClientConnections)
	return server.URL
}

func (w *watch) hold(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held[r] = time.Now()
	recent := 0
	for _, since := range w.held {
		if time.Since(since) < surelyHeld {
			recent++
		}
	}
	w.peak = max(w.peak, recent)
}

func (w *watch) release(r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.held, r)
}

func (w *watch) hanging() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}

func (w *watch) most() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.peak
}

// waits gives, in order of length, how long after it was due each message's webhook arrived.
func (w *watch) waits(t *testing.T, due map[string]time.Time) []time.Duration {
	t.Helper()
	var waits []time.Duration
	until(t, readyWithin, "all have arrived", func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		waits = waits[:0]
		for id, at := range due {
			if arrived, ok := w.arrived[id]; ok {
				waits = append(waits, arrived.Sub(at))
			}
		}
		return len(waits) == len(due)
	})
	slices.Sort(waits)
	return waits
}
