package handoff

import (
	"errors"
	"fmt"
	"time"
)

// Code is the one error vocabulary of the product: the same word is the type of a Temporal application error, the code of a
// problem document and the last part of its type URI (RFC 9457).
type Code string

// The error codes, with the HTTP status that the API answers.
const (
	CodeMalformed    Code = "malformed"     // 400
	CodeUnauthorized Code = "unauthorized"  // 401
	CodeForbidden    Code = "forbidden"     // 403
	CodeNotFound     Code = "not_found"     // 404
	CodeConflict     Code = "conflict"      // 409
	CodeTooLarge     Code = "too_large"     // 413
	CodeInvalid      Code = "invalid"       // 422
	CodeWindowClosed Code = "window_closed" // 422
	CodeRateLimited  Code = "rate_limited"  // 429 with Retry-After
	CodeInternal     Code = "internal"      // 500; the text is logged and never sent
	CodeUnavailable  Code = "unavailable"   // 503 with Retry-After
)

// Error is a failure with a code and a sentence for the person or program that caused it.
type Error struct {
	Code    Code
	Message string
	// Details are the fields at fault, if known.
	Details []ErrorDetail
	// Assignee is who holds the conversation, on a conflict over one.
	Assignee *AgentRef
	// RetryAfter is when to try again, on unavailable and rate_limited.
	RetryAfter time.Duration
	// Err is the cause. It is logged and never sent.
	Err error
}

// ErrorDetail is one field at fault.
type ErrorDetail struct {
	Location string `json:"location,omitempty"` // such as body.entry[0].id
	Message  string `json:"message"`
}

// AgentRef names an agent.
type AgentRef struct {
	ID   ID     `json:"id"`
	Name string `json:"name"`
}

// Error gives the code, the sentence and the cause; it is for logs.
func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.Err)
	}
	return fmt.Sprintf("%s: %s", e.Code, e.Message)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error with a formatted sentence. A %w in the format becomes its cause as well.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), Err: errors.Unwrap(err)}
}

// ErrorCode is the code of the first Error in err's chain, CodeInternal for any other error and "" for none.
func ErrorCode(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}
