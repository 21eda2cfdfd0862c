package api

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// RouteNames are the routes that answer, with {id} as in the document.
func RouteNames(t *testing.T) []string {
	t.Helper()
	s, err := build(Deps{})
	require.NoError(t, err)
	var names []string
	for _, r := range s.engine.Routes() {
		require.Contains(t, s.routes, r.Method+" "+r.Path, "every route declares its scope")
		names = append(names, r.Method+" "+strings.NewReplacer(":id", "{id}", ":token", "{token}").Replace(r.Path))
	}
	return names
}
