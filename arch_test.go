package handoff_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// importRule says what packages under a path may import directly, tests apart. Everything of ours that is not in ours is refused;
// of the rest, what is in never. "leaves" are the packages under internal/ that no other layer is made of.
type importRule struct {
	under string
	ours  []string
	never []string
	only  []string // if set: nothing but the standard library and these
	why   string
}

var testOnly = []string{"internal/fixture", "internal/testenv", "internal/corpora", "internal/contract", "db/dbtest"}

// importRules are asked from the top: the first whose path covers a package is its rule.
var importRules = []importRule{
	{under: "cmd", ours: []string{"*"}, why: "the command wires everything"},
	{under: "internal/fixture", ours: []string{"*"}, why: "tests begin with it"},
	{under: "internal/testenv", ours: []string{"*"}, why: "tests begin with it"},
	{under: "db/dbtest", ours: []string{"*"}, why: "tests begin with it"},
	{under: "internal/contract", ours: []string{"api"}, why: "it reads the document from outside"},
	{under: "tests", ours: []string{"*"}, why: "tests use the whole product"},
	{under: "docs", only: []string{}, why: "a recipe is copied into programs of others"},
	{under: "db/dbsqlc", ours: []string{"."}, why: "generated queries know the vocabulary only"},
	{under: "db", ours: []string{".", "db/dbsqlc"}, why: "the database knows the vocabulary only"},
	{
		under: "internal/protocol", ours: []string{".", "internal/vendorjson", "internal/meta", "internal/signature", "internal/protocol"},
		never: []string{"net/http", "github.com/jackc", "go.temporal.io"}, why: "a protocol is pure: bytes in, items out; event in, bytes out",
	},
	{under: "internal/vendorjson", ours: []string{"."}, why: "how to read what others write is no vendor's own"},
	{
		under: "internal/meta", ours: []string{".", "internal/vendorjson", "internal/signature"},
		never: []string{"net/http", "github.com/jackc", "go.temporal.io"}, why: "a protocol is pure: bytes in, items out; event in, bytes out",
	},
	{
		under: "activities", ours: []string{".", "db", "leaves"},
		never: []string{"github.com/gin-gonic", "go.temporal.io/sdk/workflow"}, why: "side effects know neither HTTP routes nor workflow code",
	},
	{
		under: "workflows", ours: []string{".", "activities"},
		never: []string{"net/http", "github.com/jackc", "github.com/gin-gonic", "os", "math/rand", "go.temporal.io/sdk/client"},
		why:   "workflow code is deterministic and has no I/O",
	},
	{under: "worker", ours: []string{".", "activities", "workflows"}, why: "the worker registers and runs, no more"},
	{
		under: "api/client", only: []string{"github.com/oapi-codegen/runtime", "github.com/oapi-codegen/runtime/types"},
		why: "the client is for programs of others",
	},
	{under: "api", ours: []string{"*"}, never: []string{"go.temporal.io"}, why: "the API speaks to Temporal through an interface that it declares"},
	{under: "internal", ours: []string{"*"}, why: "leaf packages are named for what they are"},
	{under: ".", only: []string{"github.com/google/uuid"}, why: "the vocabulary imports nothing of ours"},
}

// layers are what is no leaf.
var layers = []string{"api", "cmd", "worker", "workflows", "activities", "internal/workflowclient", "internal/dispatch"}

func covers(under, pkg string) bool { return under == pkg || strings.HasPrefix(pkg, under+"/") }

func violation(pkg, imported string) error {
	i := slices.IndexFunc(importRules, func(r importRule) bool { return covers(r.under, pkg) })
	if i < 0 {
		return fmt.Errorf("package %s has no import rule: give it one", pkg)
	}
	rule := importRules[i]
	own, ours := strings.CutPrefix(imported, "handoff/")
	if imported == "handoff" {
		own, ours = ".", true
	}
	refuse := func(what string) error {
		return fmt.Errorf("package %s imports %s, and may not: %s (%s)", pkg, imported, what, rule.why)
	}
	standard := !strings.Contains(strings.Split(imported, "/")[0], ".")
	switch {
	case ours && slices.ContainsFunc(testOnly, func(t string) bool { return covers(t, own) }):
		if !slices.ContainsFunc(testOnly, func(t string) bool { return covers(t, pkg) }) {
			return refuse("only tests do")
		}
	case ours && !allowed(rule.ours, own):
		return refuse("of ours it has " + strings.Join(rule.ours, ", "))
	case slices.ContainsFunc(rule.never, func(n string) bool { return covers(n, imported) }):
		return refuse("it never has " + strings.Join(rule.never, ", "))
	case !ours && rule.only != nil && !standard && !slices.Contains(rule.only, imported):
		return refuse("it has the standard library and " + strings.Join(rule.only, ", "))
	}
	return nil
}

