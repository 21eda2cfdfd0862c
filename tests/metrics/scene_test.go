package metrics_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/metrics"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const john = "447700900123"

// scene is a contact whose every message is a webhook, with a worker's activities and its metrics.
type scene struct {
	*testing.T
	*fixture.World
	activities *activities.Activities
	metrics    *metrics.Metrics
	handler    http.Handler
	ref        activities.Ref
	now        time.Time
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneIn(t, dbtest.Pool(t))
}

func newSceneIn(t *testing.T, database db.DB) *scene {
	t.Helper()
	s := &scene{T: t, World: fixture.New(t, database, string(handoff.EventMessageReceived)), now: time.Now().UTC().Truncate(time.Second)}
	s.watch(database)
	return s
}

// watch gives the worker metrics that read a database.
func (s *scene) watch(database db.DB) {
	s.Helper()
	clock := func() time.Time { return s.now }
	m, err := metrics.New(metrics.Config{DB: database, Now: clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	require.NoError(s, err)
	s.metrics, s.handler = m, m.Handler()
	s.activities = s.World.Activities(s.T, clock)
	s.activities.Observe = m.Observe
}

// write has the contact write, and the webhook waiting.
func (s *scene) write(text string) {
	s.Helper()
	wake := s.Accept(s.T, s.Body(john, text), s.now).Wakes[0]
	s.ref = activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	_, err := s.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{Ref: s.ref, Now: s.now})
	require.NoError(s, err)
}

// deliver runs the lane once; its error is what the tests ask the metrics for.
func (s *scene) deliver() {
	_, _ = s.activities.DeliverWebhooks(context.Background(), activities.DeliverInput{
		Ref: s.ref, EndpointID: s.Endpoint.ID, Max: 20, Last: 1,
	})
}

// pass lets time pass: enough, at the least, for the database to be looked at again.
func (s *scene) pass(d time.Duration) { s.now = s.now.Add(d) }

// scrape asks the real handler as Prometheus does.
func (s *scene) scrape() scrape {
	s.Helper()
	recorder := httptest.NewRecorder()
	s.handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(s, http.StatusOK, recorder.Code, recorder.Body.String())
	text := recorder.Body.String()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(s, err)
	return scrape{s.T, text, families}
}

type scrape struct {
	t        *testing.T
	text     string
	families map[string]*dto.MetricFamily
}

// ours are the names of our own metrics.
func (s scrape) ours() []string {
	names := slices.Sorted(maps.Keys(s.families))
	return slices.DeleteFunc(names, func(n string) bool { return !strings.HasPrefix(n, "handoff_") })
}

// series are the values of a metric by their labels, written as in state=pending.
func (s scrape) series(name string) map[string]float64 {
	out := map[string]float64{}
	for _, m := range s.families[name].GetMetric() {
		var labels []string
		for _, l := range m.GetLabel() {
			labels = append(labels, l.GetName()+"="+l.GetValue())
		}
		value := m.GetGauge().GetValue() + m.GetCounter().GetValue()
		if h := m.GetHistogram(); h != nil {
			value = float64(h.GetSampleCount())
		}
		out[strings.Join(labels, " ")] = value
	}
	return out
}

// value is the one of a metric with these labels.
func (s scrape) value(name, labels string) float64 {
	s.t.Helper()
	all := s.series(name)
	require.Contains(s.t, all, labels, name)
	return all[labels]
}

func (s scrape) is(want float64, name, labels string) {
	s.t.Helper()
	require.InDelta(s.t, want, s.value(name, labels), 0.001, "%s{%s}", name, labels)
}
