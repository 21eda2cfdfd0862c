package api_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/db"
	"handoff/internal/signin"
)

// issuer is an OpenID Connect issuer on loopback, which can be down and can change its keys.
type issuer struct {
	*testing.T
	server *oidctest.Server
	url    string
	key    crypto.Signer
	id     string
	alg    string
	down   atomic.Bool
	asked  atomic.Int32
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{T: t, server: &oidctest.Server{Algorithms: []string{oidc.ES256, oidc.RS256}}}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		if i.down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		i.server.ServeHTTP(w, r)
	}))
	t.Cleanup(web.Close)
	i.url = web.URL
	i.server.SetIssuer(web.URL)
	i.rotate("first")
	return i
}

// rotate has it sign with another key, and publish that alone.
func (i *issuer) rotate(id string) {
	i.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(i, err)
	i.use(key, id, oidc.ES256)
}

func (i *issuer) use(key crypto.Signer, id, alg string) {
	i.key, i.id, i.alg = key, id, alg
	i.server.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: id, Algorithm: alg}}
}

// claims are those of a token for Ana, changed by pairs of a name and a value; nil leaves one out.
func (i *issuer) claims(changes ...any) map[string]any {
	claims := map[string]any{
		"iss": i.url, "aud": "handoff", "sub": "ana", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
	}
	for n := 0; n < len(changes); n += 2 {
		name, _ := changes[n].(string)
		if claims[name] = changes[n+1]; changes[n+1] == nil {
			delete(claims, name)
		}
	}
	return claims
}

func (i *issuer) token(changes ...any) string {
	i.Helper()
	encoded, err := json.Marshal(i.claims(changes...))
	require.NoError(i, err)
	return oidctest.SignIDToken(i.key, i.id, i.alg, string(encoded))
}

// signInWorld is a world whose account trusts an issuer at which Ana is known.
func signInWorld(t *testing.T, settings ...any) (*world, *issuer) {
	t.Helper()
	w, i := newWorld(t), newIssuer(t)
	w.deps.SignIn, w.deps.CheckIssuer = signin.New(w.poster, time.Now), signin.CheckBy(w.poster)
	w.serve(t)
	body := map[string]any{"issuer": i.url, "audience": "handoff"}
	for n := 0; n < len(settings); n += 2 {
		body[settings[n].(string)] = settings[n+1]
	}
	w.do(t, "PUT", "/v1/sign-in", w.adm, body).is(http.StatusOK)
	w.do(t, "PUT", "/v1/agents/"+w.Ana.Agent.ID.String()+"/sign-in", w.adm, `{"subject":"ana"}`).is(http.StatusOK)
	return w, i
}

// refusesToken checks the refusal of a token.
func (w *world) refusesToken(t *testing.T, token, why string) {
	t.Helper()
	got := w.do(t, "GET", "/v1/me", token, nil)
	require.Equal(t, http.StatusUnauthorized, got.status, "%s: %s", why, got.body)
	got.refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	require.Equal(t, `Bearer realm="handoff", error="invalid_token"`, got.header.Get("WWW-Authenticate"), why)
	require.NotContains(t, string(got.body), token[:20], why)
}

func TestAgentsSignInWithTokens(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	token, asked := i.token(), i.asked.Load()
	me := w.do(t, "GET", "/v1/me", token, nil).is(http.StatusOK)
	require.Equal(t, w.Ana.Agent.ID.String(), me.text("agent.id"))
	require.Equal(t, "agent", me.text("scope"))
	c := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/notes", token, `{"text":"x"}`, "Idempotency-Key", "n").is(http.StatusCreated)
	w.do(t, "GET", "/v1/me", i.token("aud", []string{"other", "handoff"}), nil).is(http.StatusOK)
	w.do(t, "GET", "/v1/api-keys", token, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "POST", "/v1/public/inbound", token, w.Body("447700900123", "x")).refused(http.StatusForbidden, handoff.CodeForbidden)
	require.Equal(t, asked+2, i.asked.Load(), "discovery and keys once")
	require.NotContains(t, w.log.String(), token[:20])
}

