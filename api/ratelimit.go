package api

import (
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"handoff"
)

// Limits are how many requests a second are answered. A zero is no limit. Each process counts for itself.
type Limits struct {
	// Gateway, Agent and Admin are for one key of that scope, or one agent who has signed in. Two seconds' worth may come at once.
	Gateway, Agent, Admin float64
	// Failures is for requests of one address that prove nothing: without a valid key, or with a wrong signature, token or link. Five
	// seconds' worth may come at once. Those with a valid key are not held up by others of their address.
	Failures float64
}

const (
	keyBurst     = 2 // seconds
	failureBurst = 5 // seconds
	// maxBuckets bounds what is remembered. A bucket that nobody has asked for a while is full, as a new one is, so nothing is lost with it;
	// that is also why none has to expire, and the library's expiring cache has a goroutine that never ends.
	maxBuckets = 20_000
)

// limiter counts requests in token buckets.
type limiter struct {
	policies map[handoff.Scope]policy
	failures policy
	keys     *lru.Cache[handoff.ID, *rate.Limiter]
	places   *lru.Cache[place, *rate.Limiter]
}

// policy is a limit and the RateLimit-Policy header that tells it (draft-ietf-httpapi-ratelimit-headers-11).
type policy struct {
	rate   rate.Limit
	burst  int
	name   string
	header []string
}

// place is where requests without a key come from, and what they want: who attacks one inbox shuts no other one off.
type place struct {
	address netip.Addr
	route   string
	inbox   handoff.ID
}

func newLimiter(l Limits) *limiter {
	of := func(name string, perSecond float64, seconds int) policy {
		if perSecond <= 0 {
			return policy{}
		}
		burst := max(1, int(math.Ceil(perSecond*float64(seconds))))
		return policy{rate.Limit(perSecond), burst, name, []string{fmt.Sprintf("%q;q=%d;w=%d", name, burst, seconds)}}
	}
	// A size above zero is never refused.
	keys, _ := lru.New[handoff.ID, *rate.Limiter](maxBuckets)
	places, _ := lru.New[place, *rate.Limiter](maxBuckets)
	return &limiter{
		policies: map[handoff.Scope]policy{
			handoff.ScopeGateway: of("gateway", l.Gateway, keyBurst), handoff.ScopeAgent: of("agent", l.Agent, keyBurst),
			handoff.ScopeAdmin: of("admin", l.Admin, keyBurst),
		},
		failures: of("failures", l.Failures, failureBurst), keys: keys, places: places,
	}
}

func bucketOf[K comparable](cache *lru.Cache[K, *rate.Limiter], key K, p policy) *rate.Limiter {
	if b, ok := cache.Get(key); ok {
		return b
	}
	b := rate.NewLimiter(p.rate, p.burst)
	if earlier, ok, _ := cache.PeekOrAdd(key, b); ok {
		return earlier
	}
	return b
}

// take counts a request of a caller, and tells in its answer how many more there may be.
func (l *limiter) take(header http.Header, k *caller) error {
	scope := k.Scope
	if k.expires != nil {
		scope = handoff.ScopeAgent // who has signed in may be an admin on some routes, and has one bucket for all
	}
	p := l.policies[scope]
	if p.rate == 0 {
		return nil
	}
	// The limiter's own clock: it must go on where a test's stands still.
	now := time.Now()
	b := bucketOf(l.keys, k.ID, p)
	allowed, left := b.AllowN(now, 1), b.TokensAt(now)
	full := math.Ceil((float64(p.burst) - left) / float64(p.rate))
	// The canonical spelling of Go's, so that nothing has to be spelled anew for each request.
	header["Ratelimit-Policy"] = p.header
	header["Ratelimit"] = []string{`"` + p.name + `";r=` + strconv.Itoa(max(0, int(left))) + `;t=` + strconv.Itoa(int(full))}
	if allowed {
		return nil
	}
	return &handoff.Error{
		Code: handoff.CodeRateLimited, RetryAfter: p.wait(left),
		Message: fmt.Sprintf("more than %g requests a second with this key: wait as long as Retry-After says", float64(p.rate)),
	}
}

// wait is how long it takes until there is a token.
func (p policy) wait(left float64) time.Duration {
	return time.Duration(max(0, 1-left) / float64(p.rate) * float64(time.Second))
}

// guest is a request that has proved nothing yet.
type guest struct {
	limits *limiter
	place  place
}

// guest tells by address, and for routes of vendors by what they address, who asks. Somebody with an IPv6 address has 2^64 of them.
func (s *server) guest(c *gin.Context, r route) guest {
	if s.limits.failures.rate == 0 {
		return guest{limits: s.limits}
	}
	address, _ := netip.ParseAddr(c.ClientIP())
	address = address.Unmap().WithZone("")
	if address.Is6() {
		network, _ := address.Prefix(64)
		address = network.Addr()
	}
	at := place{address: address}
	if r.guarded {
		at.route = c.FullPath()
		// One id has many spellings, and each would have its own failures.
		if id, err := uuid.Parse(c.Param(inboxParam)); err == nil {
			at.inbox = id
		}
	}
	return guest{s.limits, at}
}

// refused says whether there were too many failures already.
func (g guest) refused() error {
	if g.limits.failures.rate == 0 {
		return nil
	}
	b, ok := g.limits.places.Peek(g.place)
	if !ok {
		return nil
	}
	if left := b.Tokens(); left < 1 {
		return g.limits.failures.tooMany(left)
	}
	return nil
}

// failed counts a failure, and gives err, or that there were too many.
func (g guest) failed(err error) error {
	if g.limits.failures.rate == 0 {
		return err
	}
	b := bucketOf(g.limits.places, g.place, g.limits.failures)
	if b.Allow() {
		return err
	}
	return g.limits.failures.tooMany(b.Tokens())
}

func (p policy) tooMany(left float64) error {
	return &handoff.Error{
		Code: handoff.CodeRateLimited, RetryAfter: p.wait(left),
		Message: "too many requests from this address were refused: check the key, signature or link, and wait as long as Retry-After says",
	}
}

// guard bounds how often somebody without a key may try: verify tokens, signatures and links.
func (s *server) guard(c *gin.Context) {
	r := s.routes[routeName(c)]
	if !r.guarded || s.limits.failures.rate == 0 {
		return
	}
	g := s.guest(c, r)
	if err := g.refused(); err != nil {
		s.refuse(c, err)
		return
	}
	c.Next()
	switch c.Writer.Status() {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		_ = g.failed(nil)
	}
}
