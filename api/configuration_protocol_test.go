package api_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/registry"
	"handoff/internal/secretbox"
)

func TestAnInboxOfEveryProtocolIsConfigured(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	for _, p := range handoff.Protocols {
		path, made := w.inbox(t, p)
		require.Equal(t, string(p), made.text("protocol"))
		require.Equal(t, "UTC", made.text("time_zone"))
		require.Equal(t, true, made.field("accepting"))
		w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	}
}

func TestAChatlayerInboxIsConfigured(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	resume := map[string]any{"path": "/api/webview", "body": map[string]any{"senderId": "{{sessionId}}"}}
	path, made := w.inbox(t, handoff.ProtocolChatlayer, "access_token", "canary-token", "bot_version", "DRAFT", "resume_call", resume,
		"time_zone", "Asia/Jakarta", "hours", []any{map[string]any{"days": []string{"mon"}, "from": "09:00", "to": "17:30"}}, "queue_limit", 3, "accepting", false)
	require.Equal(t, "https://handoff.example.com/v1/chatlayer/"+made.text("id"), made.text("webhook_url"))
	require.Equal(t, "https://api.chatlayer.ai", made.text("api_url"))
	require.Equal(t, "DRAFT", made.text("bot_version"))
	require.Equal(t, resume, made.field("resume_call"))
	require.Equal(t, "Asia/Jakarta", made.text("time_zone"))
	require.Equal(t, "17:30", made.text("hours.0.to"))
	require.EqualValues(t, 3, made.field("queue_limit"))
	require.Equal(t, false, made.field("accepting"))
	require.Nil(t, made.field("resolved_status"), "that is HitlChat's")

	freed := w.do(t, "PATCH", path, w.adm, `{"hours":[],"queue_limit":0,"accepting":true,"resume_call":null,"api_url":"https://api.eu.example.com/"}`).is(http.StatusOK)
	require.Nil(t, freed.field("hours"))
	require.Nil(t, freed.field("queue_limit"))
	require.Nil(t, freed.field("resume_call"))
	require.Equal(t, "https://api.eu.example.com", freed.text("api_url"))
	_, out := w.wayOut(t, path)
	require.Equal(t, "https://api.eu.example.com", out["url"], "its calls go where its API is")
	require.Equal(t, "chatlayer", out["transport"])
}

func TestAVerifyTokenIsMadeAndShownOnce(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	for _, p := range []handoff.Protocol{handoff.ProtocolChatlayer, handoff.ProtocolKapso, handoff.ProtocolPassthrough} {
		path, made := w.inbox(t, p)
		require.Regexp(t, `^[A-Z2-7]{26}$`, made.text("verify_token"), p)
		require.Equal(t, made.text("verify_token"), w.verifyToken(t, made))
		for _, shown := range []answer{
			w.do(t, "GET", path, w.adm, nil), w.do(t, "PATCH", path, w.adm, `{"name":"Other"}`), w.do(t, "GET", "/v1/inboxes", w.adm, nil),
		} {
			require.NotContains(t, string(shown.is(http.StatusOK).body), made.text("verify_token"))
		}
		again := w.do(t, "PATCH", path, w.adm, `{"verify_token":""}`).is(http.StatusOK)
		require.NotEmpty(t, again.text("verify_token"))
		require.NotEqual(t, made.text("verify_token"), again.text("verify_token"))
		own := w.do(t, "PATCH", path, w.adm, `{"verify_token":"my-own"}`).is(http.StatusOK)
		require.Nil(t, own.field("verify_token"), "who gave it knows it")
		require.Equal(t, "my-own", w.verifyToken(t, made))
		w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	}
	_, made := w.inbox(t, handoff.ProtocolHitlChat)
	require.Equal(t, false, made.field("verify_token_set"))
}

func (w *configured) verifyToken(t *testing.T, inbox answer) string {
	t.Helper()
	row, err := dbsqlc.New(w.DB).InboxGet(context.Background(), dbsqlc.InboxGetParams{AccountID: w.Account.ID, ID: uuidOf(t, inbox.text("id"))})
	require.NoError(t, err)
	opened, err := w.Box.Open(row.VerifyToken, secretbox.VerifyToken(w.Account.ID, row.ID))
	require.NoError(t, err)
	return string(opened)
}

