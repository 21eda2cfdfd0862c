package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"
	sdklog "go.temporal.io/sdk/log"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/apikey"
	"handoff/internal/telemetry"
)

// planted is a secret of a shape that is known wherever it stands: what is written, and what of it must not come out.
type planted struct{ written, canary string }

func plant(t *rapid.T) planted {
	canary := rapid.StringMatching(`[A-Za-z][0-9A-Za-z]{20,30}`).Draw(t, "canary")
	phone := rapid.StringMatching(`[1-9][0-9]{10,12}`).Draw(t, "phone")
	switch rapid.IntRange(0, 13).Draw(t, "shape") {
	case 0:
		return planted{"hk_" + canary, canary}
	case 1:
		key := apikey.New().Text
		return planted{key, key[20:]}
	case 2:
		return planted{"whsec_" + canary + "/+=", canary}
	case 3:
		return planted{"Bearer " + canary, canary}
	case 4:
		return planted{"authorization: Basic " + canary, canary}
	case 5:
		return planted{"postgres://handoff:" + canary + "@db:5432/handoff", canary}
	case 6:
		return planted{"password=" + canary + " host=db", canary}
	case 7:
		return planted{"https://gateway.example.com/hooks/" + canary + rapid.SampledFrom([]string{"", "?a=b", "/hk_x/" + canary, "#" + canary}).Draw(t, "behind"), canary}
	case 8:
		return planted{`{"access_token":"` + canary + `"}`, canary}
	case 9:
		return planted{`{"text":{"body":"` + canary + `"}}`, canary}
	case 10:
		return planted{"EAA" + canary, canary}
	case 11:
		return planted{"eyJ" + canary + ".eyJ" + canary + "." + canary, canary}
	case 12:
		return planted{"+" + phone[:2] + " " + phone[2:5] + " " + phone[5:], phone[2:5] + " " + phone[5:]}
	default:
		return planted{phone, phone[:len(phone)-4]}
	}
}

// hidden is a value of a type that prints as it likes.
type hidden struct {
	Note   string
	Nested map[string]any
	secret string
}

type stringer struct{ s string }

func (s stringer) String() string { return s.s }

type valuer struct{ s string }

func (v valuer) LogValue() slog.Value { return slog.GroupValue(slog.String("inner", v.s)) }

// wrap puts a text into an attribute of some kind.
func wrap(t *rapid.T, s string) slog.Attr {
	around := rapid.SampledFrom([]string{"%s", "dial %s: refused", "(%s)", "a=b %s, c", "\"%s\""}).Draw(t, "around")
	s = fmt.Sprintf(around, s)
	switch rapid.IntRange(0, 11).Draw(t, "place") {
	case 0:
		return slog.String("error", s)
	case 1:
		return slog.Any("error", fmt.Errorf("wrapped: %w", errors.New(s)))
	case 2:
		return slog.Group("outer", slog.Group("inner", slog.String("note", s)))
	case 3:
		return slog.Any("value", hidden{Note: s, Nested: map[string]any{"deep": []string{s}}, secret: s})
	case 4:
		return slog.Any("value", &hidden{Note: s, secret: s})
	case 5:
		return slog.Any("value", map[string][]string{"x": {s}, s: nil})
	case 6:
		return slog.Any("value", stringer{s})
	case 7:
		return slog.Any("value", valuer{s})
	case 8:
		return slog.Any("value", []byte(s))
	case 9:
		return slog.Any("value", http.Header{"Authorization": {s}, "X-Other": {s}})
	case 10:
		return slog.Any("value", json.RawMessage(`{"x":`+fmt.Sprintf("%q", s)+`}`))
	default:
		return slog.String(s, "x")
	}
}

// What is planted anywhere in a log line never comes out, in either format.
func TestCanariesOfEveryShapeStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := plant(t)
		var out bytes.Buffer
		log := telemetry.NewLogger(&out, telemetry.LogConfig{JSON: rapid.Bool().Draw(t, "json"), Level: slog.LevelDebug})
		attr := wrap(t, p.written)
		switch rapid.IntRange(0, 4).Draw(t, "way") {
		case 0:
			log.LogAttrs(context.Background(), slog.LevelError, "it failed", attr)
		case 1:
			log.With(attr).Warn("it failed")
		case 2:
			log.WithGroup("group").With(attr).Info("it failed", "n", 1)
		case 3:
			log.Info(p.written)
		default:
			sdklog.NewStructuredLogger(log).Error("it failed", "Error", p.written)
		}
		if strings.Contains(out.String(), p.canary) {
			t.Fatalf("%q came out of %q: %s", p.canary, p.written, out.String())
		}
	})
}

// Whatever the value looks like, its key gives it away.
func TestValuesOfSecretKeysStayOut(t *testing.T) {
	t.Parallel()
	for _, key := range []string{
		"authorization", "Authorization", "token", "access_token", "accessToken", "X-Signature", "secret", "vendor_secret", "password", "key", "api_key",
		"apiKey", "text", "body", "request.body", "phone", "wa_phone", "keyset", "cookie", "payload", "query",
	} {
		for _, json := range []bool{true, false} {
			var out bytes.Buffer
			log := telemetry.NewLogger(&out, telemetry.LogConfig{JSON: json})
			log.Info("x", key, "plain words", "nested", map[string]any{key: "plain words"}, slog.Group("g", slog.Any(key, []string{"plain words"})))
			require.NotContains(t, out.String(), "plain words", key)
			require.Contains(t, out.String(), telemetry.Redacted)
		}
	}
}

