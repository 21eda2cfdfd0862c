package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"
	"github.com/stretchr/testify/require"

	"handoff/internal/outbound"
	"handoff/internal/signin"
)

// The issuer may be down when serve starts: its tokens are taken once it is there.
func TestTheCodecEndpointTakesTokensOfItsIssuerAlone(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	issuer := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k", Algorithm: oidc.ES256}}}
	var up atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		issuer.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	issuer.SetIssuer(server.URL)
	token := func(audience string) string {
		return oidctest.SignIDToken(key, "k", oidc.ES256,
			fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"olga","exp":%d}`, server.URL, audience, time.Now().Add(time.Hour).Unix()))
	}
	poster := outbound.NewClient(outbound.Config{AllowLoopback: true})
	t.Cleanup(poster.Close)
	verify := codecFlags{CodecIssuer: server.URL, CodecAudience: "temporal-ui"}.verify(poster)

	require.ErrorIs(t, verify(t.Context(), token("temporal-ui")), signin.ErrUnreachable)
	up.Store(true)
	require.NoError(t, verify(t.Context(), token("temporal-ui")))
	require.ErrorIs(t, verify(t.Context(), token("handoff")), signin.ErrInvalid)
	require.ErrorIs(t, verify(t.Context(), "nonsense"), signin.ErrInvalid)
	require.Nil(t, codecFlags{}.verify(poster), "without an issuer no token is asked for")
}
