package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnsureInstalled(t *testing.T) {
	t.Parallel()

	t.Run("does nothing when the programs are there", func(t *testing.T) {
		t.Parallel()
		sys, ran := fakeSystem(true)
		sys.find = func() error { return nil }
		require.NoError(t, ensureInstalled(t.Context(), io.Discard, sys))
		require.Empty(t, *ran)
	})

	t.Run("installs as root with apt-get", func(t *testing.T) {
		t.Parallel()
		sys, ran := fakeSystem(true)
		sys.find = func() error {
			if len(*ran) == 2 {
				return nil
			}
			return errNotInstalled
		}
		var log bytes.Buffer
		require.NoError(t, ensureInstalled(t.Context(), &log, sys))
		require.Equal(t, []string{"apt-get [update]", "apt-get [install -y postgresql]"}, *ran)
		require.Contains(t, log.String(), "PostgreSQL is not installed")
	})

	t.Run("says what to install otherwise", func(t *testing.T) {
		t.Parallel()
		sys, ran := fakeSystem(false)
		err := ensureInstalled(t.Context(), io.Discard, sys)
		require.ErrorContains(t, err, "apt-get install postgresql")
		require.ErrorContains(t, err, "DATABASE_URL")
		require.Empty(t, *ran)
	})

	t.Run("reports a failed installation", func(t *testing.T) {
		t.Parallel()
		sys, _ := fakeSystem(true)
		sys.run = func(context.Context, io.Writer, string, ...string) error { return errors.New("no network") }
		require.ErrorContains(t, ensureInstalled(t.Context(), io.Discard, sys), "apt-get update: no network")
	})
}

func TestPickBinaries(t *testing.T) {
	t.Parallel()
	older, newer, broken := fakePrograms(t, "14.9"), fakePrograms(t, "17.2"), t.TempDir()

	dir, err := pickBinaries([]string{broken, newer, older}, "")
	require.NoError(t, err)
	require.Equal(t, newer, dir)

	dir, err = pickBinaries([]string{newer, older}, "14")
	require.NoError(t, err)
	require.Equal(t, older, dir)

	_, err = pickBinaries([]string{newer, older}, "15")
	require.ErrorContains(t, err, "made by PostgreSQL 15, but only 17, 14 is installed")

	_, err = pickBinaries([]string{broken}, "")
	require.ErrorIs(t, err, errNotInstalled)
}

func TestVersionInPath(t *testing.T) {
	t.Parallel()
	require.Equal(t, 9, versionInPath("/usr/lib/postgresql/9.6/bin"))
	require.Equal(t, 17, versionInPath("/usr/pgsql-17/bin"))
	require.Equal(t, 0, versionInPath("/opt/homebrew/opt/postgresql/bin"))
}

func fakeSystem(root bool) (installer, *[]string) {
	ran := new([]string)
	return installer{
		find:     func() error { return errNotInstalled },
		root:     root,
		lookPath: func(program string) (string, error) { return program, nil },
		run: func(_ context.Context, _ io.Writer, program string, args ...string) error {
			*ran = append(*ran, fmt.Sprintf("%s %v", program, args))
			return nil
		},
	}, ran
}

func fakePrograms(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s'\n", version)
	for _, program := range []string{"initdb", "postgres"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
	}
	return dir
}
