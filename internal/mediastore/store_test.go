package mediastore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	_ "gocloud.dev/blob/memblob"

	"handoff"
	"handoff/internal/mediastore"
)

// folder opens a store in a folder of the test, and gives both.
func folder(t testing.TB) (*mediastore.Store, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "media store")
	store, err := mediastore.Open(t.Context(), "file://"+dir)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store, dir
}

// files are the paths of all files under dir, with what they hold, for whatever name they have.
func files(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		relative, _ := filepath.Rel(dir, path)
		found[relative] = string(content)
		return err
	}))
	return found
}

func TestOpenMakesAPrivateFolder(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 { // the second time it is there
		store, err := mediastore.Open(t.Context(), "file://"+dir+"?metadata=&no_tmp_dir=")
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	require.Empty(t, files(t, dir), "the probe is gone")
}

// Not parallel: it changes the working directory.
func TestOpenRelative(t *testing.T) {
	t.Chdir(t.TempDir())

	store, err := mediastore.Open(t.Context(), "file://./var/media")
	require.NoError(t, err)
	require.NoError(t, store.Close())
	require.DirExists(t, "var/media")
}

func TestOpenTakesABucketWithoutAskingForIt(t *testing.T) {
	t.Parallel()

	store, err := mediastore.Open(t.Context(), "s3://handoff-media?region=eu-west-1&endpoint=http://127.0.0.1:1&use_path_style=true")
	require.NoError(t, err)
	require.NoError(t, store.Close())
}

func TestOpenSaysWhatToWrite(t *testing.T) {
	t.Parallel()

	occupied := filepath.Join(t.TempDir(), "occupied")
	require.NoError(t, os.WriteFile(occupied, nil, 0o600))
	for url, want := range map[string]string{
		"":                                "write file:///var/lib/handoff/media",
		"/var/lib/media":                  "write file:///var/lib/handoff/media",
		"file://var/media":                "three slashes",
		"file:media":                      "names no folder",
		"file:///":                        "names no folder",
		"ftp://host/media":                "this build knows file",
		"s3:///media":                     "s3://bucket",
		"file:///\x7f":                    "cannot be read",
		"file://" + occupied:              "make its folder",
		"file://" + t.TempDir() + "?what": "what",
	} {
		_, err := mediastore.Open(t.Context(), url)
		require.ErrorContains(t, err, want, url)
	}
	_, err := mediastore.Open(t.Context(), "ftp://user:canary@host/media")
	require.NotContains(t, err.Error(), "canary")
}

func TestKeyHoldsOnlyIDs(t *testing.T) {
	t.Parallel()

	account, media := handoff.NewID(), handoff.NewID()
	require.Equal(t, "media/"+account.String()+"/"+media.String(), mediastore.Key(account, media))
}

func TestDeleteTwice(t *testing.T) {
	t.Parallel()

	store, dir := folder(t)
	write(t, store, "media/a/b", "hello")
	for range 2 {
		require.NoError(t, store.Delete(t.Context(), "media/a/b"))
	}
	require.Empty(t, files(t, dir))
	_, err := store.Read(t.Context(), "media/a/b")
	require.Equal(t, handoff.CodeNotFound, handoff.ErrorCode(err))
}
