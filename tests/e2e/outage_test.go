package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"handoff/internal/testenv"
)

const (
	outageFor      = 20 * time.Second
	outageContacts = 6
	// outageAnswer is how long a request may take while a server is away. It is shorter than the outage, so that an answer within it
	// is the API's own and not that of the server that came back.
	outageAnswer = 17 * time.Second
)

// outageKind is one way in which one server goes away and comes back.
type outageKind struct {
	// intake tells that gateways notice nothing of it.
	intake     bool
	begin, end func(context.Context) error
}

// TestDelivery_23_OutagesOfPostgresAndTemporal takes each server away for 20 seconds while customers write and an agent answers. What
// is accepted is delivered once and in order, what is not accepted is told so in time, and nobody has to restart a process of ours.
func TestDelivery_23_OutagesOfPostgresAndTemporal(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"PostgreSQL", "Temporal"} {
		for _, how := range []string{"paused", "killed"} {
			t.Run(server+" "+how, func(t *testing.T) {
				t.Parallel()
				o := newOutage(t, server, how)
				o.run()
			})
		}
	}
}

type outage struct {
	*stack
	outageKind

	mu       sync.Mutex
	accepted int           // messages of customers
	replied  int           // replies of the agent
	refused  int           // answers with 503
	slowest  time.Duration // of all answers
}

func newOutage(t *testing.T, server, how string) *outage {
	t.Helper()
	events := []string{"message.received", "outbound_message"}
	if server == "Temporal" {
		temporal := newTemporal(t)
		kind := outageKind{
			intake: true, begin: temporal.kill, end: temporal.start,
		}
		if how == "paused" {
			kind.begin = func(ctx context.Context) error { return signalAll(ctx, temporal.pid(), syscall.SIGSTOP) }
			kind.end = func(ctx context.Context) error { return signalAll(ctx, temporal.pid(), syscall.SIGCONT) }
		}
		return &outage{stack: newStackOn(t, temporal.address(), events...), outageKind: kind}
	}
	postgres := newPostgres(t)
	kind := outageKind{begin: postgres.kill, end: postgres.start}
	if how == "paused" {
		kind.begin = func(ctx context.Context) error { return signalAll(ctx, postgres.server.PID(), syscall.SIGSTOP) }
		kind.end = func(ctx context.Context) error { return signalAll(ctx, postgres.server.PID(), syscall.SIGCONT) }
	}
	return &outage{stack: newStackWith(t, postgres.database(t), testenv.Temporal(t), events...), outageKind: kind}
}

func (o *outage) run() {
	o.Helper()
	into[receipt](o.T, o.post(text(crashPhone(0), "wamid.first", "0")), http.StatusOK)
	o.accepted++
	conversation := o.open().ID

	ctx, cancel := context.WithTimeout(o.Context(), 2*time.Minute)
	defer cancel()
	writing, stop := context.WithCancel(ctx)
	defer stop()
	var load errgroup.Group
	for contact := range outageContacts {
		load.Go(func() error { return o.customer(writing, ctx, contact+1) })
	}
	load.Go(func() error { return o.agent(writing, ctx, conversation) })
	pause(ctx, 2*time.Second)
	require.NoError(o, o.begin(ctx))
	began := time.Now()
	healthy := o.watch(ctx, began)
	require.NoError(o, o.end(context.WithoutCancel(ctx)))
	back := time.Now()
	require.NoError(o, healthy)
	pause(ctx, 3*time.Second)
	stop()
	require.NoError(o, load.Wait())
	o.requireDelivered(conversation, back)
}

// watch waits until the outage is over and looks at what probes are told meanwhile.
func (o *outage) watch(ctx context.Context, began time.Time) error {
	for pause(ctx, 2*time.Second) && time.Since(began) < outageFor {
		live, err := send(http.MethodGet, o.url+"/livez", "", nil)
		if err != nil || live.status != http.StatusOK {
			return fmt.Errorf("/livez: %d %w", live.status, err)
		}
		asked := time.Now()
		ready, err := send(http.MethodGet, o.url+"/readyz", "", nil)
		want := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[o.intake]
		if err != nil || ready.status != want || time.Since(asked) > 10*time.Second {
			return fmt.Errorf("/readyz after %s: %d %s %w", time.Since(asked), ready.status, ready.body, err)
		}
	}
	return ctx.Err()
}

