package main

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

func parser(t *testing.T) *kong.Kong {
	t.Helper()
	p, err := newParser(t.Context(), &cli{})
	require.NoError(t, err)
	return p
}

func TestEverySettingOfARunningServerIsAVariableWithOneMeaning(t *testing.T) {
	t.Parallel()
	app := parser(t).Model
	_, _, err := settings(app)
	require.NoError(t, err, "a variable that means two things")
	for _, command := range app.Leaves(false) {
		name := commandName(command)
		if !slices.Contains([]string{"serve", "worker", "migrate"}, name) {
			continue
		}
		for _, f := range command.Flags {
			if f.Name == "help" {
				continue
			}
			require.Len(t, f.Envs, 1, "%s --%s", name, f.Name)
			require.Regexp(t, `^(DATABASE_URL|TEMPORAL_[A-Z_]+|HANDOFF_[A-Z_]+|OTEL_[A-Z_]+)$`, f.Envs[0])
			require.True(t, strings.HasSuffix(f.Help, "."), "%s: its help is a sentence: %q", f.Envs[0], f.Help)
		}
	}
}

func TestAVariableThatMeansTwoThingsIsFound(t *testing.T) {
	t.Parallel()
	var grammar struct {
		Serve struct {
			Size int `env:"HANDOFF_SIZE" default:"1" help:"Size."`
		} `cmd:""`
		Worker struct {
			Size int `env:"HANDOFF_SIZE" default:"2" help:"Size."`
		} `cmd:""`
	}
	p, err := kong.New(&grammar)
	require.NoError(t, err)
	_, _, err = settings(p.Model)
	require.ErrorContains(t, err, "HANDOFF_SIZE means two things")
}

// TestWhatIsDeployedSetsOnlyWhatTheBinaryKnows reads the names in everything that an operator copies from.
func TestWhatIsDeployedSetsOnlyWhatTheBinaryKnows(t *testing.T) {
	t.Parallel()
	production, developers, err := settings(parser(t).Model)
	require.NoError(t, err)
	known := map[string]bool{"HANDOFF_WEBHOOK_KEY": true} // of the receivers that are shown in docs
	for _, s := range slices.Concat(production, developers) {
		known[s.Env] = true
	}
	const root = "../.."
	files := []string{"docker-compose.yml", "Dockerfile", "README.md"}
	for _, dir := range []string{"deploy", "docs"} {
		require.NoError(t, filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, strings.TrimPrefix(path, root+"/"))
			}
			return err
		}))
	}
	name := regexp.MustCompile(`\b(?:HANDOFF_[A-Z][A-Z0-9_]*[A-Z0-9]|TEMPORAL_TLS[A-Z_]*|TEMPORAL_API_KEY)\b`)
	found := 0
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for _, env := range name.FindAllString(string(content), -1) {
			found++
			require.True(t, known[env], "%s names %s, which is no setting", file, env)
		}
	}
	require.Greater(t, found, 50)
}

func TestTheReferenceNamesEverySetting(t *testing.T) {
	t.Parallel()
	var page strings.Builder
	require.NoError(t, writeConfiguration(t.Context(), &page))
	production, developers, err := settings(parser(t).Model)
	require.NoError(t, err)
	for _, s := range slices.Concat(production, developers) {
		require.Contains(t, page.String(), "| `"+s.Env+"` | `"+s.Flags[0]+"`")
	}
	require.Contains(t, page.String(), "| `DATABASE_URL` | `--database-url` | text | **required** | serve, worker, migrate")
}

func TestAnEmptyVariableIsAsGoodAsNone(t *testing.T) {
	for _, env := range []string{"HANDOFF_KEYSET_FILE", "TEMPORAL_TLS_SERVER_CA_CERT_PATH", "TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH", "TEMPORAL_API_KEY"} {
		t.Setenv(env, "")
	}
	var c cli
	p, err := newParser(context.Background(), &c)
	require.NoError(t, err)
	p.Stdout, p.Stderr = io.Discard, io.Discard
	_, err = p.Parse([]string{"serve", "--database-url", "postgres://localhost"})
	require.NoError(t, err)
	require.Empty(t, c.Serve.KeysetFile)
	require.Empty(t, c.Serve.TemporalTLSCA)
	require.Nil(t, c.Serve.TemporalTLS)
	temporal, err := c.Serve.dial(newLogger("text", 0), nil)
	require.NoError(t, err)
	temporal.Close()
}

// Whoever may list processes reads command lines, and a shell keeps them.
func TestNoSecretHasToBeTyped(t *testing.T) {
	for _, command := range parser(t).Model.Leaves(false) {
		for _, f := range command.Flags {
			if regexp.MustCompile(`(^|-)(secret|token|header|key|keyset|password|database-url)$`).MatchString(f.Name) {
				require.NotEmpty(t, f.Envs, "%s --%s can be given by no variable", commandName(command), f.Name)
			}
		}
	}
	const account, app, verify, vendor = "01a20127-b4b1-7639-b335-817ee0390e52", "app", "verify", "vendor"
	for name, value := range map[string]string{
		"HANDOFF_ACCOUNT": account, "HANDOFF_KEYSET": "{}", "DATABASE_URL": "postgres://localhost", "HANDOFF_INBOX_APP_SECRET": app,
		"HANDOFF_INBOX_VERIFY_TOKEN": verify, "HANDOFF_ENDPOINT_VENDOR_SECRET": vendor, "HANDOFF_ENDPOINT_HEADERS": "Authorization=Bearer a=b;X-Team=x",
	} {
		t.Setenv(name, value)
	}
	var c cli
	p, err := newParser(t.Context(), &c)
	require.NoError(t, err)
	inbox, err := p.Parse([]string{"inbox", "update", account})
	require.NoError(t, err)
	require.Equal(t, app, *c.Inbox.Update.AppSecret)
	require.Equal(t, verify, *c.Inbox.Update.VerifyToken)
	require.Equal(t, []string{"app-secret", "verify-token"}, typed(inbox).flags, "the audit log names what is changed by a variable")
	_, err = p.Parse([]string{"endpoint", "create", "--inbox", account})
	require.NoError(t, err)
	require.Equal(t, vendor, *c.Endpoint.Create.VendorSecret)
	require.Equal(t, map[string]string{"Authorization": "Bearer a=b", "X-Team": "x"}, *c.Endpoint.Create.Headers)
}
