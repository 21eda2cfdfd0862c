package api_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
	"handoff/workflows"
)

// told is a world in which an endpoint is told of every message of contacts.
func told(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.Exec(t, "UPDATE endpoints SET event_types = '{message.received}'")
	return w
}

// attempt sends what an endpoint's lane has that is due. Its error says that there is more to wait for.
func (w *world) attempt(c dbsqlc.Conversation, endpoint handoff.ID) error {
	_, err := w.activities.DeliverWebhooks(context.Background(), activities.DeliverInput{
		Ref: workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID).Ref, EndpointID: endpoint, Max: 20,
	})
	return err
}

// due makes everything that waits for its next attempt due now.
func (w *world) due(t *testing.T) {
	t.Helper()
	w.Exec(t, "UPDATE deliveries SET next_attempt_at = now() - interval '1 second' WHERE state = 'pending'")
	w.Exec(t, "UPDATE endpoints SET paused_until = NULL, open_until = NULL, judged_from = now()")
}

// answering is a receiver on loopback.
func answering(t *testing.T, answer http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server.URL
}

// closedPort is an address where nothing listens.
func closedPort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	return "http://" + address
}

func resets(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

func answers(status int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

const longBody = 100 << 10

func TestDelivery_36_TheAttemptLogSaysWhatBecameOfEachRequest(t *testing.T) {
	t.Parallel()
	w := told(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/deliveries/" + w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK).text("items.0.id")
	hangs := answering(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does net/http notice that the client has gone
		<-r.Context().Done()
	})
	impatient := outbound.NewClient(outbound.Config{AllowLoopback: true, Timeout: 300 * time.Millisecond})
	t.Cleanup(impatient.Close)
	patient := w.activities.Poster
	for i, attempt := range []struct {
		url, outcome, class string
		status              int
		poster              *outbound.Client
	}{
		{url: hangs, outcome: "failed", class: "timeout", poster: impatient},
		{url: answering(t, resets), outcome: "failed", class: "reset"},
		{url: closedPort(t), outcome: "failed", class: "connect"},
		{url: "https://no-such-name.invalid", outcome: "failed", class: "blocked_destination"},
		{url: "https://10.1.2.3", outcome: "failed", class: "invalid_url"},
		{url: answering(t, answers(500, strings.Repeat("x", longBody), "X-Request-Id", "r-1", "Set-Cookie", "id=secret")), outcome: "failed", status: 500},
		{url: answering(t, answers(503, "caf\xe9 \xff\x00", "Content-Type", "text/plain")), outcome: "failed", status: 503},
		{url: answering(t, answers(200, strings.Repeat("y", 5000))), outcome: "delivered", status: 200},
	} {
		w.Exec(t, "UPDATE endpoints SET url = $1 WHERE id = $2", attempt.url, w.Endpoint.ID)
		w.due(t)
		w.activities.Poster = patient
		if attempt.poster != nil {
			w.activities.Poster = attempt.poster
		}
		before := time.Now().Add(-time.Millisecond)
		require.Equal(t, attempt.outcome == "delivered", w.attempt(c, w.Endpoint.ID) == nil)
		got := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
		require.Len(t, got.field("attempts"), i+1)
		at := func(field string) string { return fmt.Sprintf("attempts.%d.%s", i, field) }
		require.EqualValues(t, i+1, got.field(at("n")))
		require.Equal(t, "schedule", got.text(at("trigger")))
		require.Equal(t, attempt.outcome, got.text(at("outcome")), attempt.url)
		require.Equal(t, attempt.class, got.text(at("error_class")), attempt.url)
		require.Equal(t, attempt.class != "", got.text(at("error")) != "", attempt.url)
		if attempt.status != 0 {
			require.EqualValues(t, attempt.status, got.field(at("status")))
		}
		requireTimes(t, got, at, before)
		if attempt.outcome == "failed" {
			require.Equal(t, got.text("next_attempt_at"), got.text(at("next_attempt_at")), "the schedule as it stood after it")
		}
	}
	got := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.NotContains(t, got.text("attempts.3.error"), "DNS", "whether a name exists in the operator's network is nobody's business")
	require.Len(t, got.text("attempts.5.response_excerpt"), 64<<10)
	require.Equal(t, true, got.field("attempts.5.response_truncated"))
	require.Equal(t, "r-1", got.text("attempts.5.response_headers.X-Request-Id"))
	require.NotContains(t, string(got.body), "secret", "headers that explain nothing are not kept")
	require.True(t, utf8.Valid(got.body))
	require.Equal(t, "caf\uFFFD \uFFFD\uFFFD", got.text("attempts.6.response_excerpt"))
	require.Equal(t, false, got.field("attempts.6.response_truncated"))
	require.Equal(t, "text/plain", got.text("attempts.6.response_headers.Content-Type"))
	require.Len(t, got.text("attempts.7.response_excerpt"), 2<<10)
	require.Equal(t, true, got.field("attempts.7.response_truncated"))
	require.Nil(t, got.field("attempts.7.next_attempt_at"))

	list := w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK)
	require.Len(t, list.text("items.0.attempts.5.response_excerpt"), 1024, "a list stays light")
	require.Equal(t, true, list.field("items.0.attempts.5.response_truncated"))
	require.Equal(t, "caf\uFFFD \uFFFD\uFFFD", list.text("items.0.attempts.6.response_excerpt"))
	require.Equal(t, false, list.field("items.0.attempts.6.response_truncated"))
	require.Equal(t, "timeout", list.text("items.0.attempts.0.error_class"))
}

func requireTimes(t *testing.T, got answer, at func(string) string, before time.Time) {
	t.Helper()
	began, err := time.Parse(time.RFC3339Nano, got.text(at("at")))
	require.NoError(t, err)
	ended, err := time.Parse(time.RFC3339Nano, got.text(at("ended_at")))
	require.NoError(t, err)
	ms, ok := got.field(at("duration_ms")).(float64)
	require.True(t, ok)
	require.True(t, began.After(before) && !ended.Before(began))
	require.InDelta(t, ms, float64(ended.Sub(began).Microseconds())/1000, 0.01)
}

// The worker dies in the middle of a request.
func TestDelivery_36_AnAttemptWhoseWorkerDiedIsUnknownAndNeverMissing(t *testing.T) {
	t.Parallel()
	w := told(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/deliveries/" + w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK).text("items.0.id")
	poster := w.activities.Poster
	w.activities.Poster = nil
	require.Panics(t, func() { _ = w.attempt(c, w.Endpoint.ID) })
	w.activities.Poster = poster

	got := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Len(t, got.field("attempts"), 1)
	require.Equal(t, "in_flight", got.text("attempts.0.outcome"))
	require.Nil(t, got.field("attempts.0.ended_at"))
	w.Exec(t, "UPDATE delivery_attempts SET started_at = now() - interval '61 seconds'")
	require.Equal(t, "unknown", w.do(t, "GET", path, w.adm, nil).is(http.StatusOK).text("attempts.0.outcome"), "no attempt takes that long")

	w.Exec(t, "UPDATE delivery_attempts SET started_at = now()")
	require.NoError(t, w.attempt(c, w.Endpoint.ID))
	got = w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Len(t, got.field("attempts"), 2)
	require.Equal(t, "unknown", got.text("attempts.0.outcome"), "there is a later one")
	require.Equal(t, "delivered", got.text("attempts.1.outcome"))
	require.Equal(t, "unknown", w.do(t, "GET", "/v1/deliveries", w.adm, nil).text("items.0.attempts.0.outcome"))

	// What a worker says of an attempt that another one did not live to end.
	w.Exec(t, "UPDATE delivery_attempts SET error = 'no answer came' WHERE n = 1")
	require.Equal(t, "unknown", w.do(t, "GET", path, w.adm, nil).is(http.StatusOK).text("attempts.0.outcome"))
}

func TestDelivery_36_TenantsNeverSeeWhereARequestWent(t *testing.T) {
	t.Parallel()
	w := told(t)
	c := w.conversation(t, "447700900123")
	w.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	require.Error(t, w.attempt(c, w.Endpoint.ID))
	require.Equal(t, 1, w.Count(t, "delivery_attempts", "remote_ip = '127.0.0.1'"), "operators find it in the row")
	// The class of a name that does not resolve, as a row might still have it.
	w.Exec(t, "UPDATE delivery_attempts SET remote_ip = '203.0.113.77', status = NULL, error = 'words', error_class = 'dns'")

	list := w.do(t, "GET", "/v1/deliveries", w.adm, nil).is(http.StatusOK)
	require.Equal(t, "blocked_destination", list.text("items.0.attempts.0.error_class"))
	path := "/v1/deliveries/" + list.text("items.0.id")
	for _, got := range []answer{
		list, w.do(t, "GET", path, w.adm, nil), w.do(t, "POST", path+"/redeliver", w.adm, nil),
		w.do(t, "GET", "/v1/endpoints/"+w.Endpoint.ID.String(), w.adm, nil), w.do(t, "GET", "/v1/inboxes/"+w.Inbox.ID.String()+"/health", w.adm, nil),
		w.do(t, "GET", "/v1/events", w.adm, nil),
	} {
		require.Less(t, got.status, http.StatusMultipleChoices, string(got.body))
		require.NotContains(t, string(got.body), "203.0.113.77")
		require.NotContains(t, string(got.body), "remote_ip")
		require.NotContains(t, string(got.body), `"dns"`)
	}
	described, err := document(t).MarshalJSON()
	require.NoError(t, err)
	require.NotContains(t, string(described), "remote_ip")
}
