// Package metrics is what operators watch: counters of the attempts that a worker makes, and the state of all deliveries as PostgreSQL
// has it, in the format of Prometheus. docs/metrics.md describes every metric.
//
// Labels hold ids of endpoints and words of ours, and never a URL, a name or a number: metrics are copied into systems that nobody
// erases a person from.
package metrics

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"

	"handoff/activities"
	"handoff/db/dbsqlc"
)

const (
	// Prometheus gives up after 10 s unless told otherwise; one scrape is answered by then whatever PostgreSQL does.
	scrapeTimeout = 8 * time.Second
	// scrapesAtOnce keeps a scraper that repeats itself from piling up requests.
	scrapesAtOnce = 4
)

// Config is what Metrics read.
type Config struct {
	DB  dbsqlc.DBTX
	Now func() time.Time
	Log *slog.Logger
}

// Metrics are those of one process.
type Metrics struct {
	served

	registry *prometheus.Registry
	temporal metric.Meter
	log      *slog.Logger
	attempts metric.Int64Counter
	duration metric.Float64Histogram
	latency  metric.Float64Histogram
}

// New makes the metrics of a process: one that serves the API shows those of the database alone.
func New(config Config) (*Metrics, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo(), otelprometheus.WithoutTargetInfo())
	if err != nil {
		return nil, fmt.Errorf("make the exporter of metrics: %w", err)
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(exporter), sdk.WithView(temporalView))
	m := &Metrics{registry: registry, temporal: provider.Meter("temporal"), log: config.Log}
	meter := provider.Meter("handoff")
	if err := m.instruments(meter); err != nil {
		return nil, err
	}
	if err := m.served.instruments(meter); err != nil {
		return nil, err
	}
	return m, newDatabase(config).register(meter)
}

// temporalView gives what the SDK of Temporal measures buckets of seconds: the library's own are for milliseconds.
var temporalView = sdk.NewView(
	sdk.Instrument{Name: "temporal_*", Kind: sdk.InstrumentKindHistogram},
	sdk.Stream{Aggregation: sdk.AggregationExplicitBucketHistogram{Boundaries: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}},
)

func (m *Metrics) instruments(meter metric.Meter) (err error) {
	if m.attempts, err = meter.Int64Counter("handoff_delivery_attempts_total",
		metric.WithDescription("HTTP requests of deliveries: webhooks, and calls to Meta and Chatlayer.")); err != nil {
		return err
	}
	if m.duration, err = meter.Float64Histogram("handoff_delivery_attempt_duration_seconds",
		metric.WithDescription("How long such a request took, the answer's body included."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30)); err != nil {
		return err
	}
	// From a webhook on the same machine to one whose receiver was away for the whole of the schedule, which is three days.
	m.latency, err = meter.Float64Histogram("handoff_delivery_latency_seconds",
		metric.WithDescription("From an event to the first success of its delivery."),
		metric.WithExplicitBucketBoundaries(.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400, 259200))
	return err
}

// Observe counts an attempt (activities.Activities.Observe).
func (m *Metrics) Observe(a activities.Attempted) {
	ctx := context.Background()
	transport, outcome := attribute.String("transport", string(a.Transport)), attribute.String("outcome", string(a.Outcome))
	m.attempts.Add(ctx, 1, metric.WithAttributes(transport, outcome, attribute.String("class", class(a)), attribute.String("trigger", a.Trigger)))
	m.duration.Record(ctx, a.Duration.Seconds(), metric.WithAttributes(transport, outcome))
	if a.Latency != nil {
		m.latency.Record(ctx, a.Latency.Seconds(), metric.WithAttributes(transport))
	}
}

// class is the hundreds of an answer's status, or why none came.
func class(a activities.Attempted) string {
	if a.Status == 0 {
		return string(a.ErrorClass)
	}
	return strconv.Itoa(a.Status/100) + "xx"
}

// Handler answers scrapes.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeTimeout})
}
