package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/fixture"
)

// lost is a world whose endpoint refused what two contacts said: it failed for good.
type lost struct {
	*world
	t         *testing.T
	john, ann dbsqlc.Conversation
	path      string // of the endpoint
	since     time.Time
}

func newLost(t *testing.T) *lost {
	t.Helper()
	w := &lost{world: told(t), t: t, since: time.Now().Add(-time.Hour)}
	w.path = "/v1/endpoints/" + w.Endpoint.ID.String()
	w.john, w.ann = w.conversation(t, "447700900123"), w.conversation(t, "447700900124")
	w.says("447700900123", "two")
	w.Gateway.Answer(func(int) (int, string) { return http.StatusBadRequest, "" })
	for range 9 {
		w.due(t)
		w.run()
	}
	w.Gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })
	require.Equal(t, 3, w.Count(t, "deliveries", "state = 'failed' AND endpoint_id = $1", w.Endpoint.ID))
	return w
}

// says takes a message of a contact's in, as far as its delivery.
func (w *lost) says(phone, text string) {
	w.t.Helper()
	wake := w.Accept(w.t, w.Body(phone, text), time.Now()).Wakes[0]
	_, err := w.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{
		Ref: activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}, Now: time.Now(),
	})
	require.NoError(w.t, err)
}

// run runs both contacts' lanes until nothing is due.
func (w *lost) run() {
	w.t.Helper()
	for _, c := range []dbsqlc.Conversation{w.john, w.ann} {
		for range 5 {
			_ = w.attempt(c, w.Endpoint.ID)
		}
	}
}

// asks recovers or replays, and gives how many are sent again.
func (w *lost) asks(what string, body map[string]any) int {
	w.t.Helper()
	got := w.do(w.t, "POST", w.path+what, w.adm, body).is(http.StatusAccepted)
	require.Equal(w.t, false, got.field("more"))
	require.Nil(w.t, got.field("next_cursor"))
	n, ok := got.field("deliveries").(float64)
	require.True(w.t, ok)
	return int(n)
}

func (w *lost) around() map[string]any {
	return map[string]any{"since": w.since, "until": time.Now().Add(time.Minute)}
}

// texts are what the webhooks from the nth on said, by contact.
func (w *lost) texts(n int) map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for _, r := range w.Gateway.Requests()[n:] {
		var body struct {
			Data struct {
				ConversationID string `json:"conversation_id"`
				Message        struct{ Text string }
			}
		}
		require.NoError(w.t, json.Unmarshal([]byte(r.Body), &body))
		out[body.Data.ConversationID] = append(out[body.Data.ConversationID], body.Data.Message.Text)
	}
	return out
}

func (w *lost) webhookIDs(n int) (ids []string) {
	for _, r := range w.Gateway.Requests()[n:] {
		ids = append(ids, r.Header.Get("webhook-id"))
	}
	return ids
}

// health is what an endpoint's row says of how it does.
func (w *lost) health() string {
	w.t.Helper()
	var row string
	err := w.DB.QueryRow(context.Background(), `SELECT concat_ws(' ', failures, failing_since, last_failure_at, open_until, paused_until)
		FROM endpoints WHERE id = $1`, w.Endpoint.ID).Scan(&row)
	require.NoError(w.t, err)
	return row
}

func TestDelivery_37_RecoverSendsAgainWhatFailedForGood(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	n, first := len(w.Gateway.Requests()), w.webhookIDs(0)
	wakes := len(w.waker.all())
	stranger, elsewhere := w.strangersFailure(t), w.otherEndpointsFailure(t)
	// What was given up before does not count, however lately it was made.
	w.Exec(t, "UPDATE deliveries SET finished_at = now() - interval '2 hours' WHERE contact_id = $1 AND endpoint_id = $2", w.ann.ContactID, w.Endpoint.ID)
	// Order is by position, though one of them had been passed by.
	w.Exec(t, `UPDATE deliveries SET bypassed = true WHERE position = (SELECT min(position) FROM deliveries WHERE contact_id = $1 AND endpoint_id = $2)`,
		w.john.ContactID, w.Endpoint.ID)

	require.Equal(t, 2, w.asks("/recover", map[string]any{"since": w.since}))
	require.Equal(t, 2, w.Count(t, "deliveries", "state = 'failed' AND manual_at IS NOT NULL AND manual_count = 1"), "one attempt each")
	woken := w.waker.all()[wakes:]
	require.Len(t, woken, 1)
	require.Equal(t, w.john.ContactID, woken[0].ContactID)
	require.Equal(t, 1, w.Count(t, "wakes", "raised AND contact_id = $1", w.john.ContactID))

	w.run()
	require.Equal(t, map[string][]string{w.john.ID.String(): {"Hello", "two"}}, w.texts(n))
	for _, id := range w.webhookIDs(n) {
		require.Contains(t, first, id, "receivers know a repetition by its webhook-id")
	}
	for _, r := range w.Gateway.Requests()[n:] {
		requireSigned(t, w.Gateway, r)
	}
	require.Equal(t, 2, w.Count(t, "delivery_attempts", "trigger = 'manual' AND status = 200"))
	require.Equal(t, 2, w.Count(t, "deliveries", "state = 'delivered' AND manual_at IS NULL AND endpoint_id = $1", w.Endpoint.ID))
	require.Zero(t, w.Count(t, "deliveries", "manual_at IS NOT NULL AND id = ANY($1)", []handoff.ID{stranger, elsewhere}), "others are left alone")
	require.Zero(t, w.asks("/recover", map[string]any{"since": w.since}), "nothing is lost any more")
}