func TestSecretsAreInNoAnswer(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	path, made := w.inbox(t, handoff.ProtocolKapso, "access_token", metaToken, "app_secret", "canary-app", "verify_token", "canary-verify")
	list := path + "/endpoints"
	endpoint, created := w.endpoint(t, path, "vendor_secret", "canary vendor", "headers", map[string]string{"X-Key": "canary-header"})
	require.Equal(t, true, created.field("vendor_secret_set"))
	for _, field := range []string{"access_token_set", "app_secret_set", "verify_token_set"} {
		require.Equal(t, true, made.field(field), field)
	}
	for _, shown := range []answer{
		made, created, w.do(t, "GET", path, w.adm, nil), w.do(t, "GET", "/v1/inboxes", w.adm, nil), w.do(t, "GET", list, w.adm, nil),
		w.do(t, "GET", endpoint, w.adm, nil), w.do(t, "PATCH", path, w.adm, `{"app_secret":"canary-2"}`),
		w.do(t, "PATCH", endpoint, w.adm, `{"vendor_secret":"canary-3"}`), w.do(t, "GET", path+"/health", w.adm, nil),
		w.do(t, "PATCH", path, w.adm, `{"access_token":"EAAcanarywrong"}`), w.do(t, "PATCH", path, w.adm, `{"app_secret":"canary\n"}`),
		w.do(t, "PATCH", endpoint, w.adm, map[string]string{"vendor_secret": strings.Repeat("canary", 200)}),
	} {
		require.NotContains(t, string(shown.body), "canary")
	}
	require.NotContains(t, w.log.String(), "canary")
	require.Equal(t, false, w.do(t, "PATCH", endpoint, w.adm, `{"vendor_secret":""}`).is(http.StatusOK).field("vendor_secret_set"))
}

// Each refusal says in a sentence what is wrong and what to do.
func TestWhatAnInboxCannotBe(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	const has = handoff.ProtocolChatlayer
	for name, c := range map[string]struct {
		body map[string]any
		says string
	}{
		"no number":              {body(handoff.ProtocolKapso, "phone_number_id", ""), "phone_number_id is empty: copy it from WhatsApp Manager"},
		"a path for a number":    {body(handoff.ProtocolPassthrough, "phone_number_id", "1/../2"), "phone_number_id is not one of Meta's ids"},
		"a number of Chatlayer":  {body(has, "phone_number_id", "1"), "phone_number_id belongs to inboxes of hitlchat, kapso and passthrough, and this one speaks chatlayer: leave it out"},
		"an account of native":   {body(handoff.ProtocolNative, "waba_id", "1"), "waba_id belongs to inboxes of hitlchat, kapso and passthrough, and this one speaks native: leave it out"},
		"a token of Aksita":      {body(handoff.ProtocolAksita, "access_token", "x"), "access_token belongs to inboxes of chatlayer, hitlchat, kapso and passthrough"},
		"a secret of Chatlayer":  {body(has, "app_secret", "x"), "app_secret belongs to inboxes of hitlchat, kapso and passthrough"},
		"a verify token, native": {body(handoff.ProtocolNative, "verify_token", "x"), "verify_token belongs to inboxes of"},
		"a bot of HitlChat":      {body(handoff.ProtocolHitlChat, "bot_id", "x"), "bot_id belongs to inboxes of chatlayer, and this one speaks hitlchat: leave it out"},
		"a version of Kapso":     {body(handoff.ProtocolKapso, "bot_version", "LIVE"), "bot_version belongs to inboxes of chatlayer"},
		"a resume call, native":  {body(handoff.ProtocolNative, "resume_call", map[string]any{}), "resume_call belongs to inboxes of chatlayer"},
		"hours of passthrough":   {body(handoff.ProtocolPassthrough, "hours", []any{}), "hours belongs to inboxes of hitlchat, chatlayer, aksita, kapso and native"},
		"a status of Kapso":      {body(handoff.ProtocolKapso, "resolved_status", "Done"), "resolved_status belongs to inboxes of hitlchat"},
		"no bot":                 {body(has, "bot_id", ""), "bot_id is missing"},
		"a bot with a slash":     {body(has, "bot_id", "a/b"), "bot_id is missing, or is not one of Chatlayer's ids"},
		"an internal API":        {body(has, "api_url", "https://169.254.169.254"), "api_url: URL"},
		"an API with a query":    {body(has, "api_url", "https://api.example.com/?a=b"), "URL has a query: give the base address of Chatlayer's API"},
		"a resume call of text":  {body(has, "resume_call", "resume"), "the resume call has to be a JSON object"},
		"an unknown placeholder": {body(has, "resume_call", map[string]any{"a": "{{session}}"}), "use {{sessionId}} and {{botId}}"},
		"a token with a blank":   {body(has, "access_token", "a b"), "access_token holds a blank or an unusual character"},
		"an unknown zone":        {body(has, "time_zone", "Mars/Olympus"), `there is no time zone \"Mars/Olympus\": use a name of the IANA database`},
		"the server's zone":      {body(has, "time_zone", "Local"), "there is no time zone"},
		"hours without days":     {body(has, "hours", []any{map[string]any{"days": []string{}, "from": "09:00", "to": "17:00"}}), "hours: span 1 has no days"},
		"hours at no time":       {body(has, "hours", []any{map[string]any{"days": []string{"mon"}, "from": "9am", "to": "17:00"}}), "is no time of day: write it like 09:30"},
		"a protocol of the past": {body("fax"), "hitlchat"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(t, "POST", "/v1/inboxes", w.adm, c.body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			require.Contains(t, string(got.body), c.says)
			require.NotEmpty(t, got.field("errors.0.location"))
		})
	}
}

