// Package fakechatlayer is Chatlayer for newcomers and tests: the calls of its API that we make, its answers, limits and failures,
// and the webhook calls that it makes. What is not documented of it is said where it is made up.
package fakechatlayer

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// DefaultLimit is x-ratelimit-limit of Chatlayer's documentation.
	DefaultLimit = 1200
	// limitWindow is our guess of the time for which the limit is.
	limitWindow = time.Minute
	// kept is how many calls are remembered; older ones are forgotten.
	kept    = 200
	maxBody = 1 << 20
)

// Call is one request as it arrived.
type Call struct {
	ReceivedAt time.Time       `json:"received_at"`
	Method     string          `json:"method"`
	Path       string          `json:"path"` // without its query, which may hold the access token
	BotID      string          `json:"bot_id,omitempty"`
	SessionID  string          `json:"session_id,omitempty"`
	Version    string          `json:"version,omitempty"`
	Body       json.RawMessage `json:"body"`
	// Status is what was answered; 0 where the connection was closed instead.
	Status int `json:"status"`
	// Acted says that Chatlayer did what it was asked: messages went out, or the bot was told something.
	Acted bool `json:"acted"`
}

// Chatlayer is an http.Handler: POST /v1/bots/{bot}/conversations/{session}/actions and POST /api/webview take calls, GET / shows
// the latest first. It is ready when its token is set.
type Chatlayer struct {
	token string
	mux   *http.ServeMux
	tells sync.WaitGroup

	mu      sync.Mutex
	calls   []Call
	faults  []fault
	feed    *Client
	limit   int
	used    int
	resetAt time.Time
}

// fault is what happens to one call.
type fault struct {
	status int  // answer this and do nothing
	hang   bool // act, and close the connection without an answer
	refuse bool // close the connection and do nothing
}

// New makes a Chatlayer that accepts one access token.
func New(token string) *Chatlayer {
	c := &Chatlayer{token: token, limit: DefaultLimit, mux: http.NewServeMux()}
	c.mux.HandleFunc("POST /v1/bots/{bot}/conversations/{session}/actions", c.take(actions))
	c.mux.HandleFunc("POST /api/webview", c.take(webview))
	c.mux.HandleFunc("GET /{$}", c.list)
	return c
}

// ServeHTTP takes and shows calls.
func (c *Chatlayer) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

// Calls are the calls that arrived, oldest first.
func (c *Chatlayer) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Call(nil), c.calls...)
}

// Fail answers the next n calls with a status and does nothing of what they ask.
func (c *Chatlayer) Fail(n, status int) { c.plan(n, fault{status: status}) }

// Hang does what the next n calls ask, and closes the connection without an answer: the caller cannot know.
func (c *Chatlayer) Hang(n int) { c.plan(n, fault{hang: true}) }

// Refuse closes the connection of the next n calls and does nothing of what they ask.
func (c *Chatlayer) Refuse(n int) { c.plan(n, fault{refuse: true}) }

func (c *Chatlayer) plan(n int, f fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range n {
		c.faults = append(c.faults, f)
	}
}

// SetLimit sets how many calls are taken in a minute, and begins a new minute.
func (c *Chatlayer) SetLimit(limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit, c.used, c.resetAt = limit, 0, time.Time{}
}

// Tell makes it tell what is sent, as a messages event with the actor "bot", to an offloading webhook. nil stops it.
func (c *Chatlayer) Tell(feed *Client) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.feed = feed
}

// Wait returns when everything that was sent has been told.
func (c *Chatlayer) Wait() { c.tells.Wait() }

// reader understands the body of a call: what the user sees of it, or why it is refused.
type reader func(r *http.Request, body map[string]json.RawMessage) (conversation, []json.RawMessage, string)

// conversation is what a call is about.
type conversation struct{ bot, session, version string }

func (c *Chatlayer) take(read reader) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		call := Call{ReceivedAt: time.Now().UTC(), Method: r.Method, Path: r.URL.EscapedPath()}
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
		if err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
			return
		}
		var body map[string]json.RawMessage
		problem := ""
		if json.Unmarshal(raw, &body) != nil || body == nil {
			problem = "the body has to be a JSON object"
		}
		call.Body = raw
		if !json.Valid(raw) {
			call.Body, _ = json.Marshal(string(raw))
		}
		about, said, wrong := read(r, body)
		call.BotID, call.SessionID, call.Version = about.bot, about.session, about.version
		if problem == "" {
			problem = wrong
		}
		c.answer(w, r, call, problem, said)
	}
}

// answer decides what becomes of a call, remembers it, and tells what was sent.
func (c *Chatlayer) answer(w http.ResponseWriter, r *http.Request, call Call, problem string, said []json.RawMessage) {
	c.mu.Lock()
	f := c.nextFault()
	switch {
	case f.refuse:
	case f.status != 0:
		call.Status = f.status
	case !c.authorized(r):
		call.Status = http.StatusUnauthorized
	case !c.spend(w.Header(), call.ReceivedAt):
		call.Status = http.StatusTooManyRequests
	case problem != "":
		call.Status = http.StatusBadRequest
	default:
		call.Status, call.Acted = http.StatusOK, true
		if f.hang {
			call.Status = 0
		}
	}
	c.calls = append(c.calls, call)
	if len(c.calls) > kept {
		c.calls = c.calls[len(c.calls)-kept:]
	}
	if feed := c.feed; call.Acted && feed != nil && len(said) > 0 {
		c.tells.Add(1)
		go c.tell(context.WithoutCancel(r.Context()), feed, echo(call, said))
	}
	c.mu.Unlock()
	if call.Status == 0 {
		panic(http.ErrAbortHandler) // closes the connection, and the server logs nothing
	}
	// No answer of the API is documented but its status.
	writeJSON(w, call.Status, map[string]string{"message": first(problem, http.StatusText(call.Status))})
}

// tell makes one call to the offloading webhook. What it answers changes nothing.
func (c *Chatlayer) tell(ctx context.Context, feed *Client, event Messages) {
	defer c.tells.Done()
	_, _ = feed.Messages(ctx, event)
}

func (c *Chatlayer) nextFault() fault {
	if len(c.faults) == 0 {
		return fault{}
	}
	f := c.faults[0]
	c.faults = c.faults[1:]
	return f
}

// authorized takes the token as both generations of the API do: as a bearer, or in the query of the legacy calls.
func (c *Chatlayer) authorized(r *http.Request) bool {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	legacy := ""
	if strings.HasPrefix(r.URL.Path, "/api/") {
		legacy = r.URL.Query().Get("access_token")
	}
	return c.token != "" && (bearer == c.token || legacy == c.token)
}

// spend counts a call and says in the header how many are left. The reset is in milliseconds, as in the documentation's sample.
func (c *Chatlayer) spend(header http.Header, now time.Time) bool {
	if !now.Before(c.resetAt) {
		c.used, c.resetAt = 0, now.Add(limitWindow)
	}
	c.used++
	header.Set("x-ratelimit-limit", strconv.Itoa(c.limit))
	header.Set("x-ratelimit-remaining", strconv.Itoa(max(c.limit-c.used, 0)))
	header.Set("x-ratelimit-reset", strconv.FormatInt(c.resetAt.UnixMilli(), 10))
	return c.used <= c.limit
}

func (c *Chatlayer) list(w http.ResponseWriter, _ *http.Request) {
	calls := c.Calls()
	latest := make([]Call, 0, len(calls))
	for i := len(calls) - 1; i >= 0; i-- {
		latest = append(latest, calls[i])
	}
	writeJSON(w, http.StatusOK, map[string]any{"calls": latest})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body)
}

func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