func allowed(ours []string, own string) bool {
	leaf := covers("internal", own) && !slices.ContainsFunc(layers, func(l string) bool { return covers(l, own) })
	return slices.ContainsFunc(ours, func(o string) bool { return o == "*" || covers(o, own) || (o == "leaves" && leaf) })
}

func TestImportsFollowTheLayers(t *testing.T) {
	t.Parallel()
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	var problems strings.Builder
	list.Stderr = &problems
	out, err := list.Output()
	require.NoError(t, err, problems.String())
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	checked := 0
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		err := decoder.Decode(&pkg)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		own := path.Join(".", strings.TrimPrefix(strings.TrimPrefix(pkg.ImportPath, "handoff"), "/"))
		for _, imported := range pkg.Imports {
			require.NoError(t, violation(own, imported))
		}
		checked++
	}
	require.Greater(t, checked, 15, "go list found the packages")
}

func TestTheImportRuleIsEnforced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pkg, imported string
		ok            bool
	}{
		{".", "handoff/db", false},
		{".", "github.com/google/uuid", true},
		{".", "github.com/jackc/pgx/v5", false},
		{"db", "handoff", true},
		{"db", "handoff/db/dbsqlc", true},
		{"db", "handoff/activities", false},
		{"internal/protocol/hitlchat", "net/http", false},
		{"internal/protocol/hitlchat", "handoff/internal/meta", true},
		{"internal/protocol/hitlchat", "handoff/internal/outbound", false},
		{"internal/meta", "handoff/db", false},
		{"internal/meta", "go.temporal.io/sdk/temporal", false},
		{"activities", "handoff/internal/outbound", true},
		{"activities", "net/http", true},
		{"activities", "github.com/gin-gonic/gin", false},
		{"activities", "go.temporal.io/sdk/workflow", false},
		{"activities", "handoff/internal/dispatch", false},
		{"activities", "handoff/workflows", false},
		{"workflows", "handoff/activities", true},
		{"workflows", "handoff/db", false},
		{"workflows", "net/http", false},
		{"workflows", "math/rand/v2", false},
		{"workflows", "os", false},
		{"workflows", "go.temporal.io/sdk/client", false},
		{"worker", "handoff/workflows", true},
		{"worker", "handoff/db", false},
		{"api", "go.temporal.io/sdk/client", false},
		{"api", "handoff/workflows", true},
		{"api/client", "github.com/oapi-codegen/runtime/types", true},
		{"api/client", "handoff", false},
		{"api/client", "github.com/gin-gonic/gin", false},
		{"cmd/handoff", "handoff/internal/dispatch", true},
		{"cmd/handoff", "handoff/internal/fixture", false},
		{"worker", "handoff/db/dbtest", false},
		{"docs/receivers/go", "crypto/hmac", true},
		{"docs/receivers/go", "handoff/internal/signature", false},
		{"docs/receivers/go", "github.com/google/uuid", false},
		{"internal/fixture", "handoff/internal/testenv", true},
	} {
		err := violation(c.pkg, c.imported)
		require.Equal(t, c.ok, err == nil, "%s → %s: %v", c.pkg, c.imported, err)
	}
	require.ErrorContains(t, violation("inbox", "fmt"), "has no import rule")
	require.EqualError(t, violation("workflows", "os"), "package workflows imports os, and may not: it never has net/http, github.com/jackc, "+
		"github.com/gin-gonic, os, math/rand, go.temporal.io/sdk/client (workflow code is deterministic and has no I/O)")
}
