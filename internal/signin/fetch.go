package signin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/time/rate"

	"handoff/internal/outbound"
)

const (
	maxAnswer    = 256 << 10
	fetchTimeout = 5 * time.Second
	// fetchEvery and fetchBurst bound how often an issuer is asked: a token with an unknown key has its keys fetched.
	fetchEvery = 10 * time.Second
	fetchBurst = 4
)

var errTooOften = errors.New("the issuer was asked too often")

// Getter fetches what is at a URL, such as outbound.Client.
type Getter interface {
	Get(ctx context.Context, url string, header http.Header, limit int64) (*outbound.Stream, error)
}

// fetcher asks one issuer.
type fetcher struct {
	getter Getter
	limit  *rate.Limiter
}

func newFetcher(getter Getter) *fetcher {
	return &fetcher{getter, rate.NewLimiter(rate.Every(fetchEvery), fetchBurst)}
}

// RoundTrip makes every failure ErrUnreachable. The causes may hold internal addresses: they are for the log.
func (f *fetcher) RoundTrip(request *http.Request) (*http.Response, error) {
	if !f.limit.Allow() {
		return nil, errTooOften
	}
	ctx, cancel := context.WithTimeout(request.Context(), fetchTimeout)
	defer cancel()
	stream, err := f.getter.Get(ctx, request.URL.String(), request.Header, maxAnswer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer func() { _ = stream.Close() }()
	body, err := io.ReadAll(stream)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	if stream.Status != http.StatusOK {
		return nil, fmt.Errorf("%w: it answered %d", ErrUnreachable, stream.Status)
	}
	return &http.Response{StatusCode: stream.Status, Header: stream.Header, Body: io.NopCloser(bytes.NewReader(body)), Request: request}, nil
}

// CheckBy asks an issuer whether it can be discovered. Its errors may hold internal addresses.
func CheckBy(getter Getter) func(ctx context.Context, issuer string) error {
	return func(ctx context.Context, issuer string) error {
		_, err := newFetcher(getter).discover(ctx, issuer)
		return err
	}
}

// discover asks an issuer where its keys are (OpenID Connect Discovery 1.0). One that calls itself otherwise is refused.
func (f *fetcher) discover(ctx context.Context, issuer string) (*keys, error) {
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: f})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	var document struct {
		KeysURL string `json:"jwks_uri"`
	}
	if err := provider.Claims(&document); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	// With a limit of their own: whoever makes up keys cannot keep new ones from being found.
	ctx = oidc.ClientContext(ctx, &http.Client{Transport: newFetcher(f.getter)})
	return &keys{oidc.NewRemoteKeySet(ctx, document.KeysURL)}, nil
}

// keys are an issuer's.
type keys struct{ remote *oidc.RemoteKeySet }

// VerifySignature tells whoever watches why it failed: the library keeps the text of it only.
func (k *keys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := k.remote.VerifySignature(ctx, token)
	for w, _ := ctx.Value(watchKey{}).(*watched); w != nil; w = w.outer {
		w.asked, w.err = true, err
	}
	return payload, err
}

type watchKey struct{}

type watched struct {
	asked bool
	err   error
	outer *watched
}

func watch(ctx context.Context) (context.Context, *watched) {
	w := &watched{}
	w.outer, _ = ctx.Value(watchKey{}).(*watched)
	return context.WithValue(ctx, watchKey{}, w), w
}
