package e2e_test

import (
	"bytes"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	collectorpb "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"handoff/db/dbtest"
	"handoff/internal/testenv"
)

// collector takes spans in as an OpenTelemetry collector does.
type collector struct {
	*testing.T
	url string

	mu    sync.Mutex
	raw   []byte
	spans []span
}

// span is one as it was exported.
type span struct {
	*tracepb.Span
	service string
}

func (s span) trace() string  { return hex.EncodeToString(s.TraceId) }
func (s span) id() string     { return hex.EncodeToString(s.SpanId) }
func (s span) parent() string { return hex.EncodeToString(s.ParentSpanId) }

func (s span) attribute(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.GetStringValue()
		}
	}
	return ""
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{T: t}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request collectorpb.ExportTraceServiceRequest
	if err != nil || r.URL.Path != "/v1/traces" || proto.Unmarshal(body, &request) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, body...)
	for _, resource := range request.ResourceSpans {
		service := span{Span: &tracepb.Span{Attributes: resource.Resource.Attributes}}.attribute("service.name")
		for _, scope := range resource.ScopeSpans {
			for _, one := range scope.Spans {
				c.spans = append(c.spans, span{one, service})
			}
		}
	}
}

// find waits for a span with this name that fits.
func (c *collector) find(name string, fits func(span) bool) span {
	c.Helper()
	var found span
	until(c.T, readyWithin, "the span "+name, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, s := range c.spans {
			if s.Name == name && fits(s) {
				found = s
				return true
			}
		}
		return false
	})
	return found
}

// below follows a path of names, each the child of the one before.
func (c *collector) below(at span, names ...string) span {
	c.Helper()
	for _, name := range names {
		parent := at
		at = c.find(name, func(s span) bool { return s.trace() == parent.trace() && s.parent() == parent.id() })
	}
	return at
}

func (c *collector) exported() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Clone(c.raw)
}

func newTracedStack(t *testing.T, c *collector) *stack {
	t.Helper()
	return newStackSet(t, dbtest.URL(t), testenv.Temporal(t), []string{
		"OTEL_EXPORTER_OTLP_ENDPOINT=" + c.url, "OTEL_BSP_SCHEDULE_DELAY=100", "HANDOFF_FIRST_ATTEMPTS=activity", "HANDOFF_LOG_FORMAT=json",
	}, "message.received")
}

// TestOneTraceGoesFromTheRequestToTheWebhook follows a customer's message and an agent's command through two processes.
func TestOneTraceGoesFromTheRequestToTheWebhook(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	s := newTracedStack(t, c)
	const foreign = "0af7651916cd43dd8448eb211c80319c"
	into[receipt](t, call(t, http.MethodPost, s.url+"/v1/public/inbound", s.gatewayKey, []byte(text("447700900123", "wamid.traced", "canary words")),
		"traceparent", "00-"+foreign+"-b7ad6b7169203331-01"), http.StatusOK)
	conv := s.open()
	request := s.webhook(1)
	require.Empty(t, request.Header.Get("traceparent"), "ids of traces are ours")

	root := c.find("POST /v1/public/inbound", func(span) bool { return true })
	require.Empty(t, root.ParentSpanId, "a caller's trace is not followed")
	require.Len(t, root.Links, 1, "but linked")
	require.Equal(t, foreign, hex.EncodeToString(root.Links[0].TraceId))
	require.Equal(t, "handoff-serve", root.service)
	c.below(root, "query ReceiptInsert")
	signal := c.below(root, "SignalWithStartWorkflow:Conversation")
	handled := c.below(signal, "HandleSignal:Inbound")
	require.Equal(t, "handoff-worker", handled.service)
	c.below(handled, "StartActivity:ApplyInbound", "RunActivity:ApplyInbound")
	attempt := c.below(handled, "StartActivity:DeliverWebhooks", "RunActivity:DeliverWebhooks", "attempt webhook")
	require.Equal(t, s.endpoint, attempt.attribute("handoff.endpoint_id"))
	require.Equal(t, "delivered", attempt.attribute("handoff.outcome"))
	require.Equal(t, strings.TrimPrefix(s.gateway.URL, "http://"), attempt.attribute("handoff.endpoint_host"))

	s.command(s.anaKey, conv.ID, "claim", nil)
	claimed := c.find("POST /v1/conversations/:id/claim", func(span) bool { return true })
	c.below(claimed, "UpdateWorkflow:Claim", "HandleUpdate:Claim", "StartActivity:Claim", "RunActivity:Claim")

	// The second message wakes the same run. What it does belongs to its own request, and not to the first.
	into[receipt](t, s.post(text("447700900123", "wamid.second", "more words")), http.StatusOK)
	s.webhook(2)
	second := c.find("POST /v1/public/inbound", func(s span) bool { return s.id() != root.id() })
	require.NotEqual(t, root.trace(), second.trace())
	c.below(second, "SignalWithStartWorkflow:Conversation", "HandleSignal:Inbound", "StartActivity:DeliverWebhooks", "RunActivity:DeliverWebhooks", "attempt webhook")

	require.Contains(t, s.serve.log(), `"trace_id":"`+root.trace()+`"`, "the log of the request names its trace")
	s.nothingPrivate(c)
}

func (s *stack) nothingPrivate(c *collector) {
	s.Helper()
	raw := c.exported()
	for what, private := range map[string]string{
		"a number": "447700900123", "a text": "canary words", "a name": "John", "a key": s.gatewayKey, "a secret": s.secret, "a wamid": "wamid.traced",
		"SQL": "INSERT INTO", "the database's address": "postgres://", "an agent": "Ana", "a client's address": "client.address", "a path": "url.path",
	} {
		require.NotContains(s, string(raw), private, what)
	}
}

// TestWorkersWithAndWithoutTracingShareAConversation: tracing is switched on and off by restarting one process after the other.
func TestWorkersWithAndWithoutTracingShareAConversation(t *testing.T) {
	t.Parallel()
	c := newCollector(t)
	s := newTracedStack(t, c)
	into[receipt](t, s.post(text("447700900123", "wamid.1", "one")), http.StatusOK)
	conv := s.open()
	s.webhook(1)
	for i, off := range []bool{true, false} {
		require.True(t, s.worker.signal(syscall.SIGTERM, readyWithin))
		env := s.env
		if off {
			env = append(env[:len(env):len(env)], "OTEL_SDK_DISABLED=true")
		}
		s.worker = launch(t, env, "worker")
		s.ready(s.workerURL())
		into[receipt](t, s.post(text("447700900123", "wamid.again"+string(rune('a'+i)), "again")), http.StatusOK)
		s.webhook(2 + i)
		require.Equal(t, http.StatusOK, s.command(s.anaKey, conv.ID, []string{"claim", "release"}[i], nil).status)
	}
	c.find("RunActivity:Release", func(span) bool { return true })
}
