package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/stretchr/testify/require"
)

// stages parses a Dockerfile with Docker's own parser and linter.
func stages(t *testing.T, name string) []instructions.Stage {
	t.Helper()
	parsed, err := parser.Parse(strings.NewReader(read(t, name)))
	require.NoError(t, err)
	require.Empty(t, parsed.Warnings)
	lint := linter.New(&linter.Config{Warn: func(rule, description, _, message string, _ []parser.Range) {
		t.Errorf("%s: %s: %s", rule, message, description)
	}})
	all, _, err := instructions.Parse(parsed.AST, lint)
	require.NoError(t, err)
	return all
}

func TestTheImageIsOneBinaryOfNobody(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Dockerfile", "deploy/release.Dockerfile"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := stages(t, name)
			last := all[len(all)-1]
			require.Equal(t, "scratch", last.BaseName)
			var user, entrypoint, health string
			for _, command := range last.Commands {
				switch c := command.(type) {
				case *instructions.UserCommand:
					user = c.User
				case *instructions.EntrypointCommand:
					require.False(t, c.PrependShell, "the image has no shell")
					entrypoint = strings.Join(c.CmdLine, " ")
				case *instructions.HealthCheckCommand:
					health = strings.Join(c.Health.Test, " ")
				case *instructions.RunCommand:
					t.Errorf("RUN in an empty image: %s", c)
				}
			}
			require.Equal(t, "65532:65532", user, "a number, so that Kubernetes can tell that it is not root")
			require.Equal(t, "/handoff", entrypoint)
			require.Equal(t, "CMD /handoff healthcheck", health)
			for _, stage := range all {
				if stage.BaseName != "scratch" {
					checkImage(t, stage.BaseName)
				}
				for _, command := range stage.Commands {
					_, isAdd := command.(*instructions.AddCommand)
					require.False(t, isAdd, "ADD fetches and unpacks: COPY")
				}
			}
		})
	}
}

func TestTheBuildIsCachedAndStamped(t *testing.T) {
	t.Parallel()
	text := read(t, "Dockerfile")
	for _, want := range []string{
		"--mount=type=cache,target=/go/pkg/mod", "--mount=type=cache,target=/root/.cache/go-build", "-trimpath", "CGO_ENABLED=0",
		"-X main.buildVersion=$VERSION", "-X main.buildCommit=$COMMIT", "-X main.buildDate=$DATE", "ca-certificates.crt",
	} {
		require.Contains(t, text, want)
	}
}

// TestTheContextHasAllThatTheBuildReads: .dockerignore names what is sent, and a new package would be missing.
func TestTheContextHasAllThatTheBuildReads(t *testing.T) {
	t.Parallel()
	patterns, err := ignorefile.ReadAll(strings.NewReader(read(t, ".dockerignore")))
	require.NoError(t, err)
	ignored, err := patternmatcher.New(patterns)
	require.NoError(t, err)
	const list = `{{if and .Module .Module.Main}}{{$d := .Dir}}{{range .GoFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$d}}/{{.}}{{"\n"}}{{end}}{{end}}`
	command := exec.Command("go", "list", "-deps", "-f", list, "./cmd/handoff")
	command.Dir, command.Stderr = root, os.Stderr
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	out, err := command.Output()
	require.NoError(t, err)
	base, err := filepath.Abs(root)
	require.NoError(t, err)
	read := 0
	for _, file := range append(strings.Fields(string(out)), filepath.Join(base, "go.mod"), filepath.Join(base, "go.sum")) {
		relative, err := filepath.Rel(base, file)
		require.NoError(t, err)
		out, err := ignored.MatchesOrParentMatches(relative)
		require.NoError(t, err)
		require.False(t, out, ".dockerignore keeps %s from the build", relative)
		read++
	}
	require.Greater(t, read, 300)
	for _, file := range []string{"deploy/keyset.json", ".env", ".git/config", "bin/handoff", "api/server_test.go", ".handoff/dev.json"} {
		out, err := ignored.MatchesOrParentMatches(file)
		require.NoError(t, err)
		require.True(t, out, "%s belongs in no image", file)
	}
}

// TestTheReferenceIsOfThisBinary: what the other tests read is what the binary prints.
func TestTheReferenceIsOfThisBinary(t *testing.T) {
	t.Parallel()
	command := exec.Command("go", "run", "./cmd/handoff", "configuration")
	command.Dir = root
	out, err := command.Output()
	require.NoError(t, err)
	require.Equal(t, read(t, "docs/configuration.md"), string(out), "run make generate")
}
