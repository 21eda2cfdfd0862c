package devtemporal

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestBuildOnlyWhenSourcesChange(t *testing.T) {
	t.Parallel()
	b, log := testBuilder(t, "package main\n\nfunc main() {}\n")

	require.NoError(t, b.ensure(t.Context()))
	require.FileExists(t, b.binary)
	require.Contains(t, log.String(), "building the development server")

	log.Reset()
	require.NoError(t, b.ensure(t.Context()))
	require.Empty(t, log.String())

	require.NoError(t, os.WriteFile(filepath.Join(b.source, "main.go"), []byte("package main\n\nfunc main() { println(1) }\n"), 0o600))
	require.NoError(t, b.ensure(t.Context()))
	require.Contains(t, log.String(), "building the development server")

	log.Reset()
	require.NoError(t, os.Remove(b.binary))
	require.NoError(t, b.ensure(t.Context()))
	require.FileExists(t, b.binary)
}

func TestBuildIgnoresTests(t *testing.T) {
	t.Parallel()
	b, _ := testBuilder(t, "package main\n\nfunc main() {}\n")
	before, err := b.stamp()
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(filepath.Join(b.source, "main_test.go"), []byte("package main\n"), 0o600))
	after, err := b.stamp()
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestBuildReportsCompilerErrors(t *testing.T) {
	t.Parallel()
	b, _ := testBuilder(t, "package main\n\nfunc main() { missing() }\n")

	err := b.ensure(t.Context())
	require.ErrorContains(t, err, "undefined: missing")
	require.NoFileExists(t, b.binary)
	require.NoFileExists(t, b.stampFile())
}

func TestBuildWithoutSources(t *testing.T) {
	t.Parallel()
	b := builder{source: t.TempDir(), binary: filepath.Join(t.TempDir(), "x"), log: new(bytes.Buffer)}
	require.ErrorContains(t, b.ensure(t.Context()), "TEMPORAL_ADDRESS")
}

func TestFirstLineIs(t *testing.T) {
	t.Parallel()
	require.True(t, declaresModule("module handoff\n\ngo 1.26.0\n"))
	require.False(t, declaresModule("module handoff/devserver\n"))
	require.False(t, declaresModule(""))
}

func TestProgress(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := newProgress(&log, time.Now())
	p.stop()

	_, err := p.Write([]byte("go: downloading example.com/a v1.0.0\n"))
	require.NoError(t, err)
	p.report(&log, 5*time.Second)
	require.Equal(t, "Temporal: 1 modules downloaded, 5s\n", log.String())

	log.Reset()
	_, err = p.Write([]byte("example.com/a\nexample.com/"))
	require.NoError(t, err)
	_, err = p.Write([]byte("b\n./main.go:3:15: undefined: x\n"))
	require.NoError(t, err)
	p.report(&log, 70*time.Second)
	require.Equal(t, "Temporal: 2 packages compiled, 1m10s\n", log.String())
	require.Contains(t, p.tail(), "undefined: x")
}

func testBuilder(t *testing.T, main string) (builder, *bytes.Buffer) {
	t.Helper()
	source, log := t.TempDir(), new(bytes.Buffer)
	for name, content := range map[string]string{
		"go.mod":  "module example.com/fake\n\ngo 1.26.0\n",
		"go.sum":  "",
		"main.go": main,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(source, name), []byte(content), 0o600))
	}
	return builder{source: source, binary: filepath.Join(t.TempDir(), "fake"), log: log}, log
}
