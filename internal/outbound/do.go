package outbound

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Request is one request of Do.
type Request struct {
	Method string // POST where it is empty
	URL    string
	Header http.Header
	Body   []byte
	// Content, where it is set, is sent in place of Body while it is read; Size is its length in bytes. It cannot be read twice, so
	// such a request is never repeated.
	Content io.Reader
	Size    int64
	// Once is for requests whose second arrival would do harm, such as a message to a customer. net/http repeats a request by itself
	// where a kept connection turns out to be closed; with Once it does so only if it had written no byte of it. GET, HEAD, OPTIONS
	// and TRACE are repeated all the same.
	Once bool
	// Timeout replaces that of the client, if it is not 0.
	Timeout time.Duration
}

// Post makes one attempt to deliver a webhook. The header is not changed; Content-Type and User-Agent are added where they are
// missing.
func (c *Client) Post(ctx context.Context, url string, header http.Header, body []byte) Result {
	return c.Do(ctx, Request{Method: http.MethodPost, URL: url, Header: header, Body: body})
}

// Do makes one request and reads its answer, under one deadline. Redirects are not followed. Content-Type and User-Agent are added
// to the header where they are missing.
func (c *Client) Do(ctx context.Context, r Request) Result {
	start := time.Now()
	timeout := c.timeout
	if r.Timeout > 0 {
		timeout = r.Timeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	trace := connectionTrace{once: r.Once && !slices.Contains(safeMethods, r.Method), viaProxy: c.proxy != nil}
	result, err := c.send(trace.attach(ctx), r)
	result.RemoteIP = trace.remoteIP()
	result.Sent = trace.sent.Load()
	if err != nil {
		result.Err = withoutURL(err)
	}
	if result.ErrorClass == ErrorNone {
		result.ErrorClass = classify(result.Err, trace.stage())
	}
	result.Duration = c.hold(ctx, start, result.ErrorClass)
	return result
}

func (c *Client) send(ctx context.Context, r Request) (Result, error) {
	request, err := c.newRequest(ctx, r)
	if err != nil {
		return Result{ErrorClass: ErrorInvalidURL}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return Result{}, err
	}
	defer response.Body.Close()
	result := Result{Status: response.StatusCode, Header: response.Header}
	if result.Status == http.StatusSwitchingProtocols {
		return result, nil // what follows is a connection and no body: net/http would read from it beyond every deadline
	}
	// Read to the end where it is near, so that the connection can be used again.
	result.Body, err = io.ReadAll(io.LimitReader(response.Body, MaxBody+1))
	if len(result.Body) > MaxBody {
		result.Body, result.Truncated = result.Body[:MaxBody], true
	}
	return result, err
}

func (c *Client) newRequest(ctx context.Context, r Request) (*http.Request, error) {
	// Checked again, because the operator's rules may be stricter now than when the endpoint was saved.
	if err := c.CheckURL(r.URL); err != nil {
		return nil, err
	}
	if r.Method == "" {
		r.Method = http.MethodPost
	}
	var body io.Reader = bytes.NewReader(r.Body)
	if r.Content != nil {
		body = io.NopCloser(r.Content) // hides what net/http could rewind
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL, body)
	if err != nil {
		return nil, err
	}
	if r.Content != nil {
		request.ContentLength = r.Size
	}
	request.Header = requestHeader(r)
	return request, nil
}

// safeMethods are those that net/http repeats whatever their header says.
var safeMethods = []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace}

// repeatable are the headers whose presence makes net/http repeat a POST on a new connection where a kept one turns out to be
// closed (see http.Transport).
var repeatable = []string{"Idempotency-Key", "X-Idempotency-Key"}

func requestHeader(r Request) http.Header {
	header := r.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" && (len(r.Body) > 0 || r.Method == http.MethodPost) {
		header.Set("Content-Type", "application/json")
	}
	if header.Get("User-Agent") == "" {
		header.Set("User-Agent", "handoff-webhooks")
	}
	if r.Once {
		// Header names have no case on the wire, and net/http looks for the canonical one.
		for _, name := range repeatable {
			if values, set := header[name]; set {
				delete(header, name)
				header[strings.ToLower(name)] = values
			}
		}
		return header
	}
	// A nil value is never sent, but allows the repeat: Node closes kept connections after 5 s, and a POST would fail on the race.
	if _, set := header["X-Idempotency-Key"]; !set {
		header["X-Idempotency-Key"] = nil
	}
	return header
}
