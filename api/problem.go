package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgconn"

	"handoff"
	"handoff/db"
)

const defaultRetryAfter = time.Second

// Problem is every answer that is no success (RFC 9457).
type Problem struct {
	Type      string                `json:"type" format:"uri-reference" example:"/problems/conflict"`
	Title     string                `json:"title" example:"Conflict"`
	Status    int                   `json:"status" example:"409"`
	Detail    string                `json:"detail" doc:"What failed and what to do, in a sentence."`
	Code      handoff.Code          `json:"code" enum:"malformed,unauthorized,forbidden,not_found,conflict,too_large,invalid,window_closed,rate_limited,internal,unavailable" doc:"The kind of failure; programs decide by this."`
	RequestID string                `json:"request_id" doc:"Also in X-Request-Id; the server's log has it."`
	Assignee  *AgentRef             `json:"assignee,omitempty" doc:"Who has the conversation, or to whom it is offered, on a conflict over one."`
	Errors    []handoff.ErrorDetail `json:"errors,omitempty" doc:"The fields at fault, if known."`

	retryAfter time.Duration
	challenge  string // what WWW-Authenticate says besides
}

var statusByCode = map[handoff.Code]int{
	handoff.CodeMalformed:    http.StatusBadRequest,
	handoff.CodeUnauthorized: http.StatusUnauthorized,
	handoff.CodeForbidden:    http.StatusForbidden,
	handoff.CodeNotFound:     http.StatusNotFound,
	handoff.CodeConflict:     http.StatusConflict,
	handoff.CodeTooLarge:     http.StatusRequestEntityTooLarge,
	handoff.CodeInvalid:      http.StatusUnprocessableEntity,
	handoff.CodeWindowClosed: http.StatusUnprocessableEntity,
	handoff.CodeRateLimited:  http.StatusTooManyRequests,
	handoff.CodeInternal:     http.StatusInternalServerError,
	handoff.CodeUnavailable:  http.StatusServiceUnavailable,
}

var codeByStatus = map[int]handoff.Code{
	http.StatusBadRequest:            handoff.CodeMalformed,
	http.StatusUnauthorized:          handoff.CodeUnauthorized,
	http.StatusForbidden:             handoff.CodeForbidden,
	http.StatusNotFound:              handoff.CodeNotFound,
	http.StatusMethodNotAllowed:      handoff.CodeNotFound,
	http.StatusRequestTimeout:        handoff.CodeMalformed,
	http.StatusConflict:              handoff.CodeConflict,
	http.StatusRequestEntityTooLarge: handoff.CodeTooLarge,
	http.StatusUnsupportedMediaType:  handoff.CodeMalformed,
	http.StatusUnprocessableEntity:   handoff.CodeInvalid,
	http.StatusTooManyRequests:       handoff.CodeRateLimited,
	http.StatusServiceUnavailable:    handoff.CodeUnavailable,
}

// Error is the sentence.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem documents.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders says when to try again.
func (p *Problem) GetHeaders() http.Header {
	headers := http.Header{}
	if p.retryAfter > 0 {
		headers.Set("Retry-After", strconv.Itoa(int(math.Ceil(p.retryAfter.Seconds()))))
	}
	if p.Status == http.StatusUnauthorized {
		headers.Set("WWW-Authenticate", `Bearer realm="handoff"`+p.challenge)
	}
	return headers
}

// problem turns an error into its document. The text of an error that is not of the vocabulary is logged and not sent.
func (s *server) problem(ctx context.Context, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		ready.RequestID = requestIDOf(ctx)
		return ready
	}
	e := vocabulary(err)
	p := newProblem(statusByCode[e.Code], e.Code, e.Message)
	p.RequestID, p.Errors = requestIDOf(ctx), e.Details
	if e.Assignee != nil {
		p.Assignee = &AgentRef{ID: e.Assignee.ID, Name: e.Assignee.Name}
	}
	if e.Code == handoff.CodeInternal {
		s.Log.ErrorContext(ctx, "request failed", "request_id", p.RequestID, "error", err)
		p.Detail, p.Errors = "the server failed; its log has the reason under this request_id", nil
	}
	if e.Code == handoff.CodeUnavailable || e.Code == handoff.CodeRateLimited {
		p.retryAfter = e.RetryAfter
		if p.retryAfter <= 0 {
			p.retryAfter = defaultRetryAfter
		}
	}
	if e.Code == handoff.CodeUnavailable {
		s.Log.WarnContext(ctx, "unavailable", "request_id", p.RequestID, "error", err)
	}
	return p
}

