package api_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/internal/admin"
	"handoff/internal/fakegraph"
	"handoff/internal/graph"
	"handoff/workflows"
)

type metaCheck = func(ctx context.Context, token, wabaID, phoneNumberID string) ([]graph.CheckResult, graph.NumberInfo, error)

// checkFunc does something before Meta is asked.
func checkFunc(before func(), check metaCheck) metaCheck {
	return func(ctx context.Context, token, wabaID, phoneNumberID string) ([]graph.CheckResult, graph.NumberInfo, error) {
		before()
		return check(ctx, token, wabaID, phoneNumberID)
	}
}

func inboxOf(waba, number, token *string) admin.InboxFields {
	return admin.InboxFields{WABAID: waba, PhoneNumberID: number, AccessToken: token}
}

func TestAnInboxIsCheckedWithMetaWhenItIsSaved(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, made := w.inbox(t, handoff.ProtocolPassthrough, "access_token", metaToken)
	require.Equal(t, "+1 555-0100", made.text("display_phone_number"))
	require.Equal(t, "https://handoff.example.com/v1/whatsapp/"+made.text("id")+"/webhook", made.text("webhook_url"))

	renamed := w.do(t, "PATCH", inbox, w.adm, `{"name":"Other"}`).is(http.StatusOK)
	require.Equal(t, "+1 555-0100", renamed.text("display_phone_number"))
	w.graph.AddNumber(metaWABA, "200000000000002", "+1 555-0102")
	moved := w.do(t, "PATCH", inbox, w.adm, `{"phone_number_id":"200000000000002"}`).is(http.StatusOK)
	require.Equal(t, "+1 555-0102", moved.text("display_phone_number"), "the saved token reads the new number")
	unknown := w.do(t, "PATCH", inbox, w.adm, `{"phone_number_id":"7","validate":false}`).is(http.StatusOK)
	require.Nil(t, unknown.field("display_phone_number"), "the number of before is not this one's")
}

// What Meta finds wrong is told in its own reason, with the field that it is about, and nothing is saved.
func TestMetasChecksRefuseInPlainWords(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil  func(*fakegraph.Graph)
		body   map[string]any
		fields map[string]string
	}{
		"a token that Meta does not know": {nil, body(handoff.ProtocolKapso, "access_token", "EAAother"), map[string]string{
			"body.access_token": "make a new one for a system user",
		}},
		"a token without a permission": {
			func(g *fakegraph.Graph) {
				g.SetToken(metaToken, fakegraph.TokenInfo{Valid: true, Scopes: []string{"whatsapp_business_management"}})
			},
			body(handoff.ProtocolHitlChat, "access_token", metaToken),
			map[string]string{"body.access_token": "lacks whatsapp_business_messaging"},
		},
		"a number that is nobody's": {nil, body(handoff.ProtocolKapso, "access_token", metaToken, "phone_number_id", "404"), map[string]string{
			"body.phone_number_id": "the phone number id 404 cannot be read with this token", "body.waba_id": "does not have the phone number id 404",
		}},
		"another account's number": {
			func(g *fakegraph.Graph) { g.AddNumber("9", "10", "+1 555-0109") },
			body(handoff.ProtocolPassthrough, "access_token", metaToken, "waba_id", "9"),
			map[string]string{"body.waba_id": "use one of its own, +1 555-0109 (10)"},
		},
		"a number that may not send": {
			func(g *fakegraph.Graph) { g.Health(metaNumber, "BLOCKED", "The display name is not approved.") },
			body(handoff.ProtocolKapso, "access_token", metaToken),
			map[string]string{"body.phone_number_id": "The display name is not approved."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newConfigured(t)
			if c.spoil != nil {
				c.spoil(w.graph)
			}
			got := w.do(t, "POST", "/v1/inboxes", w.adm, c.body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			details, _ := got.field("errors").([]any)
			require.Len(t, details, len(c.fields), string(got.body))
			for _, detail := range details {
				one, _ := detail.(map[string]any)
				require.Contains(t, one["message"], c.fields[one["location"].(string)])
				require.NotEmpty(t, c.fields[one["location"].(string)])
			}
			require.Equal(t, 0, w.Count(t, "inboxes", "name = 'Shop'"))
			c.body["validate"] = false
			w.do(t, "POST", "/v1/inboxes", w.adm, c.body).is(http.StatusCreated)
		})
	}
}

func TestWithoutMetasAnswerAnInboxIsSavedUncheckedOnly(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	w.graph.Fail(fakegraph.Fault{Status: http.StatusInternalServerError, Times: -1})
	in := body(handoff.ProtocolKapso, "access_token", metaToken)
	refused := w.do(t, "POST", "/v1/inboxes", w.adm, in).refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	require.Contains(t, refused.text("detail"), "try again, or save it without asking (validate: false, --no-validate)")
	require.NotEmpty(t, refused.header.Get("Retry-After"))
	inbox, made := w.inbox(t, handoff.ProtocolKapso, "access_token", metaToken, "validate", false)
	require.Nil(t, made.field("display_phone_number"))

	health := w.do(t, "GET", inbox+"/health", w.adm, nil).is(http.StatusOK)
	require.Equal(t, false, health.field("ok"))
	require.Contains(t, string(health.body), "Meta could not be asked")
}

