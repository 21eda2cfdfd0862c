package chatlayer_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/protocol/chatlayer"
)

func ended(t *testing.T, template, sessionID string) (protocol.Call, error) {
	t.Helper()
	with := inbox
	with.ResumeCall = json.RawMessage(template)
	to := protocol.Contact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: sessionID}}}
	return chatlayer.Protocol.End(with, to, protocol.Conversation{})
}

func TestTheEndResumesTheBot(t *testing.T) {
	t.Parallel()
	const actions = "/v1/bots/ko3123ze/conversations/s/actions?version=LIVE"
	for _, c := range []struct{ template, session, path, body string }{
		{`{"botPaused": false}`, "s", actions, `{"botPaused":false}`},
		{`{"x":{"list":["{{botId}}-{{sessionId}}", 1.50, "a\u003cb"]}}`, "s", actions, `{"x":{"list":["ko3123ze-s",1.50,"a\u003cb"]}}`},
		{
			`{"path":"/api/webview","body":{"botId":"{{botId}}","senderId":"{{sessionId}}","action":{"nextDialogstate":"12345"}}}`, "s",
			"/api/webview", `{"botId":"ko3123ze","senderId":"s","action":{"nextDialogstate":"12345"}}`,
		},
		{
			`{"path":"/v1/{{sessionId}}?of={{sessionId}}","body":{"id":"{{sessionId}}\u0021","esc":"\u007b{sessionId}}"}}`, `a"\/&b=<c> `,
			"/v1/a%22%5C%2F%26b%3D%3Cc%3E%20?of=a%22%5C%2F%26b%3D%3Cc%3E%20", `{"id":"a\"\\/&b=<c> !","esc":"a\"\\/&b=<c> "}`,
		},
		{`{"a":"{{sessionId}}"}`, "{{botId}}", "/v1/bots/ko3123ze/conversations/%7B%7BbotId%7D%7D/actions?version=LIVE", `{"a":"{{botId}}"}`},
		{`{"{single}":"{name}"}`, "s", actions, `{"{single}":"{name}"}`},
	} {
		require.NoError(t, chatlayer.CheckResumeCall([]byte(c.template)), c.template)
		call, err := ended(t, c.template, c.session)
		require.NoError(t, err, c.template)
		require.Equal(t, []string{c.path, c.body}, []string{call.Path, string(call.Body)}, c.template)
	}
}

func TestNoResumeCall(t *testing.T) {
	t.Parallel()
	for _, template := range []string{``, `null`, ` `} {
		require.NoError(t, chatlayer.CheckResumeCall([]byte(template)))
		call, err := ended(t, template, "")
		require.NoError(t, err)
		require.Empty(t, call)
	}
	_, err := ended(t, `{"botPaused":false}`, "")
	require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), "nobody to resume")
}

func TestFaultyResumeCalls(t *testing.T) {
	t.Parallel()
	for template, says := range map[string]string{
		`{`: "JSON object", `[]`: "JSON object", `"{{sessionId}}"`: "JSON object",
		`{"a":"{{session}}"}`: "{{session}}", `{"a":"{{ sessionId }}"}`: "{{ sessionId }}", `{"{{botId}}":1}`: "key",
		`{"path":"/x"}`: "exactly", `{"path":"/x","body":[]}`: "exactly", `{"path":"/x","body":{},"method":"GET"}`: "exactly",
		`{"path":"https://evil.example.com/","body":{}}`: "path", `{"path":"//evil.example.com/x","body":{}}`: "path", `{"path":"@evil.example.com/","body":{}}`: "path",
		`{"path":7,"body":{}}`: "path", `{"path":"/a b","body":{}}`: "path", `{"path":"/a\r\nX: y","body":{}}`: "path", `{"path":"/%zz","body":{}}`: "path",
		`{"path":"/v1/../admin","body":{}}`: "..", `{"path":"/v1/%2e%2e/admin","body":{}}`: "..",
		`{"a":"` + strings.Repeat("x", 20_000) + `"}`:                 "bytes",
		strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100): "nests",
	} {
		err := chatlayer.CheckResumeCall([]byte(template))
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), template)
		require.ErrorContains(t, err, says, "%.100s", template)
		_, err = ended(t, template, "s")
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), template)
	}
}

func FuzzResumeCall(f *testing.F) {
	f.Add(`{"path":"/api/webview","body":{"a":"{{sessionId}}"}}`, `a"b`)
	f.Add(`{"a":["{{botId}}",{"b":"\u007b{sessionId}}"}]}`, "\xff\x00")
	f.Add(`{"a":"\\\"{{sessionId}}"}`, `\`)
	f.Fuzz(func(t *testing.T, template, sessionID string) {
		refused := chatlayer.CheckResumeCall([]byte(template)) != nil
		call, err := ended(t, template, sessionID)
		if refused {
			require.Error(t, err)
		}
		if err == nil && call.Path != "" {
			require.True(t, strings.HasPrefix(call.Path, "/"))
			require.True(t, json.Valid(call.Body))
			req, err := http.NewRequest(http.MethodPost, "https://api.chatlayer.ai"+call.Path, nil)
			require.NoError(t, err)
			require.Equal(t, "api.chatlayer.ai", req.URL.Host)
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2021, 11, 15, 8, 36, 15, 0, time.UTC)
	for _, c := range []struct {
		remaining, reset string
		want             int
		at               time.Time
	}{
		{"1199", "1636965400", 1199, now.Add(25 * time.Second)},
		{"0", "1636965400123", 0, now.Add(25*time.Second + 123*time.Millisecond)},
		{"-1", " 1636965375 ", 0, now},
		{"", "1636965400", 0, time.Time{}},
		{"7", "", 0, time.Time{}},
		{"7", "60", 0, time.Time{}},
		{"7", "soon", 0, time.Time{}},
		{"7", "1936965400", 0, time.Time{}},
		{"7", "NaN", 0, time.Time{}},
	} {
		header := http.Header{}
		header.Set("X-RateLimit-Limit", "1200")
		header.Set("X-RateLimit-Remaining", c.remaining)
		header.Set("X-RateLimit-Reset", c.reset)
		remaining, reset, ok := chatlayer.RateLimit(header.Get, now)
		require.Equal(t, !c.at.IsZero(), ok, "%+v", c)
		require.Equal(t, c.want, remaining, "%+v", c)
		require.Equal(t, c.at, reset, "%+v", c)
	}
}
