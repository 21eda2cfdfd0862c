package api_test

import (
	"context"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

func TestAnEndpointsOrderAndLimits(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolNative)
	path, made := w.endpoint(t, inbox)
	require.Equal(t, "strict", made.text("ordering"))
	require.Nil(t, made.field("rate_limit"))
	require.EqualValues(t, 10, made.field("max_in_flight"))
	_, given := w.endpoint(t, inbox, "ordering", "best_effort", "rate_limit", 1000, "max_in_flight", 1)
	require.Equal(t, "best_effort", given.text("ordering"))
	require.EqualValues(t, 1000, given.field("rate_limit"))
	require.EqualValues(t, 1, given.field("max_in_flight"))

	changed := w.do(t, "PATCH", path, w.adm, `{"ordering":"best_effort","rate_limit":1,"max_in_flight":1000}`).is(http.StatusOK)
	kept := w.do(t, "PATCH", path, w.adm, `{"retry":"none"}`).is(http.StatusOK)
	for _, shown := range []answer{changed, kept, w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)} {
		require.Equal(t, "best_effort", shown.text("ordering"))
		require.EqualValues(t, 1, shown.field("rate_limit"))
		require.EqualValues(t, 1000, shown.field("max_in_flight"))
	}
	require.Nil(t, w.do(t, "PATCH", path, w.adm, `{"rate_limit":0}`).is(http.StatusOK).field("rate_limit"))
	w.do(t, "PATCH", path, w.adm, `{"rate_limit":5}`).is(http.StatusOK)
	require.Nil(t, w.do(t, "PATCH", path, w.adm, `{"rate_limit":null}`).is(http.StatusOK).field("rate_limit"))
	for body, says := range map[string]string{
		`{"ordering":"loose"}`:    "strict, best_effort",
		`{"rate_limit":-1}`:       ">= 0",
		`{"rate_limit":1001}`:     "<= 1000",
		`{"rate_limit":"1"}`:      "integer",
		`{"max_in_flight":0}`:     ">= 1",
		`{"max_in_flight":1001}`:  "<= 1000",
		`{"max_in_flight":"ten"}`: "integer",
	} {
		got := w.do(t, "PATCH", path, w.adm, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, got.text("detail"), says, body)
	}
}

