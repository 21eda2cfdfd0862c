// Package graph calls Meta's Graph API for WhatsApp: it sends, fetches and uploads media, and checks an inbox's credentials.
//
// The access token is given to each call and leaves for two places only: the configured Graph host, and, for downloads, the hosts
// that this API has just named. It never crosses a redirect and stands in no error.
package graph

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/outbound"
)

// Where the API is, if nothing else is configured. Version 24 is served until February 2028 (graph-api/changelog/versions).
const (
	DefaultBaseURL = "https://graph.facebook.com"
	DefaultVersion = "v24.0"
)

// Config is what the operator decides.
type Config struct {
	BaseURL string // without a version; DefaultBaseURL where it is empty
	Version string // such as v24.0; DefaultVersion where it is empty
	HTTP    *outbound.Client
	Now     func() time.Time // time.Now where it is nil
}

// Client calls the Graph API. It is safe for concurrent use: make one and share it.
type Client struct {
	base   string // with the version, without a slash at its end
	origin string
	http   *outbound.Client
	now    func() time.Time

	mu    sync.Mutex
	named map[string]time.Time // origins of media, and until when the token may go there
}

// New makes a client.
func New(cfg Config) *Client {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}
	if cfg.Version == "" {
		cfg.Version = DefaultVersion
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Client{
		base:   strings.TrimRight(cfg.BaseURL, "/") + "/" + strings.Trim(cfg.Version, "/"),
		origin: origin(cfg.BaseURL), http: cfg.HTTP, now: cfg.Now, named: map[string]time.Time{},
	}
}

// Call posts JSON to path, which begins with a slash and has no version: /{phone-number-id}/messages to send
// (reference/whatsapp-business-phone-number/message-api) or /{phone-number-id}/thread_control. Meta has no idempotency key, so the
// request is made at most once, and the result is for the caller to judge: with Sent and without a Status, nobody knows whether Meta
// acted on it. meta.ParseSendError reads an answer that is no 2xx.
func (c *Client) Call(ctx context.Context, token, path string, body []byte) outbound.Result {
	header := bearer(token)
	header.Set("Content-Type", "application/json")
	return c.http.Do(ctx, outbound.Request{Method: http.MethodPost, URL: c.base + path, Header: header, Body: body, Once: true})
}

func bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}, "User-Agent": {"handoff"}}
}

// get reads the JSON at path into out.
func (c *Client) get(ctx context.Context, token, path string, out any) error {
	return c.getURL(ctx, token, c.base+path, out)
}

func (c *Client) getURL(ctx context.Context, token, address string, out any) error {
	result := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: address, Header: bearer(token)})
	return read(token, result, out)
}

// read gives the JSON of a 2xx. The errors are a meta.SendError for any other status, and unavailable where no answer came.
func read(token string, result outbound.Result, out any) error {
	if result.Err != nil {
		return &handoff.Error{
			Code: handoff.CodeUnavailable, Message: "Meta's Graph API gave no answer: " + result.Public(), Err: result.Err,
		}
	}
	if !result.OK() {
		return sendError(token, result.Status, result.Body)
	}
	if result.Truncated || json.Unmarshal(result.Body, out) != nil {
		return handoff.Errorf(handoff.CodeUnavailable,
			"what answered with HTTP %d is not Meta's Graph API: its body is not the JSON that was expected", result.Status)
	}
	return nil
}

// sendError is the error in an answer, with the token taken out wherever Meta repeats it.
func sendError(token string, status int, body []byte) meta.SendError {
	e, _ := meta.ParseSendError(status, body)
	e.Message, e.Details = redact(token, e.Message), redact(token, e.Details)
	return e
}

func redact(token, text string) string {
	if token == "" {
		return text
	}
	return strings.NewReplacer(token, "[token]", url.QueryEscape(token), "[token]").Replace(text)
}

// asks tells whether err is an error of Meta's that asks for one of the actions.
func asks(err error, actions ...meta.Action) bool {
	var e meta.SendError
	if !errors.As(err, &e) {
		return false
	}
	for _, action := range actions {
		if e.Action() == action {
			return true
		}
	}
	return false
}

// ids are those of numbers, accounts and media: digits at Meta, letters too elsewhere.
var ids = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)

func checkID(what, id string) error {
	if ids.MatchString(id) {
		return nil
	}
	return handoff.Errorf(handoff.CodeInvalid, "the %s is not one of Meta's ids: it has 1 to 128 letters, digits, hyphens and underscores", what)
}

// origin is the scheme and host of an address in lower case; "" where it has none.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil {
		return ""
	}
	return strings.ToLower(u.Scheme + "://" + u.Host)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback() || host == "localhost" || strings.HasSuffix(host, ".localhost")
}
