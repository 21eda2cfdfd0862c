package pgserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const installHint = "install PostgreSQL (Debian and Ubuntu: `apt-get install postgresql`, Fedora: `dnf install postgresql-server`, " +
	"macOS: `brew install postgresql`), or set PG_BIN to the directory of its initdb and postgres programs, " +
	"or set DATABASE_URL to a server that runs"

var majorVersion = regexp.MustCompile(`\d+`)

// errNotInstalled means that no PostgreSQL server programs were found.
var errNotInstalled = errors.New("no PostgreSQL server programs found: " + installHint)

// EnsureInstalled makes sure that the PostgreSQL programs are there. As root on a system with apt-get it installs them.
func EnsureInstalled(ctx context.Context, log io.Writer) error {
	return ensureInstalled(ctx, log, installer{
		find: func() error {
			_, err := findBinaries("")
			return err
		},
		root:     os.Geteuid() == 0,
		lookPath: exec.LookPath,
		run:      runCommand,
	})
}

// installer is what EnsureInstalled asks of the system.
type installer struct {
	find     func() error
	root     bool
	lookPath func(program string) (string, error)
	run      func(ctx context.Context, log io.Writer, program string, args ...string) error
}

func ensureInstalled(ctx context.Context, log io.Writer, sys installer) error {
	err := sys.find()
	if !errors.Is(err, errNotInstalled) {
		return err
	}
	apt, lookErr := sys.lookPath("apt-get")
	if lookErr != nil || !sys.root {
		return err
	}

	_, _ = fmt.Fprintln(log, "PostgreSQL is not installed: running apt-get update && apt-get install -y postgresql")
	for _, args := range [][]string{{"update"}, {"install", "-y", "postgresql"}} {
		if err := sys.run(ctx, log, apt, args...); err != nil {
			return fmt.Errorf("apt-get %s: %w; %s", strings.Join(args, " "), err, installHint)
		}
	}
	return sys.find()
}

func runCommand(ctx context.Context, log io.Writer, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = log, log
	return cmd.Run()
}

// findBinaries returns the directory of the PostgreSQL programs; with a major version given, of that version, because a
// cluster can only be run by the version that made it.
func findBinaries(version string) (string, error) {
	dir := os.Getenv("PG_BIN")
	if dir == "" {
		return pickBinaries(candidates(), version)
	}
	if !hasPrograms(dir) {
		return "", fmt.Errorf("PG_BIN=%s does not hold the programs initdb and postgres: correct or unset it", dir)
	}
	return pickBinaries([]string{dir}, version)
}

func pickBinaries(dirs []string, version string) (string, error) {
	var others []string
	for _, dir := range dirs {
		if !hasPrograms(dir) {
			continue
		}
		if version == "" {
			return dir, nil
		}
		found := programVersion(filepath.Join(dir, "postgres"))
		if found == version {
			return dir, nil
		}
		others = append(others, found)
	}
	if len(others) == 0 {
		return "", errNotInstalled
	}
	return "", fmt.Errorf("the database cluster was made by PostgreSQL %s, but only %s is installed: install version %s, "+
		"set PG_BIN to its programs, or delete the cluster", version, strings.Join(others, ", "), version)
}

// candidates lists the places to look in, the most deliberate choice first and newer versions before older ones.
func candidates() []string {
	var dirs []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql*/bin",
		"/usr/local/opt/postgresql*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return cmp.Compare(versionInPath(b), versionInPath(a)) })
		dirs = append(dirs, found...)
	}
	if program, err := exec.LookPath("postgres"); err == nil {
		dirs = append(dirs, filepath.Dir(program))
	}
	return dirs
}

func versionInPath(path string) int {
	number, _ := strconv.Atoi(majorVersion.FindString(path))
	return number
}

func programVersion(program string) string {
	out, err := exec.Command(program, "--version").Output()
	if err != nil {
		return "unknown"
	}
	return majorVersion.FindString(string(out))
}

func hasPrograms(dir string) bool {
	return isProgram(filepath.Join(dir, "initdb")) && isProgram(filepath.Join(dir, "postgres"))
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
