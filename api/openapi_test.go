package api_test

import (
	"flag"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"

	"handoff/api"
	"handoff/internal/protocol/registry"
)

var update = flag.Bool("update", false, "write openapi.yaml")

func document(t *testing.T) *openapi3.T {
	t.Helper()
	yaml, err := api.Spec()
	require.NoError(t, err)
	doc, err := openapi3.NewLoader().LoadFromData(yaml)
	require.NoError(t, err)
	return doc
}

// The committed document is what clients are generated from.
func TestTheCommittedDocumentIsCurrent(t *testing.T) {
	t.Parallel()
	yaml, err := api.Spec()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile("openapi.yaml", yaml, 0o644))
	}
	committed, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err)
	require.Equal(t, string(committed), string(yaml), "openapi.yaml is out of date: run go test ./api -run Document -update")
}

func TestTheDocumentIsComplete(t *testing.T) {
	t.Parallel()
	doc := document(t)
	require.NoError(t, doc.Validate(t.Context()))
	for _, p := range registry.All {
		for _, event := range p.Events {
			webhook := doc.Webhooks[event]
			require.NotNil(t, webhook, "%s of %s", event, p.Name)
			require.NotEmpty(t, webhook.Post.Description, event)
		}
	}
	ids := map[string]bool{}
	kebab := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + path
			require.NotEmpty(t, operation.Summary, name)
			require.Regexp(t, kebab, operation.OperationID, name)
			require.False(t, ids[operation.OperationID], "operation id %s twice", operation.OperationID)
			ids[operation.OperationID] = true
			if operation.Security != nil && len(*operation.Security) == 0 {
				require.NotNil(t, operation.Responses.Value("200"), name)
				continue // its caller has no key
			}
			for _, status := range []string{"401", "403", "422", "500"} {
				require.NotNil(t, operation.Responses.Value(status), "%s declares no %s", name, status)
			}
			if method == http.MethodPost {
				require.True(t, slices.ContainsFunc(operation.Parameters, func(p *openapi3.ParameterRef) bool {
					return p.Value.Name == "Idempotency-Key"
				}), "%s takes no Idempotency-Key", name)
			}
		}
	}
}

// undocumented routes serve the reference itself.
var undocumented = []string{"GET /docs", "GET /docs/index.html", "GET /docs/scalar.js", "GET /docs/start.js", "GET /openapi.json", "GET /openapi.yaml"}

func TestRoutesAndDocumentAgree(t *testing.T) {
	t.Parallel()
	documented := slices.Clone(undocumented)
	for path, item := range document(t).Paths.Map() {
		for method := range item.Operations() {
			documented = append(documented, method+" "+path)
		}
	}
	require.ElementsMatch(t, documented, api.RouteNames(t))
}

func TestTheReferenceLoadsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	page := w.do(t, "GET", "/docs", "", nil).is(http.StatusOK)
	require.NotContains(t, string(page.body), "://")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	for _, path := range []string{"/docs/start.js", "/openapi.yaml", "/openapi.json"} {
		w.do(t, "GET", path, "", nil).is(http.StatusOK)
	}

	compressed := w.do(t, "GET", "/docs/scalar.js", "", nil, "Accept-Encoding", "br, gzip").is(http.StatusOK)
	require.Equal(t, "gzip", compressed.header.Get("Content-Encoding"))
	plain := w.do(t, "GET", "/docs/scalar.js", "", nil).is(http.StatusOK)
	require.Empty(t, plain.header.Get("Content-Encoding"))
	require.Greater(t, len(plain.body), 2*len(compressed.body))
	require.True(t, strings.HasPrefix(string(plain.body), "(function()"))
}
