package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/internal/secretbox"
	"handoff/workflows"
)

func TestAnInboxIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, "POST", "/v1/inboxes", w.adm, map[string]any{
		"name": " Spain ", "waba_id": "1", "phone_number_id": "2", "access_token": "EAAcanary4242", "inactivity_seconds": 3600,
	}).is(http.StatusCreated)
	path := "/v1/inboxes/" + made.text("id")
	require.Equal(t, "Spain", made.text("name"))
	require.Equal(t, "hitlchat", made.text("protocol"))
	require.EqualValues(t, 3600, made.field("inactivity_seconds"))
	require.Equal(t, "Resolved by Human", made.text("resolved_status"))
	require.Equal(t, true, made.field("notify_inactivity"))
	require.Equal(t, true, made.field("access_token_set"))

	changed := w.do(t, "PATCH", path, w.adm, `{"resolved_status":"Done","notify_inactivity":false}`).is(http.StatusOK)
	require.Equal(t, "Done", changed.text("resolved_status"))
	require.Equal(t, "Spain", changed.text("name"))
	require.Equal(t, true, changed.field("access_token_set"))
	row, err := dbsqlc.New(w.DB).InboxGet(context.Background(), dbsqlc.InboxGetParams{AccountID: w.Account.ID, ID: uuidOf(t, made.text("id"))})
	require.NoError(t, err)
	opened, err := w.Box.Open(row.AccessToken, secretbox.AccessToken(w.Account.ID, row.ID))
	require.NoError(t, err)
	require.Equal(t, "EAAcanary4242", string(opened))
	for _, shown := range []answer{made, changed, w.do(t, "GET", path, w.adm, nil).is(http.StatusOK), w.do(t, "GET", "/v1/inboxes", w.adm, nil).is(http.StatusOK)} {
		require.NotContains(t, string(shown.body), "canary")
	}
	require.Equal(t, false, w.do(t, "PATCH", path, w.adm, `{"access_token":""}`).is(http.StatusOK).field("access_token_set"))

	w.do(t, "POST", "/v1/inboxes", w.adm, `{"name":"Twin","waba_id":"1","phone_number_id":"2"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "PATCH", "/v1/inboxes/"+w.Inbox.ID.String(), w.adm, `{"waba_id":"1","phone_number_id":"2"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	w.do(t, "GET", path, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "DELETE", path, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", "/v1/inboxes", w.adm, `{"name":"Heir","waba_id":"1","phone_number_id":"2"}`).is(http.StatusCreated)

	w.conversation(t, "447700900123")
	w.do(t, "DELETE", "/v1/inboxes/"+w.Inbox.ID.String(), w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)
}

func TestConfigurationThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	endpoints := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	for name, c := range map[string]struct{ path, body, mentions string }{
		"inbox without a number":    {"/v1/inboxes", `{"name":"a","waba_id":"1"}`, "phone_number_id"},
		"inbox of another protocol": {"/v1/inboxes", `{"name":"a","waba_id":"1","phone_number_id":"2","protocol":"fax"}`, "hitlchat"},
		"inbox with a blank name":   {"/v1/inboxes", `{"name":" ","waba_id":"1","phone_number_id":"2"}`, "name"},
		"token with a line break":   {"/v1/inboxes", `{"name":"a","waba_id":"1","phone_number_id":"2","access_token":"a\nb"}`, "access_token"},
		"inactivity of a second":    {"/v1/inboxes", `{"name":"a","waba_id":"1","phone_number_id":"2","inactivity_seconds":1}`, "60"},
		"unknown field":             {"/v1/inboxes", `{"name":"a","waba_id":"1","phone_number_id":"2","colour":"red"}`, "colour"},
		"endpoint without a URL":    {endpoints, `{}`, "url"},
		"internal URL":              {endpoints, `{"url":"https://169.254.169.254/"}`, "internal"},
		"unknown event type":        {endpoints, `{"url":"` + w.Gateway.URL + `","event_types":["conversation.exploded"]}`, "conversation.opened"},
		"notes never leave":         {endpoints, `{"url":"` + w.Gateway.URL + `","event_types":["note.added"]}`, "there is no event type"},
		"no event types":            {endpoints, `{"url":"` + w.Gateway.URL + `","event_types":[]}`, "event_types"},
		"forbidden header":          {endpoints, `{"url":"` + w.Gateway.URL + `","headers":{"Host":"a"}}`, "Host"},
		"weak secret":               {endpoints, `{"url":"` + w.Gateway.URL + `","secret":"whsec_MTIz"}`, "24"},
		"unknown state":             {endpoints, `{"url":"` + w.Gateway.URL + `","state":"asleep"}`, "state"},
		"agent without a name":      {"/v1/agents", `{"name":""}`, "name"},
		"agent with a bad address":  {"/v1/agents", `{"name":"a","email":"nobody"}`, "email"},
		"NUL in a name":             {"/v1/agents", `{"name":"a\u0000b"}`, "NUL"},
		"agent's key for nobody":    {"/v1/api-keys", `{"name":"a","scope":"agent"}`, "agent_id"},
		"admin's key for an agent":  {"/v1/api-keys", `{"name":"a","scope":"admin","agent_id":"` + w.Ana.Agent.ID.String() + `"}`, "agent_id"},
		"key of an unknown scope":   {"/v1/api-keys", `{"name":"a","scope":"root"}`, "scope"},
		"key that has expired":      {"/v1/api-keys", `{"name":"a","scope":"admin","expires_at":"2020-01-01T00:00:00Z"}`, "expires_at"},
		"bound admin's key":         {"/v1/api-keys", `{"name":"a","scope":"admin","inbox_id":"` + w.Inbox.ID.String() + `"}`, "inbox_id"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(t, "POST", c.path, w.adm, c.body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			require.Contains(t, string(got.body), c.mentions)
			require.NotEmpty(t, got.field("errors"))
		})
	}
}

func TestAnEndpointIsConfigured(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	list := "/v1/inboxes/" + w.Inbox.ID.String() + "/endpoints"
	made := w.do(t, "POST", list, w.adm, map[string]any{
		"url": w.Gateway.URL, "headers": map[string]string{"Authorization": "Bearer canary"},
	}).is(http.StatusCreated)
	path := "/v1/endpoints/" + made.text("id")
	require.Regexp(t, `^whsec_[A-Za-z0-9+/]{43}=$`, made.text("secret"))
	require.Equal(t, []any{"conversation_resolved", "outbound_message"}, made.field("event_types"))
	require.Equal(t, []any{"Authorization"}, made.field("header_names"))
	require.Equal(t, "enabled", made.text("state"))
	row, err := dbsqlc.New(w.DB).EndpointGet(context.Background(), dbsqlc.EndpointGetParams{AccountID: w.Account.ID, ID: uuidOf(t, made.text("id"))})
	require.NoError(t, err)
	opened, err := w.Box.Open(row.Secret, secretbox.EndpointSecret(w.Account.ID, row.ID))
	require.NoError(t, err)
	require.Equal(t, made.text("secret"), string(opened))

	given := w.do(t, "POST", list, w.adm, map[string]any{
		"url": w.Gateway.URL, "secret": made.text("secret"), "event_types": []string{"conversation.*", "*", "message.read", "*"}, "state": "disabled",
	}).is(http.StatusCreated)
	require.Equal(t, made.text("secret"), given.text("secret"))
	require.Equal(t, []any{"*", "conversation.*", "message.read"}, given.field("event_types"))
	require.Equal(t, "disabled", given.text("state"))

	for _, shown := range []answer{
		w.do(t, "GET", path, w.adm, nil).is(http.StatusOK), w.do(t, "GET", list, w.adm, nil).is(http.StatusOK),
		w.do(t, "PATCH", path, w.adm, `{"event_types":["*"]}`).is(http.StatusOK),
	} {
		require.NotContains(t, string(shown.body), "whsec_")
		require.NotContains(t, string(shown.body), "canary")
	}
	require.Len(t, w.do(t, "GET", list, w.adm, nil).field("items"), 3)
	w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	w.do(t, "GET", path, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Len(t, w.do(t, "GET", list, w.adm, nil).field("items"), 2)
}

// What is held for a disabled endpoint goes out when it is enabled, and the contacts' workflows are woken for it.
func TestEnablingAnEndpointReleasesWhatItHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/endpoints/" + w.Endpoint.ID.String()
	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	require.Len(t, w.do(t, "GET", "/v1/deliveries?state=pending", w.adm, nil).field("items"), 1)

	disabled := w.do(t, "PATCH", path, w.adm, `{"state":"disabled"}`).is(http.StatusOK)
	require.NotEmpty(t, disabled.text("disabled_reason"))
	held := w.do(t, "GET", "/v1/deliveries?state=held&endpoint_id="+w.Endpoint.ID.String(), w.adm, nil).is(http.StatusOK)
	require.Len(t, held.field("items"), 1)
	w.do(t, "POST", "/v1/deliveries/"+held.text("items.0.id")+"/redeliver", w.adm, nil).refused(http.StatusConflict, handoff.CodeConflict)

	wakes := len(w.waker.all())
	enabled := w.do(t, "PATCH", path, w.adm, `{"state":"enabled"}`).is(http.StatusOK)
	require.Nil(t, enabled.field("disabled_reason"))
	require.Len(t, w.do(t, "GET", "/v1/deliveries?state=pending", w.adm, nil).field("items"), 1)
	all := w.waker.all()
	require.Len(t, all, wakes+1)
	require.Equal(t, c.ContactID, all[wakes].ContactID)
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM wakes WHERE raised"))
}

func TestDeliveriesAreShownAndSentAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	sent := w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, `{"type":"text","text":"canary"}`).is(http.StatusCreated)
	w.Gateway.Answer(func(n int) (int, string) {
		if n == 1 {
			return http.StatusInternalServerError, "<html>oops</html>"
		}
		return http.StatusOK, ""
	})
	deliver := activities.DeliverInput{
		Ref: workflows.NewConversationInput(w.Account.ID, c.InboxID, c.ContactID).Ref, EndpointID: w.Endpoint.ID, Max: 1,
	}
	_, err := w.activities.DeliverWebhooks(context.Background(), deliver)
	require.Error(t, err)

	list := w.do(t, "GET", "/v1/deliveries?conversation_id="+c.ID.String(), w.adm, nil).is(http.StatusOK)
	require.Len(t, list.field("items"), 1)
	path := "/v1/deliveries/" + list.text("items.0.id")
	failed := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, sent.text("id"), failed.text("message_id"))
	require.Equal(t, "outbound_message", failed.text("event_type"))
	require.EqualValues(t, 500, failed.field("attempts.0.status"))
	require.Equal(t, "schedule", failed.text("attempts.0.trigger"))
	require.NotEmpty(t, failed.text("next_attempt_at"))
	require.NotContains(t, string(failed.body), "canary")

	wakes := len(w.waker.all())
	again := w.do(t, "POST", path+"/redeliver", w.adm, nil, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Equal(t, failed.text("webhook_id"), again.text("webhook_id"))
	require.Len(t, w.waker.all(), wakes+1)
	w.do(t, "POST", path+"/redeliver", w.adm, nil, "Idempotency-Key", "k").is(http.StatusAccepted)
	require.Len(t, w.waker.all(), wakes+1, "a repeated request asks for nothing more")
	_, err = w.activities.DeliverWebhooks(context.Background(), deliver)
	require.NoError(t, err)
	delivered := w.do(t, "GET", path, w.adm, nil).is(http.StatusOK)
	require.Equal(t, "delivered", delivered.text("state"))
	require.Equal(t, "manual", delivered.text("attempts.1.trigger"))
	requests := w.Gateway.Requests()
	require.Equal(t, requests[0].Body, requests[1].Body)
}