func newProblem(status int, code handoff.Code, detail string) *Problem {
	if status == 0 {
		status, code = http.StatusInternalServerError, handoff.CodeInternal
	}
	return &Problem{
		Type: "/problems/" + string(code), Title: http.StatusText(status), Status: status, Detail: detail, Code: code,
	}
}

// passingClasses of PostgreSQL's errors are over when the request is made again: 08 connections, 40 transactions that another one
// rolled back, 53 resources, 55 locks, 57 an operator or a start.
var passingClasses = []string{"08", "40", "53", "55", "57"}

// passingCodes are 25P03 and 25P04: the server ended a transaction that took too long.
var passingCodes = []string{"25P03", "25P04"}

// lostConnection tells that the database was not reached, or went away. What was being committed may be: with its key, or by what it
// says, the request is known when it is made again.
func lostConnection(err error) bool {
	var connect *pgconn.ConnectError
	var network *net.OpError
	return errors.As(err, &connect) || errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		pgconn.SafeToRetry(err)
}

// vocabulary finds the product's error in err's chain, or the one that a foreign error amounts to.
func vocabulary(err error) *handoff.Error {
	var e *handoff.Error
	if errors.As(err, &e) {
		return e
	}
	if refused := db.Unstorable(err); refused != nil {
		return refused
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch {
		case slices.Contains(passingClasses, pg.Code[:min(2, len(pg.Code))]), slices.Contains(passingCodes, pg.Code):
			return &handoff.Error{Code: handoff.CodeUnavailable, Message: "the database is busy: try again", Err: err}
		case db.Forgotten(err):
			return &handoff.Error{Code: handoff.CodeConflict, Message: "what the request is about was deleted a moment ago: look again", Err: err}
		}
		return &handoff.Error{Code: handoff.CodeInternal, Err: err}
	}
	if lostConnection(err) || pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return &handoff.Error{Code: handoff.CodeUnavailable, Message: "the server could not answer in time: try again", Err: err}
	}
	return &handoff.Error{Code: handoff.CodeInternal, Err: err}
}

// newHumaError makes Huma's own errors problems of ours. Huma puts the value at fault into each detail, on bad JSON the whole
// body; ours have none.
func newHumaError(status int, message string, errs ...error) huma.StatusError {
	code, known := codeByStatus[status]
	if !known {
		code = handoff.CodeInternal
	}
	p := newProblem(status, code, message)
	for _, err := range errs {
		p.Errors = append(p.Errors, detailOf(err))
	}
	if len(p.Errors) > 0 && code != handoff.CodeInternal {
		p.Detail = fmt.Sprintf("%s: %s: %s", message, p.Errors[0].Location, p.Errors[0].Message)
	}
	if code == handoff.CodeInternal {
		p.Detail, p.Errors = "the server failed; its log has the reason under this request_id", nil
	}
	return p
}

func newHumaErrorWithContext(ctx huma.Context, status int, message string, errs ...error) huma.StatusError {
	err := newHumaError(status, message, errs...)
	var p *Problem
	if errors.As(err, &p) {
		p.RequestID = requestIDOf(ctx.Context())
	}
	return err
}

func detailOf(err error) handoff.ErrorDetail {
	var detailer huma.ErrorDetailer
	if errors.As(err, &detailer) {
		d := detailer.ErrorDetail()
		return handoff.ErrorDetail{Location: d.Location, Message: d.Message}
	}
	return handoff.ErrorDetail{Location: "body", Message: "a value has the wrong type"}
}

// refuse answers a plain gin request with a problem.
func (s *server) refuse(c *gin.Context, err error) {
	p := s.problem(c.Request.Context(), err)
	for name, values := range p.GetHeaders() {
		c.Writer.Header()[name] = values
	}
	c.Header("Content-Type", p.ContentType(""))
	c.AbortWithStatusJSON(p.Status, p)
}

func errNoRoute() error {
	return handoff.Errorf(handoff.CodeNotFound, "there is no such route: see /docs")
}

func errNoMethod(method string) error {
	return newProblem(http.StatusMethodNotAllowed, handoff.CodeNotFound, "this route takes no "+method+": see /docs")
}
