package metrics

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"handoff"
	"handoff/db/dbsqlc"
)

func (d *database) readOldest(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	rows, err := q.MetricsOldest(ctx, endpointLimit*int32(len(undelivered)))
	return func(o metric.Observer) {
		oldest := map[handoff.DeliveryState]time.Duration{}
		for _, row := range rows {
			age := max(now.Sub(row.CreatedAt), 0)
			oldest[row.State] = max(oldest[row.State], age)
			o.ObserveFloat64(d.gauges.endpointOldest, age.Seconds(), metric.WithAttributes(endpointLabel(row.EndpointID), stateLabel(row.State)))
		}
		for _, state := range undelivered {
			o.ObserveFloat64(d.gauges.oldest, oldest[state].Seconds(), metric.WithAttributes(stateLabel(state)))
		}
	}, err
}

func (d *database) readBacklog(ctx context.Context, q *dbsqlc.Queries, _ time.Time) (show, error) {
	row, err := q.MetricsBacklog(ctx, countLimit)
	return func(o metric.Observer) {
		o.ObserveInt64(d.gauges.deliveries, row.Pending, metric.WithAttributes(stateLabel(handoff.DeliveryPending)))
		o.ObserveInt64(d.gauges.deliveries, row.Held, metric.WithAttributes(stateLabel(handoff.DeliveryHeld)))
	}, err
}

func (d *database) readSuccess(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	rows, err := q.MetricsSuccess(ctx, dbsqlc.MetricsSuccessParams{
		Since: now.Add(-successWindow), AttemptLimit: attemptLimit, RowLimit: endpointLimit,
	})
	return func(o metric.Observer) {
		for _, row := range rows {
			ratio := float64(row.Successes) / float64(row.Attempts)
			o.ObserveFloat64(d.gauges.successRatio, ratio, metric.WithAttributes(endpointLabel(row.EndpointID)))
		}
	}, err
}

// breakerValues are those of handoff_endpoint_breaker_open.
var breakerValues = map[handoff.BreakerState]float64{handoff.BreakerClosed: 0, handoff.BreakerHalfOpen: 0.5, handoff.BreakerOpen: 1}

func (d *database) readBreakers(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	rows, err := q.MetricsBreakers(ctx, endpointLimit)
	return func(o metric.Observer) {
		for _, row := range rows {
			value := breakerValues[handoff.BreakerAt(row.OpenUntil, now)]
			o.ObserveFloat64(d.gauges.breakerOpen, value, metric.WithAttributes(endpointLabel(row.EndpointID)))
		}
	}, err
}

func (d *database) readEndpoints(ctx context.Context, q *dbsqlc.Queries, _ time.Time) (show, error) {
	rows, err := q.MetricsEndpoints(ctx)
	return func(o metric.Observer) {
		// A state that no endpoint is in is 0: what rises from nothing is no rise to Prometheus.
		counts := map[handoff.EndpointState]int64{handoff.EndpointEnabled: 0, handoff.EndpointDisabled: 0}
		for _, row := range rows {
			counts[row.State] = row.Endpoints
		}
		for state, count := range counts {
			o.ObserveInt64(d.gauges.endpoints, count, metric.WithAttributes(stateLabel(state)))
		}
	}, err
}

func (d *database) readWakes(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	row, err := q.MetricsWakes(ctx, now)
	return func(o metric.Observer) {
		o.ObserveInt64(d.gauges.raised, row.Raised)
		o.ObserveFloat64(d.gauges.overdue, max(now.Sub(row.DueAt), 0).Seconds())
	}, err
}

// repairedFor is how long a gap that was repaired is told of: it had a cause.
const repairedFor = 24 * time.Hour

func (d *database) readLedger(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	rows, err := q.LedgerGapCounts(ctx, now.Add(-repairedFor))
	return func(o metric.Observer) {
		counts := map[bool]map[handoff.GapKind]int64{true: {}, false: {}}
		for _, row := range rows {
			counts[row.Repaired][row.Kind] = row.Gaps
		}
		for _, kind := range handoff.GapKinds {
			label := attribute.String("kind", string(kind))
			o.ObserveInt64(d.gauges.gaps, counts[false][kind], metric.WithAttributes(label, stateLabel("open")))
			o.ObserveInt64(d.gauges.gaps, counts[true][kind], metric.WithAttributes(label, stateLabel("repaired")))
		}
	}, err
}

func (d *database) readConversations(ctx context.Context, q *dbsqlc.Queries, _ time.Time) (show, error) {
	rows, err := q.MetricsConversations(ctx, countLimit)
	return func(o metric.Observer) {
		for _, row := range rows {
			o.ObserveInt64(d.gauges.conversations, row.Conversations, metric.WithAttributes(attribute.String("status", row.Status)))
		}
	}, err
}

func (d *database) readWaiting(ctx context.Context, q *dbsqlc.Queries, now time.Time) (show, error) {
	since, err := q.MetricsWaiting(ctx, dbsqlc.MetricsWaitingParams{Now: now, CountLimit: countLimit})
	return func(o metric.Observer) { o.ObserveFloat64(d.gauges.waiting, max(now.Sub(since), 0).Seconds()) }, err
}
