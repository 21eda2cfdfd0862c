package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/internal/apikey"
)

// The tests of this file take limits of a request in minutes, so that no token comes back while they run.
const (
	oneInAnHour  = 1.0 / 3600
	sixInAMinute = 0.1
)

func TestAKeyHasSoManyRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Limits = api.Limits{Agent: 0.01, Gateway: 1000}
	w.serve(t)
	first := w.do(t, "GET", "/v1/me", w.ana, nil).is(http.StatusOK)
	second := w.do(t, "GET", "/v1/me", w.ana, nil).refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
	for _, got := range []answer{first, second} {
		require.Equal(t, `"agent";q=1;w=2`, got.header.Get("RateLimit-Policy"))
		require.Regexp(t, `^"agent";r=0;t=\d+$`, got.header.Get("RateLimit"))
	}
	wait, err := strconv.Atoi(second.header.Get("Retry-After"))
	require.NoError(t, err)
	require.True(t, wait > 0 && wait <= 100, wait)
	// Refusals count too, of whatever kind.
	sample := w.do(t, "POST", "/v1/conversations", w.gateway, nil)
	require.Equal(t, `"gateway";q=2000;w=2`, sample.header.Get("RateLimit-Policy"))
	require.Regexp(t, `^"gateway";r=1999;t=1$`, sample.header.Get("RateLimit"))

	w.do(t, "GET", "/v1/me", w.ben, nil).is(http.StatusOK) // another key has its own
	require.Empty(t, w.do(t, "GET", "/v1/me", w.adm, nil).is(http.StatusOK).header.Get("RateLimit"), "a scope without a limit tells none")
}

func TestLimitsAreDocumentedEverywhere(t *testing.T) {
	t.Parallel()
	for path, item := range document(t).Paths.Map() {
		for method, operation := range item.Operations() {
			if path == "/livez" || path == "/readyz" {
				continue
			}
			require.NotNil(t, operation.Responses.Value("429"), "%s %s documents no 429", method, path)
		}
	}
}

// from makes a request that comes from an address.
func (w *world) from(t *testing.T, address, path, key string, headers ...string) answer {
	t.Helper()
	request := httptest.NewRequest(http.MethodGet, path, nil)
	request.RemoteAddr = address
	if key != "" {
		request.Header.Set("Authorization", "Bearer "+key)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	recorder := httptest.NewRecorder()
	w.handler.ServeHTTP(recorder, request)
	return answer{t: t, status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
}

// tries guesses until it is told to wait.
func (w *world) tries(t *testing.T, address string, headers ...string) int {
	t.Helper()
	for n := range 100 {
		got := w.from(t, address, "/v1/me", apikey.New().Text, headers...)
		if got.status == http.StatusTooManyRequests {
			got.refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
			wait, err := strconv.Atoi(got.header.Get("Retry-After"))
			require.NoError(t, err)
			require.Positive(t, wait)
			return n
		}
		got.refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	}
	require.Fail(t, "keys can be guessed without an end")
	return 0
}

func TestGuessingKeysIsLimitedByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Limits = api.Limits{Failures: sixInAMinute}
	w.serve(t)
	const attacker = "203.0.113.7:4711"
	require.Equal(t, http.StatusOK, w.from(t, attacker, "/v1/me", w.ana).status)
	require.Equal(t, 1, w.tries(t, attacker))

	require.Equal(t, http.StatusOK, w.from(t, attacker, "/v1/me", w.ana).status, "a key that is known")
	require.Equal(t, http.StatusTooManyRequests, w.from(t, attacker, "/v1/me", w.ben).status, "nobody is asked for one that is not")
	require.Equal(t, http.StatusOK, w.from(t, "203.0.113.8:1", "/v1/me", w.ben).status, "other addresses")

	// All of one network of IPv6 is one address, and X-Forwarded-For is what anybody can say.
	require.Equal(t, 1, w.tries(t, "[2001:db8::1]:1"))
	require.Equal(t, http.StatusTooManyRequests, w.from(t, "[2001:db8::ffff]:1", "/v1/me", "x", "X-Forwarded-For", "9.9.9.9").status)
}

func TestGuessingAtVendorsRoutesIsLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Limits = api.Limits{Failures: oneInAnHour}
	w.serve(t)
	inbox, other := handoff.NewID().String(), handoff.NewID().String()
	for path, refusal := range map[string]int{
		"/v1/chatlayer/" + inbox + "?challenge.verifyToken=guess":                                      http.StatusUnauthorized,
		"/v1/whatsapp/" + inbox + "/webhook?hub.mode=subscribe&hub.verify_token=guess&hub.challenge=1": http.StatusForbidden,
		"/m/guess": http.StatusNotFound,
		"/r/guess": http.StatusNotFound,
	} {
		const attacker = "203.0.113.7:4711"
		require.Equal(t, refusal, w.from(t, attacker, path, "").status, path)
		w.from(t, attacker, path, "").refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
		require.Equal(t, refusal, w.from(t, "203.0.113.8:1", path, "").status, path)
	}
	for _, spelling := range []string{strings.ToUpper(inbox), strings.ReplaceAll(inbox, "-", ""), "urn:uuid:" + inbox, "%7B" + inbox + "%7D"} {
		require.Equal(t, http.StatusTooManyRequests, w.from(t, "203.0.113.7:4711", "/v1/chatlayer/"+spelling, "").status, "%s is the same inbox", spelling)
	}
	require.Equal(t, http.StatusUnauthorized, w.from(t, "203.0.113.7:4711", "/v1/chatlayer/no-id", "").status)
	require.Equal(t, http.StatusTooManyRequests, w.from(t, "203.0.113.7:4711", "/v1/chatlayer/nor-this", "").status)
	require.Equal(t, http.StatusUnauthorized, w.from(t, "203.0.113.7:4711", "/v1/chatlayer/"+other, "").status,
		"who attacks one inbox shuts no other one off, from whatever proxy they share")
}

func TestTheAddressBehindATrustedProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.Limits = api.Limits{Failures: sixInAMinute}
	w.deps.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	w.serve(t)
	const proxy = "10.1.2.3:1"
	require.Equal(t, 1, w.tries(t, proxy, "X-Forwarded-For", "203.0.113.7"))
	require.Equal(t, http.StatusUnauthorized, w.from(t, proxy, "/v1/me", "x", "X-Forwarded-For", "203.0.113.8").status)
	// What the client itself has said stands before what the proxy has added.
	require.Equal(t, http.StatusTooManyRequests, w.from(t, proxy, "/v1/me", "x", "X-Forwarded-For", "1.2.3.4, 203.0.113.7").status)
	require.Equal(t, http.StatusTooManyRequests,
		w.from(t, proxy, "/v1/me", "x", "X-Forwarded-For", "1.2.3.4", "X-Forwarded-For", "203.0.113.7, 10.9.9.9").status)
	require.Equal(t, http.StatusUnauthorized, w.from(t, "192.0.2.1:1", "/v1/me", "x", "X-Forwarded-For", "203.0.113.7").status,
		"who is no proxy of ours is not believed")
}

// What a limit costs a request: a look into the cache and a token.
func BenchmarkLimit(b *testing.B) {
	b.Run("none", func(b *testing.B) { api.MeasureTake(b, api.Limits{}) })
	b.Run("gateway", func(b *testing.B) { api.MeasureTake(b, api.Limits{Gateway: 1e9}) })
}
