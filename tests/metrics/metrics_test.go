package metrics_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbtest"
	"handoff/internal/outbound"
)

// ill makes a scene of which every metric has something to tell: a delivery that arrived, and an endpoint that fails.
func ill(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	s.Gateway.Answer(func(n int) (int, string) {
		if n == 1 {
			return http.StatusOK, ""
		}
		return http.StatusServiceUnavailable, ""
	})
	s.write("Hello")
	s.deliver()
	s.write("Is anybody there?")
	s.deliver()
	return s
}

func TestDelivery_51_EveryAttemptIsCounted(t *testing.T) {
	t.Parallel()
	s := ill(t)
	got := s.scrape()
	require.Equal(t, map[string]float64{
		"class=2xx outcome=delivered transport=webhook trigger=schedule": 1,
		"class=5xx outcome=retry transport=webhook trigger=schedule":     1,
	}, got.series("handoff_delivery_attempts_total"))
	require.Equal(t, map[string]float64{"outcome=delivered transport=webhook": 1, "outcome=retry transport=webhook": 1},
		got.series("handoff_delivery_attempt_duration_seconds"))
	require.Equal(t, map[string]float64{"transport=webhook": 1}, got.series("handoff_delivery_latency_seconds"))

	s.Exec(t, "UPDATE endpoints SET url = 'http://127.0.0.1:1', paused_until = NULL, open_until = NULL")
	s.Exec(t, "UPDATE deliveries SET next_attempt_at = $1, step = 10 WHERE state = 'pending'", s.now)
	s.deliver()
	s.scrape().is(1, "handoff_delivery_attempts_total", "class=connect outcome=failed transport=webhook trigger=schedule")

	s.Exec(t, "UPDATE endpoints SET url = $1, open_until = NULL", s.Gateway.URL)
	s.Gateway.Answer(func(int) (int, string) { return http.StatusGone, "" })
	s.Exec(t, "UPDATE deliveries SET manual_at = $1, manual_count = 1 WHERE state = 'failed'", s.now)
	s.deliver()
	s.scrape().is(1, "handoff_delivery_attempts_total", "class=4xx outcome=gone transport=webhook trigger=manual")
	s.pass(time.Minute)
	s.scrape().is(1, "handoff_endpoints", "state=disabled")
}

// What is sent again has arrived before, and a broken proxy of our own is no attempt of the receiver's.
func TestLatencyIsOfTheFirstSuccessAndAFailedProxyIsThrottled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.write("Hello")
	s.pass(3 * time.Second)
	s.deliver()
	s.Exec(t, "UPDATE deliveries SET manual_at = $1, manual_count = 1", s.now)
	s.deliver()
	require.Len(t, s.Gateway.Requests(), 2)
	got := s.scrape()
	got.is(1, "handoff_delivery_attempts_total", "class=2xx outcome=delivered transport=webhook trigger=manual")
	got.is(1, "handoff_delivery_latency_seconds", "transport=webhook")
	require.InDelta(t, 3, got.families["handoff_delivery_latency_seconds"].GetMetric()[0].GetHistogram().GetSampleSum(), 0.1)

	proxy, err := outbound.ParseProxy("http://127.0.0.1:1")
	require.NoError(t, err)
	s.activities.Poster = outbound.NewClient(outbound.Config{AllowLoopback: true, Proxy: proxy})
	t.Cleanup(s.activities.Poster.Close)
	s.write("Hello again")
	s.deliver()
	s.pass(time.Minute)
	got = s.scrape()
	got.is(1, "handoff_delivery_attempts_total", "class=proxy outcome=throttled transport=webhook trigger=schedule")
	got.is(1, "handoff_endpoint_success_ratio", "endpoint_id="+s.Endpoint.ID.String())
}

