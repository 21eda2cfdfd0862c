package telemetry_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"

	"handoff/internal/telemetry"
	"handoff/worker"
)

func env(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func openTraces(t *testing.T) (*telemetry.Traces, *tracetest.InMemoryExporter) {
	t.Helper()
	exporter := tracetest.NewInMemoryExporter()
	traces, err := telemetry.OpenTraces(t.Context(), telemetry.TraceConfig{Service: "test", Log: slog.New(slog.DiscardHandler), Exporter: keeping{exporter}})
	require.NoError(t, err)
	return traces, exporter
}

// keeping has the end of the provider forget nothing.
type keeping struct{ *tracetest.InMemoryExporter }

func (keeping) Shutdown(context.Context) error { return nil }

// Off, tracing wraps nothing: what is not there costs nothing.
func TestTracingIsOffUnlessACollectorIsNamed(t *testing.T) {
	t.Parallel()
	for name, values := range map[string]map[string]string{
		"nothing":  {},
		"sampler":  {"OTEL_TRACES_SAMPLER": "always_on", "OTEL_SERVICE_NAME": "x"},
		"disabled": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"none":     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
		"metrics":  {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:1"},
	} {
		traces, err := telemetry.OpenTraces(t.Context(), telemetry.TraceConfig{Getenv: env(values)})
		require.NoError(t, err, name)
		require.Nil(t, traces, name)
	}
	var off *telemetry.Traces
	next := http.NewServeMux()
	require.Same(t, next, off.Handler(next))
	config, err := pgxpool.ParseConfig("postgres://127.0.0.1/x")
	require.NoError(t, err)
	off.Database(config)
	require.Nil(t, config.ConnConfig.Tracer)
	interceptors, err := off.Interceptors()
	require.NoError(t, err)
	require.Empty(t, interceptors)
	require.NoError(t, off.Close(t.Context()))
}

func TestAnUnknownProtocolIsRefusedByName(t *testing.T) {
	t.Parallel()
	_, err := telemetry.OpenTraces(t.Context(), telemetry.TraceConfig{Getenv: env(map[string]string{
		"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json",
	})})
	require.ErrorContains(t, err, `OTEL_EXPORTER_OTLP_PROTOCOL is "http/json": use http/protobuf or grpc`)
}

// Whatever a library sets on a span, what may hold a person or a secret stays here.
func TestSpansLeaveWithHarmlessAttributesAlone(t *testing.T) {
	t.Parallel()
	traces, exporter := openTraces(t)
	_, span := traces.Tracer().Start(t.Context(), "call 447700900123", trace.WithAttributes(
		attribute.String("url.path", "/m/canary"), attribute.String("db.query.text", "canary"), attribute.String("client.address", "canary"),
		attribute.String("handoff.endpoint_id", "1"), attribute.String("temporalWorkflowID", "hk_canary")))
	span.RecordError(errors.New("canary"))
	span.AddEvent("event", trace.WithAttributes(attribute.String("x", "canary")))
	span.SetStatus(codes.Error, "canary")
	span.End()
	require.NoError(t, traces.Close(t.Context()))
	require.Len(t, exporter.GetSpans(), 1)
	got := exporter.GetSpans()[0]
	require.Equal(t, "call …0123", got.Name)
	require.Equal(t, []attribute.KeyValue{
		attribute.String("handoff.endpoint_id", "1"), attribute.String("temporalWorkflowID", "hk_[redacted]"),
	}, got.Attributes)
	require.Equal(t, codes.Error, got.Status.Code)
	require.Empty(t, got.Status.Description)
	require.Equal(t, []attribute.KeyValue{attribute.String("exception.type", "*errors.errorString")}, got.Events[0].Attributes)
	require.Empty(t, got.Events[1].Attributes)
}

// Probes and streams have no spans, and an unknown path is no name.
func TestRequestsWithoutARouteHaveNoAddressInTheirSpan(t *testing.T) {
	t.Parallel()
	traces, exporter := openTraces(t)
	handler := traces.Handler(http.NotFoundHandler())
	for _, path := range []string{"/livez", "/readyz", "/v1/events/stream?cursor=x", "/m/canarytoken?x=canary"} {
		request := httptest.NewRequest("CANARY", path, nil)
		request.Header.Set("User-Agent", "canary")
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	require.NoError(t, traces.Close(t.Context()))
	require.Len(t, exporter.GetSpans(), 1)
	got := exporter.GetSpans()[0]
	require.Equal(t, "request", got.Name)
	for _, a := range got.Attributes {
		require.NotContains(t, a.Value.String(), "anary")
	}
}

// A conversation that began without tracing goes on with it.
func TestRecordedHistoriesReplayWithTracing(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("..", "..", "workflows", "testdata", "histories", "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	traces, exporter := openTraces(t)
	clients, err := traces.Interceptors()
	require.NoError(t, err)
	var interceptors []interceptor.WorkerInterceptor
	for _, i := range clients {
		interceptors = append(interceptors, i.(interceptor.WorkerInterceptor))
	}
	for _, file := range files {
		r, err := sdkworker.NewWorkflowReplayerWithOptions(sdkworker.WorkflowReplayerOptions{Interceptors: interceptors})
		require.NoError(t, err)
		worker.RegisterWorkflows(r)
		require.NoError(t, r.ReplayWorkflowHistoryFromJSONFile(nil, file), file)
	}
	require.NoError(t, traces.Close(t.Context()))
	for _, s := range exporter.GetSpans() {
		require.NotContains(t, s.Name, "StartActivity", "a replay starts nothing")
	}
}
