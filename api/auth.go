package api

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/apikey"
	"handoff/internal/signin"
)

const (
	// keyTTL is how long a key that another process has revoked may still be taken.
	keyTTL        = time.Second
	maxCachedKeys = 10_000
	touchEvery    = time.Minute
	touchTimeout  = 5 * time.Second
)

// caller is who asks.
type caller struct {
	ID        handoff.ID // of the key; of the agent, where one has signed in without
	Name      string     // of the key
	AccountID handoff.ID
	Scope     handoff.Scope
	InboxID   *handoff.ID
	Agent     *handoff.AgentRef // set for the scope agent, and for an admin who is one
	expires   *time.Time        // of the token, where one has signed in
}

type keyContext struct{}

// keyOf is nil on public routes.
func keyOf(ctx context.Context) *caller {
	k, _ := ctx.Value(keyContext{}).(*caller)
	return k
}

// authorize checks the key and that its scope is that of the route.
func (s *server) authorize(c *gin.Context) {
	r, declared := s.routes[routeName(c)]
	if c.FullPath() == "" || (declared && r.scope == publicScope) {
		return
	}
	if !declared {
		// A route that nobody gave a scope is closed.
		s.refuse(c, handoff.Errorf(handoff.CodeInternal, "route %s has no scope", routeName(c)))
		return
	}
	k, err := s.identify(c, r)
	if err != nil {
		s.refuse(c, err)
		return
	}
	if err := s.limits.take(c.Writer.Header(), k); err != nil {
		setValue(c, keyContext{}, k) // for the log
		s.refuse(c, err)
		return
	}
	if k.Scope != r.scope && k.Scope != handoff.ScopeAdmin && !slices.Contains(r.also, k.Scope) {
		s.refuse(c, handoff.Errorf(handoff.CodeForbidden, "this route needs a key of the scope %s; this one has the scope %s", r.scope, k.Scope))
		return
	}
	setValue(c, keyContext{}, k)
}

// identify finds who asks. Whoever does not prove it is counted, by address.
func (s *server) identify(c *gin.Context, r route) (*caller, error) {
	g := s.guest(c, route{})
	text := presentedKey(c, r.schemes)
	var k *caller
	var err error
	if signin.IsToken(text) {
		k, err = s.signedIn(c.Request.Context(), text, r, g.refused)
	} else {
		k, err = s.keys.find(c.Request.Context(), text, g.refused)
	}
	if unauthorized(err) {
		return nil, g.failed(err)
	}
	return k, err
}

// presentedKey is the key of a request: a bearer token, one under another scheme that the route takes, or X-API-Key.
func presentedKey(c *gin.Context, others []string) string {
	scheme, text, found := strings.Cut(c.GetHeader("Authorization"), " ")
	known := func(s string) bool { return strings.EqualFold(scheme, s) }
	if found && (known("Bearer") || slices.ContainsFunc(others, known)) {
		return strings.TrimSpace(text)
	}
	return c.GetHeader("X-API-Key")
}

// keyCache spares most requests the query for their key.
type keyCache struct {
	db  db.DB
	now func() time.Time

	mu      sync.Mutex
	entries map[string]cachedKey
	epoch   int // grows when what is known may be wrong
	touched map[handoff.ID]time.Time
}

type cachedKey struct {
	row dbsqlc.APIKeyGetByPrefixRow
	at  time.Time
}

func newKeyCache(d db.DB, now func() time.Time) *keyCache {
	return &keyCache{db: d, now: now, entries: map[string]cachedKey{}, touched: map[handoff.ID]time.Time{}}
}

var noHash = make([]byte, 32)

// find gives the caller with a key. ask is asked before the database is, unless the key is known here: who has one is not held up by
// others of the same address.
func (k *keyCache) find(ctx context.Context, text string, ask func() error) (*caller, error) {
	if text == "" {
		return nil, handoff.Errorf(handoff.CodeUnauthorized, "no API key: send Authorization: Bearer hk_… or X-API-Key: hk_…")
	}
	refused := handoff.Errorf(handoff.CodeUnauthorized, "this API key is not valid: it is mistyped, expired or revoked")
	prefix, hash, ok := apikey.Parse(text)
	if !ok {
		return nil, refused
	}
	row, err := k.row(ctx, prefix, hash, ask)
	if errors.Is(err, pgx.ErrNoRows) {
		// As long as for a prefix that exists.
		apikey.Match(noHash, hash)
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	now := k.now()
	if !apikey.Match(row.APIKey.Hash, hash) || row.APIKey.RevokedAt != nil || row.AgentDisabledAt != nil ||
		(row.APIKey.ExpiresAt != nil && !now.Before(*row.APIKey.ExpiresAt)) {
		return nil, refused
	}
	k.touch(ctx, row.APIKey.ID, now)
	found := &caller{ID: row.APIKey.ID, Name: row.APIKey.Name, AccountID: row.APIKey.AccountID, Scope: row.APIKey.Scope, InboxID: row.APIKey.InboxID}
	if row.APIKey.AgentID != nil && row.AgentName != nil {
		found.Agent = &handoff.AgentRef{ID: *row.APIKey.AgentID, Name: *row.AgentName}
	}
	return found, nil
}

func (k *keyCache) row(ctx context.Context, prefix string, hash []byte, ask func() error) (dbsqlc.APIKeyGetByPrefixRow, error) {
	k.mu.Lock()
	cached, ok := k.entries[prefix]
	epoch := k.epoch
	k.mu.Unlock()
	// Whoever guesses is not told by the time it takes that the prefix is known here.
	held := ok && apikey.Match(cached.row.APIKey.Hash, hash)
	if held && time.Since(cached.at) < keyTTL {
		return cached.row, nil
	}
	if !held {
		if err := ask(); err != nil {
			return dbsqlc.APIKeyGetByPrefixRow{}, err
		}
	}
	asked := time.Now()
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	row, err := dbsqlc.New(k.db).APIKeyGetByPrefix(ctx, prefix)
	if err != nil || !apikey.Match(row.APIKey.Hash, hash) {
		return row, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if epoch != k.epoch {
		return row, nil // it may have been read before it was revoked
	}
	if len(k.entries) >= maxCachedKeys {
		clear(k.entries)
	}
	k.entries[prefix] = cachedKey{row, asked}
	return row, nil
}

// forget has every key looked up anew: one was revoked here, or its agent disabled.
func (k *keyCache) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.epoch++
	for prefix, cached := range k.entries {
		cached.at = time.Time{} // that it is known spares its holder the limit of an address with many failures
		k.entries[prefix] = cached
	}
}

// touch notes that the key was used, once a minute and not while the request waits.
func (k *keyCache) touch(ctx context.Context, id handoff.ID, now time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now.Sub(k.touched[id]) < touchEvery {
		return
	}
	if len(k.touched) >= maxCachedKeys {
		clear(k.touched)
	}
	k.touched[id] = now
	go func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), touchTimeout)
		defer cancel()
		before := now.Add(-touchEvery)
		// What is lost here is noted with the next request.
		_ = dbsqlc.New(k.db).APIKeyTouch(ctx, dbsqlc.APIKeyTouchParams{ID: id, UsedAt: &now, UnlessAfter: &before})
	}()
}
