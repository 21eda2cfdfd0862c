package handoff_test

import (
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// secretWords are in the names of what is compared in constant time or not at all.
var secretWords = regexp.MustCompile(`(?i)(secret|token|signature|\bhash|\bmac\b|digest|passw|apikey|verif(y|ier)token|hmac)`)

// notSecret are comparisons of what only sounds like a secret.
var notSecret = map[string]string{
	"activities/settle.go: bytes.Equal(row.AccessToken, l.sealedToken)":                  "ciphertexts: was another token saved meanwhile?",
	"internal/admin/endpointsecret.go: *keyType == KeyHMAC":                              "a kind of key",
	"internal/mediastore/link.go: base64.RawURLEncoding.EncodeToString(sealed) != token": "two spellings of what the caller sent; whether it opens, AES-GCM says",
	"internal/mediastore/write.go: want != string(hash.Sum(nil))":                        "the hash of a file, which its sender told us",
	"internal/signature/scheme.go: e.version == versionHMAC":                             "the version of a signature",
	"internal/survey/survey.go: base64.RawURLEncoding.EncodeToString(sealed) != token":   "as with links to files",
}

// A comparison that stops at the first byte that differs tells somebody who measures how much was guessed right. Secrets, signatures and
// hashes of keys are compared by crypto/subtle or crypto/hmac; what compares something else under such a name is listed.
func TestSecretsAreComparedInConstantTime(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	for _, root := range []string{"api", "activities", "internal", "cmd"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/fake") ||
				strings.HasPrefix(path, "api/client/") {
				return err
			}
			for _, comparison := range comparisons(t, path) {
				found[filepath.ToSlash(path)+": "+comparison] = true
			}
			return nil
		}))
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(notSecret)), slices.Collect(maps.Keys(found)), "compare secrets by crypto/subtle or crypto/hmac")
}

// comparisons are those of a file that stop early and have a secret's name on one side, and on the other something that is no constant.
func comparisons(t *testing.T, path string) (out []string) {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, 0)
	require.NoError(t, err)
	text := func(n ast.Node) string {
		var b strings.Builder
		require.NoError(t, printer.Fprint(&b, files, n))
		return b.String()
	}
	ast.Inspect(file, func(n ast.Node) bool {
		var sides []ast.Expr
		switch n := n.(type) {
		case *ast.BinaryExpr:
			if n.Op == token.EQL || n.Op == token.NEQ {
				sides = []ast.Expr{n.X, n.Y}
			}
		case *ast.CallExpr:
			if name := text(n.Fun); len(n.Args) == 2 && (strings.HasPrefix(name, "bytes.") || strings.HasPrefix(name, "strings.") || name == "slices.Equal" || name == "reflect.DeepEqual") &&
				regexp.MustCompile(`\.(Equal|EqualFold|Compare|DeepEqual)$`).MatchString(name) {
				sides = n.Args
			}
		}
		if len(sides) == 2 && !constant(sides[0]) && !constant(sides[1]) && (secretWords.MatchString(text(sides[0])) || secretWords.MatchString(text(sides[1]))) {
			out = append(out, text(n))
		}
		return true
	})
	return out
}

// constant is a literal, nil, a length, or a number: nothing that somebody could guess byte by byte.
func constant(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit:
		return true
	case *ast.Ident:
		return e.Name == "nil" || e.Name == "true" || e.Name == "false"
	case *ast.CallExpr:
		name, ok := e.Fun.(*ast.Ident)
		return ok && name.Name == "len"
	}
	return false
}
