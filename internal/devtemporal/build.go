package devtemporal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"handoff/internal/proc"
)

const (
	binaryName    = "handoff-devserver"
	moduleLine    = "module handoff"
	progressEvery = 5 * time.Second
	outputLines   = 20
)

// Build returns the path of the server program in bin/ of the checkout, and compiles it first if it is absent or older than
// its sources. A cold build takes minutes, so progress goes to log.
func Build(ctx context.Context, log io.Writer) (string, error) {
	root, err := findModule()
	if err != nil {
		return "", err
	}
	b := builder{
		source: filepath.Join(root, "devserver"),
		binary: filepath.Join(root, "bin", binaryName),
		log:    log,
	}
	if err := os.MkdirAll(filepath.Dir(b.binary), 0o755); err != nil {
		return "", fmt.Errorf("create directory for the Temporal server: %w", err)
	}
	unlock, err := proc.Lock(ctx, b.binary+".lock")
	if err != nil {
		return "", err
	}
	defer unlock()
	return b.binary, b.ensure(ctx)
}

// findModule walks up from the working directory to the checkout, which holds the sources of the server.
func findModule() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find working directory: %w", err)
	}
	for start := dir; ; dir = filepath.Dir(dir) {
		content, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && declaresModule(string(content)) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("%s is not inside a checkout of handoff, from which the Temporal development server is built: "+
				"run in a checkout, or set TEMPORAL_ADDRESS to a Temporal server that runs", start)
		}
	}
}

func declaresModule(content string) bool {
	line, _, _ := strings.Cut(content, "\n")
	return strings.TrimSpace(line) == moduleLine
}

// builder compiles one program.
type builder struct {
	source string
	binary string
	log    io.Writer
}

// ensure compares a stamp of the sources instead of file times, which a checkout or a restored cache sets at will.
func (b builder) ensure(ctx context.Context) error {
	stamp, err := b.stamp()
	if err != nil {
		return err
	}
	built, err := os.ReadFile(b.stampFile())
	if _, statErr := os.Stat(b.binary); statErr == nil && err == nil && string(built) == stamp {
		return nil
	}
	if err := b.compile(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(b.stampFile(), []byte(stamp), 0o644); err != nil {
		return fmt.Errorf("stamp the Temporal server: %w", err)
	}
	return nil
}

func (b builder) stampFile() string { return b.binary + ".stamp" }

// stamp is a hash over everything the program is made of.
func (b builder) stamp() (string, error) {
	files, err := filepath.Glob(filepath.Join(b.source, "*.go"))
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no sources of the Temporal development server in %s: restore the directory, "+
			"or set TEMPORAL_ADDRESS to a Temporal server that runs", b.source)
	}
	files = append(files, filepath.Join(b.source, "go.mod"), filepath.Join(b.source, "go.sum"))

	sum := sha256.New()
	fmt.Fprintln(sum, runtime.GOOS, runtime.GOARCH)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("read sources of the Temporal server: %w", err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", filepath.Base(file), len(content), content)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// compile builds beside the program and renames, because the old one may be running.
func (b builder) compile(ctx context.Context) error {
	goTool, err := exec.LookPath("go")
	if err != nil {
		return errors.New("the Temporal development server has to be built, and the go command is not in PATH: " +
			"install Go, or set TEMPORAL_ADDRESS to a Temporal server that runs")
	}
	began := time.Now()
	logf(b.log, "Temporal: building the development server, once (minutes on a slow machine, seconds after a small change)")

	temp := b.binary + ".new"
	cmd := exec.CommandContext(ctx, goTool, "build", "-C", b.source, "-buildvcs=false", "-v", "-o", temp, "-ldflags", "-s -w", ".")
	// A workspace or flags that are meant for the product's module do not fit the other one.
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second

	output := newProgress(b.log, began)
	cmd.Stderr = output
	err = cmd.Run()
	output.stop()
	if err != nil {
		return fmt.Errorf("build the Temporal development server: %w\n%s", err, output.tail())
	}
	if err := os.Rename(temp, b.binary); err != nil {
		return fmt.Errorf("install the Temporal development server: %w", err)
	}
	logf(b.log, "Temporal: built in %s", time.Since(began).Round(time.Second))
	return nil
}
