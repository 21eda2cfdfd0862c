package contract_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const collection = checkout + "/api/bruno"

// Every operation of the document is a request of the collection, with the key of its scope.
func testBrunoIsComplete(t *testing.T, s *server) {
	t.Helper()
	files := map[string]string{}
	found, err := filepath.Glob(filepath.Join(collection, "*", "*.bru"))
	require.NoError(t, err)
	for _, file := range found {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		files[strings.TrimSuffix(filepath.Base(file), ".bru")] = string(content)
	}
	for _, op := range s.operations() {
		text := files[op.OperationID]
		require.NotEmpty(t, text, "the collection has no %s: run make generate", op.OperationID)
		require.Contains(t, text, "\n"+strings.ToLower(op.method)+" {\n", op.OperationID)
		if op.scope != "" && op.Security != nil && len(*op.Security) > 0 {
			require.Contains(t, text, "token: {{"+op.scope+"}}", op.OperationID)
		}
	}
}

// Requests of the collection work with what `make run` writes into .handoff/dev.json.
func testBruno(t *testing.T, s *server) {
	t.Helper()
	modules := packages(t)
	a := s.newAccount(t)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(collection)))
	env := "api_url=" + s.url + "\ngateway=" + a.gatewayKey + "\nagent=" + a.agentKey + "\nadmin=" + a.adminKey + "\ninbox_id=" + a.inbox +
		"\nagent_id=" + a.agent + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".env"), []byte(env), 0o600))
	report := filepath.Join(dir, "report.json")
	requests := []string{"list-conversations", "claim-conversation", "send-message", "add-note", "create-agent", "get-inbox", "resolve-conversation"}
	args := []string{filepath.Join(modules, ".bin", "bru"), "run"}
	for _, name := range requests {
		matches, err := filepath.Glob(filepath.Join(dir, "*", name+".bru"))
		require.NoError(t, err)
		require.Len(t, matches, 1, name)
		relative, err := filepath.Rel(dir, matches[0])
		require.NoError(t, err)
		args = append(args, relative)
	}
	args = append(args, "--env", "dev", "--env-var", "conversation_id="+a.conversation, "--reporter-json", report)
	out := run(t, dir, nil, args...)
	content, err := os.ReadFile(report)
	require.NoError(t, err)
	var runs []struct {
		Results []struct {
			Test     struct{ Filename string }
			Response struct {
				Status int
				Data   any
			}
		}
	}
	require.NoError(t, json.Unmarshal(content, &runs), "%s", content)
	require.Len(t, runs, 1)
	require.Len(t, runs[0].Results, len(requests), out)
	for _, result := range runs[0].Results {
		require.GreaterOrEqual(t, result.Response.Status, 200, "%s: %v", result.Test.Filename, result.Response.Data)
		require.Less(t, result.Response.Status, 300, "%s: %v", result.Test.Filename, result.Response.Data)
	}
}
