package telemetry

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.temporal.io/sdk/contrib/opentelemetry"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/workflow"
)

// memory is for how long what a conversation does belongs to the trace of the request that woke it last. A conversation lives for weeks:
// what a timer does hours later begins a trace of its own.
const memory = 5 * time.Minute

// spanKey is where the SDK's interceptor keeps the span of a workflow's context.
type spanKey struct{}

// newInterceptors gives the SDK's interceptor, and one within it that has activities belong to what woke their workflow.
func newInterceptors(tracer trace.Tracer) ([]interceptor.ClientInterceptor, error) {
	spans, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: tracer, SpanContextKey: spanKey{}, TextMapPropagator: propagation.TraceContext{},
		// Baggage is whatever somebody put there. Queries are what the Temporal UI asks while an operator looks.
		DisableBaggage: true, DisableQueryTracing: true,
		// A header that cannot be read fails no workflow.
		AllowInvalidParentSpans: true,
		SpanStarter:             startSpan,
	})
	if err != nil {
		return nil, err
	}
	return []interceptor.ClientInterceptor{spans, &wakeups{}}, nil
}

// startSpan leaves out the span of a workflow's run: it would end with the conversation, in weeks, and begin anew with each replay. What
// runs in it belongs to whoever started it.
func startSpan(ctx context.Context, tracer trace.Tracer, name string, options ...trace.SpanStartOption) trace.Span {
	if strings.HasPrefix(name, "RunWorkflow:") {
		return trace.SpanFromContext(ctx)
	}
	_, span := tracer.Start(ctx, name, options...)
	return span
}

// wakeups has what a workflow starts be the child of the signal or update that it took last, and not of the request that started its run.
// It changes headers alone, which no replay compares.
type wakeups struct{ interceptor.InterceptorBase }

func (w *wakeups) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &wakeupsIn{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, last: &wakeup{}}
}

// wakeup is what woke a run last, and when. Its workflow alone uses it.
type wakeup struct {
	known bool
	span  any
	at    time.Time
}

func (w *wakeup) note(ctx workflow.Context) {
	w.known, w.span, w.at = true, ctx.Value(spanKey{}), workflow.Now(ctx)
}

// parent is the context of what the workflow starts now.
func (w *wakeup) parent(ctx workflow.Context) workflow.Context {
	if w.at.IsZero() {
		w.at = workflow.Now(ctx) // a signal that starts a run comes before its first task, which brings the time
	}
	if workflow.Now(ctx).Sub(w.at) > memory {
		return workflow.WithValue(ctx, spanKey{}, nil)
	}
	return workflow.WithValue(ctx, spanKey{}, w.span)
}

type wakeupsIn struct {
	interceptor.WorkflowInboundInterceptorBase
	last *wakeup
}

func (w *wakeupsIn) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&wakeupsOut{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, last: w.last})
}

func (w *wakeupsIn) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if !w.last.known {
		w.last.note(ctx)
	}
	return w.Next.ExecuteWorkflow(ctx, in)
}

func (w *wakeupsIn) HandleSignal(ctx workflow.Context, in *interceptor.HandleSignalInput) error {
	w.last.note(ctx)
	return w.Next.HandleSignal(ctx, in)
}

func (w *wakeupsIn) ExecuteUpdate(ctx workflow.Context, in *interceptor.UpdateInput) (any, error) {
	w.last.note(ctx)
	return w.Next.ExecuteUpdate(ctx, in)
}

type wakeupsOut struct {
	interceptor.WorkflowOutboundInterceptorBase
	last *wakeup
}

func (w *wakeupsOut) ExecuteActivity(ctx workflow.Context, activity string, args ...any) workflow.Future {
	return w.Next.ExecuteActivity(w.last.parent(ctx), activity, args...)
}

func (w *wakeupsOut) ExecuteLocalActivity(ctx workflow.Context, activity string, args ...any) workflow.Future {
	return w.Next.ExecuteLocalActivity(w.last.parent(ctx), activity, args...)
}
