// Package deploy checks what operators deploy handoff with: the image, docker-compose.yml, the Kubernetes manifests and the units of
// systemd. It has a module of its own for the libraries of Docker and Kubernetes, which the product does not need.
package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../.."

// setting is a line of docs/configuration.md.
type setting struct {
	required bool
	commands []string // empty: all
}

func (s setting) of(command string) bool {
	return len(s.commands) == 0 || slices.Contains(s.commands, command)
}

// settings reads the generated reference: the settings of production by name.
func settings(t *testing.T) map[string]setting {
	t.Helper()
	page, _, found := strings.Cut(read(t, "docs/configuration.md"), "## On a developer's machine")
	require.True(t, found)
	known := map[string]setting{}
	row := regexp.MustCompile("(?m)^\\| `([A-Z0-9_]+)` \\| [^|]+ \\| [^|]+ \\| ([^|]+) \\| ([^|]+) \\|")
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		s := setting{required: m[2] == "**required**", commands: strings.Split(m[3], ", ")}
		if m[3] == "all" {
			s.commands = nil
		}
		known[m[1]] = s
	}
	require.Greater(t, len(known), 25)
	return known
}

// others are variables that libraries of the binary read: libpq's names, which pgx knows, and those of the AWS and OpenTelemetry SDKs.
var others = regexp.MustCompile(`^(PG[A-Z]+|AWS_[A-Z_]+|OTEL_[A-Z_]+)$`)

// checkEnvironment proves that a process of the product is given nothing that it does not know, and all that it needs.
func checkEnvironment(t *testing.T, command string, names []string) {
	t.Helper()
	known := settings(t)
	for _, name := range names {
		_, ok := known[name]
		require.True(t, ok || others.MatchString(name), "%s is given %s, which docs/configuration.md does not have", command, name)
	}
	for name, s := range known {
		if s.required && s.of(command) {
			require.Contains(t, names, name, "%s needs it", command)
		}
	}
	if known["HANDOFF_KEYSET"].of(command) {
		require.True(t, slices.Contains(names, "HANDOFF_KEYSET") || slices.Contains(names, "HANDOFF_KEYSET_FILE"), "%s needs a key set", command)
	}
}

// checkImage proves that tomorrow's pull brings what today's did.
func checkImage(t *testing.T, image string) {
	t.Helper()
	require.Regexp(t, `^[^:@]+(:\d+)?[^:@]*(:v?\d+(\.\d+)+|@sha256:[0-9a-f]{64})$`, image, "an image is pinned to a whole version")
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(root + "/" + name)
	require.NoError(t, err)
	return string(content)
}
