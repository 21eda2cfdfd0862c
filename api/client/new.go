package client

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
)

const (
	// agentName is how the server's log names a program that does not name itself.
	agentName = "handoff-go"
	// maxProblem is far above what a problem document has.
	maxProblem = 1 << 20
)

// Options are what a client may do without.
type Options struct {
	// HTTP makes the requests. If absent, one that gives each request 40 seconds, which is more than the server takes for any but a file.
	HTTP HttpRequestDoer
	// UserAgent names the program to those who read the server's log.
	UserAgent string
	// Attempts is how often a request is made at most, while the server is busy or is not reached; 4 if it is 0.
	Attempts int
}

// New makes a client of the server at url, such as http://127.0.0.1:8080, with a key, hk_….
func New(url, key string, o Options) (*ClientWithResponses, error) {
	if key == "" {
		return nil, fmt.Errorf("make a client of %s: it needs an API key, hk_…", url)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: 40 * time.Second}
	}
	d := &doer{
		http: o.HTTP, key: key, userAgent: strings.TrimSpace(o.UserAgent + " " + agentName), attempts: cmp.Or(o.Attempts, 4), wait: wait,
	}
	return NewClientWithResponses(url, WithHTTPClient(d))
}

// Error is a refusal: every answer that is a problem document.
type Error struct {
	Problem
	// RetryAfter is how long the server wants to be left alone, 0 where it does not say.
	RetryAfter time.Duration
}

// Error is the sentence, with the id by which the server's log has more.
func (e *Error) Error() string {
	return fmt.Sprintf("%s (%d %s, request %s)", e.Detail, e.Status, e.Code, e.RequestID)
}

// refusal reads a problem document. Any other answer is left to the caller as it came.
func refusal(response *http.Response) error {
	if media, _, err := mime.ParseMediaType(response.Header.Get("Content-Type")); err != nil || media != "application/problem+json" {
		return nil
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if err != nil {
		return fmt.Errorf("read the answer %s: %w", response.Status, err)
	}
	e := &Error{RetryAfter: retryAfter(response.Header)}
	if err := json.Unmarshal(body, &e.Problem); err != nil {
		return fmt.Errorf("read the problem document of the answer %s: %w", response.Status, err)
	}
	return e
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
