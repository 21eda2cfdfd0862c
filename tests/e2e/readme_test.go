package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// example is a command of the README and what the README says that it prints.
type example struct{ command, output string }

var fence = regexp.MustCompile("(?ms)^```sh\n(.*?)^```\n(?:```(?:json)?\n(.*?)^```\n)?")

// examplesIn are the commands of a document, in order, and what it says that they print.
func examplesIn(document string) []example {
	var examples []example
	for _, match := range fence.FindAllStringSubmatch(document, -1) {
		if strings.TrimSpace(match[1]) != "make run" {
			examples = append(examples, example{match[1], match[2]})
		}
	}
	return examples
}

// readmeExamples are the commands of the README's walk, from the first conversation to its end.
func readmeExamples(t *testing.T) []example {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	_, walk, found := strings.Cut(string(content), "\n## Start\n")
	require.True(t, found)
	walk, _, found = strings.Cut(walk, "\n## Run it for real\n")
	require.True(t, found)
	return examplesIn(walk)
}

var (
	volatileID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	volatilePort = regexp.MustCompile(`127\.0\.0\.1:\d+`)
	volatileTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
)

// settled is a text without what differs from run to run.
func settled(text string) string {
	text = volatilePort.ReplaceAllString(volatileID.ReplaceAllString(text, "ID"), "HOST")
	return strings.TrimSpace(volatileTime.ReplaceAllString(text, "TIME"))
}

// TestReadme runs the commands of the README, and then those of the guide to inbox clients, on one started product.
func TestReadme(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	d.start()
	t.Cleanup(d.stop)
	home := t.TempDir()
	require.NoError(t, os.Symlink(d.dir, filepath.Join(home, ".handoff")))
	require.NoError(t, os.Symlink(filepath.Dir(binary(t)), filepath.Join(home, "bin")))
	runExamples(t, home, "README.md", readmeExamples(t))
	runExamples(t, home, "docs/inbox-clients.md", examplesIn(inboxClients(t)))
}

// runExamples runs the commands of a document in order, in one shell, and compares what they print with what the document says.
func runExamples(t *testing.T, home, document string, examples []example) {
	t.Helper()
	require.Greater(t, len(examples), 5)
	var script strings.Builder
	for n, e := range examples {
		// A reader needs longer than this between two commands; what the first one caused has happened by then.
		fmt.Fprintf(&script, "%s\necho; echo '--- %d'\nsleep 2\n", e.command, n)
	}
	shell := exec.Command("sh", "-c", script.String())
	shell.Dir = home
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	rest := string(out)
	for n, e := range examples {
		printed, after, found := strings.Cut(rest, fmt.Sprintf("--- %d\n", n))
		require.True(t, found, "%s", out)
		require.Equal(t, settled(e.output), settled(printed), "%s: %s", document, e.command)
		rest = after
	}
}