// requireSigned checks a webhook with Standard Webhooks' own library, against the clock: a signature of the first attempt's would be as old as that.
func requireSigned(t *testing.T, g *fixture.Gateway, r fixture.Request) {
	t.Helper()
	verifier, err := standardwebhooks.NewWebhook(g.Secret.Reveal())
	require.NoError(t, err)
	require.NoError(t, verifier.Verify([]byte(r.Body), r.Header))
}

// strangersFailure is a delivery of another account that failed for good.
func (w *lost) strangersFailure(t *testing.T) handoff.ID {
	t.Helper()
	w.Exec(t, "UPDATE endpoints SET event_types = '{message.received}'")
	c := w.conversationOf(t, w.strangerWorld, "447700900123")
	return w.fail(t, "conversation_id = $1", c.ID)
}

// otherEndpointsFailure is one of another endpoint of the same inbox.
func (w *lost) otherEndpointsFailure(t *testing.T) handoff.ID {
	t.Helper()
	other := w.AddEndpoint(t, fixture.NewGateway(t), "message.received")
	w.Exec(t, "UPDATE endpoints SET event_types = '{}' WHERE id = $1", w.Endpoint.ID)
	w.says("447700900125", "to the other")
	w.Exec(t, "UPDATE endpoints SET event_types = '{message.received}' WHERE id = $1", w.Endpoint.ID)
	return w.fail(t, "endpoint_id = $1", other.ID)
}

func (w *lost) fail(t *testing.T, condition string, arg any) (id handoff.ID) {
	t.Helper()
	err := w.DB.QueryRow(context.Background(), "UPDATE deliveries SET state = 'failed', next_attempt_at = NULL, finished_at = now() WHERE "+condition+
		" RETURNING id", arg).Scan(&id)
	require.NoError(t, err)
	return id
}

func TestDelivery_37_RecoverTakesAPersonsWordThatTheEndpointIsWell(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	w.says("447700900124", "waits for hours")
	w.says("447700900123", "held")
	w.Exec(t, `UPDATE deliveries SET state = 'held', next_attempt_at = NULL WHERE state = 'pending' AND contact_id = $1`, w.john.ContactID)
	w.Exec(t, `UPDATE endpoints SET paused_until = now() + interval '1 hour', open_until = now() + interval '1 hour', failing_since = now() - interval '1 day',
		judged_from = NULL WHERE id = $1`, w.Endpoint.ID)
	require.Equal(t, 3, w.asks("/recover", map[string]any{"since": w.since}))
	require.Equal(t, 1, w.Count(t, "endpoints", `id = $1 AND paused_until IS NULL AND open_until IS NULL AND judged_from > now() - interval '1 minute'
		AND recovered_at IS NOT NULL`, w.Endpoint.ID), "lanes that wait for it are woken as after a success")
	require.Zero(t, w.Count(t, "deliveries", "state = 'held'"))
	n := len(w.Gateway.Requests())
	w.run()
	require.Equal(t, []string{"Hello", "two", "held"}, w.texts(n)[w.john.ID.String()])
}

