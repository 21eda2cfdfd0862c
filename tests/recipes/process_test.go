// Package recipes_test runs the receivers of docs/receivers as programs and sends them what the product sends.
package recipes_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/outbound"
	"handoff/internal/signature"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const (
	receivers = "../../docs/receivers/"
	// patience is long, because it is used up only where something is broken.
	patience = 30 * time.Second
)

// recipe is a receiver in one language.
type recipe struct {
	language string
	file     string // below receivers
	program  func(tb testing.TB) []string
	ed25519  bool // its standard library can verify v1a
}

var recipes = []recipe{
	{language: "Go", file: "go/main.go", program: goProgram, ed25519: true},
	{language: "Node", file: "node/receiver.mjs", program: nodeProgram, ed25519: true},
	{language: "Python", file: "python/receiver.py", program: pythonProgram},
}

// subject is the test of one recipe.
type subject struct {
	*testing.T
	recipe
}

// eachRecipe runs a test for every recipe whose language is here.
func eachRecipe(t *testing.T, f func(t subject)) {
	t.Helper()
	for _, r := range recipes {
		t.Run(r.language, func(t *testing.T) {
			t.Parallel()
			f(subject{t, r})
		})
	}
}

// buildGo compiles the Go recipe once for all tests.
var buildGo = sync.OnceValues(func() (string, error) {
	program, err := filepath.Abs("../../bin/recipes/receiver")
	if err != nil {
		return "", err
	}
	if out, err := exec.Command("go", "build", "-o", program, receivers+"go").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the recipe: %w\n%s", err, out)
	}
	return program, nil
})

func goProgram(tb testing.TB) []string {
	tb.Helper()
	program, err := buildGo()
	require.NoError(tb, err)
	return []string{program}
}

func nodeProgram(tb testing.TB) []string {
	tb.Helper()
	node, err := findNode()
	if err != nil {
		tb.Skipf("the recipe for Node is not run: %v", err)
	}
	return []string{node, absolute(tb, "node/receiver.mjs")}
}

func pythonProgram(tb testing.TB) []string {
	tb.Helper()
	python, err := findPython()
	if err != nil {
		tb.Skipf("the recipe for Python is not run: %v", err)
	}
	return []string{python, "-B", absolute(tb, "python/receiver.py")}
}

var (
	findNode   = interpreter("node", "-e", "process.exit(process.versions.node.split('.')[0] >= 20 ? 0 : 1)")
	findPython = interpreter("python3", "-c", "import sys; sys.exit(sys.version_info < (3, 11))")
)

// interpreter finds a program, once, and lets it check that it is new enough for its recipe.
func interpreter(name string, check ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		path, err := exec.LookPath(name)
		if err != nil {
			return "", err
		}
		if err := exec.Command(path, check...).Run(); err != nil {
			return "", fmt.Errorf("%s is too old: %w", path, err)
		}
		return path, nil
	})
}

func absolute(tb testing.TB, file string) string {
	tb.Helper()
	path, err := filepath.Abs(receivers + file)
	require.NoError(tb, err)
	return path
}

// receiver is a recipe that runs.
type receiver struct {
	*testing.T
	url   string
	dir   string // where it keeps its inbox
	kill  func()
	lines chan string
	post  *outbound.Client
}

// handled is a webhook on which a recipe has worked.
type handled struct {
	ID, Event, Conversation, Body string
	Sequence                      int64
	Attempt                       int
	Gap, Late                     bool
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// command is a recipe with its settings, not yet started.
func (r recipe) command(t *testing.T, dir, key string, env ...string) *exec.Cmd {
	t.Helper()
	return commandOf(t, r.program(t), dir, key, env...)
}

func commandOf(t *testing.T, program []string, dir, key string, env ...string) *exec.Cmd {
	t.Helper()
	// The test's own context ends before its clean-up.
	command := exec.CommandContext(context.WithoutCancel(t.Context()), program[0], program[1:]...)
	command.Dir, command.WaitDelay = dir, time.Second
	command.Env = append(os.Environ(), "HANDOFF_WEBHOOK_KEY="+key, "PORT=0")
	command.Env = append(command.Env, env...)
	return command
}

// start runs a recipe in an empty folder.
func (r recipe) start(t *testing.T, key string, env ...string) *receiver {
	t.Helper()
	return run(t, r.command(t, t.TempDir(), key, env...))
}

// run starts a receiver and waits until it listens. What it says on standard error is shown where the test fails.
func run(t *testing.T, command *exec.Cmd) *receiver {
	t.Helper()
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	stderr, err := command.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	out := &receiver{T: t, dir: command.Dir, lines: make(chan string, 1000)}
	ready, readers := make(chan string, 1), sync.WaitGroup{}
	readers.Go(func() { scan(stdout, func(line string) { out.lines <- line }) })
	readers.Go(func() {
		scan(stderr, func(line string) {
			if url := listening.FindString(line); url != "" && len(ready) == 0 {
				ready <- url
			}
			t.Log(line)
		})
	})
	out.kill = sync.OnceFunc(func() {
		_ = command.Process.Kill() // it may have ended by itself, which Wait tells too
		readers.Wait()
		_ = command.Wait()
	})
	t.Cleanup(out.kill)
	select {
	case out.url = <-ready:
	case <-time.After(patience):
		require.FailNow(t, "the recipe does not listen")
	}
	out.post = outbound.NewClient(outbound.Config{AllowLoopback: true, Timeout: patience})
	t.Cleanup(out.post.Close)
	return out
}

func scan(from io.Reader, line func(string)) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		line(lines.Text())
	}
}

// send makes one attempt to deliver a webhook, with headers in place of, or besides, those of the signature.
func (r *receiver) send(key signature.Secret, id, body string, headers ...string) outbound.Result {
	r.Helper()
	header, err := signature.Sign([]signature.Secret{key}, id, time.Now(), []byte(body))
	require.NoError(r, err)
	return r.deliver(header, body, headers...)
}

func (r *receiver) deliver(header http.Header, body string, headers ...string) outbound.Result {
	r.Helper()
	header = header.Clone()
	header.Set("Handoff-Event", "outbound_message")
	header.Set("Handoff-Attempt", "1")
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return r.post.Post(context.WithoutCancel(r.Context()), r.url, header, []byte(body))
}

// next waits for the next webhook that the recipe works on.
func (r *receiver) next() handled {
	r.Helper()
	var out handled
	select {
	case line := <-r.lines:
		require.NoError(r, json.Unmarshal([]byte(line), &out), line)
	case <-time.After(patience):
		require.FailNow(r, "the recipe works on nothing")
	}
	return out
}

// publicKey is the text of a private key's public half.
func publicKey(t *testing.T, private signature.Secret) string {
	t.Helper()
	public, ok := private.Public()
	require.True(t, ok)
	require.True(t, strings.HasPrefix(public.String(), "whpk_"))
	return public.String()
}