func TestDelivery_51_TheBacklogAndTheBreakerAreOnTheMetricsPage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	id := s.Endpoint.ID.String()
	got := s.scrape()
	require.Equal(t, map[string]float64{"state=pending": 0, "state=held": 0}, got.series("handoff_oldest_undelivered_age_seconds"))
	require.Equal(t, map[string]float64{"state=pending": 0, "state=held": 0}, got.series("handoff_deliveries"))
	require.Equal(t, map[string]float64{"state=enabled": 1, "state=disabled": 0}, got.series("handoff_endpoints"))
	require.Empty(t, got.series("handoff_endpoint_success_ratio"))
	require.Empty(t, got.series("handoff_endpoint_breaker_open"))

	s.Gateway.Answer(func(n int) (int, string) {
		return map[bool]int{true: http.StatusOK, false: http.StatusInternalServerError}[n%4 == 1], ""
	})
	s.write("one")
	s.deliver()
	s.write("two")
	for range 3 {
		s.deliver()
		s.Exec(t, "UPDATE deliveries SET next_attempt_at = $1 WHERE state = 'pending'", s.now)
	}
	s.pass(time.Minute)
	got = s.scrape()
	got.is(0.25, "handoff_endpoint_success_ratio", "endpoint_id="+id)
	got.is(0, "handoff_endpoint_breaker_open", "endpoint_id="+id)
	got.is(60, "handoff_oldest_undelivered_age_seconds", "state=pending")
	got.is(60, "handoff_endpoint_oldest_undelivered_age_seconds", "endpoint_id="+id+" state=pending")
	got.is(1, "handoff_deliveries", "state=pending")

	for until, want := range map[time.Duration]float64{20 * time.Second: 1, -time.Second: 0.5} {
		s.Exec(t, "UPDATE endpoints SET open_until = $1", s.now.Add(10*time.Second+until))
		s.pass(10 * time.Second)
		s.scrape().is(want, "handoff_endpoint_breaker_open", "endpoint_id="+id)
	}
	s.Exec(t, "UPDATE deliveries SET state = 'held' WHERE state = 'pending'")
	s.pass(10 * time.Minute)
	got = s.scrape()
	got.is(0, "handoff_oldest_undelivered_age_seconds", "state=pending")
	require.Greater(t, got.value("handoff_oldest_undelivered_age_seconds", "state=held"), float64(600))
	got.is(1, "handoff_deliveries", "state=held")
	require.Empty(t, got.series("handoff_endpoint_success_ratio"), "nothing was attempted for five minutes")

	s.Exec(t, "UPDATE endpoints SET deleted_at = now(), state = 'disabled'")
	s.pass(time.Minute)
	got = s.scrape()
	// What is left of a deleted endpoint is nobody's concern.
	got.is(0, "handoff_deliveries", "state=held")
	got.is(0, "handoff_oldest_undelivered_age_seconds", "state=held")
	got.is(0, "handoff_endpoints", "state=disabled")
}

func TestAWakeUpThatNobodySendsIsOverdue(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Accept(t, s.Body(john, "Hello"), s.now)
	s.Exec(t, "UPDATE wakes SET next_signal_at = $1", s.now)
	s.pass(90 * time.Second)
	got := s.scrape()
	got.is(1, "handoff_wakes_raised", "")
	got.is(90, "handoff_wake_overdue_seconds", "")
}

// Scrapes that come together cost one look.
func TestTheDatabaseIsLookedAtOnceInFiveSeconds(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.scrape().is(0, "handoff_deliveries", "state=pending")
	s.write("Hello")
	s.pass(4 * time.Second)
	s.scrape().is(0, "handoff_deliveries", "state=pending")
	s.pass(time.Second)
	s.scrape().is(1, "handoff_deliveries", "state=pending")
}

// A database that is away takes the gauges with it, and nothing else: an age of 0 would say that all is well.
func TestAMissingDatabaseIsToldAndNotShownAsWell(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	s := newSceneIn(t, pool)
	s.write("Hello")
	s.deliver()
	pool.Close()
	got := s.scrape()
	got.is(9, "handoff_database_readings_failed", "")
	require.NotContains(t, got.families, "handoff_oldest_undelivered_age_seconds")
	require.NotEmpty(t, got.series("handoff_delivery_attempts_total"))
	require.Contains(t, got.families, "go_goroutines")
	require.Contains(t, got.families, "process_open_fds")
}

// Of more endpoints than are shown, those are shown that are late the longest.
func TestTheNumberOfSeriesIsBounded(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	for range 130 {
		s.AddEndpoint(t, s.Gateway, string(handoff.EventMessageReceived))
	}
	s.write("Hello")
	s.Exec(t, "UPDATE endpoints SET failing_since = now()")
	var late handoff.ID
	require.NoError(t, s.DB.QueryRow(context.Background(), `UPDATE deliveries SET created_at = created_at - interval '1 hour'
		WHERE id = (SELECT id FROM deliveries ORDER BY random() LIMIT 1) RETURNING endpoint_id`).Scan(&late))
	s.Exec(t, "UPDATE deliveries SET state = 'held' WHERE id = (SELECT id FROM deliveries WHERE endpoint_id <> $1 ORDER BY position LIMIT 1)", late)
	got := s.scrape()
	got.is(130, "handoff_deliveries", "state=pending")
	require.Len(t, got.series("handoff_endpoint_breaker_open"), 100)
	ages := got.series("handoff_endpoint_oldest_undelivered_age_seconds")
	require.LessOrEqual(t, len(ages), 200)
	got.is(3600, "handoff_endpoint_oldest_undelivered_age_seconds", "endpoint_id="+late.String()+" state=pending")
	require.Contains(t, got.series("handoff_oldest_undelivered_age_seconds"), "state=held")
}

// Metrics are copied into systems from which nobody is erased.
func TestMetricsHoldNoPersonalDataAndNoURL(t *testing.T) {
	t.Parallel()
	s := ill(t)
	text := s.scrape().text
	require.Contains(t, text, s.Endpoint.ID.String())
	for _, secret := range []string{
		john, "John", "Hello", s.Gateway.URL, strings.TrimPrefix(s.Gateway.URL, "http://"), s.Inbox.PhoneNumberID, s.Account.Name, s.Account.ID.String(), "wamid",
	} {
		require.NotContains(t, text, secret)
	}
}

