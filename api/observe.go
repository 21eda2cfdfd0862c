package api

import (
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"handoff"
	"handoff/db"
)

// Observer is told what is served. It must return at once.
type Observer interface {
	// Served is told of each answered request. The route is its template, empty where none fits; streams have no duration.
	Served(method, route string, status int, took *time.Duration)
	// Accepted is told of each element of an accepted body.
	Accepted(protocol handoff.Protocol, kind handoff.ItemKind, outcome string)
	// SignatureRefused is told of a vendor's request whose signature or verify token is wrong.
	SignatureRefused(protocol handoff.Protocol)
	// Streams is told of streams of events that open (1) and end (-1).
	Streams(change int)
}

type unobserved struct{}

func (unobserved) Served(string, string, int, *time.Duration)          {}
func (unobserved) Accepted(handoff.Protocol, handoff.ItemKind, string) {}
func (unobserved) SignatureRefused(handoff.Protocol)                   {}
func (unobserved) Streams(int)                                         {}

// methods are those that have a name in metrics: whoever asks may send any word.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func (s *server) observeRequest(c *gin.Context, took time.Duration) {
	method := c.Request.Method
	if !slices.Contains(methods, method) {
		method = "other"
	}
	duration := &took
	if c.FullPath() == streamPath {
		duration = nil
	}
	s.Observe.Served(method, c.FullPath(), c.Writer.Status(), duration)
}

func (s *server) observeItems(r db.NewReceipt, accepted db.Accepted) {
	for _, item := range accepted.Items {
		outcome := string(item.Outcome)
		if item.Duplicate {
			outcome = string(db.OutcomeDuplicate)
		}
		s.Observe.Accepted(r.Protocol, item.Kind, outcome)
	}
}
