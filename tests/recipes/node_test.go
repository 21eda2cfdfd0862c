package recipes_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff/internal/signature"
)

const (
	// npmPatience is for a registry that answers slowly; one that does not answer at all must not hold the other tests.
	npmPatience = time.Minute
	// officialBodies is how many bodies the official verifiers check.
	officialBodies = 100
)

// noRegistry is how npm says that it reaches none. Any other failure, such as a package that is not the pinned one, is one of ours.
var noRegistry = regexp.MustCompile(`ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT|ENOTCACHED|E5\d\d`)

// installVerifiers puts the official verifiers for Node into a folder, with the program that runs them.
func installVerifiers(t *testing.T) (node, dir string) {
	t.Helper()
	node = nodeProgram(t)[0]
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed: the official verifiers for Node cannot be")
	}
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("node")))
	ctx, cancel := context.WithTimeout(t.Context(), npmPatience)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0")
	install.Dir, install.WaitDelay = dir, time.Second
	out, err := install.CombinedOutput()
	if err != nil && (ctx.Err() != nil || noRegistry.Match(out)) {
		t.Skipf("npm reaches no registry: the official verifiers for Node cannot be installed: %v\n%s", err, out)
	}
	require.NoError(t, err, "%s", out)
	return node, dir
}

// signed is a webhook as the official verifiers are given it.
type signed struct {
	Secret  string            `json:"secret"`
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// generated are bodies of every kind: texts of any script, emoji, nothing, and a megabyte; the same in every run.
func generated(t *testing.T) []string {
	t.Helper()
	bodies := []string{"", "{}", `"🙋‍♀️ žluťoučký kůň ﷽ \u2028 𝕏"`, `{"text":"` + strings.Repeat("ž🙋<", 1<<20/7) + `"}`}
	texts := rapid.MapOf(rapid.String(), rapid.OneOf(rapid.String(), rapid.StringMatching(`[\x{1F300}-\x{1FAFF}]{1,20}`)))
	for seed := len(bodies); seed < officialBodies; seed++ {
		body, err := json.Marshal(texts.Example(seed))
		require.NoError(t, err)
		bodies = append(bodies, string(body))
	}
	return bodies
}

func TestDelivery_01_OfficialNodeVerifiersAcceptWhatWeSign(t *testing.T) {
	t.Parallel()
	node, dir := installVerifiers(t)

	var input bytes.Buffer
	encoder := json.NewEncoder(&input)
	for i, body := range generated(t) {
		key := signature.GenerateSecret()
		keys := []signature.Secret{key}
		if i%2 == 1 {
			keys = []signature.Secret{signature.GeneratePrivateKey(), signature.GenerateSecret(), key}
		}
		header := sign(t, "msg_generated", time.Now(), body, keys...)
		webhook := signed{Secret: key.Reveal(), Headers: map[string]string{}, Body: body}
		for name := range header {
			webhook.Headers[strings.ToLower(name)] = header.Get(name)
		}
		require.NoError(t, encoder.Encode(webhook))
	}
	verify := exec.CommandContext(t.Context(), node, "verify.mjs")
	verify.Dir, verify.Stdin = dir, &input
	out, err := verify.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "100\n", string(out))

	t.Run("in the recipe", func(t *testing.T) {
		t.Parallel()
		program := filepath.Join(dir, "receiver.mjs")
		variant := withLibrary(t, "node/receiver.mjs", "function verify(", "js")
		require.NoError(t, os.WriteFile(program, []byte(variant), 0o600))
		verifiesWithLibrary(t, commandWith(node, program))
	})
}