func TestDelivery_37_ReplayTakesWhatLiesInTheRange(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	w.says("447700900123", "three")
	w.run() // it is delivered
	w.Exec(t, "UPDATE deliveries SET event_type = 'message.sent' WHERE contact_id = $1", w.ann.ContactID)

	for name, c := range map[string]struct {
		change map[string]any
		want   int
	}{
		"failed ones unless asked otherwise": {nil, 3},
		"delivered ones":                     {map[string]any{"states": []string{"delivered"}}, 1},
		"both":                               {map[string]any{"states": []string{"failed", "delivered"}}, 4},
		"of a type":                          {map[string]any{"event_types": []string{"message.received"}}, 2},
		"of another type":                    {map[string]any{"event_types": []string{"message.sent", "x.y"}}, 1},
		"of a type that there is not":        {map[string]any{"event_types": []string{"x.y"}}, 0},
		"none in the range":                  {map[string]any{"until": w.since.Add(time.Minute)}, 0},
		"a range of other days":              {map[string]any{"since": w.since.Add(-48 * time.Hour), "until": w.since}, 0},
		"thirty days":                        {map[string]any{"since": time.Now().Add(-30*24*time.Hour + time.Minute), "until": time.Now()}, 3},
	} {
		body := w.around()
		for key, value := range c.change {
			body[key] = value
		}
		require.Equal(t, c.want, w.asks("/replay", body), name)
		w.Exec(t, "UPDATE deliveries SET manual_at = NULL, manual_count = 0")
	}

	n, first := len(w.Gateway.Requests()), w.webhookIDs(0)
	require.Equal(t, 4, w.asks("/replay", map[string]any{"since": w.since, "until": time.Now(), "states": []string{"delivered", "failed"}}))
	w.run()
	require.Equal(t, []string{"Hello", "two", "three"}, w.texts(n)[w.john.ID.String()], "in order, whatever their states were")
	require.Len(t, w.texts(n)[w.ann.ID.String()], 1)
	for _, id := range w.webhookIDs(n) {
		require.Contains(t, first, id)
	}
	require.Equal(t, 4, w.Count(t, "delivery_attempts", "trigger = 'manual'"))
}

func TestDelivery_37_AReplayInVainChangesNothing(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	w.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	schedule := func() string {
		var rows string
		err := w.DB.QueryRow(context.Background(), `SELECT string_agg(concat_ws(' ', id, state, step, next_attempt_at, finished_at), ',' ORDER BY id)
			FROM deliveries`).Scan(&rows)
		require.NoError(t, err)
		return rows
	}
	health, before := w.health(), schedule()
	n := len(w.Gateway.Requests())
	require.Equal(t, 3, w.asks("/replay", w.around()))
	w.run()
	require.Len(t, w.Gateway.Requests(), n+3)
	require.Equal(t, 3, w.Count(t, "delivery_attempts", "trigger = 'manual' AND status = 500 AND healthy IS NULL"))
	require.Equal(t, health, w.health(), "replaying what failed must not close the way for what is new")
	require.Equal(t, before, schedule())
}

func TestDelivery_37_TwiceIsTwoSends(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	n := len(w.Gateway.Requests())
	all := w.around()
	require.Equal(t, 3, w.asks("/replay", all))
	require.Equal(t, 3, w.asks("/replay", all), "the first ones have not left yet")
	w.run()
	w.run()
	counts := map[string]int{}
	for _, id := range w.webhookIDs(n) {
		counts[id]++
	}
	require.Len(t, counts, 3)
	for id, count := range counts {
		require.Equal(t, 2, count, id)
	}
	require.Zero(t, w.Count(t, "deliveries", "manual_at IS NOT NULL"))

	// The same request, repeated because its answer was lost, asks for nothing more.
	all["states"] = []string{"delivered"}
	for range 2 {
		got := w.do(t, "POST", w.path+"/replay", w.adm, all, "Idempotency-Key", "r1").is(http.StatusAccepted)
		require.EqualValues(t, 3, got.field("deliveries"))
	}
	require.Equal(t, 3, w.Count(t, "deliveries", "manual_count = 1"))
	w.run()
	path := "/v1/deliveries/" + w.do(t, "GET", "/v1/deliveries?limit=1", w.adm, nil).text("items.0.id") + "/redeliver"
	w.do(t, "POST", path, w.adm, nil).is(http.StatusAccepted)
	w.do(t, "POST", path, w.adm, nil).is(http.StatusAccepted)
	n = len(w.Gateway.Requests())
	w.run()
	w.run()
	require.Len(t, w.Gateway.Requests(), n+2)
}