// customer writes until writing ends, each message until it is accepted.
func (o *outage) customer(writing, ctx context.Context, contact int) error {
	for n := 0; pause(writing, 250*time.Millisecond); n++ {
		body := text(crashPhone(contact), fmt.Sprintf("wamid.%d.%d", contact, n), fmt.Sprint(n))
		if err := o.persist(ctx, http.StatusOK, o.intake, "/v1/public/inbound", o.gatewayKey, body); err != nil {
			return err
		}
		o.mu.Lock()
		o.accepted++
		o.mu.Unlock()
	}
	return nil
}

// agent answers until writing ends, each reply until it is taken.
func (o *outage) agent(writing, ctx context.Context, conversation string) error {
	for n := 0; pause(writing, time.Second); n++ {
		body := fmt.Sprintf(`{"type":"text","text":"%d"}`, n)
		err := o.persist(ctx, http.StatusCreated, false, "/v1/conversations/"+conversation+"/messages", o.anaKey, body, "Idempotency-Key", fmt.Sprint(n))
		if err != nil {
			return err
		}
		o.mu.Lock()
		o.replied++
		o.mu.Unlock()
	}
	return nil
}

var retryAfter = regexp.MustCompile(`^[1-9]\d*$`)

// persist posts until it is taken. Meanwhile it takes nothing but a 503 in time that says when to come back, and not even that
// where the caller is not to notice anything.
func (o *outage) persist(ctx context.Context, want int, unnoticed bool, path, key, body string, header ...string) error {
	for {
		asked := time.Now()
		a, err := send(http.MethodPost, o.url+path, key, []byte(body), header...)
		took := time.Since(asked)
		o.mu.Lock()
		o.slowest = max(o.slowest, took)
		o.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("no answer from %s after %s: %w", path, took, err)
		case took > outageAnswer:
			return fmt.Errorf("%s answered %d after %s", path, a.status, took)
		case a.status == want:
			return nil
		case unnoticed, a.status != http.StatusServiceUnavailable, !retryAfter.MatchString(a.header.Get("Retry-After")):
			return fmt.Errorf("%s after %s: %d %v %s", path, took, a.status, a.header, a.body)
		}
		var p problem
		if err := json.Unmarshal(a.body, &p); err != nil || p.Code != "unavailable" {
			return fmt.Errorf("%s: no problem document: %s", path, a.body)
		}
		o.mu.Lock()
		o.refused++
		o.mu.Unlock()
		if !pause(ctx, 500*time.Millisecond) {
			return fmt.Errorf("%s is still refused: %s", path, a.body)
		}
	}
}

// requireDelivered checks what became of everything that was accepted.
func (o *outage) requireDelivered(conversation string, back time.Time) {
	o.Helper()
	want := o.accepted + o.replied
	arrived := func() bool { return len(webhookIDs(o.gateway.Requests())) >= want }
	if !waitFor(90*time.Second, arrived) {
		o.explainStuck()
		o.Fatalf("%d of %d webhooks have arrived", len(webhookIDs(o.gateway.Requests())), want)
	}
	o.Logf("%d messages accepted and %d replies taken, %d times 503, slowest answer %s; all webhooks %s after the server was back, %d of them twice",
		o.accepted, o.replied, o.refused, o.slowest.Round(time.Millisecond), time.Since(back).Round(time.Millisecond), len(o.gateway.Requests())-want)
	require.NotZero(o, o.refused, "nothing noticed the outage")
	for _, p := range []*process{o.serve, o.worker} {
		_, gone := p.ended()
		require.False(o, gone, "%s has ended", p.args[0])
	}
	o.ready(o.url)
	o.requireWebhooksInOrder(want)
	until(o.T, readyWithin, "nothing is left to deliver", func() bool { return len(o.deliveries("pending")) == 0 })
	require.Empty(o, o.deliveries("failed"))
	said := map[string]int{}
	for _, m := range o.messages(conversation) {
		said[m.Direction]++
	}
	require.Equal(o, map[string]int{"inbound": 1, "outbound": o.replied}, said)
	require.Len(o, pages[json.RawMessage](o.T, o.url+"/v1/conversations", o.anaKey), outageContacts+1)
}
