package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/interceptor"
)

// flushTimeout is how long the end of a process waits for the collector to take the last spans.
const flushTimeout = 3 * time.Second

// TraceConfig says who traces. The rest is the standard's: OTEL_* variables.
type TraceConfig struct {
	// Service is the default of OTEL_SERVICE_NAME.
	Service, Version string
	Log              *slog.Logger
	// Getenv reads the variables that switch tracing on; those of the exporter, the sampler and the batches the SDK reads itself.
	Getenv func(string) string
	// Exporter replaces the one that the variables name.
	Exporter sdktrace.SpanExporter
}

// Traces sends spans to a collector. A nil *Traces is tracing that is off: it wraps nothing, and costs nothing.
type Traces struct{ provider *sdktrace.TracerProvider }

// OpenTraces begins to trace where OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is set, and gives nil otherwise.
func OpenTraces(ctx context.Context, c TraceConfig) (*Traces, error) {
	if c.Exporter == nil {
		if !switchedOn(c.Getenv) {
			return nil, nil
		}
		exporter, err := newExporter(ctx, c.Getenv)
		if err != nil {
			return nil, fmt.Errorf("trace to OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
		}
		c.Exporter = exporter
		otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Log.Warn("traces are lost", "error", err) }))
	}
	self := resource.NewSchemaless(semconv.ServiceName(c.Service), semconv.ServiceVersion(c.Version))
	// What the variables say wins over what we say of ourselves. No detector: the host's user and command line are nobody's business.
	told, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	if self, err = resource.Merge(self, told); err != nil {
		return nil, fmt.Errorf("read OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	return &Traces{sdktrace.NewTracerProvider(sdktrace.WithResource(self), sdktrace.WithBatcher(harmless{c.Exporter}))}, nil
}

func switchedOn(getenv func(string) string) bool {
	if strings.EqualFold(getenv("OTEL_SDK_DISABLED"), "true") || getenv("OTEL_TRACES_EXPORTER") == "none" {
		return false
	}
	return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") != ""
}

func newExporter(ctx context.Context, getenv func(string) string) (sdktrace.SpanExporter, error) {
	protocol := getenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
	if protocol == "" {
		protocol = getenv("OTEL_EXPORTER_OTLP_PROTOCOL")
	}
	switch protocol {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	}
	return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL is %q: use http/protobuf or grpc", protocol)
}

// Close sends what waits.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// unspanned are requests without a span: probes say nothing, and a stream lasts for hours.
var unspanned = []string{"/livez", "/readyz", "/v1/events/stream"}

// Handler gives each request of the API a span of its own. A caller's traceparent is linked and not followed: whether we trace, and under
// which id, is not for strangers to say.
func (t *Traces) Handler(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, "", otelhttp.WithTracerProvider(t.provider), otelhttp.WithMeterProvider(noopmetric.NewMeterProvider()),
		otelhttp.WithPropagators(propagation.TraceContext{}), otelhttp.WithPublicEndpointFn(func(*http.Request) bool { return true }),
		otelhttp.WithFilter(func(r *http.Request) bool { return !slices.Contains(unspanned, r.URL.Path) }),
		// The API names it by its route once that is known; no address may become a name.
		otelhttp.WithSpanNameFormatter(func(string, *http.Request) string { return "request" }))
}

// Database has each statement of a span's work become a span named as the query is, without its text and its arguments.
func (t *Traces) Database(config *pgxpool.Config) {
	if t == nil {
		return
	}
	config.ConnConfig.Tracer = otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider), otelpgx.WithMeterProvider(noopmetric.NewMeterProvider()),
		otelpgx.WithDisableSQLStatementInAttributes(), otelpgx.WithDisableConnectionDetailsInAttributes(), otelpgx.WithDisableAcquireTracer(), otelpgx.WithQuerySpanNamePrefix(),
		otelpgx.WithSpanNameCtxFunc(queryName))
}

// queryName is the name that a query has in db/queries, or the first word of another statement.
func queryName(ctx context.Context, sql string) string {
	if rest, ok := strings.CutPrefix(sql, "-- name: "); ok {
		if name, _, ok := strings.Cut(rest, " "); ok {
			return name
		}
	}
	return otelpgx.SQLOperationName(ctx, sql)
}

// Interceptors carry spans through Temporal, for its client and for the worker that uses it.
func (t *Traces) Interceptors() ([]interceptor.ClientInterceptor, error) {
	if t == nil {
		return nil, nil
	}
	return newInterceptors(t.provider.Tracer("handoff/temporal"))
}

// Tracer makes spans of a caller's own.
func (t *Traces) Tracer() trace.Tracer {
	if t == nil {
		return trace.SpanFromContext(context.Background()).TracerProvider().Tracer("handoff")
	}
	return t.provider.Tracer("handoff")
}