func TestDelivery_37_WhatCannotBeSentAgainIsRefusedWithAdvice(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	now := time.Now()
	for name, body := range map[string]map[string]any{
		"since after until":   {"since": now, "until": now.Add(-time.Minute)},
		"longer than a month": {"since": now.Add(-31 * 24 * time.Hour), "until": now},
		"no since":            {"until": now},
		"no until":            {"since": now},
		"a family":            {"since": w.since, "until": now, "event_types": []string{"message.*"}},
		"what is on its way":  {"since": w.since, "until": now, "states": []string{"pending"}},
		"another's cursor":    {"since": w.since, "until": now, "cursor": "x"},
	} {
		got := w.do(t, "POST", w.path+"/replay", w.adm, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, name)
	}
	for _, since := range []time.Time{now.Add(time.Hour), now.Add(-31 * 24 * time.Hour)} {
		w.do(t, "POST", w.path+"/recover", w.adm, map[string]any{"since": since}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	calls := map[string]map[string]any{"/recover": {"since": w.since}, "/replay": {"since": w.since, "until": now}}
	for what, body := range calls {
		w.do(t, "POST", w.path+what, w.ana, body).refused(http.StatusForbidden, handoff.CodeForbidden)
		w.do(t, "POST", w.path+what, w.stranger, body).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
	w.Exec(t, "UPDATE endpoints SET state = 'disabled', disabled_reason = 'gone' WHERE id = $1", w.Endpoint.ID)
	for what, body := range calls {
		require.Contains(t, w.do(t, "POST", w.path+what, w.adm, body).refused(http.StatusConflict, handoff.CodeConflict).text("detail"), "enable it first")
	}
	w.Exec(t, "UPDATE endpoints SET state = 'enabled', transport = 'graph' WHERE id = $1", w.Endpoint.ID)
	for what, body := range calls {
		require.Contains(t, w.do(t, "POST", w.path+what, w.adm, body).refused(http.StatusConflict, handoff.CodeConflict).text("detail"), "twice")
	}
	require.Zero(t, w.Count(t, "deliveries", "manual_at IS NOT NULL"))
}

// Ten thousand are a request's share; those of no contact have workflows of their own.
func TestDelivery_37_TenThousandByOneRequest(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	w.Exec(t, "UPDATE deliveries SET state = 'delivered'")
	w.Exec(t, `INSERT INTO deliveries (id, account_id, endpoint_id, inbox_id, contact_id, event_type, webhook_id, body, state, created_at, finished_at)
		SELECT gen_random_uuid(), $1, $2, $3, CASE WHEN n <= 10000 THEN $4::uuid END, 'message.received', 'msg_' || n, '{}', 'failed', now(), now()
		FROM generate_series(1, 10003) AS n`, w.Account.ID, w.Endpoint.ID, w.Inbox.ID, w.john.ContactID)
	body := map[string]any{"since": w.since, "until": time.Now().Add(time.Minute)}
	got := w.do(t, "POST", w.path+"/replay", w.adm, body).is(http.StatusAccepted)
	require.EqualValues(t, 10_000, got.field("deliveries"))
	require.Equal(t, true, got.field("more"))
	require.Equal(t, 10_000, w.Count(t, "deliveries", "manual_count = 1 AND contact_id IS NOT NULL"))
	require.Zero(t, w.commands.count())

	body["cursor"] = got.text("next_cursor")
	got = w.do(t, "POST", w.path+"/replay", w.adm, body).is(http.StatusAccepted)
	require.EqualValues(t, 3, got.field("deliveries"))
	require.Equal(t, false, got.field("more"))
	require.Zero(t, w.Count(t, "deliveries", "manual_count > 1"))
	require.Len(t, w.commands.calls, 3)
	for _, call := range w.commands.calls {
		id, err := uuid.Parse(strings.TrimPrefix(call, "test "))
		require.NoError(t, err)
		require.Equal(t, 1, w.Count(t, "deliveries", "id = $1 AND contact_id IS NULL AND manual_count = 1", id))
	}

	// Temporal is away: the rows say what is to be sent, and are found later.
	w.commands.fail = func(string) error { return handoff.Errorf(handoff.CodeUnavailable, "temporal is away") }
	require.EqualValues(t, 3, w.do(t, "POST", w.path+"/replay", w.adm, body).is(http.StatusAccepted).field("deliveries"))
	require.Equal(t, 3, w.Count(t, "deliveries", "contact_id IS NULL AND manual_count = 2"))
}

func TestDelivery_37_AReplayThatWasCutShortAsksForTheRestOnly(t *testing.T) {
	t.Parallel()
	w := newLost(t)
	w.Exec(t, `INSERT INTO idempotency_keys (account_id, route, key, request_hash, command_id, created_at) VALUES ($1, $2, 'cut', ''::bytea, gen_random_uuid(), now())`,
		w.Account.ID, "POST "+w.path+"/replay")
	body, err := json.Marshal(w.around())
	require.NoError(t, err)
	w.Exec(t, "UPDATE idempotency_keys SET request_hash = sha256($1::bytea)", []byte(fmt.Sprintf("\n%s", body)))
	w.Exec(t, "UPDATE deliveries SET manual_at = now(), manual_count = 1 WHERE contact_id = $1", w.ann.ContactID)
	got := w.do(t, "POST", w.path+"/replay", w.adm, string(body), "Idempotency-Key", "cut", "Content-Type", "application/json").is(http.StatusAccepted)
	require.EqualValues(t, 2, got.field("deliveries"))
	require.Equal(t, 3, w.Count(t, "deliveries", "manual_count = 1"))
}
