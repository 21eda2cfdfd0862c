package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestUnitsGiveOurProcessesWhatTheyKnow(t *testing.T) {
	t.Parallel()
	variable := regexp.MustCompile(`(?m)^([A-Z][A-Z0-9_]+)=`)
	inFile := variable.FindAllStringSubmatch(read(t, "deploy/systemd/handoff.env"), -1)
	inUnit := regexp.MustCompile(`(?m)^Environment=([A-Z0-9_]+)=`)
	for _, command := range []string{"migrate", "serve", "worker"} {
		unit := read(t, "deploy/systemd/handoff-"+command+".service")
		require.Contains(t, unit, "ExecStart=/usr/local/bin/handoff "+command+"\n")
		var names []string
		for _, m := range append(inUnit.FindAllStringSubmatch(unit, -1), inFile...) {
			names = append(names, m[1])
		}
		checkEnvironment(t, command, names)
	}
}

// TestSystemdTakesTheUnits has systemd itself read them, where it is installed.
func TestSystemdTakesTheUnits(t *testing.T) {
	t.Parallel()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	units, err := filepath.Glob(filepath.Join(root, "deploy/systemd/*.service"))
	require.NoError(t, err)
	require.Len(t, units, 3)
	var copies []string
	for _, unit := range units {
		content, err := os.ReadFile(unit)
		require.NoError(t, err)
		// It wants the program to be there.
		text := strings.ReplaceAll(string(content), "/usr/local/bin/handoff", "/bin/true")
		copies = append(copies, filepath.Join(dir, filepath.Base(unit)))
		require.NoError(t, os.WriteFile(copies[len(copies)-1], []byte(text), 0o600))
	}
	out, err := exec.Command(analyze, append([]string{"verify", "--man=no"}, copies...)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}