func TestWhatAnEndpointIsByItsProtocol(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	for _, p := range registry.All {
		path, _ := w.inbox(t, p.Name)
		_, made := w.endpoint(t, path)
		want := []any{}
		for _, event := range p.Defaults {
			want = append(want, event)
		}
		if p.Name == handoff.ProtocolChatlayer {
			want = []any{"*"}
		}
		require.ElementsMatch(t, want, made.field("event_types"), p.Name)
		require.Equal(t, "durable", made.text("retry"))
		payload := "events"
		if p.Name == handoff.ProtocolPassthrough {
			payload = "meta"
		}
		require.Equal(t, payload, made.text("payload"), p.Name)
		require.Equal(t, p.Name == handoff.ProtocolKapso, made.field("inactivity_minutes") != nil, p.Name)
		w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
	}
}

func TestAnEndpointOfKapsoIsConfigured(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inbox, _ := w.inbox(t, handoff.ProtocolKapso)
	path, made := w.endpoint(t, inbox, "payload_version", "v1", "retry", "none", "buffer", map[string]any{}, "inactivity_minutes", 90,
		"event_types", []string{"whatsapp.conversation.inactive", "whatsapp.message.received"})
	require.Equal(t, "v1", made.text("payload_version"))
	require.Equal(t, "none", made.text("retry"))
	require.EqualValues(t, 5, made.field("buffer.window_seconds"))
	require.EqualValues(t, 50, made.field("buffer.max"))
	require.Equal(t, []any{"whatsapp.message.received"}, made.field("buffer.events"))
	require.EqualValues(t, 90, made.field("inactivity_minutes"))

	for _, step := range []struct {
		change string
		field  string
		want   any
	}{
		{`{"name":"x"}`, "", nil},
		{`{"inactivity_minutes":0}`, "inactivity_minutes", nil},
		{`{"retry":"durable"}`, "inactivity_minutes", nil},
		{`{"event_types":["whatsapp.message.received"]}`, "inactivity_minutes", nil},
		{`{"event_types":["whatsapp.conversation.inactive"]}`, "inactivity_minutes", 60.0},
		{`{"buffer":{"window_seconds":60,"max":100,"events":["whatsapp.message.sent","whatsapp.message.received"]}}`, "buffer.max", 100.0},
		{`{"payload":"meta"}`, "buffer", nil},
		{`{"headers":{}}`, "event_types", []any{"meta"}},
		{`{"headers":{}}`, "inactivity_minutes", nil},
		{`{"payload":"events","event_types":["conversation.*"]}`, "event_types", []any{"conversation.*"}},
		{`{"inactivity_minutes":5}`, "inactivity_minutes", 5.0},
		{`{"event_types":["message.*"]}`, "inactivity_minutes", nil},
		{`{"buffer":{}}`, "buffer.window_seconds", 5.0},
		{`{"buffer":{"window_seconds":0}}`, "buffer", nil},
	} {
		if step.field == "" {
			w.do(t, "PATCH", path, w.adm, step.change).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			continue
		}
		require.Equal(t, step.want, w.do(t, "PATCH", path, w.adm, step.change).is(http.StatusOK).field(step.field), step.change)
	}
}

