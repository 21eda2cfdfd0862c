package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// attempted writes an attempt down as a worker does, so long ago.
func (w *world) attempted(t *testing.T, delivery, n int, ago time.Duration, status any, class any) {
	t.Helper()
	w.Exec(t, `INSERT INTO delivery_attempts (delivery_id, endpoint_id, n, trigger, started_at, status, error_class)
		SELECT id, endpoint_id, $2::int, 'schedule', now() - $3::interval, $4::int, $5::text FROM deliveries ORDER BY position OFFSET $1::int LIMIT 1`,
		delivery, n, ago, status, class)
}

// What an operator sees of all endpoints in the metrics, an admin sees of one of the account's own in the API.
func TestDelivery_51_AnEndpointsHealthIsInTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String() + "/health"
	well := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "enabled", well.text("state"))
	require.Equal(t, "closed", well.text("breaker.state"))
	require.EqualValues(t, 0, well.field("pending"))
	require.EqualValues(t, 0, well.field("oldest_undelivered_age_seconds"))
	for _, absent := range []string{"failing_since", "oldest_undelivered_at", "last_5_minutes.success_ratio", "paused_until", "last_failure_at"} {
		require.Nil(t, well.field(absent), absent)
	}

	w.queue(t, "447700900123", "447700900124", "447700900125")
	w.Exec(t, "UPDATE deliveries SET created_at = now() - interval '7 minutes' WHERE position = (SELECT min(position) FROM deliveries)")
	w.Exec(t, "UPDATE deliveries SET state = 'held' WHERE position = (SELECT max(position) FROM deliveries)")
	w.Exec(t, `UPDATE endpoints SET failing_since = now() - interval '6 minutes', failures = 12, last_failure_at = now() - interval '1 minute',
		last_success_at = now() - interval '1 hour', open_until = now() + interval '20 seconds', paused_until = now() + interval '1 minute'`)
	w.attempted(t, 0, 1, time.Minute, 200, nil)
	w.attempted(t, 0, 2, 2*time.Minute, 503, nil)
	w.attempted(t, 0, 3, 3*time.Minute, nil, "timeout")
	w.attempted(t, 0, 4, 4*time.Minute, nil, "proxy")
	w.attempted(t, 0, 5, time.Second, nil, nil)
	w.attempted(t, 1, 1, time.Hour, 204, nil)
	w.attempted(t, 1, 2, 25*time.Hour, 200, nil)

	ill := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "open", ill.text("breaker.state"))
	for _, told := range []string{"breaker.open_until", "paused_until", "failing_since", "last_success_at", "last_failure_at", "oldest_undelivered_at"} {
		require.NotEmpty(t, ill.text(told), told)
	}
	require.EqualValues(t, 12, ill.field("failures"))
	require.EqualValues(t, 2, ill.field("pending"))
	require.EqualValues(t, 1, ill.field("held"))
	require.Greater(t, ill.field("oldest_undelivered_age_seconds"), float64(419))
	require.Equal(t, map[string]any{
		"attempts": 5.0, "success_ratio": 1.0 / 3, "attempts_by_class": map[string]any{"2xx": 1.0, "5xx": 1.0, "timeout": 1.0, "proxy": 1.0, "unknown": 1.0},
	}, ill.field("last_5_minutes"))
	require.Equal(t, map[string]any{
		"attempts": 6.0, "success_ratio": 0.5, "attempts_by_class": map[string]any{"2xx": 2.0, "5xx": 1.0, "timeout": 1.0, "proxy": 1.0, "unknown": 1.0},
	}, ill.field("last_24_hours"))

	w.Exec(t, "UPDATE endpoints SET open_until = now() - interval '1 second', paused_until = now() - interval '1 second', state = 'disabled', disabled_reason = 'gone'")
	disabled := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "half_open", disabled.text("breaker.state"))
	require.Equal(t, "gone", disabled.text("disabled_reason"))
	require.Nil(t, disabled.field("paused_until"))
}

func TestAnEndpointsHealthIsItsAdminsAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String() + "/health"
	foreign := w.do(t, "GET", path, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	absent := w.do(t, "GET", "/v1/endpoints/"+handoff.NewID().String()+"/health", w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Equal(t, absent.text("detail"), foreign.text("detail"))
	for _, key := range []string{w.gateway, w.ana} {
		w.do(t, "GET", path, key, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	}
}

// queue has a delivery waiting for the endpoint for each of these contacts.
func (w *world) queue(t *testing.T, phones ...string) {
	t.Helper()
	for _, phone := range phones {
		conv := w.conversation(t, phone)
		w.do(t, "POST", "/v1/conversations/"+conv.ID.String()+"/claim", w.ana, nil).is(http.StatusOK)
		w.do(t, "POST", "/v1/conversations/"+conv.ID.String()+"/messages", w.ana, map[string]string{"type": "text", "text": "Hi"}, "Idempotency-Key", phone).is(http.StatusCreated)
	}
	require.Equal(t, len(phones), w.Count(t, "deliveries", "state = 'pending'"))
}