func TestDelivery_38_ADeadURLIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	list := "/v1/inboxes/" + w.Inbox.ID.String()
	refused := w.do(t, "POST", list+"/endpoints", w.adm, map[string]any{"url": nobody(t)}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "body.url", refused.text("errors.0.location"))
	require.Contains(t, refused.text("detail"), "nothing answers at the URL: connect: the connection was refused")
	require.Contains(t, refused.text("detail"), "validate: false")
	path, _ := w.endpoint(t, list, "url", nobody(t), "validate", false)

	w.Gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	w.do(t, "PATCH", path, w.adm, map[string]string{"url": w.Gateway.URL}).is(http.StatusOK)
	require.Equal(t, 1, w.Gateway.Probes(), "any answer is one")
	w.do(t, "PATCH", path, w.adm, map[string]string{"url": nobody(t)}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "PATCH", path, w.adm, map[string]any{"retry": "none", "url": w.Gateway.URL}).is(http.StatusOK)
	require.Equal(t, 1, w.Gateway.Probes(), "an address that stays is not tried again")
}

// checks are those of an inbox's health, by name.
func (w *configured) checks(t *testing.T, inbox string) (ok bool, byName map[string]map[string]any) {
	t.Helper()
	health := w.do(t, "GET", inbox+"/health", w.adm, nil).is(http.StatusOK)
	byName = map[string]map[string]any{}
	items, _ := health.field("checks").([]any)
	for _, item := range items {
		one, _ := item.(map[string]any)
		byName[one["name"].(string)] = one
	}
	require.Len(t, byName, len(items))
	return health.field("ok").(bool), byName
}

func TestTheHealthOfAnInbox(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolKapso, "access_token", metaToken, "app_secret", "x")
	ok, checks := w.checks(t, inbox)
	require.True(t, ok, checks)
	for _, name := range []string{"token", "phone_number", "whatsapp_account", "health"} {
		require.Equal(t, true, checks[name]["ok"], name)
	}
	_, out := w.wayOut(t, inbox)
	require.Contains(t, checks["endpoint "+out["id"].(string)]["detail"], "is enabled; it has taken nothing yet")

	w.graph.Token(metaToken, false)
	ok, checks = w.checks(t, inbox)
	require.False(t, ok)
	require.Contains(t, checks["token"]["detail"], "make a new one")

	w.do(t, "PATCH", inbox, w.adm, `{"access_token":"","app_secret":""}`).is(http.StatusOK)
	_, checks = w.checks(t, inbox)
	require.Contains(t, checks["token"]["detail"], "no access_token is saved: nothing can be sent")
	require.Contains(t, checks["app_secret"]["detail"], "Meta's webhooks are refused")
	require.Contains(t, checks["endpoint "+out["id"].(string)]["detail"], "is disabled (the inbox has no access_token: save one)")
	w.do(t, "GET", inbox+"/health", w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "GET", inbox+"/health", w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
}

func TestTheHealthOfAnInboxOfChatlayer(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolChatlayer)
	ok, checks := w.checks(t, inbox)
	require.False(t, ok)
	require.Contains(t, checks["access_token"]["detail"], "agents' replies cannot be sent")
	require.Equal(t, true, checks["resume_call"]["skipped"])
	w.do(t, "PATCH", inbox, w.adm, `{"access_token":"x","resume_call":{"resume":true}}`).is(http.StatusOK)
	ok, checks = w.checks(t, inbox)
	require.True(t, ok, checks)
}

func TestTheHealthOfAnInboxTellsOfItsEndpoints(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolNative)
	ok, checks := w.checks(t, inbox)
	require.False(t, ok)
	require.Contains(t, checks["endpoints"]["detail"], "no endpoint takes message.queued: agents cannot answer; add one")
	w.endpoint(t, inbox, "event_types", []string{"message.*"})
	ok, _ = w.checks(t, inbox)
	require.True(t, ok)

	name := "endpoint " + w.Endpoint.ID.String()
	inbox = "/v1/inboxes/" + w.Inbox.ID.String()
	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	_, checks = w.checks(t, inbox)
	require.Equal(t, true, checks[name]["ok"], "it is on its way")
	require.Contains(t, checks[name]["detail"], "1 undelivered, the oldest for")
	w.Exec(t, "UPDATE deliveries SET created_at = now() - interval '20 minutes'")
	_, checks = w.checks(t, inbox)
	require.Equal(t, false, checks[name]["ok"])
	require.Contains(t, checks[name]["detail"], "the oldest for 20m")

	w.Exec(t, "UPDATE endpoints SET paused_until = $1", time.Now().Add(time.Hour))
	ref := activities.DeliverInput{Ref: workflows.NewConversationInput(w.Account.ID, c.InboxID, c.ContactID).Ref, EndpointID: w.Endpoint.ID, Max: 1}
	_, err := w.activities.DeliverWebhooks(context.Background(), ref)
	require.Error(t, err)
	_, checks = w.checks(t, inbox)
	require.Contains(t, checks[name]["detail"], "its vendor asked for a pause until")
	w.Exec(t, "UPDATE endpoints SET paused_until = NULL")
	_, err = w.activities.DeliverWebhooks(context.Background(), ref)
	require.NoError(t, err)
	_, checks = w.checks(t, inbox)
	require.Contains(t, checks[name]["detail"], "it last took something at")
	require.NotContains(t, checks[name]["detail"], "undelivered")
}
