package recipes_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/signature"
)

// block is one fenced block of the page.
type block struct{ language, code string }

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```\n")

func page(t *testing.T) (text string, blocks []block) {
	t.Helper()
	content, err := os.ReadFile("../../docs/receivers.md")
	require.NoError(t, err)
	for _, match := range fence.FindAllStringSubmatch(string(content), -1) {
		blocks = append(blocks, block{match[1], match[2]})
	}
	return string(content), blocks
}

// What a reader copies from the page is what the other tests run.
func TestDelivery_52_ThePageShowsTheRecipesThatAreTested(t *testing.T) {
	t.Parallel()
	_, blocks := page(t)
	for _, r := range recipes {
		code, err := os.ReadFile(receivers + r.file)
		require.NoError(t, err)
		shown := 0
		for _, b := range blocks {
			if b.code == string(code) {
				shown++
			}
		}
		require.Equal(t, 1, shown, "docs/receivers.md must show %s as it is, once", r.file)
	}
	// Each recipe, and a variant with the library for Go and for Node: there is no other code that could go stale.
	require.Len(t, blocks, len(recipes)+2)
}

// Every header of ours that a webhook carries is explained.
func TestDelivery_52_ThePageNamesEveryHeader(t *testing.T) {
	t.Parallel()
	text, _ := page(t)
	source, err := os.ReadFile("../../activities/attempt.go")
	require.NoError(t, err)
	headers := regexp.MustCompile(`"(Handoff-[A-Za-z]+)"`).FindAllStringSubmatch(string(source), -1)
	require.GreaterOrEqual(t, len(headers), 5)
	for _, header := range headers {
		require.Contains(t, text, "| `"+header[1]+"`")
	}
	for _, header := range []string{signature.HeaderID, signature.HeaderTimestamp, signature.HeaderSignature} {
		require.Contains(t, text, "| `"+header+"`")
	}
}

// Every call that the page names is one of the API.
func TestDelivery_52_ThePageNamesCallsThatAre(t *testing.T) {
	t.Parallel()
	text, _ := page(t)
	api, err := os.ReadFile("../../api/openapi.yaml")
	require.NoError(t, err)
	calls := regexp.MustCompile("`(GET|POST) (/v1/[a-z/{}-]+)").FindAllStringSubmatch(text, -1)
	require.GreaterOrEqual(t, len(calls), 4)
	for _, call := range calls {
		_, after, found := strings.Cut(string(api), "\n  "+call[2]+":\n")
		require.True(t, found, call[2])
		operations, _, _ := strings.Cut(after, "\n  /")
		require.Contains(t, "\n"+operations, "\n    "+strings.ToLower(call[1])+":", call[0])
	}
}

// withLibrary is a recipe whose verify is replaced by that of the page's variant, and the variant's import put on top.
func withLibrary(t *testing.T, file, verify, language string) string {
	t.Helper()
	code, err := os.ReadFile(receivers + file)
	require.NoError(t, err)
	recipe := string(code)
	begin := strings.Index(recipe, "\n"+verify) + 1
	require.Positive(t, begin)
	end := begin + strings.Index(recipe[begin:], "\n}\n") + len("\n}\n")
	_, blocks := page(t)
	for _, b := range blocks {
		imports, function, found := strings.Cut(b.code, "\n\n")
		if b.language == language && found && strings.Contains(imports, "standardwebhooks") && !strings.Contains(imports, "\n") {
			recipe = recipe[:begin] + function + recipe[end:]
			if language == "go" {
				return strings.Replace(recipe, "\n\nimport (", "\n\n"+imports+"\n\nimport (", 1)
			}
			return imports + "\n" + recipe
		}
	}
	require.FailNow(t, "the page has no variant with the library", "%s", language)
	return ""
}

func TestDelivery_52_TheGoRecipeWorksWithTheLibrary(t *testing.T) {
	t.Parallel()
	variant := withLibrary(t, "go/main.go", "func (k key) verify(", "go")
	for _, unused := range []string{"\t\"crypto/hmac\"\n", "\t\"crypto/sha256\"\n", "\t\"strings\"\n"} {
		if strings.Count(variant, strings.Trim(filepath.Base(strings.TrimSpace(unused)), `"`)+".") == 0 {
			variant = strings.Replace(variant, unused, "", 1)
		}
	}
	dir := t.TempDir()
	source, overlay, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "receiver")
	require.NoError(t, os.WriteFile(source, []byte(variant), 0o600))
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {absolute(t, "go/main.go"): source}})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(overlay, replace, 0o600))
	out, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", overlay, "-o", program, receivers+"go").CombinedOutput()
	require.NoError(t, err, "%s", out)
	verifiesWithLibrary(t, commandWith(program))
}

// commandWith is a recipe that is a program of its own.
func commandWith(program ...string) recipe {
	return recipe{program: func(testing.TB) []string { return program }}
}

func verifiesWithLibrary(t *testing.T, r recipe) {
	t.Helper()
	key, now := signature.GenerateSecret(), time.Now()
	receiver := r.start(t, key.Reveal())
	require.True(t, receiver.deliver(sign(t, "msg_good", now, body, signature.GenerateSecret(), key), body).OK())
	require.Equal(t, "msg_good", receiver.next().ID)
	for name, header := range map[string]http.Header{
		"another key":  sign(t, "msg_bad", now, body, signature.GenerateSecret()),
		"another body": sign(t, "msg_bad", now, body+" ", key),
		"too old":      sign(t, "msg_bad", now.Add(-6*time.Minute), body, key),
		"no signature": with(sign(t, "msg_bad", now, body, key), signature.HeaderSignature, ""),
	} {
		require.Equal(t, http.StatusUnauthorized, receiver.deliver(header, body).Status, name)
	}
}

// The page's example of a signature is one that we make.
func TestDelivery_52_ThePagesVectorIsOurs(t *testing.T) {
	t.Parallel()
	text, _ := page(t)
	parts := regexp.MustCompile("under `(whsec_[^`]+)`, with the id `(msg_[^`]+)`, the timestamp `(\\d+)` and the body\n`([^`]+)`, the entry is `(v1,[^`]+)`").
		FindStringSubmatch(text)
	require.Len(t, parts, 6)
	key, err := signature.ParseSecret(parts[1])
	require.NoError(t, err)
	seconds, err := strconv.ParseInt(parts[3], 10, 64)
	require.NoError(t, err)
	require.Equal(t, parts[5], sign(t, parts[2], time.Unix(seconds, 0), parts[4], key).Get(signature.HeaderSignature))
}
