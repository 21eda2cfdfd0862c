package api

import (
	"context"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
)

// A server that is paused, or behind a network that drops packets, takes requests and never answers: without deadlines of ours a
// request would wait until it is back, with its client long gone. Each is shorter than what encloses it, and all are shorter than
// the server's WriteTimeout, after which an answer cannot be sent.
const (
	// keyTimeout bounds the query for a key, with which nearly every request begins.
	keyTimeout = 5 * time.Second
	// acceptTimeout bounds the commit of a gateway's body. Its statements give up locks after 5 s.
	acceptTimeout = 10 * time.Second
	// requestTimeout bounds the work on a request after its body has been read.
	requestTimeout = 14 * time.Second
	// configurationTimeout is for requests that ask Meta or a receiver of webhooks before they save.
	configurationTimeout = 25 * time.Second
	// afterTimeout bounds what is written down for a client that may have gone.
	afterTimeout = 5 * time.Second
)

// limitTime gives the request its deadline; past it, it is answered with 503. Files move for as long as they move.
func (s *server) limitTime(c *gin.Context) {
	r, declared := s.routes[routeName(c)]
	if !declared || r.stream {
		return
	}
	limit := requestTimeout
	if r.scope == handoff.ScopeAdmin {
		limit = configurationTimeout
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), limit)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

// afterwards is for what has to be written down even if the client has gone.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), afterTimeout)
}
