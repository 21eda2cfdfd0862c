package metrics_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var rulesFile = filepath.Join("..", "..", "deploy", "prometheus", "alerts.yaml")

func rules(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(rulesFile)
	require.NoError(t, err)
	return string(content)
}

// alertsVar names the variable with the program that evaluates rules as Prometheus does (tests/alerts), which takes minutes to build.
// Without it the tests evaluate the rules that compare one number with another.
const alertsVar = "HANDOFF_ALERTS"

// firing are the alerts whose expression is true of a scrape.
func (s scrape) firing() []string {
	s.t.Helper()
	simple := s.evaluate()
	program := os.Getenv(alertsVar)
	if program == "" {
		return simple
	}
	command := exec.Command(program, rulesFile)
	command.Stdin = strings.NewReader(s.text)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	require.NoError(s.t, err, problems.String())
	all := strings.Fields(string(out))
	require.Subset(s.t, all, simple, "the short evaluation agrees with Prometheus")
	return all
}

// simpleRule is an alert for the largest value of a metric, perhaps of one state.
var simpleRule = regexp.MustCompile(`(?m)- alert: (\w+)\n +expr: max\((\w+)(?:\{state="(\w+)"\})?\) > (\d+)$`)

func (s scrape) evaluate() []string {
	s.t.Helper()
	var names []string
	for _, rule := range simpleRule.FindAllStringSubmatch(rules(s.t), -1) {
		limit, err := strconv.ParseFloat(rule[4], 64)
		require.NoError(s.t, err)
		for labels, value := range s.series(rule[2]) {
			if (rule[3] == "" || slices.Contains(strings.Fields(labels), "state="+rule[3])) && value > limit {
				names = append(names, rule[1])
				break
			}
		}
	}
	return names
}

const late = "HandoffDeliveriesLate"

// TestDelivery_51_AnAlertFiresForADeliveryOlderThanFiveMinutes goes from a delivery that does not arrive, by a scrape of the real handler
// over a real database, to the rule that operators load, and back when it has arrived.
func TestDelivery_51_AnAlertFiresForADeliveryOlderThanFiveMinutes(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusServiceUnavailable, "" })
	require.NotContains(t, s.scrape().firing(), late, "there is nothing to deliver")
	s.write("Hello")
	s.deliver()
	s.pass(time.Minute)
	require.NotContains(t, s.scrape().firing(), late, "it is not late yet")

	s.Exec(t, "UPDATE deliveries SET created_at = created_at - interval '4 minutes'")
	s.pass(5 * time.Second)
	scrape := s.scrape()
	require.Contains(t, scrape.firing(), late)
	scrape.is(305, "handoff_oldest_undelivered_age_seconds", "state=pending")

	s.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	s.Exec(t, "UPDATE endpoints SET paused_until = NULL")
	s.Exec(t, "UPDATE deliveries SET next_attempt_at = $1", s.now)
	s.deliver()
	require.Equal(t, 1, s.Count(t, "deliveries", "state = 'delivered'"))
	s.pass(5 * time.Second)
	require.NotContains(t, s.scrape().firing(), late, "it has arrived")
}

func TestDelivery_51_EveryMetricOfTheAlertsIsInAScrape(t *testing.T) {
	t.Parallel()
	s := ill(t)
	s.serveSomething()
	got := s.scrape()
	named := regexp.MustCompile(`handoff_\w+`).FindAllString(rules(t), -1)
	require.Greater(t, len(named), 6)
	for _, name := range named {
		require.Contains(t, got.families, strings.TrimSuffix(name, "_bucket"))
	}
}
