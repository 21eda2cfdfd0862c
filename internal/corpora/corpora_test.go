package corpora_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
)

// Not parallel: it sets the environment.
func TestDirFollowsTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.txt"), []byte("hello"), 0o600))
	t.Setenv("HANDOFF_CORPORA", dir)

	require.Equal(t, dir, corpora.Dir(t))
	require.Equal(t, "hello", string(corpora.File(t, "a.txt")))
}

// Not parallel: it sets the environment.
func TestDirSkipsWhereAbsent(t *testing.T) {
	t.Setenv("HANDOFF_CORPORA", filepath.Join(t.TempDir(), "absent"))

	skipped := false
	t.Run("inner", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		corpora.Dir(t)
	})
	require.True(t, skipped)
}
