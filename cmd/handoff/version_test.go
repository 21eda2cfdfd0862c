package main

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAVersionSaysWhatItWasBuiltFrom(t *testing.T) {
	t.Parallel()
	b := readBuild()
	require.NotEmpty(t, b.Version)
	require.Equal(t, runtime.Version(), b.Go)
	require.Equal(t, "handoff v1.2.3 (0dc0e6f 2026-11-21T10:00:00Z) go1.26.8 linux/arm64",
		build{Version: "v1.2.3", Commit: "0dc0e6f", Date: "2026-11-21T10:00:00Z", Go: "go1.26.8", OS: "linux", Arch: "arm64"}.String())
	require.Equal(t, "handoff v1.2.3 go1.26.8 linux/arm64", build{Version: "v1.2.3", Go: "go1.26.8", OS: "linux", Arch: "arm64"}.String())
}