// The places under a limit that is no more are given up, and the lanes that wait for them are woken.
func TestAChangedRateLimitFreesWhoWaitsForTheOldOne(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String()
	w.do(t, "PATCH", path, w.adm, `{"event_types":["message.received"],"rate_limit":1}`).is(http.StatusOK)
	w.receive(t, "447700900123", "Hello")
	w.Exec(t, "UPDATE endpoints SET slot_at = now() + interval '1 hour', recovered_at = NULL")
	w.Exec(t, "UPDATE deliveries SET slot_at = now() + interval '1 hour'")
	w.do(t, "PATCH", path, w.adm, `{"rate_limit":1,"retry":"none"}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "deliveries", "slot_at IS NOT NULL"), "nothing has changed")
	w.do(t, "PATCH", path, w.adm, `{"rate_limit":1000}`).is(http.StatusOK)
	require.Zero(t, w.Count(t, "deliveries", "slot_at IS NOT NULL"))
	require.Equal(t, 1, w.Count(t, "endpoints", "slot_at IS NULL AND recovered_at = recovered_from AND id = $1", w.Endpoint.ID))

	w.Exec(t, "UPDATE deliveries SET slot_at = now() + interval '1 hour'")
	w.do(t, "PATCH", path, w.adm, map[string]any{"rate_limit": 5, "url": w.Gateway.URL + "/moved"}).is(http.StatusOK)
	require.Zero(t, w.Count(t, "deliveries", "slot_at IS NOT NULL"), "with a new address, too")
}

func TestDelivery_29_AnEndpointShowsItsBreakerAndItsFailures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.timed(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String()
	well := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "closed", well.text("breaker.state"))
	require.Nil(t, well.field("breaker.open_until"))
	require.Nil(t, well.field("failing_since"))
	require.EqualValues(t, 0, well.field("failures"))

	w.do(t, "PATCH", path, w.adm, `{"event_types":["message.received"]}`).is(http.StatusOK)
	w.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	since := c.now()
	for i := range 10 {
		lane := w.receive(t, "44770090010"+strconv.Itoa(i), "Hello")
		_, err := w.activities.DeliverWebhooks(t.Context(), lane)
		require.Error(t, err)
		c.forward(time.Second)
	}
	ill := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "open", ill.text("breaker.state"))
	require.Equal(t, since.Add(39*time.Second).UTC().Format(time.RFC3339Nano), ill.text("breaker.open_until"))
	require.Equal(t, since.UTC().Format(time.RFC3339Nano), ill.text("failing_since"))
	require.Equal(t, since.Add(9*time.Second).UTC().Format(time.RFC3339Nano), ill.text("last_failure_at"))
	require.EqualValues(t, 10, ill.field("failures"))
	require.Nil(t, ill.field("last_success_at"))
	health := string(w.do(t, "GET", "/v1/inboxes/"+w.Inbox.ID.String()+"/health", w.adm, nil).is(http.StatusOK).body)
	require.Contains(t, health, "it has failed 10 times in a row since "+since.UTC().Format(time.RFC3339))
	require.Contains(t, health, "nothing is sent to it until "+since.Add(39*time.Second).UTC().Format(time.RFC3339))
	c.forward(time.Minute)
	require.Equal(t, "half_open", w.do(t, "GET", path, w.adm, nil).text("breaker.state"))
	require.Equal(t, "half_open", w.do(t, "GET", "/v1/inboxes/"+w.Inbox.ID.String()+"/endpoints", w.adm, nil).text("items.0.breaker.state"))
}

const ailing = `UPDATE endpoints SET failing_since = now() - interval '4 days', failures = 12, last_failure_at = now(), open_until = now() + interval '1 hour',
	paused_until = now() + interval '2 hours', judged_from = NULL WHERE id = $1`

const unchanged = `id = $1 AND failing_since < now() - interval '3 days' AND failures = 12 AND open_until > now() AND paused_until > now() AND judged_from IS NULL`

const afresh = `id = $1 AND failing_since IS NULL AND failures = 0 AND open_until IS NULL AND paused_until IS NULL AND judged_from = $2`

func TestDelivery_31_EnablingAHealthyEndpointResetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.timed(t)
	path, id := "/v1/endpoints/"+w.Endpoint.ID.String(), w.Endpoint.ID
	w.Exec(t, ailing, id)
	w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).is(http.StatusOK)
	w.do(t, "PATCH", path, w.adm, `{"retry":"none"}`).is(http.StatusOK)
	w.do(t, "PATCH", path, w.adm, map[string]string{"url": w.Endpoint.URL}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "endpoints", unchanged, id))
	w.do(t, "PATCH", path, w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "endpoints", unchanged, id))

	w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "endpoints", afresh, id, c.now()), "one that was disabled begins afresh")

	w.Exec(t, ailing, id)
	c.forward(time.Second)
	w.do(t, "PATCH", path, w.adm, map[string]string{"url": w.Gateway.URL + "/elsewhere"}).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "endpoints", afresh, id, c.now()), "and so does another receiver")
	require.Equal(t, 1, w.Count(t, "endpoints", "recovered_at = $1 AND recovered_from IS NULL", c.now()), "what waits is tried there")
}

func TestDelivery_31_AnEndpointIsEnabledTenTimesAMinute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.timed(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String()
	statuses := map[int]int{}
	for range 30 {
		statuses[w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).status]++
		c.forward(time.Second)
	}
	require.Equal(t, map[int]int{http.StatusOK: 10, http.StatusTooManyRequests: 20}, statuses)
	refused := w.do(t, "PATCH", path, w.adm, `{"state":"enabled","retry":"none"}`).refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
	require.Equal(t, "30", refused.header.Get("Retry-After"))
	require.Contains(t, refused.text("detail"), "was enabled 10 times within a minute: find out why")
	require.Equal(t, "durable", w.do(t, "GET", path, w.adm, nil).text("retry"), "nothing of it is saved")

	// It can be disabled and changed all the time, and other endpoints have a minute of their own.
	w.do(t, "PATCH", path, w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
	require.Equal(t, "disabled", w.do(t, "GET", path, w.adm, nil).text("state"))
	other := w.AddEndpoint(t, w.Gateway, "message.received")
	w.do(t, "PATCH", "/v1/endpoints/"+other.ID.String(), w.adm, `{"state":"enabled"}`).is(http.StatusOK)
	c.forward(30 * time.Second)
	w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "endpoints", "enables = 1 AND enables_since = $1 AND id = $2", c.now(), w.Endpoint.ID))
}

// A lane finds its endpoint gone in the moment in which an admin changes something else of it.
func TestAChangeDoesNotEnableAnEndpointThatIsBeingDisabled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tx, err := w.DB.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	_, err = dbsqlc.New(tx).EndpointDisable(t.Context(), dbsqlc.EndpointDisableParams{ID: w.Endpoint.ID, URL: w.Endpoint.URL, Reason: "gone"})
	require.NoError(t, err)
	done, retry, a := make(chan error, 1), admin.RetryNone, w.admin()
	go func() {
		_, _, err := a.UpdateEndpoint(context.Background(), w.Account.ID, w.Endpoint.ID, admin.EndpointFields{Retry: &retry})
		done <- err
	}()
	require.Eventually(t, func() bool {
		return w.Count(t, "pg_stat_activity", "datname = current_database() AND wait_event_type = 'Lock'") == 1
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-done)
	require.Equal(t, 1, w.Count(t, "endpoints", "id = $1 AND state = 'disabled' AND disabled_reason = 'gone' AND retry = 'none'", w.Endpoint.ID))
}
