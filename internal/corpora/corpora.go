// Package corpora finds the test material that lives outside the repository: vendor payloads, naughty strings, SSRF URLs and
// crypto vectors. Only tests import it.
package corpora

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir is the folder of the corpora: HANDOFF_CORPORA, else ../shared/corpora next to the module's root. The test is skipped
// where the folder is absent, because a clone of the repository alone does not have it.
func Dir(tb testing.TB) string {
	tb.Helper()
	dir := os.Getenv("HANDOFF_CORPORA")
	if dir == "" {
		dir = filepath.Join(moduleRoot(tb), "..", "shared", "corpora")
	}
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		tb.Skipf("no test corpora at %s: set HANDOFF_CORPORA to their folder to run this test", dir)
	}
	return dir
}

// File is the content of one file of the corpora. The test fails if the folder is there and the file is not.
func File(tb testing.TB, elements ...string) []byte {
	tb.Helper()
	content, err := os.ReadFile(filepath.Join(append([]string{Dir(tb)}, elements...)...))
	if err != nil {
		tb.Fatalf("read corpus file: %v", err)
	}
	return content
}

// moduleRoot walks up from the working directory of the test, which is its package's folder, to the folder of go.mod.
func moduleRoot(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatalf("find the module root: %v", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			tb.Fatal("find the module root: no go.mod above the test's folder")
		}
		dir = parent
	}
}
