package api_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/health"
)

func TestDepsNameWhatIsMissing(t *testing.T) {
	t.Parallel()
	_, err := api.New(api.Deps{})
	require.ErrorContains(t, err, "DB")
	require.ErrorContains(t, err, "Waker")
}

func TestUnknownRoutesAreProblemsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "GET", "/v1/nothing", "", nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "GET", "/v1/agents/", w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	got := w.do(t, "PUT", "/v1/agents", w.adm, nil).refused(http.StatusMethodNotAllowed, handoff.CodeNotFound)
	require.Contains(t, got.header.Get("Allow"), "POST")
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Equal(t, "mine-1", w.do(t, "GET", "/livez", "", nil, "X-Request-Id", "mine-1").header.Get("X-Request-Id"))
	for _, odd := range []string{"", "with blank", strings.Repeat("x", 101), "ключ"} {
		got := w.do(t, "GET", "/livez", "", nil, "X-Request-Id", odd).header.Get("X-Request-Id")
		require.Len(t, got, 36)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "GET", "/livez", "", nil).is(http.StatusOK)
	require.Equal(t, "ok", w.do(t, "GET", "/readyz", "", nil).is(http.StatusOK).text("checks.database.state"))

	w.readiness = map[string]error{"database": nil, "temporal": errors.New("dial tcp 10.0.0.5:7233: canary")}
	got := w.do(t, "GET", "/readyz", "", nil).is(http.StatusServiceUnavailable)
	require.Equal(t, "failed", got.text("checks.temporal.state"))
	require.Equal(t, "ok", got.text("checks.database.state"))
	require.NotContains(t, string(got.body), "canary")

	require.Equal(t, 1, strings.Count(w.log.String(), `"msg":"request"`), "probes that succeed are not logged: %s", w.log)

	alone := api.Health(func(context.Context) health.Ready { return health.Of(w.readiness) })
	for path, status := range map[string]int{"/livez": http.StatusOK, "/readyz": http.StatusServiceUnavailable, "/v1/agents": http.StatusNotFound} {
		recorder := httptest.NewRecorder()
		alone.ServeHTTP(recorder, httptest.NewRequest("GET", path, nil))
		require.Equal(t, status, recorder.Code, path)
	}
}

func TestTheServerSetsEveryLimit(t *testing.T) {
	t.Parallel()
	s := api.Server("127.0.0.1:0", http.NotFoundHandler())
	require.NotZero(t, s.ReadHeaderTimeout)
	require.NotZero(t, s.ReadTimeout)
	require.NotZero(t, s.WriteTimeout)
	require.NotZero(t, s.IdleTimeout)
	require.Equal(t, 32<<10, s.MaxHeaderBytes)
}

// curl -d says that it sends a form, and Huma knows application/json in lower case only.
func TestAnyContentTypeIsTakenForJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, contentType := range []string{"", "Application/JSON; charset=UTF-8", "application/x-www-form-urlencoded", "text/plain", "nonsense;;"} {
		w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo"}`, "Content-Type", contentType).is(http.StatusCreated)
	}
	for _, accept := range []string{"*/*", "application/xml", "text/html, application/json;q=0.9"} {
		got := w.do(t, "GET", "/v1/agents", w.adm, nil, "Accept", accept).is(http.StatusOK)
		require.Contains(t, got.header.Get("Content-Type"), "application/json")
	}
}
