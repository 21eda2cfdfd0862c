// Package doctor looks at a deployment from outside and says in words what is wrong with it, why, and what to do. It changes nothing but a
// probe file that it removes, sends nothing to anybody's endpoint unless it is told to, and never shows a secret.
package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"handoff"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
	"handoff/internal/workflowclient"
)

// Status is what a check comes to.
type Status string

// The statuses, from good to bad. Skipped says that it could not be looked at.
const (
	OK      Status = "ok"
	Skipped Status = "skipped"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Finding is one line of the report.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	Says   string `json:"says"`
	Cause  string `json:"cause,omitempty"` // the likely one
	Cure   string `json:"cure,omitempty"`  // what to do
}

// Report is what all checks found.
type Report struct {
	Status   Status    `json:"status"` // the worst
	Findings []Finding `json:"findings"`
}

// Config is what the checks look at. Each function makes what it names; its error is what the settings lack.
type Config struct {
	DatabaseURL     string
	Pool            func(context.Context) (*pgxpool.Pool, error)
	Migrated        func(context.Context) (bool, error)
	Connect         func(context.Context) (*pgx.Conn, error) // one connection, for LISTEN
	Box             func() (*secretbox.Box, error)
	Outbound        func() (*outbound.Client, error)
	Graph           func(*outbound.Client) *graph.Client
	Temporal        func() (client.Client, error)
	TemporalAddress string
	Namespace       string
	TaskQueue       string
	Deployment      string // under which Temporal knows workers with a build id
	Attributes      map[string]enumspb.IndexedValueType
	Schedules       []workflowclient.Schedule
	Store           func(context.Context) (*mediastore.Store, error)
	PublicURL       string
	// SendTest is the endpoint that is sent a signed test event; none if it is nil.
	SendTest *handoff.ID
	Now      func() time.Time
	// Patience replaces each check's own time-out, if it is not 0.
	Patience time.Duration
}

// Check is one thing that is looked at.
type Check struct {
	Name string
	// Looks says what is looked at, for the documentation.
	Looks string
	// Needs are the checks without whose success this one can tell nothing.
	Needs   []string
	Timeout time.Duration // 0 is ten seconds
	run     func(context.Context, *visit) []Finding
}

// visit is one run of all checks. What one opens the later ones use.
type visit struct {
	Config
	pool     *pgxpool.Pool
	box      *secretbox.Box
	poster   *outbound.Client
	temporal client.Client
	polled   time.Time // when a worker last asked Temporal for tasks, by Temporal's clock; zero where nobody knows
}

const checkTimeout = 10 * time.Second

// Checks are all there are, in the order in which they are made.
func Checks() []Check {
	all := settingChecks()
	all = append(all, databaseChecks()...)
	all = append(all, temporalChecks()...)
	all = append(all, outsideChecks()...)
	return append(all, stateChecks()...)
}

// Examine makes every check. One that fails, or takes too long, stops no other; those that need it are skipped.
func Examine(ctx context.Context, c Config) Report {
	v := &visit{Config: c}
	defer v.close()
	report := Report{Status: OK}
	failed := map[string]bool{}
	for _, check := range Checks() {
		findings := v.make(ctx, check, failed)
		for _, f := range findings {
			f.Check = check.Name
			failed[check.Name] = failed[check.Name] || f.Status == Failed || f.Status == Skipped
			report.Findings = append(report.Findings, f)
			report.Status = worse(report.Status, f.Status)
		}
	}
	return report
}

func (v *visit) make(ctx context.Context, check Check, failed map[string]bool) []Finding {
	for _, need := range check.Needs {
		if failed[need] {
			return []Finding{{Status: Skipped, Says: "skipped because " + need + " is not well"}}
		}
	}
	timeout := check.Timeout
	if timeout == 0 {
		timeout = checkTimeout
	}
	if v.Patience > 0 {
		timeout = v.Patience
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return check.run(ctx, v)
}

func (v *visit) close() {
	if v.temporal != nil {
		v.temporal.Close()
	}
	if v.poster != nil {
		v.poster.Close()
	}
	if v.pool != nil {
		v.pool.Close()
	}
}

func worse(a, b Status) Status {
	rank := map[Status]int{OK: 0, Skipped: 1, Warning: 2, Failed: 3}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

func ok(format string, args ...any) []Finding {
	return []Finding{{Status: OK, Says: fmt.Sprintf(format, args...)}}
}

func warn(says, cause, cure string) []Finding {
	return []Finding{{Status: Warning, Says: says, Cause: cause, Cure: cure}}
}

func fail(says, cause, cure string) []Finding {
	return []Finding{{Status: Failed, Says: says, Cause: cause, Cure: cure}}
}

// spread is the clock skew in words, or "" where it is small.
func spread(skew time.Duration) string {
	const noticed = 2 * time.Second
	switch {
	case skew > noticed:
		return skew.Round(100*time.Millisecond).String() + " ahead of"
	case skew < -noticed:
		return (-skew).Round(100*time.Millisecond).String() + " behind"
	}
	return ""
}

// tolerated is how far clocks may be apart before receivers refuse webhooks: five minutes is what they take, and their own clocks differ too.
const tolerated = time.Minute