func TestWhatOperatorsNeedStaysInTheLog(t *testing.T) {
	t.Parallel()
	id := handoff.NewID()
	at := time.Date(2026, 11, 21, 6, 54, 44, 942999123, time.UTC)
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{JSON: true})
	log.Info("request", "method", "POST", "route", "/v1/conversations/:id/claim", "status", 409, "duration_ms", 12.25, "key_id", id, "account_id", id.String(),
		"error", "ERROR: relation \"x\" does not exist (SQLSTATE 42P01)", "workflow", "conversation:"+id.String()+":"+id.String(), "at", at,
		"text_at", at.Format(time.RFC3339Nano), "for", 3*time.Second, "address", "127.0.0.1:9464", "dial", (&url.URL{Scheme: "http", Host: "10.0.0.1:4317"}).String())
	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	delete(line, "time")
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": "request", "method": "POST", "route": "/v1/conversations/:id/claim", "status": 409.0, "duration_ms": 12.25,
		"key_id": id.String(), "account_id": id.String(), "error": "ERROR: relation \"x\" does not exist (SQLSTATE 42P01)",
		"workflow": "conversation:" + id.String() + ":" + id.String(), "at": at.Format(time.RFC3339Nano), "text_at": at.Format(time.RFC3339Nano),
		"for": 3e9, "address": "127.0.0.1:9464", "dial": "http://10.0.0.1:4317",
	}, line)
	require.Equal(t, "the number …0123 is known", telemetry.Redact("the number 447700900123 is known"))
	require.Equal(t, "call …0123", telemetry.Redact("call +44 7700 900123"))
	require.Equal(t, "postgres://[redacted]db:5432/handoff", telemetry.Redact("postgres://me:it@db:5432/handoff"))
}

// Of an address operators need to see what was asked for, and a secret may stand anywhere in it.
func TestOfAWebAddressThePlainPathStays(t *testing.T) {
	t.Parallel()
	id := handoff.NewID().String()
	for written, want := range map[string]string{
		"http://127.0.0.1:18081/readyz answers 503":                  "http://127.0.0.1:18081/readyz answers 503",
		"(see https://h.example/v1/conversations/" + id + "/media.)": "(see https://h.example/v1/conversations/" + id + "/media.)",
		"https://h.example/v1/webhook-tests, and more":               "https://h.example/v1/webhook-tests, and more",
		"https://h.example/":                                         "https://h.example/",
		"at https://h.example/.well-known/openid-configuration,":     "at https://h.example/.well-known/openid-configuration,",
		"http://[::1]:8080/readyz/Tok3n":                             "http://[::1]:8080/readyz/[redacted]",
		"https://h.example/v1/messages?after=7&x=y done":             "https://h.example/v1/messages?[redacted] done",
		"https://h.example/app#access_token=abc":                     "https://h.example/app?[redacted]",
		"https://h.example?key":                                      "https://h.example?[redacted]",
		"https://me:it@h.example/hooks/T0aB/9x":                      "https://[redacted]h.example/hooks/[redacted]/[redacted]",
		"https://h.example/m/AbC_d-EfGh12":                           "https://h.example/m/[redacted]",
		"https://h.example/base/r/onlyletters":                       "https://h.example/base/r/[redacted]",
		"https://h.example/hk_abc/Canary9":                           "https://h.example/[redacted]/[redacted]",
		"https://h.example/averyveryverylongwordthatissecret":        "https://h.example/[redacted]",
		"https://graph.facebook.com/v23.0/106540352242922/messages":  "https://graph.facebook.com/v23.0/[redacted]/messages",
		`Post "https://h.example/hooks/4f9aZ": dial tcp: refused`:    `Post "https://h.example/hooks/[redacted]": dial tcp: refused`,
	} {
		require.Equal(t, want, telemetry.Redact(written))
	}
}

// A value whose methods fail on nil is no reason to lose the line.
func TestANilThatPanicsIsNamedByItsType(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var missing *url.URL
	telemetry.NewLogger(&out, telemetry.LogConfig{}).Info("x", "url", missing, "after", "it")
	require.Contains(t, out.String(), "(*url.URL)")
	require.Contains(t, out.String(), "after=it")
}

func TestALineOfATraceNamesIt(t *testing.T) {
	t.Parallel()
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	ctx := trace.ContextWithSpanContext(context.Background(), span)
	var out bytes.Buffer
	log := telemetry.NewLogger(&out, telemetry.LogConfig{JSON: true})
	log.InfoContext(ctx, "in it")
	log.InfoContext(context.Background(), "without")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], `"trace_id":"01000000000000000000000000000000","span_id":"0200000000000000"`)
	require.NotContains(t, lines[1], "trace_id")
}

func FuzzRedact(f *testing.F) {
	for _, s := range []string{"", "hk_", "a +44 7700 900123 b", `{"text":"\"x"}`, "postgres://a:b@c", "https://x/y", "12345678", "é12345678é", "\xff12345678"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		const secret = "hk_Zq3canaryCanary42"
		if out := telemetry.Redact(s + " " + secret + " " + s); strings.Contains(out, "Zq3canaryCanary42") {
			t.Fatalf("%q came out: %q", secret, out)
		}
		if out := telemetry.Redact(s + " 447700900123 " + s); strings.Contains(out, " 447700900123 ") {
			t.Fatalf("the number came out: %q", out)
		}
	})
}

func BenchmarkLogRequest(b *testing.B) {
	log := telemetry.NewLogger(&bytes.Buffer{}, telemetry.LogConfig{JSON: true})
	id := handoff.NewID()
	for b.Loop() {
		log.Info("request", "method", "POST", "route", "/v1/conversations/:id/claim", "status", 409, "bytes", 100, "duration_ms", 12.25, "request_id", id.String(),
			"account_id", id, "key_id", id)
	}
}
