package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"handoff"
)

const (
	requestIDHeader = "X-Request-Id"
	maxRequestID    = 100
)

type requestIDKey struct{}

func requestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestID takes the caller's id for the request or makes one.
func (s *server) requestID(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if id == "" || len(id) > maxRequestID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		id = handoff.NewID().String()
	}
	c.Header(requestIDHeader, id)
	setValue(c, requestIDKey{}, id)
}

func setValue(c *gin.Context, key, value any) {
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), key, value))
}

// logRequest writes one line per request. The query and the bodies stay out: a query can hold a token, a body what people said.
func (s *server) logRequest(c *gin.Context) {
	start := time.Now()
	nameSpan(c)
	c.Next()
	took := time.Since(start)
	s.observeRequest(c, took)
	attributes := []any{
		"method", c.Request.Method, "route", c.FullPath(), "status", c.Writer.Status(), "bytes", c.Writer.Size(),
		"duration_ms", float64(took.Microseconds()) / 1000, "request_id", requestIDOf(c.Request.Context()),
	}
	if k := keyOf(c.Request.Context()); k != nil {
		attributes = append(attributes, "account_id", k.AccountID, "key_id", k.ID)
	}
	s.Log.Log(c.Request.Context(), requestLevel(c.FullPath(), c.Writer.Status()), "request", attributes...)
}

// requestLevel keeps probes that succeed out of the log: each process is asked every few seconds.
func requestLevel(route string, status int) slog.Level {
	if (route == "/livez" || route == "/readyz") && status < http.StatusBadRequest {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// nameSpan gives the request's span its route. The address itself may hold a token.
func nameSpan(c *gin.Context) {
	span := trace.SpanFromContext(c.Request.Context())
	if span.IsRecording() && c.FullPath() != "" {
		span.SetName(routeName(c))
		span.SetAttributes(attribute.String("http.route", c.FullPath()))
	}
}

// recoverPanic answers a panic without its text, which is logged. http.ErrAbortHandler is meant for the server.
func (s *server) recoverPanic(c *gin.Context) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(cause)
		}
		s.Log.ErrorContext(c.Request.Context(), "panic", "request_id", requestIDOf(c.Request.Context()),
			"cause", fmt.Sprint(cause), "stack", string(debug.Stack()))
		if c.Writer.Written() {
			c.Abort()
			return
		}
		s.refuse(c, handoff.Errorf(handoff.CodeInternal, "panic"))
	}()
	c.Next()
}

// readBody reads the whole body, as far as the route allows. Huma would otherwise set a read deadline of its own on the
// connection and not clear it, and the Idempotency-Key needs the bytes anyhow.
func (s *server) readBody(c *gin.Context) {
	r, declared := s.routes[routeName(c)]
	if !declared {
		return
	}
	if err := checkQuery(c.Request.URL); err != nil {
		s.refuse(c, err)
		return
	}
	if c.Request.Method == http.MethodGet {
		return
	}
	if r.stream {
		c.Request.Body = openUpload(c, r.maxBody)
		return
	}
	body, err := s.fetchBody(c, r.maxBody)
	if err != nil {
		s.refuse(c, err)
		return
	}
	c.Request.Body = io.NopCloser(bytes.NewReader(body))
	setValue(c, bodyKey{}, body)
	if !r.verbatim {
		// Huma knows "application/json" in lower case only, and curl -d says that it sends a form.
		c.Request.Header.Set("Content-Type", "application/json")
	}
}

type bodyKey struct{}

// bodyOf is the request's body, byte for byte.
func bodyOf(ctx context.Context) []byte {
	body, _ := ctx.Value(bodyKey{}).([]byte)
	return body
}

func (s *server) fetchBody(c *gin.Context, limit int64) ([]byte, error) {
	tooLarge := handoff.Errorf(handoff.CodeTooLarge, "the body is larger than %d bytes", limit)
	if c.Request.ContentLength > limit {
		// The rest is not read: the connection ends with this answer.
		c.Header("Connection", "close")
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, limit))
	var over *http.MaxBytesError
	switch {
	case err == nil:
		return body, nil
	case errors.As(err, &over):
		return nil, tooLarge
	}
	return nil, bodyError(err)
}

func bodyError(err error) error {
	var network net.Error
	if errors.As(err, &network) && network.Timeout() {
		return handoff.Errorf(handoff.CodeMalformed, "the body did not arrive in time")
	}
	return handoff.Errorf(handoff.CodeMalformed, "the body could not be read to its end")
}

// checkQuery refuses what Postgres cannot take as a text.
func checkQuery(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return handoff.Errorf(handoff.CodeMalformed, "the query cannot be read: check its percent-encoding")
	}
	for name, values := range query {
		for _, value := range append(values, name) {
			if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
				return handoff.Errorf(handoff.CodeInvalid, "the query holds a NUL character or is no UTF-8")
			}
		}
	}
	return nil
}
