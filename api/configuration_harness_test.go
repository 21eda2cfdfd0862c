package api_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/admin"
	"handoff/internal/fakegraph"
	"handoff/internal/graph"
	"handoff/internal/health"
	"handoff/internal/outbound"
)

// The number that Meta's fake knows, and a token that it takes.
const (
	metaWABA   = "100000000000001"
	metaNumber = "200000000000001"
	metaToken  = "EAAcanarytoken0123456789"
)

// configured is a world whose API asks a Graph of its own, and tries URLs.
type configured struct {
	*world
	graph    *fakegraph.Graph
	graphURL string
}

func newConfigured(t *testing.T) *configured {
	t.Helper()
	w := &configured{world: newWorld(t), graph: fakegraph.New(nil)}
	w.graph.AddNumber(metaWABA, metaNumber, "+1 555-0100")
	w.graph.Token(metaToken, true)
	server := httptest.NewServer(w.graph)
	t.Cleanup(server.Close)
	w.graphURL, w.GraphURL = server.URL, server.URL
	w.activities.Graph = w.asks()
	handler, err := api.New(api.Deps{
		DB: w.DB, Commands: w.commands, Waker: w.waker, Box: w.Box, CheckURL: w.poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Log: slog.New(slog.NewJSONHandler(w.log, nil)), Ready: func(context.Context) health.Ready { return health.Of(nil) }, Store: w.activities.Store,
		PublicURL: "https://handoff.example.com/", GraphURL: w.graphURL, CheckInbox: w.asks().Check, CheckReach: admin.ReachBy(w.poster),
	})
	require.NoError(t, err)
	w.handler = checked(t, handler)
	return w
}

func (w *configured) asks() *graph.Client {
	return graph.New(graph.Config{BaseURL: w.graphURL, HTTP: w.poster})
}

// body is the body of a new inbox of a protocol: what it needs, and then pairs of a field and its value.
func body(p handoff.Protocol, more ...any) map[string]any {
	out := map[string]any{"name": "Shop", "protocol": p}
	if slices.Contains([]handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolKapso, handoff.ProtocolPassthrough}, p) {
		out["waba_id"], out["phone_number_id"] = metaWABA, metaNumber
	}
	if p == handoff.ProtocolChatlayer {
		out["bot_id"] = "ko3123ze"
	}
	for i := 0; i < len(more); i += 2 {
		out[fmt.Sprint(more[i])] = more[i+1]
	}
	return out
}

// inbox makes an inbox by the API and gives its path.
func (w *configured) inbox(t *testing.T, p handoff.Protocol, more ...any) (path string, made answer) {
	t.Helper()
	made = w.do(t, "POST", "/v1/inboxes", w.adm, body(p, more...)).is(http.StatusCreated)
	return "/v1/inboxes/" + made.text("id"), made
}

// endpoint makes an endpoint of an inbox by the API and gives its path.
func (w *configured) endpoint(t *testing.T, inbox string, more ...any) (path string, made answer) {
	t.Helper()
	in := map[string]any{"url": w.Gateway.URL}
	for i := 0; i < len(more); i += 2 {
		in[fmt.Sprint(more[i])] = more[i+1]
	}
	made = w.do(t, "POST", inbox+"/endpoints", w.adm, in).is(http.StatusCreated)
	return "/v1/endpoints/" + made.text("id"), made
}

// wayOut is the path and the state of the endpoint by which an inbox calls its vendor; nothing where it has none.
func (w *configured) wayOut(t *testing.T, inbox string) (path string, row map[string]any) {
	t.Helper()
	items, _ := w.do(t, "GET", inbox+"/endpoints", w.adm, nil).is(http.StatusOK).field("items").([]any)
	for _, item := range items {
		if row, _ := item.(map[string]any); row["transport"] != "webhook" {
			return "/v1/endpoints/" + fmt.Sprint(row["id"]), row
		}
	}
	return "", nil
}

// nobody is a URL at which nothing answers.
func nobody(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}
