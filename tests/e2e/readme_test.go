package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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

// TestReadme runs the commands of the README, and then those of the guide to inbox clients, on one started product. On a busy machine what a
// command causes may take longer than the next one waits for it: then all of it is tried once more, by a reader who takes more time.
func TestReadme(t *testing.T) {
	t.Parallel()
	wrong := followDocuments(t, 2*time.Second)
	if wrong != "" {
		t.Logf("in haste: %s", wrong)
		wrong = followDocuments(t, 6*time.Second)
	}
	require.Empty(t, wrong)
}

// followDocuments starts the product, runs the commands with a pause after each, and tells what went otherwise than the documents say.
func followDocuments(t *testing.T, pause time.Duration) (wrong string) {
	t.Helper()
	d := newDev(t)
	d.start()
	home := t.TempDir()
	require.NoError(t, os.Symlink(d.dir, filepath.Join(home, ".handoff")))
	require.NoError(t, os.Symlink(filepath.Dir(binary(t)), filepath.Join(home, "bin")))
	wrong = runExamples(t, home, "README.md", readmeExamples(t), pause)
	if wrong == "" {
		wrong = runExamples(t, home, "docs/inbox-clients.md", examplesIn(inboxClients(t)), pause)
	}
	d.stop()
	return wrong
}

// runExamples runs the commands of a document in order, in one shell, and compares what they print with what the document says.
func runExamples(t *testing.T, home, document string, examples []example, pause time.Duration) (wrong string) {
	t.Helper()
	require.Greater(t, len(examples), 5)
	var script strings.Builder
	for n, e := range examples {
		// A reader needs some time between two commands; what the first one caused has happened by then.
		fmt.Fprintf(&script, "%s\necho; echo '--- %d'\nsleep %g\n", e.command, n, pause.Seconds())
	}
	shell := exec.Command("sh", "-c", script.String())
	shell.Dir = home
	out, err := shell.CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%s: %s\n%s", document, err, out)
	}
	rest := string(out)
	for n, e := range examples {
		printed, after, found := strings.Cut(rest, fmt.Sprintf("--- %d\n", n))
		require.True(t, found, "%s", out)
		if want, got := settled(e.output), settled(printed); want != got {
			return fmt.Sprintf("%s: %s\nprints\n%s\nand should print\n%s", document, e.command, got, want)
		}
		rest = after
	}
	return ""
}
