package metrics

import (
	"context"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/opentelemetry"

	"handoff"
)

// served are the counters of a process that serves the API. It implements api.Observer.
type served struct {
	requests, items, signatures, signals, downloads metric.Int64Counter
	requestTime                                     metric.Float64Histogram
	streams                                         metric.Int64UpDownCounter
}

func (s *served) instruments(meter metric.Meter) error {
	var failed error
	count := func(counter *metric.Int64Counter, name, description string) {
		made, err := meter.Int64Counter(name, metric.WithDescription(description))
		if err != nil {
			failed = err
		}
		*counter = made
	}
	count(&s.requests, "handoff_http_requests_total", "Requests of the API by route and status.")
	count(&s.items, "handoff_intake_items_total", "Elements of bodies that were accepted, and what became of them.")
	count(&s.signatures, "handoff_signature_failures_total", "Requests of a vendor that were refused because their signature or verify token is wrong.")
	count(&s.signals, "handoff_signals_total", "Signals that wake conversations.")
	count(&s.downloads, "handoff_media_downloads_total", "Tries to fetch the file of a message.")
	var err error
	if s.requestTime, err = meter.Float64Histogram("handoff_http_request_duration_seconds",
		metric.WithDescription("How long requests of the API took, streams of events apart."),
		metric.WithExplicitBucketBoundaries(.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)); err != nil {
		failed = err
	}
	if s.streams, err = meter.Int64UpDownCounter("handoff_event_streams", metric.WithDescription("Streams of events that are open.")); err != nil {
		failed = err
	}
	return failed
}

// Served counts a request of the API.
func (m *Metrics) Served(method, route string, status int, took *time.Duration) {
	if route == "" {
		route = "none"
	}
	ctx, labels := context.Background(), []attribute.KeyValue{attribute.String("method", method), attribute.String("route", route)}
	if took != nil {
		m.requestTime.Record(ctx, took.Seconds(), metric.WithAttributes(labels...))
	}
	m.requests.Add(ctx, 1, metric.WithAttributes(append(labels, attribute.String("status", strconv.Itoa(status)))...))
}

// Accepted counts an element of an accepted body.
func (m *Metrics) Accepted(protocol handoff.Protocol, kind handoff.ItemKind, outcome string) {
	m.items.Add(context.Background(), 1, metric.WithAttributes(
		attribute.String("protocol", string(protocol)), attribute.String("kind", string(kind)), attribute.String("outcome", outcome)))
}

// SignatureRefused counts a vendor's request that is not the vendor's.
func (m *Metrics) SignatureRefused(protocol handoff.Protocol) {
	m.signatures.Add(context.Background(), 1, metric.WithAttributes(attribute.String("protocol", string(protocol))))
}

// Streams counts streams of events that open (1) and end (-1).
func (m *Metrics) Streams(change int) { m.streams.Add(context.Background(), int64(change)) }

// Signalled counts a signal of the dispatcher, which nil says was taken.
func (m *Metrics) Signalled(err error) {
	outcome := "taken"
	if err != nil {
		outcome = "failed"
	}
	m.signals.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

// Downloaded counts a try to fetch a file (activities.Activities.ObserveMedia).
func (m *Metrics) Downloaded(outcome string) {
	m.downloads.Add(context.Background(), 1, metric.WithAttributes(attribute.String("outcome", outcome)))
}

// Temporal takes in what the SDK measures: temporal_*.
func (m *Metrics) Temporal() client.MetricsHandler {
	return opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{
		Meter: m.temporal, UseMonotonicCounters: true,
		OnError: func(err error) { m.log.Warn("a metric of Temporal's is missing", "error", err) },
	})
}
