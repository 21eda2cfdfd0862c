package contract_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// npmPatience is for a registry that answers slowly; one that does not answer at all must not hold the other tests.
const npmPatience = 3 * time.Minute

// noRegistry is how npm says that it reaches none. Any other failure, such as a package that is not the pinned one, is one of ours.
var noRegistry = regexp.MustCompile(`ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|E5\d\d`)

// packages installs what tools/node names, as `make generate` does, and gives the folder.
func packages(t *testing.T) string {
	t.Helper()
	for _, program := range []string{"npm", "node"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed: what is generated for it is not run", program)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), npmPatience)
	defer cancel()
	install := exec.CommandContext(ctx, filepath.Join(checkout, "tools", "node", "install.sh"))
	install.Env, install.WaitDelay = append(os.Environ(), "npm_config_fetch_retries=0"), time.Second
	out, err := install.CombinedOutput()
	if err != nil && (ctx.Err() != nil || noRegistry.Match(out)) {
		t.Skipf("npm reaches no registry: what is generated for Node is not run: %v\n%s", err, out)
	}
	require.NoError(t, err, "%s", out)
	folder, err := filepath.Abs(filepath.Join(checkout, "bin", "node", "node_modules"))
	require.NoError(t, err)
	return folder
}

// run runs a program in a folder, and gives what it prints.
func run(t *testing.T, dir string, env []string, program ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program[0], program[1:]...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

// The same day in TypeScript: the example is checked strictly, compiled and run.
func testTypeScript(t *testing.T, s *server) {
	t.Helper()
	modules := packages(t)
	a := s.newAccount(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Join(checkout, "api", "client", "typescript"))))
	require.NoError(t, os.Symlink(modules, filepath.Join(dir, "node_modules")))
	tsc := filepath.Join(modules, ".bin", "tsc")
	run(t, dir, nil, tsc, "--noEmit", "-p", ".")
	run(t, dir, nil, tsc, "-p", ".")
	out := run(t, dir, []string{"HANDOFF_URL=" + s.url, "HANDOFF_KEY=" + a.agentKey}, "node", "example.js")
	require.Equal(t, "ended resolved\n", out)

	// The types are of use: a field that is not is refused.
	wrong := filepath.Join(dir, "wrong.ts")
	require.NoError(t, os.WriteFile(wrong, []byte("import type { Message } from \"./schema.js\";\nexport const f = (m: Message) => m.txt;\n"), 0o600))
	cmd := exec.CommandContext(t.Context(), tsc, "--noEmit", "-p", ".")
	cmd.Dir = dir
	refused, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(refused), "Property 'txt' does not exist")
}
