package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// well is a scrape of which no alert is true.
const well = `handoff_oldest_undelivered_age_seconds{state="pending"} 3
handoff_oldest_undelivered_age_seconds{state="held"} 0
handoff_endpoint_breaker_open{endpoint_id="a"} 0
handoff_endpoint_success_ratio{endpoint_id="a"} 0.99
handoff_endpoints{state="enabled"} 4
handoff_endpoints{state="disabled"} 1
handoff_wake_overdue_seconds 1.5
handoff_ledger_gaps{kind="delivery_missing",state="open"} 0
handoff_database_readings_failed 0
handoff_http_requests_total{status="200"} 0
handoff_http_requests_total{status="500"} 0
handoff_http_request_duration_seconds_bucket{le="1"} 0
handoff_http_request_duration_seconds_bucket{le="2.5"} 0
handoff_http_request_duration_seconds_bucket{le="10"} 0
handoff_http_request_duration_seconds_bucket{le="+Inf"} 0
handoff_check_up{instance="w1",check="database"} 1
handoff_check_up{instance="w1",check="polls"} 1
handoff_check_up{instance="w2",check="polls"} 1
handoff_db_wait_seconds_total{instance="w1"} 0
up{job="handoff-worker",instance="w1"} 1
up{job="handoff-worker",instance="w2"} 0
`

// Each change of a line makes one alert true and no other.
var ills = []struct{ alert, from, to string }{
	{"HandoffDeliveriesLate", `{state="pending"} 3`, `{state="pending"} 301`},
	{"HandoffDeliveriesHeld", `{state="held"} 0`, `{state="held"} 90000`},
	{"HandoffBreakerOpen", `breaker_open{endpoint_id="a"} 0`, `breaker_open{endpoint_id="a"} 0.5`},
	{"HandoffEndpointFailing", `0.99`, `0.4`},
	{"HandoffEndpointDisabled", `{state="disabled"} 1`, `{state="disabled"} 2`},
	{"HandoffDispatcherStuck", `overdue_seconds 1.5`, `overdue_seconds 61`},
	{"HandoffLedgerGap", `{kind="delivery_missing",state="open"} 0`, `{kind="delivery_missing",state="open"} 1`},
	{"HandoffDatabaseUnseen", `readings_failed 0`, `readings_failed 1`},
	{"HandoffDatabaseUnseen", "handoff_database_readings_failed 0\n", ""},
	{"HandoffWorkerDown", `instance="w1"} 1`, `instance="w1"} 0`},
	{"HandoffWorkerDown", `handoff-worker`, `another`},
	{"HandoffCheckFailing", `check="database"} 1`, `check="database"} 0`},
	{"HandoffWorkerDoesNotPoll", `check="polls"} 1`, `check="polls"} 0`},
}

func rules(t *testing.T) *alerts {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "deploy", "prometheus", "alerts.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := parse(content)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Those of rates need two scrapes within five minutes.
var illRates = []struct{ alert, from, to string }{
	{"HandoffAPIErrors", `status="500"} 0`, `status="500"} 60`},
	{"HandoffAPISlow", "{le=\"10\"} 0\nhandoff_http_request_duration_seconds_bucket{le=\"+Inf\"} 0", "{le=\"10\"} 60\nhandoff_http_request_duration_seconds_bucket{le=\"+Inf\"} 60"},
	{"HandoffPoolExhausted", `wait_seconds_total{instance="w1"} 0`, `wait_seconds_total{instance="w1"} 900`},
}

// after is what is true when a well stack has been scraped for a while, and then once or for longer is not.
func after(t *testing.T, scrapes ...string) []string {
	t.Helper()
	return afterEach(t, 6*time.Minute, scrapes...) // longer than a sample counts for
}

func afterEach(t *testing.T, step time.Duration, scrapes ...string) []string {
	t.Helper()
	var s store
	at := time.Now()
	for _, scrape := range scrapes {
		at = at.Add(step)
		if err := s.add([]byte(scrape), at); err != nil {
			t.Fatal(err)
		}
	}
	names, err := rules(t).pending(context.Background(), &s, at)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestNoAlertIsTrueOfAWellStack(t *testing.T) {
	t.Parallel()
	if names := after(t, well, well); len(names) > 0 {
		t.Fatalf("these are true: %v", names)
	}
}

func TestEachAlertIsTrueOfWhatItIsFor(t *testing.T) {
	t.Parallel()
	var seen []string
	for _, ill := range ills {
		scrape := strings.ReplaceAll(well, ill.from, ill.to)
		if names := after(t, well, scrape); !slices.Equal(names, []string{ill.alert}) {
			t.Fatalf("%s → %s: %v are true, and not %s alone", ill.from, ill.to, names, ill.alert)
		}
		if names := after(t, well, scrape, well); slices.Contains(names, ill.alert) {
			t.Fatalf("%s is still true when all is well again", ill.alert)
		}
		seen = append(seen, ill.alert)
	}
	for _, ill := range illRates {
		scrape := strings.ReplaceAll(well, ill.from, ill.to)
		if names := afterEach(t, 2*time.Minute, well, well, scrape); !slices.Equal(names, []string{ill.alert}) {
			t.Fatalf("%s → %s: %v are true, and not %s alone", ill.from, ill.to, names, ill.alert)
		}
		seen = append(seen, ill.alert)
	}
	for _, rule := range rules(t).rules {
		if !slices.Contains(seen, rule.Alert) {
			t.Fatalf("nothing here makes %s true", rule.Alert)
		}
	}
}

func TestRulesThatPrometheusRefusesAreRefused(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"no expression":    "groups: [{name: a, rules: [{alert: A}]}]",
		"a misspelt field": "groups: [{name: a, rules: [{alert: A, expr: up, fro: 1m}]}]",
		"no PromQL":        "groups: [{name: a, rules: [{alert: A, expr: 'max(up'}]}]",
		"a bad template":   "groups: [{name: a, rules: [{alert: A, expr: up, annotations: {summary: '{{ $value'}}]}]",
	} {
		if _, err := parse([]byte(text)); err == nil {
			t.Fatalf("%s is accepted", name)
		}
	}
}
