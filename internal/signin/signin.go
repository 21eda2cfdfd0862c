// Package signin checks the tokens with which people sign in: JSON Web Tokens of an OpenID Connect issuer that their account trusts.
//
// Issuers are found by discovery, and their keys are fetched by the client that keeps away from internal addresses. Keys are kept for ten
// minutes and then fetched anew beside the requests; while an issuer is down, its keys of before are good for a day. A token with an
// unknown key has the keys fetched at once, a few times a minute at most, for anybody can make such a token.
package signin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	lru "github.com/hashicorp/golang-lru/v2"
)

// Algorithms are those that a token may be signed with. With none there is no signature, and HS256 and its like would take an issuer's
// public key, which everybody has, for a secret.
var Algorithms = []string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

const (
	maxToken = 8 << 10
	// refreshEvery is how long a key that its issuer has withdrawn may still be taken, and keepFor how long that is while the issuer is down.
	refreshEvery = 10 * time.Minute
	keepFor      = 24 * time.Hour
	maxIssuers   = 1000
)

// What is wrong with a token. ErrUnreachable says nothing of it: its issuer could not be asked.
var (
	ErrExpired     = errors.New("the token has expired")
	ErrInvalid     = errors.New("the token is not valid")
	ErrUnreachable = errors.New("the issuer's keys cannot be fetched")
)

// Trust says which tokens are taken.
type Trust struct {
	Issuer, Audience string
	// Algorithms is one or more of the package's.
	Algorithms []string
}

// Claims are what a valid token says.
type Claims struct {
	Expiry time.Time
	values map[string]any
}

// Text is a claim that is a text, or nothing. One with a NUL is none: no text of the database has one.
func (c Claims) Text(name string) string {
	text, _ := c.values[name].(string)
	if hasNUL(text) {
		return ""
	}
	return text
}

// Has tells whether a claim is value, or is a list that has it.
func (c Claims) Has(name, value string) bool {
	if items, ok := c.values[name].([]any); ok {
		return slices.Contains(items, any(value))
	}
	return value != "" && c.Text(name) == value
}

// VerifiedEmail is the address of somebody who has proved to the issuer that it is theirs, or nothing.
func (c Claims) VerifiedEmail() string {
	if verified, _ := c.values["email_verified"].(bool); !verified && c.Text("email_verified") != "true" { // some write it as a text
		return ""
	}
	return c.Text("email")
}

// IsToken tells a token from an API key.
func IsToken(text string) bool { return strings.Count(text, ".") == 2 }

// Read gives what a token says of who made it for whom, which nobody has checked yet. It is false for what cannot be one.
func Read(token string) (issuer string, audiences []string, ok bool) {
	if len(token) > maxToken || !IsToken(token) {
		return "", nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err != nil {
		return "", nil, false
	}
	var claims struct {
		Issuer   string          `json:"iss"`
		Audience json.RawMessage `json:"aud"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Issuer == "" {
		return "", nil, false
	}
	var one string
	if json.Unmarshal(claims.Audience, &one) == nil {
		audiences = []string{one}
	} else if json.Unmarshal(claims.Audience, &audiences) != nil {
		return "", nil, false
	}
	// PostgreSQL takes no NUL: what nobody has checked yet must not fail there.
	if len(audiences) == 0 || len(audiences) > 20 || slices.ContainsFunc(append(audiences, claims.Issuer), hasNUL) {
		return "", nil, false
	}
	return claims.Issuer, audiences, true
}

func hasNUL(text string) bool { return strings.ContainsRune(text, 0) }

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	getter  Getter
	now     func() time.Time
	issuers *lru.Cache[string, *issuer]
}

// New makes a verifier that fetches with getter.
func New(getter Getter, now func() time.Time) *Verifier {
	issuers, _ := lru.New[string, *issuer](maxIssuers) // a size above zero is never refused
	return &Verifier{getter: getter, now: now, issuers: issuers}
}

// issuer is what is known of one.
type issuer struct {
	known    atomic.Pointer[known]
	fetching sync.Mutex
	fetcher  *fetcher
}

type known struct {
	keys *keys
	at   time.Time
}

func (v *Verifier) issuer(url string) *issuer {
	if i, ok := v.issuers.Get(url); ok {
		return i
	}
	i := &issuer{fetcher: newFetcher(v.getter)}
	if earlier, ok, _ := v.issuers.PeekOrAdd(url, i); ok {
		return earlier
	}
	return i
}

// Verify checks a token's signature, issuer, audience and times. Its errors are ErrExpired, ErrInvalid and ErrUnreachable, with causes
// that are for the log.
func (v *Verifier) Verify(ctx context.Context, t Trust, token string) (Claims, error) {
	i := v.issuer(t.Issuer)
	k := i.known.Load()
	if k == nil || v.now().Sub(k.at) >= keepFor {
		return v.first(ctx, i, t, token)
	}
	if v.now().Sub(k.at) >= refreshEvery && i.fetching.TryLock() {
		go func() {
			defer i.fetching.Unlock()
			_, _ = v.fetched(context.WithoutCancel(ctx), i, t, token)
		}()
	}
	return v.verify(ctx, k.keys, t, token)
}

// first fetches the keys, once for all who wait for them.
func (v *Verifier) first(ctx context.Context, i *issuer, t Trust, token string) (Claims, error) {
	i.fetching.Lock()
	defer i.fetching.Unlock()
	if k := i.known.Load(); k != nil && v.now().Sub(k.at) < refreshEvery {
		return v.verify(ctx, k.keys, t, token)
	}
	return v.fetched(ctx, i, t, token)
}

// fetched checks a token with keys that are fetched for it, and keeps those, whatever they say of the token.
func (v *Verifier) fetched(ctx context.Context, i *issuer, t Trust, token string) (Claims, error) {
	k, err := i.fetcher.discover(ctx, t.Issuer)
	if err != nil {
		return Claims{}, err
	}
	ctx, w := watch(ctx)
	claims, err := v.verify(ctx, k, t, token)
	if w.asked && !errors.Is(w.err, ErrUnreachable) { // not for a token that is refused before anybody asks for keys
		i.known.Store(&known{k, v.now()})
	}
	return claims, err
}

func (v *Verifier) verify(ctx context.Context, k *keys, t Trust, token string) (Claims, error) {
	ctx, w := watch(ctx)
	verifier := oidc.NewVerifier(t.Issuer, k, &oidc.Config{ClientID: t.Audience, SupportedSigningAlgs: t.Algorithms, Now: v.now})
	verified, err := verifier.Verify(ctx, token)
	var expired *oidc.TokenExpiredError
	switch {
	case errors.Is(w.err, ErrUnreachable):
		return Claims{}, w.err
	case errors.As(err, &expired):
		return Claims{}, fmt.Errorf("%w: %w", ErrExpired, err)
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	case verified.Issuer != t.Issuer: // the library lets one of Google's stand for the other
		return Claims{}, ErrInvalid
	}
	claims := Claims{Expiry: verified.Expiry}
	if err := verified.Claims(&claims.values); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return claims, nil
}
