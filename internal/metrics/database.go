package metrics

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/trouble"
)

const (
	// fresh is how long a look at the database serves scrapes: two Prometheus servers that scrape side by side cost one look.
	fresh = 5 * time.Second
	// A reading that takes longer is given up, and its metrics are missing from the scrape.
	readingTimeout = 2 * time.Second
	lookTimeout    = 5 * time.Second

	endpointLimit = 100    // endpoints that are shown by id, of each kind
	countLimit    = 10_000 // deliveries that are counted of one endpoint and state
	successWindow = 5 * time.Minute
	attemptLimit  = 500 // attempts that are looked at of one endpoint
)

// database is what PostgreSQL knows of all deliveries. Every process tells the same of it, so that it is seen while any of them lives.
type database struct {
	Config
	gauges   gauges
	readings []reading

	mu     sync.Mutex
	readAt time.Time
	failed int64
	shown  []show
}

// show tells an observer what was read.
type show func(metric.Observer)

type reading struct {
	name   string
	failed *trouble.Teller
	read   func(context.Context, *dbsqlc.Queries, time.Time) (show, error)
}

type gauges struct {
	conversations, deliveries, endpoints, raised, failed, gaps          metric.Int64ObservableGauge
	oldest, endpointOldest, successRatio, breakerOpen, overdue, waiting metric.Float64ObservableGauge
}

func newDatabase(config Config) *database {
	d := &database{Config: config}
	d.readings = []reading{
		{"oldest", &trouble.Teller{}, d.readOldest},
		{"breakers", &trouble.Teller{}, d.readBreakers},
		{"endpoints", &trouble.Teller{}, d.readEndpoints},
		{"wakes", &trouble.Teller{}, d.readWakes},
		{"success", &trouble.Teller{}, d.readSuccess},
		{"backlog", &trouble.Teller{}, d.readBacklog},
		{"ledger", &trouble.Teller{}, d.readLedger},
		{"conversations", &trouble.Teller{}, d.readConversations},
		{"waiting", &trouble.Teller{}, d.readWaiting},
	}
	return d
}

func (d *database) register(meter metric.Meter) error {
	g := &d.gauges
	var all []metric.Observable
	var failed error
	whole := func(gauge *metric.Int64ObservableGauge, name, description string) {
		made, err := meter.Int64ObservableGauge(name, metric.WithDescription(description))
		if err != nil {
			failed = err
		}
		*gauge, all = made, append(all, made)
	}
	decimal := func(gauge *metric.Float64ObservableGauge, name, description string) {
		made, err := meter.Float64ObservableGauge(name, metric.WithDescription(description))
		if err != nil {
			failed = err
		}
		*gauge, all = made, append(all, made)
	}
	whole(&g.conversations, "handoff_conversations", "Open conversations by status, up to 10,000 of each account and status.")
	decimal(&g.waiting, "handoff_waiting_oldest_age_seconds", "For how long the contact has waited for a person who has waited longest; 0 for nobody.")
	whole(&g.deliveries, "handoff_deliveries", "Deliveries that have not arrived and are not given up, up to 10,000 of each endpoint.")
	whole(&g.endpoints, "handoff_endpoints", "Endpoints by state.")
	whole(&g.raised, "handoff_wakes_raised", "Contacts for whom something is accepted and not applied yet.")
	whole(&g.failed, "handoff_database_readings_failed", "Of the looks at the database, those that failed: their metrics are missing.")
	whole(&g.gaps, "handoff_ledger_gaps", "Gaps between what was accepted, what happened and what was sent: open ones, and those repaired within a day.")
	decimal(&g.oldest, "handoff_oldest_undelivered_age_seconds", "Age of the oldest delivery that has not arrived and is not given up; 0 for none.")
	decimal(&g.endpointOldest, "handoff_endpoint_oldest_undelivered_age_seconds", "The same for each endpoint that has any, the 100 oldest.")
	decimal(&g.successRatio, "handoff_endpoint_success_ratio", "Share of an endpoint's attempts of the last five minutes that were answered with 2xx.")
	decimal(&g.breakerOpen, "handoff_endpoint_breaker_open", "Circuit breaker of an endpoint that fails: 0 closed, 0.5 half open, 1 open.")
	decimal(&g.overdue, "handoff_wake_overdue_seconds", "How long the most overdue wake-up of a workflow has been due.")
	if failed != nil {
		return failed
	}
	_, err := meter.RegisterCallback(d.observe, all...)
	return err
}

// observe looks at the database, unless somebody did so a moment ago. The exporter's context has no end, so the looks have their own.
func (d *database) observe(ctx context.Context, o metric.Observer) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := d.Now(); d.readAt.IsZero() || now.Sub(d.readAt) >= fresh {
		d.look(ctx, now)
		d.readAt = d.Now()
	}
	o.ObserveInt64(d.gauges.failed, d.failed)
	for _, s := range d.shown {
		s(o)
	}
	return nil
}

func (d *database) look(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	q := dbsqlc.New(d.DB)
	d.shown, d.failed = nil, 0
	for _, r := range d.readings {
		readCtx, cancel := context.WithTimeout(ctx, readingTimeout)
		s, err := r.read(readCtx, q, now)
		cancel()
		r.failed.Tell(ctx, d.Log, "read metrics from the database", err, "reading", r.name)
		if err != nil {
			d.failed++
			continue
		}
		d.shown = append(d.shown, s)
	}
}

func stateLabel[S ~string](state S) attribute.KeyValue {
	return attribute.String("state", string(state))
}

func endpointLabel(id handoff.ID) attribute.KeyValue {
	return attribute.String("endpoint_id", id.String())
}

// undelivered are the states of what has not arrived and is not given up.
var undelivered = []handoff.DeliveryState{handoff.DeliveryPending, handoff.DeliveryHeld}