func TestSamplesAreSentAgainAndDeliveriesArePaged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	sample := w.do(t, "POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, nil).is(http.StatusOK).text("deliveries.0.id")
	w.do(t, "POST", "/v1/deliveries/"+sample+"/redeliver", w.adm, nil).is(http.StatusAccepted)
	require.Equal(t, 2, strings.Count(strings.Join(w.commands.calls, " "), "test "+sample))

	first := w.do(t, "GET", "/v1/deliveries?limit=1", w.adm, nil).is(http.StatusOK)
	require.Equal(t, sample, first.text("items.0.id"), "the newest first")
	second := w.do(t, "GET", "/v1/deliveries?limit=1&cursor="+first.text("next_cursor"), w.adm, nil).is(http.StatusOK)
	require.Equal(t, c.ID.String(), second.text("items.0.conversation_id"))
	require.Nil(t, second.field("next_cursor"))
	w.do(t, "GET", "/v1/agents?cursor="+first.text("next_cursor"), w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}

func TestKeysAreShownOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.do(t, "POST", "/v1/api-keys", w.adm, map[string]any{"name": "bot", "scope": "gateway", "inbox_id": w.Inbox.ID}).is(http.StatusCreated)
	require.Regexp(t, `^hk_`, made.text("key"))
	w.do(t, "POST", "/v1/public/inbound", made.text("key"), w.Body("447700900123", "Hi")).is(http.StatusOK)

	list := w.do(t, "GET", "/v1/api-keys", w.adm, nil).is(http.StatusOK)
	require.NotContains(t, string(list.body), made.text("key"))
	require.Contains(t, string(list.body), made.text("prefix"))
	agent := w.do(t, "POST", "/v1/agents", w.adm, `{"name":"Cleo","email":"cleo@example.com"}`).is(http.StatusCreated)
	key := w.do(t, "POST", "/v1/api-keys", w.adm, map[string]any{"name": "cleo", "scope": "agent", "agent_id": agent.text("id")}).is(http.StatusCreated)
	c := w.conversation(t, "447700900124")
	require.Equal(t, "Cleo", w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/claim", key.text("key"), nil).is(http.StatusOK).text("assignee.name"))

	w.do(t, "PATCH", "/v1/agents/"+agent.text("id"), w.adm, `{"email":"","name":"Cleopatra"}`).is(http.StatusOK)
	got := w.do(t, "GET", "/v1/agents/"+agent.text("id"), w.adm, nil).is(http.StatusOK)
	require.Equal(t, "Cleopatra", got.text("name"))
	require.Nil(t, got.field("email"))
	require.Len(t, w.do(t, "GET", "/v1/agents", w.adm, nil).field("items"), 3)
}

func TestSecretsAndTextsStayOutOfTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(t, "POST", "/v1/public/inbound?token=canary", w.gateway, w.Body("447700900123", "canary text")).is(http.StatusOK)
	w.do(t, "POST", "/v1/inboxes", w.adm, `{"name":"canary","waba_id":"1","phone_number_id":"2","access_token":"canary"}`).is(http.StatusCreated)
	w.do(t, "GET", "/v1/conversations?q=canary", w.ana, nil).is(http.StatusOK)
	w.do(t, "GET", "/v1/agents", "hk_canary", nil).is(http.StatusUnauthorized)
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	require.Len(t, lines, 4)
	for _, line := range lines {
		require.NotContains(t, line, "canary")
		require.NotContains(t, line, "447700900123")
		var entry map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		require.NotEmpty(t, entry["request_id"])
	}
}
