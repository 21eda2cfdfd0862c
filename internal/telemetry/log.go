package telemetry

import (
	"bytes"
	"context"
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
	"go.opentelemetry.io/otel/trace"
)

// LogConfig says how log lines look.
type LogConfig struct {
	JSON  bool // one object a line; text otherwise
	Color bool // of text
	Level slog.Leveler
}

// NewLogger writes log lines to w: redacted, and with trace_id and span_id where they belong to a trace.
func NewLogger(w io.Writer, c LogConfig) *slog.Logger {
	if c.JSON {
		return slog.New(handler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.Level})})
	}
	return slog.New(handler{tint.NewTextHandler(w, &tint.Options{Level: c.Level, TimeFormat: "15:04:05.000", NoColor: !c.Color})})
}

// handler redacts what goes to the next one.
type handler struct{ next slog.Handler }

func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, r slog.Record) error {
	out := slog.NewRecord(r.Time, r.Level, Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		out.AddAttrs(redactAttr(a))
		return true
	})
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		out.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.next.Handle(ctx, out)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		clean = append(clean, redactAttr(a))
	}
	return handler{h.next.WithAttrs(clean)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.next.WithGroup(Redact(name))} }

func redactAttr(a slog.Attr) slog.Attr {
	value := a.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		members := make([]slog.Attr, 0, len(value.Group()))
		for _, m := range value.Group() {
			members = append(members, redactAttr(m))
		}
		return slog.Attr{Key: Redact(a.Key), Value: slog.GroupValue(members...)}
	}
	if secretKey(a.Key) {
		return slog.String(Redact(a.Key), Redacted)
	}
	return slog.Attr{Key: Redact(a.Key), Value: redactValue(value)}
}

func redactValue(v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindString:
		return slog.StringValue(Redact(v.String()))
	case slog.KindAny:
		return redactAny(v.Any())
	default: // numbers, times and truths
		return v
	}
}

// redactAny never hands a value on that the next handler would print as it likes: a struct's fields would come out with it.
func redactAny(v any) (out slog.Value) {
	// A nil pointer in an interface may panic in its own methods.
	defer func() {
		if recover() != nil {
			out = slog.StringValue(fmt.Sprintf("(%T)", v))
		}
	}()
	switch v := v.(type) {
	case nil, bool, time.Time, time.Duration, slog.Level, *slog.Source:
		return slog.AnyValue(v)
	case error:
		return slog.StringValue(Redact(v.Error()))
	case encoding.TextMarshaler: // ids
		if text, err := v.MarshalText(); err == nil {
			return slog.StringValue(Redact(string(text)))
		}
	case fmt.Stringer:
		return slog.StringValue(Redact(v.String()))
	case []byte:
		return slog.StringValue(Redact(string(v)))
	}
	return redactJSON(v)
}

// redactJSON makes plain maps and lists of a value, which are redacted like attributes.
func redactJSON(v any) slog.Value {
	text, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("(%T)", v))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain any
	if err := decoder.Decode(&plain); err != nil {
		return slog.StringValue(fmt.Sprintf("(%T)", v))
	}
	return slog.AnyValue(redactPlain(plain))
}

func redactPlain(v any) any {
	switch v := v.(type) {
	case string:
		return Redact(v)
	case json.Number:
		return Redact(v.String())
	case []any:
		for i := range v {
			v[i] = redactPlain(v[i])
		}
	case map[string]any:
		clean := make(map[string]any, len(v))
		for key, member := range v {
			if secretKey(key) {
				member = Redacted
			}
			clean[Redact(key)] = redactPlain(member)
		}
		return clean
	}
	return v
}
