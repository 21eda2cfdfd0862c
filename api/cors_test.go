package api_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
)

const inboxOrigin = "https://inbox.example.com"

func TestNoOriginIsAllowedByDefault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.do(t, "GET", "/v1/me", w.ana, nil, "Origin", inboxOrigin).is(http.StatusOK)
	require.Empty(t, got.header.Get("Access-Control-Allow-Origin"))
	preflight := w.do(t, "OPTIONS", "/v1/me", "", nil, "Origin", inboxOrigin, "Access-Control-Request-Method", "GET")
	require.Equal(t, http.StatusMethodNotAllowed, preflight.status)
	for name := range preflight.header {
		require.False(t, strings.HasPrefix(name, "Access-Control"), name)
	}
}

func TestNamedOriginsMayCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Origins = []string{"https://Inbox.example.com/", "http://localhost:5173"}
	w.serve(t)
	conversation := w.conversation(t, "447700900123").ID.String()
	file := w.do(t, "POST", "/v1/media", w.ana, "hello", "Content-Type", "text/plain").is(http.StatusCreated).text("id")
	for _, path := range []string{
		"/v1/me", "/v1/conversations/" + conversation, "/v1/media/" + file, "/v1/events/stream", "/v1/nothing", "/v1/agents/" + handoff.NewID().String(),
	} {
		preflight := w.do(t, "OPTIONS", path, "", nil, "Origin", inboxOrigin, "Access-Control-Request-Method", "PATCH",
			"Access-Control-Request-Headers", "authorization,content-type,idempotency-key,last-event-id,x-api-key,x-request-id").is(http.StatusNoContent)
		require.Equal(t, inboxOrigin, preflight.header.Get("Access-Control-Allow-Origin"), path)
		require.Contains(t, preflight.header.Get("Access-Control-Allow-Headers"), "idempotency-key")
		require.Empty(t, preflight.header.Get("Access-Control-Allow-Credentials"))

		// The refusal of a page without a key has to be readable for it too.
		for _, key := range []string{w.ana, ""} {
			got := w.do(t, "GET", path, key, nil, "Origin", inboxOrigin)
			require.Equal(t, inboxOrigin, got.header.Get("Access-Control-Allow-Origin"), path)
			require.Contains(t, got.header.Values("Vary"), "Origin")
			require.Contains(t, got.header.Get("Access-Control-Expose-Headers"), "Retry-After")
		}
		for _, foreign := range []string{"https://evil.example.com", "https://inbox.example.com.evil.com", "http://inbox.example.com", "null", "https://inbox.example.com:8443"} {
			got := w.do(t, "GET", path, w.ana, nil, "Origin", foreign)
			require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), "%s from %s", path, foreign)
			preflight := w.do(t, "OPTIONS", path, "", nil, "Origin", foreign, "Access-Control-Request-Method", "GET")
			require.Empty(t, preflight.header.Get("Access-Control-Allow-Origin"), "%s from %s", path, foreign)
		}
	}
}

func TestOriginsThatCannotBeAllowed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, origin := range []string{"*", "https://*.example.com", "inbox.example.com", "null", "https://inbox.example.com/app", "file:///x", ""} {
		w.deps.Origins = []string{origin}
		_, err := api.New(w.deps)
		require.ErrorContains(t, err, "https://inbox.example.com", origin)
	}
}

// Whatever is asked, by whomever: no browser guesses, frames, keeps or tells what it got.
func TestEveryAnswerIsSafeForBrowsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversation(t, "447700900123")
	const data, page = "default-src 'none'; frame-ancestors 'none'", "script-src 'self'"
	for name, want := range map[string]struct {
		method, path, key, policy string
		status                    int
	}{
		"a list":           {"GET", "/v1/conversations", w.ana, data, 200},
		"a command":        {"POST", "/v1/public/inbound/test-resolved-webhook", w.gateway, data, 200},
		"no key":           {"GET", "/v1/conversations", "", data, 401},
		"wrong scope":      {"GET", "/v1/api-keys", w.ana, data, 403},
		"no route":         {"GET", "/nothing", "", data, 404},
		"no method":        {"PUT", "/v1/conversations", w.ana, data, 405},
		"malformed":        {"POST", "/v1/agents", w.adm, data, 400},
		"alive":            {"GET", "/livez", "", data, 200},
		"ready":            {"GET", "/readyz", "", data, 200},
		"reference":        {"GET", "/docs", "", page, 200},
		"script":           {"GET", "/docs/scalar.js", "", data, 200},
		"document":         {"GET", "/openapi.json", "", page, 200},
		"export":           {"GET", "/v1/exports/conversations", w.adm, "default-src 'none'", 200},
		"link to no file":  {"GET", "/m/x", "", data, 404},
		"link to no form":  {"GET", "/r/x", "", "form-action 'self'", 404},
		"vendor's refusal": {"GET", "/v1/chatlayer/" + handoff.NewID().String(), "", data, 401},
	} {
		got := w.do(t, want.method, want.path, want.key, nil).is(want.status)
		require.Contains(t, got.header.Get("Content-Security-Policy"), want.policy, name)
		require.NotContains(t, strings.ReplaceAll(got.header.Get("Content-Security-Policy"), "style-src 'self' 'unsafe-inline'", ""), "script-src 'unsafe", name)
		require.Equal(t, "nosniff", got.header.Get("X-Content-Type-Options"), name)
		require.Equal(t, "no-referrer", got.header.Get("Referrer-Policy"), name)
		require.NotEmpty(t, got.header.Get("Cache-Control"), name)
		require.NotEmpty(t, got.header.Get("Cross-Origin-Resource-Policy"), name)
		require.Empty(t, got.header.Get("Server"), name)
		require.Empty(t, got.header.Get("Strict-Transport-Security"), name)
		if want.key != "" {
			require.Equal(t, "no-store", got.header.Get("Cache-Control"), name)
		}
	}
}

func TestTransportSecurityIsToldOverTLS(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	w.serve(t)
	told := func(address, proto string, direct bool) bool {
		request := httptest.NewRequest("GET", "/livez", nil)
		request.RemoteAddr = address
		if direct {
			request.TLS = &tls.ConnectionState{}
		}
		if proto != "" {
			request.Header.Set("X-Forwarded-Proto", proto)
		}
		recorder := httptest.NewRecorder()
		w.handler.ServeHTTP(recorder, request)
		return recorder.Header().Get("Strict-Transport-Security") != ""
	}
	require.True(t, told("10.1.2.3:1", "https", false))
	require.True(t, told("[::ffff:10.1.2.3]:1", "https", false))
	require.True(t, told("203.0.113.7:1", "", true))
	require.False(t, told("10.1.2.3:1", "http", false))
	require.False(t, told("203.0.113.7:1", "https", false), "anybody can say so")
}