func TestTokensThatAreRefused(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	stranger := newIssuer(t)
	hour := time.Now().Add(time.Hour).Unix()
	forged := stranger.token("iss", i.url)
	good := strings.Split(i.token(), ".")
	for why, token := range map[string]string{
		"expired":                      i.token("exp", time.Now().Add(-time.Second).Unix()),
		"no expiry":                    i.token("exp", nil),
		"not yet":                      i.token("nbf", hour),
		"wrong audience":               i.token("aud", "other"),
		"no audience":                  i.token("aud", nil),
		"an issuer whom nobody trusts": stranger.token(),
		"signed by another issuer":     forged,
		"no issuer":                    i.token("iss", nil),
		"unknown agent":                i.token("sub", "nobody"),
		"no subject":                   i.token("sub", nil),
		"a subject that is no text":    i.token("sub", 7),
		"changed claims":               good[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(payloadOf(t, good[1]), "ana", "eve", 1))) + "." + good[2],
		"no signature":                 good[0] + "." + good[1] + ".",
		"alg none":                     base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + good[1] + ".",
		"too long":                     i.token("x", strings.Repeat("x", 9000)),
		"no token":                     "aaaaaaaaaaaaaaaaaaaa.b.c",
		"an address that is nobody's":  i.token("sub", "x", "email", "ana@example.com", "email_verified", true),
		// The database takes no NUL: these were answered by its refusal, which nobody counted as a failure.
		"a NUL in the issuer":   i.token("iss", i.url+"\x00"),
		"a NUL in an audience":  i.token("aud", []string{"handoff", "a\x00"}),
		"a NUL in the subject":  i.token("sub", "ana\x00"),
		"too many of audiences": i.token("aud", slices.Repeat([]string{"handoff"}, 21)),
	} {
		w.refusesToken(t, token, why)
	}
	w.do(t, "GET", "/v1/me", i.token(), nil).is(http.StatusOK)
}

func payloadOf(t *testing.T, part string) string {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(part)
	require.NoError(t, err)
	return string(text)
}

// An issuer's public key is known to everybody: with HS256 it would be the secret.
func TestAPublicKeyIsNoSecret(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	i.use(key, "rsa", oidc.RS256)
	w.do(t, "GET", "/v1/me", i.token(), nil).is(http.StatusOK)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	claims, err := json.Marshal(i.claims())
	require.NoError(t, err)
	for _, secret := range [][]byte{pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), der} {
		w.refusesToken(t, oidctest.SignIDToken(secret, "rsa", "HS256", string(claims)), "HS256 with the public key")
	}
	for _, algorithm := range []string{"HS256", "none", "ES256K"} {
		w.do(t, "PUT", "/v1/sign-in", w.adm, map[string]any{"issuer": i.url, "audience": "handoff", "algorithms": []string{algorithm}}).
			refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	w.do(t, "PUT", "/v1/sign-in", w.adm, map[string]any{"issuer": i.url, "audience": "handoff", "algorithms": []string{"ES256"}}).is(http.StatusOK)
	w.refusesToken(t, i.token("x", 1), "an algorithm that this account does not take")
}

func TestAnIssuerMayChangeItsKeysAndBeDown(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	i.down.Store(true)
	unknown := w.do(t, "GET", "/v1/me", i.token(), nil).refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	require.NotEmpty(t, unknown.header.Get("Retry-After"))
	require.NotContains(t, string(unknown.body), "127.0.0.1")
	i.down.Store(false)
	w.do(t, "GET", "/v1/me", i.token(), nil).is(http.StatusOK)

	i.down.Store(true)
	w.do(t, "GET", "/v1/me", i.token("x", 1), nil).is(http.StatusOK) // its keys of before are known
	i.down.Store(false)
	i.rotate("second")
	w.do(t, "GET", "/v1/me", i.token("x", 2), nil).is(http.StatusOK) // an unknown key has them fetched

	// Whoever makes up keys does not have the issuer asked each time.
	stranger := newIssuer(t)
	for n := range 30 {
		stranger.rotate(handoff.NewID().String())
		w.do(t, "GET", "/v1/me", stranger.token("iss", i.url, "x", n), nil)
	}
	require.LessOrEqual(t, i.asked.Load(), int32(12))
	w.do(t, "GET", "/v1/me", i.token("x", 3), nil).is(http.StatusOK)
}

func TestAgentsWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	token, ana := i.token(), "/v1/agents/"+w.Ana.Agent.ID.String()
	w.do(t, "GET", "/v1/me", token, nil).is(http.StatusOK)
	w.do(t, "PATCH", ana, w.adm, `{"disabled":true}`).is(http.StatusOK)
	w.refusesToken(t, token, "disabled, at once")
	w.do(t, "PATCH", ana, w.adm, `{"disabled":false}`).is(http.StatusOK)
	w.do(t, "GET", "/v1/me", token, nil).is(http.StatusOK)

	require.Equal(t, "ana", w.do(t, "GET", ana+"/sign-in", w.adm, nil).is(http.StatusOK).text("subject"))
	w.do(t, "PUT", "/v1/agents/"+w.Ben.Agent.ID.String()+"/sign-in", w.adm, `{"subject":"ana"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "DELETE", ana+"/sign-in", w.adm, nil).is(http.StatusNoContent)
	w.refusesToken(t, token, "unlinked")
	w.do(t, "PUT", "/v1/agents/"+w.Ben.Agent.ID.String()+"/sign-in", w.adm, `{"subject":"ana"}`).is(http.StatusOK)
	require.Equal(t, w.Ben.Agent.ID.String(), w.do(t, "GET", "/v1/me", token, nil).is(http.StatusOK).text("agent.id"))

	w.do(t, "DELETE", "/v1/sign-in", w.adm, nil).is(http.StatusNoContent)
	w.refusesToken(t, token, "no issuer is trusted")
	w.do(t, "PUT", ana+"/sign-in", w.adm, `{"subject":"ana"}`).refused(http.StatusConflict, handoff.CodeConflict)
}

// Issuer and audience say whose account a token is for.
func TestTokensOfOneAccountOpenNoOther(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	both := map[string]any{"issuer": i.url, "audience": "handoff"}
	w.do(t, "PUT", "/v1/sign-in", w.stranger, both).refused(http.StatusConflict, handoff.CodeConflict)
	both["audience"] = "theirs"
	w.do(t, "PUT", "/v1/sign-in", w.stranger, both).is(http.StatusOK)
	other := w.strangerWorld.Ana.Agent.ID.String()
	w.do(t, "PUT", "/v1/agents/"+other+"/sign-in", w.stranger, `{"subject":"ana"}`).is(http.StatusOK)

	require.Equal(t, w.Ana.Agent.ID.String(), w.do(t, "GET", "/v1/me", i.token(), nil).is(http.StatusOK).text("agent.id"))
	require.Equal(t, other, w.do(t, "GET", "/v1/me", i.token("aud", "theirs"), nil).is(http.StatusOK).text("agent.id"))
	w.refusesToken(t, i.token("aud", []string{"handoff", "theirs"}), "for both, and so for none")
	c := w.conversation(t, "447700900123")
	w.do(t, "GET", "/v1/conversations/"+c.ID.String(), i.token("aud", "theirs"), nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

func TestAgentsAreLinkedByTheirAddressWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t, "link_by_email", true)
	ben := "/v1/agents/" + w.Ben.Agent.ID.String()
	w.do(t, "PATCH", ben, w.adm, `{"email":"ben@example.com"}`).is(http.StatusOK)
	w.do(t, "PATCH", "/v1/agents/"+w.Ana.Agent.ID.String(), w.adm, `{"email":"ana@example.com"}`).is(http.StatusOK)
	w.refusesToken(t, i.token("sub", "b", "email", "ben@example.com"), "not verified")
	w.refusesToken(t, i.token("sub", "b", "email", "ben@example.com", "email_verified", false), "not verified")
	w.refusesToken(t, i.token("sub", "b", "email", "ana@example.com", "email_verified", true), "Ana is somebody else already")
	me := w.do(t, "GET", "/v1/me", i.token("sub", "b", "email", "BEN@example.com", "email_verified", true), nil).is(http.StatusOK)
	require.Equal(t, w.Ben.Agent.ID.String(), me.text("agent.id"))
	require.Len(t, w.entries(t, "action=first-sign-in"), 1)

	// Once linked, the subject counts and the address no more.
	w.do(t, "PATCH", ben, w.adm, `{"email":""}`).is(http.StatusOK)
	w.do(t, "GET", "/v1/me", i.token("sub", "b"), nil).is(http.StatusOK)
	for _, name := range []string{"Cleo", "Dora"} {
		w.do(t, "POST", "/v1/agents", w.adm, map[string]string{"name": name, "email": "shared@example.com"}).is(http.StatusCreated)
	}
	w.refusesToken(t, i.token("sub", "c", "email", "shared@example.com", "email_verified", true), "two have that address")
}

func TestAClaimMakesAnAdmin(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t, "admin_claim", "roles", "admin_value", "boss")
	for _, roles := range []any{nil, "agent", []string{"agent"}, []any{1}, true} {
		w.do(t, "GET", "/v1/api-keys", i.token("roles", roles), nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	}
	for _, roles := range []any{"boss", []string{"agent", "boss"}} {
		token := i.token("roles", roles)
		w.do(t, "GET", "/v1/api-keys", token, nil).is(http.StatusOK)
		require.Equal(t, "agent", w.do(t, "GET", "/v1/me", token, nil).is(http.StatusOK).text("scope"))
		made := w.do(t, "POST", "/v1/agents", token, `{"name":"Cleo"}`).is(http.StatusCreated)
		entry := w.do(t, "GET", "/v1/audit-log?target_id="+made.text("id"), w.adm, nil)
		require.Equal(t, "agent", entry.text("items.0.actor.type"))
		require.Equal(t, w.Ana.Agent.ID.String(), entry.text("items.0.actor.id"))
	}
}

// changedMeanwhile does something once it was read who an agent is.
type changedMeanwhile struct {
	db.DB
	change *func()
}

type scanned struct {
	pgx.Row
	then *func()
}

func (d changedMeanwhile) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	row := d.DB.QueryRow(ctx, sql, args...)
	if strings.HasPrefix(sql, "-- name: SubjectAgent ") {
		return scanned{row, d.change}
	}
	return row
}

func (s scanned) Scan(dest ...any) error {
	err := s.Row.Scan(dest...)
	(*s.then)()
	return err
}

// What a request had read before an agent was disabled is not remembered after.
func TestASignInThatCrossesItsEndIsNotRemembered(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t)
	change := func() {}
	w.deps.DB = changedMeanwhile{w.DB, &change}
	w.serve(t)
	ana, token := "/v1/agents/"+w.Ana.Agent.ID.String(), i.token()
	change = func() {
		change = func() {}
		w.do(t, "PATCH", ana, w.adm, `{"disabled":true}`).is(http.StatusOK)
	}
	w.do(t, "GET", "/v1/me", token, nil)
	w.refusesToken(t, token, "disabled, at once")
}

// Whoever has signed in has one bucket, that of an agent, whichever route was asked first.
func TestWhoHasSignedInHasTheLimitOfAnAgent(t *testing.T) {
	t.Parallel()
	w, i := signInWorld(t, "admin_claim", "roles", "admin_value", "boss")
	w.deps.Limits = api.Limits{Agent: 100, Admin: 1000}
	w.serve(t)
	token := i.token("roles", "boss")
	for n, path := range []string{"/v1/api-keys", "/v1/me"} {
		got := w.do(t, "GET", path, token, nil).is(http.StatusOK)
		require.Equal(t, `"agent";q=200;w=2`, got.header.Get("RateLimit-Policy"))
		require.Regexp(t, `^"agent";r=19[89];t=1$`, got.header.Get("RateLimit"), n)
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	// The clock stands still, so that a token that has a second left has it when its stream begins, however busy the machine is.
	var at time.Time
	w := newStreamWorld(t, func(w *world) {
		clock := w.timed(t)
		w.deps.SignIn, at = signin.New(w.poster, clock.now), clock.now()
	})
	w.do(t, "PUT", "/v1/sign-in", w.adm, map[string]any{"issuer": i.url, "audience": "handoff"}).is(http.StatusOK)
	ana := "/v1/agents/" + w.Ana.Agent.ID.String()
	w.do(t, "PUT", ana+"/sign-in", w.adm, `{"subject":"ana"}`).is(http.StatusOK)
	ended := func(c *client) {
		t.Helper()
		for {
			select {
			case _, open := <-c.blocks:
				if !open {
					return
				}
			case <-time.After(streamPatience):
				require.Fail(t, "the stream goes on")
			}
		}
	}
	short := w.open(t, i.token("exp", at.Add(2*time.Second).Unix()), "")
	require.Equal(t, http.StatusOK, short.answer.StatusCode)
	long := w.follow(t, i.token(), "")
	ended(short)

	w.do(t, "PATCH", ana, w.adm, `{"disabled":true}`).is(http.StatusOK)
	ended(long)
}

func TestIssuersAreCheckedWhenSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for why, body := range map[string]map[string]any{
		"internal":     {"issuer": "https://169.254.169.254", "audience": "x"},
		"no URL":       {"issuer": "login", "audience": "x"},
		"half a claim": {"issuer": "https://login.example.com", "audience": "x", "admin_claim": "roles"},
		"no audience":  {"issuer": "https://login.example.com", "audience": " "},
	} {
		got := w.do(t, "PUT", "/v1/sign-in", w.adm, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, why)
	}
	w.do(t, "GET", "/v1/sign-in", w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PUT", "/v1/sign-in", w.ana, `{"issuer":"https://login.example.com","audience":"x"}`).refused(http.StatusForbidden, handoff.CodeForbidden)

	w, i := signInWorld(t)
	i.down.Store(true)
	body := map[string]any{"issuer": i.url, "audience": "another"}
	w.do(t, "PUT", "/v1/sign-in", w.adm, body).says(http.StatusUnprocessableEntity, handoff.CodeInvalid, i.url+"/.well-known/openid-configuration")
	require.Equal(t, "handoff", w.do(t, "GET", "/v1/sign-in", w.adm, nil).text("audience"), "nothing is saved")
	body["validate"] = false
	require.Equal(t, "another", w.do(t, "PUT", "/v1/sign-in", w.adm, body).is(http.StatusOK).text("audience"))
}
