package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/rs/cors"
)

// preflightAge is how long a browser may keep the answer to a preflight: Chromium's longest, in seconds.
const preflightAge = 2 * 60 * 60

// newCORS lets pages of the named origins call the API. It is nil without any: then no answer says anything of origins, and browsers keep
// their pages away. No credentials are allowed: a key travels in a header, and nothing of ours in a cookie.
func newCORS(origins []string) (*cors.Cors, error) {
	if len(origins) == 0 {
		return nil, nil
	}
	named := make([]string, 0, len(origins))
	for _, text := range origins {
		origin, err := checkOrigin(text)
		if err != nil {
			return nil, fmt.Errorf("read HANDOFF_CORS_ORIGINS: the origin %q cannot be allowed: %w", text, err)
		}
		named = append(named, origin)
	}
	return cors.New(cors.Options{
		AllowedOrigins: named,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"Authorization", "X-API-Key", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Content-Type", "Range", requestIDHeader},
		ExposedHeaders: []string{
			requestIDHeader, "RateLimit", "RateLimit-Policy", "Retry-After", "ETag", "Idempotent-Replayed", "Content-Disposition", "Content-Range",
		},
		MaxAge: preflightAge, OptionsSuccessStatus: http.StatusNoContent,
	}), nil
}

// checkOrigin gives an origin as browsers write it.
func checkOrigin(text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimSpace(text), "/")
	if strings.Contains(text, "*") {
		return "", errors.New("name each one, such as https://inbox.example.com: * would let every page in")
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", errors.New("write it as https://inbox.example.com")
	case u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", errors.New("it has no path, query or user: write it as https://inbox.example.com")
	}
	return strings.ToLower(text), nil
}

// crossOrigin answers preflights, which come without a key, and marks the answers to the origins that are allowed.
func (s *server) crossOrigin(c *gin.Context) {
	if s.cors == nil {
		return
	}
	if c.Request.Method == http.MethodOptions && c.GetHeader("Access-Control-Request-Method") != "" {
		s.cors.HandlerFunc(c.Writer, c.Request)
		c.Writer.WriteHeaderNow()
		c.Abort()
		return
	}
	s.cors.HandlerFunc(c.Writer, c.Request)
}

const (
	// dataPolicy lets nothing be done with an answer that a browser shows as a page.
	dataPolicy = "default-src 'none'; frame-ancestors 'none'"
	// transportPolicy is told only over TLS: over http a browser ignores it, and anybody could have written it.
	transportPolicy = "max-age=31536000"
)

// secure gives every answer the headers that keep browsers from guessing, framing, caching and telling. Pages and files set their own
// policy where this one would stop them.
func (s *server) secure(c *gin.Context) {
	header := c.Writer.Header()
	header["X-Content-Type-Options"] = []string{"nosniff"}
	header["Cache-Control"] = []string{"no-store"}
	header["Content-Security-Policy"] = []string{dataPolicy}
	header["Cross-Origin-Resource-Policy"] = []string{"same-origin"}
	header["Referrer-Policy"] = []string{"no-referrer"}
	if s.overTLS(c) {
		header["Strict-Transport-Security"] = []string{transportPolicy}
	}
}

// overTLS tells whether the client came by TLS: to us, or to a proxy of the operator's that says so.
func (s *server) overTLS(c *gin.Context) bool {
	if c.Request.TLS != nil {
		return true
	}
	if len(s.TrustedProxies) == 0 || !strings.EqualFold(c.GetHeader("X-Forwarded-Proto"), "https") {
		return false
	}
	remote, err := netip.ParseAddr(c.RemoteIP())
	return err == nil && s.trusts(remote.Unmap())
}

func (s *server) trusts(remote netip.Addr) bool {
	for _, network := range s.TrustedProxies {
		if network.Contains(remote) {
			return true
		}
	}
	return false
}

// trustProxies has the remote address read from X-Forwarded-For where a proxy of the operator's connects. Nobody else is believed:
// X-Forwarded-For is whatever a client says.
func (s *server) trustProxies() error {
	networks := make([]string, 0, len(s.TrustedProxies))
	for _, network := range s.TrustedProxies {
		networks = append(networks, network.String())
	}
	// Proxies append to it. X-Real-IP, which gin reads too, would be the client's own where a proxy leaves it alone.
	s.engine.RemoteIPHeaders = []string{"X-Forwarded-For"}
	if len(networks) == 0 {
		networks = nil
	}
	return s.engine.SetTrustedProxies(networks)
}