// serveSomething has a process that serves everything count something.
func (s *scene) serveSomething() {
	s.Helper()
	took := time.Millisecond
	s.metrics.Served(http.MethodGet, "/v1/conversations", http.StatusOK, &took)
	s.metrics.Accepted(handoff.ProtocolKapso, handoff.ItemMessage, "accepted")
	s.metrics.SignatureRefused(handoff.ProtocolKapso)
	s.metrics.Streams(1)
	s.metrics.Signalled(nil)
	s.metrics.Downloaded("ready")
	s.metrics.Queue(func() int { return 3 })
	s.metrics.Checks(func() map[string]bool { return map[string]bool{"database": true, "temporal": false} })
	pool, err := pgxpool.New(s.Context(), "postgres://127.0.0.1:1/nobody") // asked for its numbers alone
	require.NoError(s, err)
	s.Cleanup(pool.Close)
	s.metrics.Pool(pool)
}

func TestWhatIsServedIsCounted(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.serveSomething()
	s.metrics.Served(http.MethodGet, "", http.StatusNotFound, nil)
	s.metrics.Signalled(errors.New("away"))
	s.metrics.Streams(-1)
	got := s.scrape()
	require.Equal(t, map[string]float64{
		"method=GET route=/v1/conversations status=200": 1, "method=GET route=none status=404": 1,
	}, got.series("handoff_http_requests_total"))
	require.Equal(t, map[string]float64{"method=GET route=/v1/conversations": 1}, got.series("handoff_http_request_duration_seconds"))
	require.Equal(t, map[string]float64{"outcome=taken": 1, "outcome=failed": 1}, got.series("handoff_signals_total"))
	require.Equal(t, map[string]float64{"check=database": 1, "check=temporal": 0}, got.series("handoff_check_up"))
	got.is(0, "handoff_event_streams", "")
	got.is(3, "handoff_signal_queue_length", "")
	got.is(0, "handoff_db_connections", "state=used")
}

func TestOpenConversationsAreCountedAndWhoWaitsLongestIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	got := s.scrape()
	require.Equal(t, map[string]float64{"status=bot": 0, "status=waiting": 0, "status=assigned": 0, "status=snoozed": 0}, got.series("handoff_conversations"))
	got.is(0, "handoff_waiting_oldest_age_seconds", "")
	s.write("Hello")
	s.pass(90 * time.Second)
	got = s.scrape()
	got.is(1, "handoff_conversations", "status=waiting")
	got.is(90, "handoff_waiting_oldest_age_seconds", "")
	s.Exec(t, "UPDATE conversations SET status = 'ended', end_reason = 'resolved', ended_at = now()")
	s.pass(time.Minute)
	got = s.scrape()
	got.is(0, "handoff_conversations", "status=waiting")
	got.is(0, "handoff_waiting_oldest_age_seconds", "")
}

// The page describes every metric that there is, and none that there is not.
func TestThePageAndTheScrapeAgree(t *testing.T) {
	t.Parallel()
	s := ill(t)
	s.serveSomething()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	require.NoError(t, err)
	labels := map[string][]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(handoff_[a-z_]+)` \\|([^|]*)\\|").FindAllStringSubmatch(string(content), -1) {
		labels[row[1]] = regexp.MustCompile("[a-z_]+").FindAllString(row[2], -1)
	}
	got := s.scrape()
	described := make([]string, 0, len(labels))
	for name := range labels {
		described = append(described, name)
	}
	require.ElementsMatch(t, got.ours(), described)
	for name, want := range labels {
		for _, m := range got.families[name].GetMetric() {
			var have []string
			for _, l := range m.GetLabel() {
				have = append(have, l.GetName())
			}
			require.ElementsMatch(t, want, have, name)
		}
	}
	for _, name := range regexp.MustCompile(`handoff_[a-z_]+`).FindAllString(string(content), -1) {
		require.True(t, slices.Contains(described, name), "the page names %s", name)
	}
}

func TestWhatTheLedgerFoundIsOnTheMetricsPage(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.write("Hello")
	s.scrape().is(0, "handoff_ledger_gaps", "kind=event_missing state=open")
	s.Exec(t, "UPDATE conversations SET last_seq = last_seq + 1")
	s.Accept(t, s.Body(john, "Hello?"), s.now)
	s.Exec(t, "UPDATE wakes SET raised = false")
	s.pass(15 * time.Minute)
	s.activities.Now = func() time.Time { return s.now }
	_, err := s.activities.CheckLedger(t.Context(), activities.LedgerInput{})
	require.NoError(t, err)
	got := s.scrape()
	got.is(1, "handoff_ledger_gaps", "kind=sequence_wrong state=open")
	got.is(1, "handoff_ledger_gaps", "kind=not_woken state=repaired")
	require.Len(t, got.series("handoff_ledger_gaps"), 2*len(handoff.GapKinds), "what is well is told as 0")
	s.pass(25 * time.Hour)
	s.scrape().is(0, "handoff_ledger_gaps", "kind=not_woken state=repaired")
}
