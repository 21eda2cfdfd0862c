package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
)

// told are the attributes that leave the process. The libraries set others, now or in their next version: a path holds tokens, an address
// of a client is a person's.
var told = map[attribute.Key]bool{
	"db.operation.name": true, "db.system.name": true, "error.type": true,
	"handoff.account_id": true, "handoff.attempt": true, "handoff.delivery_id": true, "handoff.endpoint_host": true, "handoff.endpoint_id": true,
	"handoff.event_type": true, "handoff.outcome": true, "handoff.transport": true, "handoff.trigger": true,
	"http.request.method": true, "http.response.status_code": true, "http.route": true, "network.protocol.version": true,
	"pgx.operation.type": true, "pgx.rows_affected": true, "pgx.sql_state": true,
	"temporalActivityID": true, "temporalRunID": true, "temporalUpdateID": true, "temporalWorkflowID": true,
}

// harmless exports spans without what may hold a secret or personal data. Of errors it keeps the type: the log, which names the trace, has
// their text.
type harmless struct{ sdktrace.SpanExporter }

func (h harmless) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	clean := make([]sdktrace.ReadOnlySpan, len(spans))
	for i, s := range spans {
		clean[i] = harmlessSpan{s}
	}
	return h.SpanExporter.ExportSpans(ctx, clean)
}

type harmlessSpan struct{ sdktrace.ReadOnlySpan }

func (s harmlessSpan) Name() string { return Redact(s.ReadOnlySpan.Name()) }

func (s harmlessSpan) Attributes() []attribute.KeyValue { return onlyTold(s.ReadOnlySpan.Attributes()) }

func onlyTold(all []attribute.KeyValue) []attribute.KeyValue {
	kept := make([]attribute.KeyValue, 0, len(all))
	for _, a := range all {
		if !told[a.Key] {
			continue
		}
		if a.Value.Type() == attribute.STRING {
			a.Value = attribute.StringValue(Redact(a.Value.AsString()))
		}
		kept = append(kept, a)
	}
	return kept
}

func (s harmlessSpan) Status() sdktrace.Status {
	return sdktrace.Status{Code: s.ReadOnlySpan.Status().Code}
}

func (s harmlessSpan) Links() []sdktrace.Link {
	links := s.ReadOnlySpan.Links()
	clean := make([]sdktrace.Link, len(links))
	for i, l := range links {
		l.Attributes = onlyTold(l.Attributes)
		clean[i] = l
	}
	return clean
}

func (s harmlessSpan) Events() []sdktrace.Event {
	events := s.ReadOnlySpan.Events()
	clean := make([]sdktrace.Event, len(events))
	for i, e := range events {
		var kept []attribute.KeyValue
		for _, a := range e.Attributes {
			if a.Key == semconv.ExceptionTypeKey {
				kept = append(kept, a)
			}
		}
		e.Attributes = kept
		clean[i] = e
	}
	return clean
}
