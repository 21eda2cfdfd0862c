package fakegraph

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Fault is something that goes wrong with requests. The zero value of a field matches everything, or changes nothing.
type Fault struct {
	Method string
	Path   string // a part of the path, such as /messages
	Times  int    // how many requests; 0 is one, a negative number all

	Status     int
	Code       int    // an error of the Graph API
	Body       string // in place of JSON, such as a proxy's page
	Location   string // a redirect, 302 if there is no Status
	RetryAfter time.Duration

	Before bool          // the connection is closed before the request is read
	Hang   bool          // the request is acted on, and the connection is closed without an answer
	Slow   time.Duration // the answer, and not the act, waits that long
}

// Fail orders a fault. Faults wait in order; a request takes the first that matches it.
func (g *Graph) Fail(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faults = append(g.faults, &f)
}

// answer is what the fault says in place of Meta; nil where the request is acted on.
func (f Fault) answer() *answer {
	switch {
	case f.Location != "":
		return &answer{status: orElse(f.Status, http.StatusFound), location: f.Location}
	case f.Body != "":
		return &answer{status: orElse(f.Status, http.StatusBadGateway), body: []byte(f.Body), mimeType: http.DetectContentType([]byte(f.Body))}
	case f.Code != 0:
		return (&refusal{code: f.Code, status: f.Status, message: "Ordered by a fault", details: "this is an ordered fault"}).answer()
	case f.Status != 0:
		return &answer{status: f.Status}
	}
	return nil
}

func orElse(status, otherwise int) int {
	if status == 0 {
		return otherwise
	}
	return status
}

func (f Fault) wait(r *http.Request) {
	if f.Slow <= 0 {
		return
	}
	select {
	case <-time.After(f.Slow):
	case <-r.Context().Done():
	}
}

// nextFault takes the first fault that matches; the zero Fault where none does.
func (g *Graph) nextFault(r *http.Request) Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, f := range g.faults {
		if f.Method != "" && f.Method != r.Method || !strings.Contains(r.URL.Path, f.Path) {
			continue
		}
		if f.Times > 0 {
			f.Times--
			if f.Times == 0 {
				g.faults = slices.Delete(g.faults, i, i+1)
			}
		}
		return *f
	}
	return Fault{}
}
