package mediastore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/mediastore"
)

// A write is broken off in its middle by a panic of its reader, which leaves what a kill leaves.
func TestSweepRemovesWhatKilledWritesLeft(t *testing.T) {
	t.Parallel()
	store, dir := folder(t)
	write(t, store, "media/a/finished", "hello")
	write(t, store, "media/a/odd.tmp", "a name of ours that looks alike")
	leaveBehind(t, store, "media/a/killed", 1<<20)
	leaveBehind(t, store, "media/a/running", 1<<20)
	left := files(t, dir)
	require.Len(t, left, 4, "the finished ones and what is left of the others")

	yesterday := time.Now().Add(-25 * time.Hour)
	for path := range left {
		if !strings.HasPrefix(path, "media/a/running") {
			require.NoError(t, os.Chtimes(filepath.Join(dir, path), yesterday, yesterday))
		}
	}
	removed, err := store.Sweep(t.Context(), time.Now().Add(-24*time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	rest := files(t, dir)
	require.Len(t, rest, 3)
	require.Equal(t, "hello", rest["media/a/finished"])
	require.Contains(t, rest, "media/a/odd.tmp")
	for path := range rest {
		require.NotContains(t, path, "killed")
	}
}

func leaveBehind(t *testing.T, store *mediastore.Store, key string, size int) {
	t.Helper()
	defer func() { require.NotNil(t, recover()) }()
	_, err := store.Write(t.Context(), key, readerFunc(func(p []byte) (int, error) {
		if size -= len(p); size < 0 {
			panic("killed")
		}
		return len(p), nil
	}), mediastore.Limits{})
	require.NoError(t, errors.Join(err, errors.New("it was not killed")))
}

func TestSweepOfABucketDoesNothing(t *testing.T) {
	t.Parallel()
	store, err := mediastore.Open(t.Context(), "mem://")
	require.NoError(t, err)
	write(t, store, "media/a/b.1f.tmp", "hello")
	removed, err := store.Sweep(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, removed)
}