func TestWhatAnEndpointCannotBe(t *testing.T) {
	t.Parallel()
	w := newConfigured(t)
	inboxes := map[handoff.Protocol]string{}
	for _, p := range []handoff.Protocol{handoff.ProtocolHitlChat, handoff.ProtocolAksita, handoff.ProtocolNative} {
		inboxes[p], _ = w.inbox(t, p)
	}
	w.graph.AddNumber("3", "4", "+1 555-0101")
	w.graph.AddNumber("5", "6", "+1 555-0102")
	inboxes[handoff.ProtocolKapso], _ = w.inbox(t, handoff.ProtocolKapso, "waba_id", "3", "phone_number_id", "4")
	inboxes[handoff.ProtocolPassthrough], _ = w.inbox(t, handoff.ProtocolPassthrough, "waba_id", "5", "phone_number_id", "6")
	for name, c := range map[string]struct {
		protocol handoff.Protocol
		body     string
		says     string
	}{
		"Meta's bytes of HitlChat":     {handoff.ProtocolHitlChat, `"payload":"meta"`, "the payload meta belongs to inboxes of kapso and passthrough, and this one speaks hitlchat"},
		"events of passthrough":        {handoff.ProtocolPassthrough, `"payload":"events"`, "an inbox of passthrough has no events: its endpoints get Meta's webhooks as they came"},
		"one of passthrough's types":   {handoff.ProtocolPassthrough, `"event_types":["message.received"]`, "has the event type meta: leave event_types out"},
		"types of Meta's bytes":        {handoff.ProtocolKapso, `"payload":"meta","event_types":["*"]`, "has the event type meta: leave event_types out"},
		"another vendor's type":        {handoff.ProtocolKapso, `"event_types":["outbound_message"]`, `there is no event type \"outbound_message\": use some of *`},
		"a family of Kapso's":          {handoff.ProtocolKapso, `"event_types":["whatsapp.*"]`, "there is no event type"},
		"a version of Aksita":          {handoff.ProtocolAksita, `"payload_version":"v1"`, "payload_version belongs to inboxes of kapso"},
		"a vendor's secret, native":    {handoff.ProtocolNative, `"vendor_secret":"x"`, "vendor_secret belongs to inboxes of aksita and kapso, and this one speaks native"},
		"a buffer of HitlChat":         {handoff.ProtocolHitlChat, `"buffer":{}`, "buffer belongs to inboxes of kapso"},
		"a buffer of Meta's bytes":     {handoff.ProtocolKapso, `"payload":"meta","buffer":{}`, "never buffered: leave buffer out"},
		"a long window":                {handoff.ProtocolKapso, `"buffer":{"window_seconds":61}`, "60"},
		"a large batch":                {handoff.ProtocolKapso, `"buffer":{"max":101}`, "100"},
		"a buffer of ends":             {handoff.ProtocolKapso, `"buffer":{"events":["whatsapp.conversation.ended"]}`, "are not buffered: use whatsapp.message.received and whatsapp.message.sent"},
		"a silence nobody asked for":   {handoff.ProtocolKapso, `"event_types":["whatsapp.message.read"],"inactivity_minutes":5`, "belongs to endpoints that subscribe to whatsapp.conversation.inactive or conversation.inactive"},
		"a silence of HitlChat's":      {handoff.ProtocolHitlChat, `"inactivity_minutes":5`, "belongs to endpoints that subscribe to"},
		"a silence of more than a day": {handoff.ProtocolNative, `"inactivity_minutes":1441`, "1440"},
		"an unknown policy":            {handoff.ProtocolAksita, `"retry":"twice"`, "retry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(t, "POST", inboxes[c.protocol]+"/endpoints", w.adm, `{"url":"`+w.Gateway.URL+`",`+c.body+`}`)
			got.refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			require.Contains(t, string(got.body), c.says)
			require.NotEmpty(t, got.field("errors.0.location"))
		})
	}
}
