package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"handoff/db/dbtest"
	"handoff/internal/testenv"
)

// metricName fits the metrics that an expression names.
var metricName = regexp.MustCompile(`\b(?:handoff|temporal|go|process)_[a-z_]+`)

// metricsPage describes every metric of ours. tests/metrics holds the page against what the handler shows.
func metricsPage(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join(checkout, "docs", "metrics.md"))
	require.NoError(t, err)
	return string(page)
}

// expressions are those of the dashboards and of the alerts, by where they stand.
func expressions(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, err := filepath.Glob(filepath.Join(checkout, "deploy", "grafana", "dashboards", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 2)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		var dashboard struct {
			Panels []struct {
				Title   string
				Targets []struct{ Expr string }
			}
		}
		require.NoError(t, json.Unmarshal(content, &dashboard), file)
		require.NotEmpty(t, dashboard.Panels, file)
		for _, panel := range dashboard.Panels {
			for _, target := range panel.Targets {
				out[panel.Title+": "+target.Expr] = target.Expr
			}
		}
	}
	rules, err := os.ReadFile(filepath.Join(checkout, "deploy", "prometheus", "alerts.yaml"))
	require.NoError(t, err)
	for _, expr := range regexp.MustCompile(`(?m)^ +expr: (.*)$`).FindAllStringSubmatch(string(rules), -1) {
		out[expr[1]] = expr[1]
	}
	return out
}

// TestDashboardsAndAlertsNameWhatIsScraped holds them against the scrapes of a serve and a worker that have done something, and has serve
// say that it is about to stop before it does.
func TestDashboardsAndAlertsNameWhatIsScraped(t *testing.T) {
	t.Parallel()
	s := newStackSet(t, dbtest.URL(t), testenv.Temporal(t), []string{"HANDOFF_DRAIN=15s"}, "message.received")
	into[receipt](t, s.post(text("447700900123", "wamid.scraped", "Hello")), http.StatusOK)
	s.open()
	s.webhook(1)
	known := map[string]bool{}
	for _, scrape := range []func() string{s.metrics(s.worker, "", s.workerURL()), s.metrics(s.serve, "serving metrics", "")} {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(scrape()))
		require.NoError(t, err)
		for name, family := range families {
			known[name] = true
			if strings.HasPrefix(name, "temporal_") {
				require.Less(t, len(family.GetMetric()), 100, "%s has too many series", name)
			}
		}
		require.NotContains(t, scrape(), "447700900123")
	}
	page := metricsPage(t)
	checked := 0
	for where, expr := range expressions(t) {
		for _, name := range metricName.FindAllString(expr, -1) {
			base := strings.TrimSuffix(name, "_bucket")
			if known[base] || strings.Contains(page, "`"+base+"`") {
				checked++
				continue
			}
			t.Errorf("%s names %s, which no process shows", where, name)
		}
	}
	require.Greater(t, checked, 40)
	s.drains()
}

// drains has serve stop: it is out of service first, and still serves.
func (s *stack) drains() {
	s.Helper()
	stopped := make(chan bool, 1)
	go func() { stopped <- s.serve.signal(syscall.SIGTERM, time.Minute) }()
	until(s.T, 10*time.Second, "/readyz says that serve is about to stop", func() bool {
		a, err := send(http.MethodGet, s.url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), `"status":"draining"`)
	})
	require.Equal(s, http.StatusOK, s.get("/v1/conversations").status, "it still serves what it is sent")
	require.Equal(s, http.StatusOK, call(s.T, http.MethodGet, s.url+"/livez", "", nil).status)
	require.True(s, <-stopped)
}
