// Package health says whether a process can do its work: what /readyz answers.
package health

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// timeout of a check is shorter than that of a usual probe.
const timeout = 2 * time.Second

// repeatAfter is how often a failure that goes on is logged.
const repeatAfter = time.Minute

// Status is what a process is for those who send it work.
type Status string

// The statuses. Both of the latter are answered with 503.
const (
	OK          Status = "ok"
	Degraded    Status = "degraded" // it takes work, part of which will fail or wait
	Draining    Status = "draining" // it is about to stop, and finishes what it has
	Unavailable Status = "unavailable"
)

// State is what a check found.
type State string

// The states of a check.
const (
	Passed State = "ok"
	Failed State = "failed"
)

// Ready is what /readyz answers. Reasons stand in the log alone: the route is open to everybody, and they name hosts.
type Ready struct {
	Status Status                `json:"status" enum:"ok,degraded,draining,unavailable" doc:"Degraded: intake goes on, and commands or live events may fail or wait. Draining: it is about to stop; what it still gets is served. Draining and unavailable are answered with 503."`
	Checks map[string]ReadyCheck `json:"checks" doc:"What was looked at, by name. The server's log has the reason of a failure."`
}

// ReadyCheck is what one check found.
type ReadyCheck struct {
	State      State     `json:"state" enum:"ok,failed"`
	Since      time.Time `json:"since" doc:"Since when probes have found it so."`
	DurationMS float64   `json:"duration_ms" doc:"How long looking took."`
}

// Code is the HTTP status with which r is answered.
func (r Ready) Code() int {
	if r.Status == Draining || r.Status == Unavailable {
		return http.StatusServiceUnavailable
	}
	return http.StatusOK
}

// Of is what checks that have been made amount to; nil is a check that passed.
func Of(checks map[string]error) Ready {
	out := Ready{Status: OK, Checks: map[string]ReadyCheck{}}
	for name, err := range checks {
		out.Checks[name] = ReadyCheck{State: Passed}
		if err != nil {
			out.Checks[name], out.Status = ReadyCheck{State: Failed}, Unavailable
		}
	}
	return out
}

// Check looks at one thing.
type Check struct {
	Name string
	Run  func(context.Context) error
	// Advisory checks degrade a process that fails them, and take it out of service no more than that.
	Advisory bool
}

// Monitor runs a process's checks.
type Monitor struct {
	checks   []Check
	log      *slog.Logger
	now      func() time.Time
	draining atomic.Bool

	mu     sync.Mutex
	last   map[string]ReadyCheck
	logged map[string]time.Time // when the failure of a check that fails was logged last
}

// New makes a Monitor.
func New(log *slog.Logger, now func() time.Time, checks ...Check) *Monitor {
	return &Monitor{checks: checks, log: log, now: now, last: map[string]ReadyCheck{}, logged: map[string]time.Time{}}
}

// Drain says from now on that the process is about to stop.
func (m *Monitor) Drain() { m.draining.Store(true) }

// Ready makes all checks at once.
func (m *Monitor) Ready(ctx context.Context) Ready {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	found := make([]error, len(m.checks))
	took := make([]time.Duration, len(m.checks))
	var all sync.WaitGroup
	for i, c := range m.checks {
		all.Go(func() {
			start := m.now()
			found[i] = c.Run(ctx)
			took[i] = m.now().Sub(start)
		})
	}
	all.Wait()
	out := Ready{Status: OK, Checks: map[string]ReadyCheck{}}
	for i, c := range m.checks {
		out.Checks[c.Name] = m.note(ctx, c.Name, found[i], took[i])
		switch {
		case found[i] == nil:
		case !c.Advisory:
			out.Status = Unavailable
		case out.Status == OK:
			out.Status = Degraded
		}
	}
	if m.draining.Load() {
		out.Status = Draining
	}
	return out
}

func (m *Monitor) note(ctx context.Context, name string, err error, took time.Duration) ReadyCheck {
	got := ReadyCheck{State: Passed, Since: m.now(), DurationMS: float64(took.Microseconds()) / 1000}
	if err != nil {
		got.State = Failed
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if before, known := m.last[name]; known && before.State == got.State {
		got.Since = before.Since
	}
	m.last[name] = got
	m.tell(ctx, name, err)
	return got
}

// tell logs a failure when it begins and once a minute, and its end. Probes come every second or so from several places, and an outage that
// fills the log hides what else it says. m is locked.
func (m *Monitor) tell(ctx context.Context, name string, err error) {
	at, failing := m.logged[name]
	switch {
	case err == nil && failing:
		delete(m.logged, name)
		m.log.InfoContext(ctx, "ready again", "check", name)
	case err != nil && (!failing || m.now().Sub(at) >= repeatAfter):
		m.logged[name] = m.now()
		m.log.WarnContext(ctx, "not ready", "check", name, "error", err)
	}
}

// Last is what the latest probe found, for metrics; empty before the first.
func (m *Monitor) Last() map[string]bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[string]bool, len(m.last))
	for name, check := range m.last {
		out[name] = check.State == Passed
	}
	return out
}
