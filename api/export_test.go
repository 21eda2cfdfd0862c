package api

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

var parameter = regexp.MustCompile(`:([a-z_]+)`)

// RouteNames are the routes that answer, with {id} as in the document.
func RouteNames(t *testing.T) []string {
	t.Helper()
	s, err := build(Deps{})
	require.NoError(t, err)
	var names []string
	for _, r := range s.engine.Routes() {
		require.Contains(t, s.routes, r.Method+" "+r.Path, "every route declares its scope")
		names = append(names, r.Method+" "+parameter.ReplaceAllString(r.Path, "{$1}"))
	}
	return names
}

// MeasureTake measures what counting costs a request.
func MeasureTake(b *testing.B, limits Limits) {
	b.Helper()
	l, k, header := newLimiter(limits), &caller{ID: handoff.NewID(), Scope: handoff.ScopeGateway}, http.Header{}
	b.ReportAllocs()
	for b.Loop() {
		if err := l.take(header, k); err != nil {
			b.Fatal(err)
		}
	}
}
