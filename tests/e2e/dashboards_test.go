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

	dto "github.com/prometheus/client_model/go"
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

// labelsOf are the labels of each metric: of ours as the page describes them, which tests/metrics holds against the handler, and of the others
// as they are scraped.
func labelsOf(page string, families map[string]*dto.MetricFamily) map[string]map[string]bool {
	out := map[string]map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|([^|]*)\\|").FindAllStringSubmatch(page, -1) {
		out[row[1]] = map[string]bool{}
		for _, label := range regexp.MustCompile("[a-z_]+").FindAllString(row[2], -1) {
			out[row[1]][label] = true
		}
	}
	for name, family := range families {
		if out[name] == nil {
			out[name] = map[string]bool{}
		}
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				out[name][label.GetName()] = true
			}
		}
	}
	return out
}

// usedLabels fits the labels by which an expression selects, and the lists by which it groups or joins.
var usedLabels = regexp.MustCompile(`([a-z_]+)\s*(?:=~|!~|!=|=)\s*"|\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)`)

// unknownLabels are those in an expression that none of its metrics has. Prometheus adds instance and job itself, and buckets have le. What
// Temporal's SDK shows only once it happened, such as an activity that had to wait, is not judged.
func unknownLabels(expr string, labels map[string]map[string]bool) (unknown []string, used int) {
	known := map[string]bool{"instance": true, "job": true, "le": true}
	for _, name := range metricName.FindAllString(expr, -1) {
		have, there := labels[strings.TrimSuffix(name, "_bucket")]
		if !there {
			return nil, 0
		}
		for label := range have {
			known[label] = true
		}
	}
	for _, match := range usedLabels.FindAllStringSubmatch(expr, -1) {
		for label := range strings.FieldsFuncSeq(match[1]+","+match[2], func(r rune) bool { return r == ',' || r == ' ' }) {
			used++
			if !known[label] {
				unknown = append(unknown, label)
			}
		}
	}
	return unknown, used
}

func TestALabelThatNoMetricHasIsFound(t *testing.T) {
	t.Parallel()
	labels := labelsOf("| `handoff_a` | `check` | x |\n", nil)
	unknown, used := unknownLabels(`sum by (check, job) (rate(handoff_a{state="x", check!~"y"}[5m]))`, labels)
	require.Equal(t, []string{"state"}, unknown)
	require.Equal(t, 4, used)
	unknown, _ = unknownLabels(`rate(temporal_rare{state="x"}[5m])`, labels)
	require.Empty(t, unknown)
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
// say that it is about to stop, long before it does unless it is asked a second time.
func TestDashboardsAndAlertsNameWhatIsScraped(t *testing.T) {
	t.Parallel()
	s := newStackSet(t, dbtest.URL(t), testenv.Temporal(t), []string{"HANDOFF_DRAIN=10m"}, "message.received")
	into[receipt](t, s.post(text("447700900123", "wamid.scraped", "Hello")), http.StatusOK)
	s.open()
	s.webhook(1)
	worked := s.metrics(s.worker, "", s.workerURL())
	until(t, readyWithin, "the activity that sent it is counted", func() bool { return strings.Contains(worked(), "temporal_activity_execution_latency") })
	known := map[string]bool{}
	scraped := map[string]*dto.MetricFamily{}
	for _, scrape := range []func() string{worked, s.metrics(s.serve, "serving metrics", "")} {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(strings.NewReader(scrape()))
		require.NoError(t, err)
		for name, family := range families {
			known[name], scraped[name] = true, family
			if strings.HasPrefix(name, "temporal_") {
				require.Less(t, len(family.GetMetric()), 100, "%s has too many series", name)
			}
		}
		require.NotContains(t, scrape(), "447700900123")
	}
	page := metricsPage(t)
	labels := labelsOf(page, scraped)
	checked, labelled := 0, 0
	for where, expr := range expressions(t) {
		for _, name := range metricName.FindAllString(expr, -1) {
			base := strings.TrimSuffix(name, "_bucket")
			if known[base] || strings.Contains(page, "`"+base+"`") {
				checked++
				continue
			}
			t.Errorf("%s names %s, which no process shows", where, name)
		}
		unknown, used := unknownLabels(expr, labels)
		require.Empty(t, unknown, "%s names labels that its metrics do not have", where)
		labelled += used
	}
	require.Greater(t, labelled, 20)
	require.Greater(t, checked, 40)
	s.drains()
}

// drains has serve stop: it is out of service first, and still serves.
func (s *stack) drains() {
	s.Helper()
	stopped := make(chan bool, 1)
	go func() { stopped <- s.serve.signal(syscall.SIGTERM, time.Minute) }()
	until(s.T, readyWithin, "/readyz says that serve is about to stop", func() bool {
		a, err := send(http.MethodGet, s.url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), `"status":"draining"`)
	})
	require.Equal(s, http.StatusOK, s.get("/v1/conversations").status, "it still serves what it is sent")
	require.Equal(s, http.StatusOK, call(s.T, http.MethodGet, s.url+"/livez", "", nil).status)
	require.True(s, s.serve.signal(syscall.SIGTERM, readyWithin), "whoever asks a second time does not want to wait")
	require.True(s, <-stopped)
}
