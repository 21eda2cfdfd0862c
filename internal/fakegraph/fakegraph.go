// Package fakegraph is Meta's Graph API for WhatsApp on one machine, for tests and for newcomers without a number at Meta. It takes
// sends, uploads and thread control, gives out media, numbers and tokens, and answers mistakes with Meta's errors; faults can be
// ordered. With Notify it posts the webhooks that Meta would post: statuses of what was sent, and messages of customers.
//
//	POST /{version}/{phone-number-id}/messages        sends, read marks, typing
//	POST /{version}/{phone-number-id}/thread_control
//	POST /{version}/{phone-number-id}/media           uploads
//	GET  /{version}/{phone-number-id}
//	GET  /{version}/{media-id}                        an address that works for five minutes
//	GET  /files/{key}                                 the file
//	GET  /{version}/{waba-id}/phone_numbers
//	GET  /{version}/debug_token
//	GET  /                                            the latest sends
package fakegraph

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	kept    = 10_000    // sends that are remembered
	maxBody = 110 << 20 // a document of 100 MB and its form
)

// Graph is an http.Handler. Its methods are safe for concurrent use.
type Graph struct {
	now func() time.Time

	mu       sync.Mutex
	idle     *sync.Cond // signals that posting became false
	tokens   map[string]TokenInfo
	numbers  []*number
	media    map[string]media
	files    map[string]file
	mediaAt  string
	partner  bool
	released map[string]bool // phone number id and customer: control was given back
	faults   []*Fault
	sent     []Message
	dropped  []Message
	marks    []Mark
	controls []Control
	statuses []string
	target   *target
	queue    [][]byte
	posting  bool
	problem  string // of the last webhook that the target did not take
}

// New makes a Graph; now is its clock, time.Now where it is nil.
func New(now func() time.Time) *Graph {
	if now == nil {
		now = time.Now
	}
	g := &Graph{
		now: now, tokens: map[string]TokenInfo{}, media: map[string]media{}, files: map[string]file{}, released: map[string]bool{},
		statuses: []string{"sent", "delivered", "read"},
	}
	g.idle = sync.NewCond(&g.mu)
	return g
}

// ServeHTTP answers as Meta does, or as the next matching fault says.
func (g *Graph) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := g.nextFault(r)
	if fault.Before {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		inJSON(http.StatusRequestEntityTooLarge, map[string]any{}).write(w, fault) // or the caller is gone
		return
	}
	answer := fault.answer()
	if answer == nil {
		answer = g.route(r, body)
	}
	fault.wait(r)
	if fault.Hang {
		panic(http.ErrAbortHandler)
	}
	answer.write(w, fault)
}

var version = regexp.MustCompile(`^v[0-9]+\.[0-9]+$`)

func (g *Graph) route(r *http.Request, body []byte) *answer {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.URL.Path == "/" && r.Method == http.MethodGet {
		return g.page()
	}
	if len(segments) == 2 && segments[0] == "files" && r.Method == http.MethodGet {
		return g.file(r, segments[1])
	}
	if version.MatchString(segments[0]) {
		segments = segments[1:]
	}
	token, refusal := g.authorize(r)
	if refusal != nil {
		return refusal.answer()
	}
	id, edge := "", ""
	switch len(segments) {
	case 1:
		id = segments[0]
	case 2:
		id, edge = segments[0], segments[1]
	default:
		return unknownPath(r.URL.Path).answer()
	}
	switch r.Method + " " + edge {
	case "GET ":
		if id == "debug_token" {
			return g.debugToken(r.URL.Query().Get("input_token"))
		}
		return g.object(r, id)
	case "GET phone_numbers":
		return g.phoneNumbers(r, token, id)
	case "POST messages":
		return g.onNumber(id, func() *answer { return g.send(id, body) })
	case "POST media":
		return g.onNumber(id, func() *answer { return g.upload(r.Header.Get("Content-Type"), body) })
	case "POST thread_control":
		return g.onNumber(id, func() *answer { return g.control(id, body) })
	}
	return unknownPath(r.URL.Path).answer()
}

// onNumber runs post with the lock held if the phone number is known.
func (g *Graph) onNumber(id string, post func() *answer) *answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.number(id) == nil {
		return noObject(http.MethodPost, id).answer()
	}
	return post()
}
