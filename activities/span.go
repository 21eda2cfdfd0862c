package activities

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
)

// span begins the span of an attempt, if the activity belongs to a trace. It names the endpoint by id and host: the rest of the URL is its
// owner's secret. The receiver is told nothing of it: ids of traces are ours, and vendors get no header that they do not know.
func (l *lane) span(ctx context.Context, d dbsqlc.Delivery, n int32) (context.Context, func(Outcome, outbound.Result)) {
	parent := trace.SpanFromContext(ctx)
	if !parent.SpanContext().IsValid() {
		return ctx, func(Outcome, outbound.Result) {}
	}
	ctx, span := parent.TracerProvider().Tracer("handoff").Start(ctx, "attempt "+string(l.endpoint.Transport), trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(
			attribute.String("handoff.endpoint_id", l.endpoint.ID.String()), attribute.String("handoff.delivery_id", d.ID.String()),
			attribute.Int("handoff.attempt", int(n)), attribute.String("handoff.transport", string(l.endpoint.Transport)),
			attribute.String("handoff.event_type", d.EventType), attribute.String("handoff.trigger", triggerOf(d)),
			attribute.String("handoff.endpoint_host", hostOf(l.endpoint.URL)), attribute.String("http.request.method", "POST"),
		))
	return ctx, func(outcome Outcome, r outbound.Result) {
		span.SetAttributes(attribute.String("handoff.outcome", string(outcome)))
		if r.Status > 0 {
			span.SetAttributes(attribute.Int("http.response.status_code", r.Status))
		}
		if r.ErrorClass != outbound.ErrorNone {
			span.SetAttributes(attribute.String("error.type", string(r.ErrorClass.Public())))
		}
		if !r.OK() {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
