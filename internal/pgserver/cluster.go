package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"handoff/internal/proc"
)

const (
	// rootBase is where the clusters of root live: every account may enter it, and it survives a reboot.
	rootBase = "/var/tmp"
	// maxSocketDir keeps the path of the socket in it under the kernel's limit of 107 bytes.
	maxSocketDir = 90
)

// cluster is the place of a PostgreSQL cluster on disk, and what is needed to start it.
type cluster struct {
	base    string // belongs to us
	data    string // belongs to the account
	sockets string // belongs to the account
	account *syscall.Credential
	bin     string
	cfg     Config
}

func newCluster(cfg Config) (*cluster, error) {
	if cfg.Dir == "" {
		return nil, errors.New("start PostgreSQL: no state directory given")
	}
	if cfg.Log == nil {
		cfg.Log = io.Discard
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("find state directory: %w", err)
	}

	c := &cluster{base: filepath.Join(dir, "postgres"), cfg: cfg}
	if os.Geteuid() == 0 {
		sum := sha256.Sum256([]byte(dir))
		c.base = filepath.Join(rootBase, "handoff-"+hex.EncodeToString(sum[:6]))
		if c.account, err = unprivileged(); err != nil {
			return nil, err
		}
	}
	c.data = filepath.Join(c.base, "data")
	c.sockets = filepath.Join(c.base, "run")
	return c, nil
}

// unprivileged finds the account that runs PostgreSQL when we are root.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root, and neither the account postgres nor nobody exists: " +
		"create one, or run as an ordinary user")
}

// createDirs keeps the base in our hands and lets the account only pass through it: the names under /var/tmp can be
// guessed, so a directory that somebody else made there must not be used.
func (c *cluster) createDirs() error {
	if err := os.MkdirAll(c.base, 0o711); err != nil {
		return fmt.Errorf("create PostgreSQL directory: %w", err)
	}
	info, err := os.Lstat(c.base)
	if err != nil {
		return fmt.Errorf("check PostgreSQL directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Geteuid() {
		return fmt.Errorf("%s is not a directory of this user: remove it", c.base)
	}
	// The umask may have taken away what the account needs.
	if err := os.Chmod(c.base, 0o711); err != nil {
		return fmt.Errorf("open PostgreSQL directory to its account: %w", err)
	}
	return c.makeOwned(c.sockets)
}

func (c *cluster) makeOwned(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("create PostgreSQL directory: %w", err)
	}
	if c.account == nil {
		return nil
	}
	if err := os.Lchown(dir, int(c.account.Uid), int(c.account.Gid)); err != nil {
		return fmt.Errorf("give directory to the PostgreSQL account: %w", err)
	}
	return nil
}

// lock makes concurrent starts on one state directory wait for each other.
func (c *cluster) lock(ctx context.Context) (func(), error) {
	return proc.Lock(ctx, filepath.Join(c.base, "lock"))
}

// command runs a PostgreSQL program under the account. Its own process group keeps a Ctrl-C in the terminal away from it,
// which would otherwise shut the database down before its users.
func (c *cluster) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, program), args...)
	cmd.Dir = c.base
	// Nothing of the caller's PG* variables or locale may leak in.
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.account, Setpgid: true}
	return cmd
}

// initialize creates the cluster under another name first, so that an interrupted attempt is not taken for a cluster.
func (c *cluster) initialize(ctx context.Context) error {
	if c.dataVersion() != "" {
		return nil
	}
	c.logf("PostgreSQL: creating a cluster in %s", c.base)

	unfinished := c.data + ".new"
	if err := os.RemoveAll(unfinished); err != nil {
		return fmt.Errorf("remove unfinished cluster: %w", err)
	}
	if err := c.makeOwned(unfinished); err != nil {
		return err
	}
	args := []string{"-D", unfinished, "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C"}
	if c.cfg.Fast {
		args = append(args, "-N")
	}
	if out, err := c.command(ctx, "initdb", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("initdb in %s: %w: %s", c.base, err, strings.TrimSpace(string(out)))
	}
	if err := os.Rename(unfinished, c.data); err != nil {
		return fmt.Errorf("finish cluster (if %s is left over from something else, remove it): %w", c.data, err)
	}
	return nil
}

// dataVersion is the major version that the cluster was made with; empty if there is no cluster.
func (c *cluster) dataVersion() string {
	version, err := os.ReadFile(filepath.Join(c.data, "PG_VERSION"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(version))
}

// owns reports whether the process is a PostgreSQL server on this cluster.
func (c *cluster) owns(pid int) bool {
	if !proc.Alive(pid) {
		return false
	}
	args := proc.CommandLine(pid)
	return len(args) > 0 && filepath.Base(args[0]) == "postgres" && slices.Contains(args, c.data)
}

func (c *cluster) remove() error {
	if err := os.RemoveAll(c.base); err != nil {
		return fmt.Errorf("remove PostgreSQL data: %w", err)
	}
	return nil
}

func (c *cluster) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(c.cfg.Log, format+"\n", args...)
}
