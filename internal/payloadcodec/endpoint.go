package payloadcodec

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/rs/cors"
	"go.temporal.io/sdk/converter"
)

// maxBody is more than any page of a history: Temporal's own limit for a message is 4 MiB.
const maxBody = 8 << 20

// Access says whom the endpoint opens payloads for.
type Access struct {
	// Namespace is the one whose payloads are sealed with these keys. The UI names the one that it shows (X-Namespace).
	Namespace string
	// Origins are those of the Temporal UI. A page of any other origin is refused: the endpoint may be on a machine on which somebody
	// browses.
	Origins []string
	// Verify checks the bearer token that the UI passes on. No token is asked for if it is nil.
	Verify func(ctx context.Context, token string) error
	Log    *slog.Logger
}

// Endpoint answers POST /encode and /decode as the Temporal UI and its command line ask them
// (docs.temporal.io, "Codec Server"). The body is {"payloads": […]}, and so is the answer.
func Endpoint(codec *Codec, access Access) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"POST /encode", "POST /decode"} {
		mux.Handle(path, access.guard(converter.NewPayloadCodecHTTPHandler(codec)))
	}
	return cors.New(cors.Options{
		AllowOriginFunc: access.trusts, AllowedMethods: []string{http.MethodPost},
		AllowedHeaders: []string{"Authorization", "Content-Type", "X-Namespace"},
		// The UI sends its cookies along where it is told to, for a proxy that asks for them, and is often on a public address.
		AllowCredentials: true, AllowPrivateNetwork: true,
	}).Handler(mux)
}

func (a Access) trusts(origin string) bool { return slices.Contains(a.Origins, origin) }

func (a Access) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); origin != "" && !a.trusts(origin) {
			http.Error(w, "this page may not ask: set HANDOFF_TEMPORAL_UI_URL to the address of the Temporal UI", http.StatusForbidden)
			return
		}
		if namespace := r.Header.Get("X-Namespace"); namespace != "" && namespace != a.Namespace {
			http.Error(w, "these keys are for the namespace "+a.Namespace, http.StatusForbidden)
			return
		}
		if err := a.check(r); err != nil {
			a.Log.WarnContext(r.Context(), "codec endpoint refused a token", "error", err)
			w.Header().Set("WWW-Authenticate", `Bearer realm="handoff codec"`)
			http.Error(w, "a token of the configured issuer is needed: have the Temporal UI pass its access token", http.StatusUnauthorized)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func (a Access) check(r *http.Request) error {
	if a.Verify == nil {
		return nil
	}
	_, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return a.Verify(r.Context(), strings.TrimSpace(token))
}
