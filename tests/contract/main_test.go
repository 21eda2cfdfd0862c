// Package contract_test holds the running product to its OpenAPI document: every operation with requests that the document allows and
// with others, and the programs that were generated from it.
package contract_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/testenv"
)

const checkout = "../.."

// thorough is whether the command line asks for a number of checks. It then gets them, however long they take.
var thorough bool

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	thorough = given["rapid.checks"]
	// What a request does depends on those before it, so that a failure cannot be played again from a file.
	for name, value := range map[string]string{"rapid.checks": "25", "rapid.shrinktime": "3s", "rapid.nofailfile": "true", "test.parallel": "6"} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	testenv.Main(m)
}

// buildOnce builds the binary that all tests run.
var buildOnce = sync.OnceValues(func() (string, error) {
	binary, err := filepath.Abs(filepath.Join(checkout, "bin", "contract", "handoff"))
	if err != nil {
		return "", err
	}
	build := exec.Command("go", "build", "-o", binary, "./cmd/handoff")
	build.Dir = checkout
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build handoff: %w\n%s", err, out)
	}
	return binary, nil
})

// command runs a command of the product to its end and gives what it prints.
func command(t *testing.T, env []string, args ...string) []byte {
	t.Helper()
	binary, err := buildOnce()
	require.NoError(t, err)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), env...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	require.NoError(t, err, "handoff %s: %s", strings.Join(args, " "), problems.String())
	return out
}
