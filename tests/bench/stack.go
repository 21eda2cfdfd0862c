package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"handoff/internal/devtemporal"
	"handoff/internal/pgserver"
)

const (
	waba  = "102290129340398"
	phone = "106540352242922"
)

// stack is the product as an operator runs it, with a database and a Temporal server of its own.
type stack struct {
	dir, binary, url, key string
	adminKey, agent       string
	env                   []string
	postgres              *pgserver.Server
	temporal              *devtemporal.Server
	serve, worker         *exec.Cmd
}

func startStack(ctx context.Context, log io.Writer, receiver string, o options) (*stack, error) {
	s := &stack{}
	var err error
	if s.dir, err = os.MkdirTemp("", "handoff-bench-*"); err != nil {
		return s, err
	}
	if s.binary, err = filepath.Abs(filepath.Join("bin", "bench", "handoff")); err != nil {
		return s, err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.binary, "./cmd/handoff")
	if out, err := build.CombinedOutput(); err != nil {
		return s, fmt.Errorf("build handoff (bench runs in the checkout): %w\n%s", err, out)
	}
	if err := s.startServers(ctx, log, o.temporalBinary); err != nil {
		return s, err
	}
	api, health := freeAddress(), freeAddress()
	s.url = "http://" + api
	keyset, err := s.command(ctx, "keyset")
	if err != nil {
		return s, err
	}
	s.env = []string{
		"DATABASE_URL=" + s.postgres.URL("handoff"), "TEMPORAL_ADDRESS=" + s.temporal.GRPCAddress, "HANDOFF_ALLOW_LOOPBACK=1",
		"HANDOFF_KEYSET=" + strings.TrimSpace(string(keyset)), "HANDOFF_LISTEN=" + api, "HANDOFF_WORKER_LISTEN=" + health,
		"HANDOFF_LOG_LEVEL=" + o.logLevel, "HANDOFF_METRICS_LISTEN=127.0.0.1:0",
		"HANDOFF_FIRST_ATTEMPTS=" + o.firstAttempts,
	}
	if err := s.setUp(ctx, receiver); err != nil {
		return s, err
	}
	if s.serve, err = s.start("serve"); err != nil {
		return s, err
	}
	if s.worker, err = s.start("worker"); err != nil {
		return s, err
	}
	return s, errors.Join(waitReady(ctx, s.url), waitReady(ctx, "http://"+health))
}

func (s *stack) startServers(ctx context.Context, log io.Writer, temporalBinary string) error {
	if err := pgserver.EnsureInstalled(ctx, log); err != nil {
		return err
	}
	var err error
	if s.postgres, err = pgserver.Start(ctx, pgserver.Config{Dir: s.dir, Log: log}); err != nil {
		return err
	}
	if err := s.postgres.CreateDatabase(ctx, "handoff"); err != nil {
		return err
	}
	s.temporal, err = devtemporal.Start(ctx, devtemporal.Config{
		StateDir: s.dir, DBFile: filepath.Join(s.dir, "temporal.db"), Headless: true, Binary: temporalBinary, Log: log,
	})
	return err
}

// setUp makes an account whose endpoint gets a webhook for every message.
func (s *stack) setUp(ctx context.Context, receiver string) error {
	if _, err := s.command(ctx, "migrate"); err != nil {
		return err
	}
	account, err := s.make(ctx, "id", "account", "create", "Bench")
	if err != nil {
		return err
	}
	inbox, err := s.make(ctx, "id", "inbox", "create", "--account="+account, "--name=Bench", "--waba-id="+waba, "--phone-number-id="+phone)
	if err != nil {
		return err
	}
	_, err = s.make(ctx, "id", "endpoint", "create", "--account="+account, "--inbox="+inbox, "--url="+receiver, "--event-types=message.received")
	if err != nil {
		return err
	}
	if s.agent, err = s.make(ctx, "id", "agent", "create", "--account="+account, "--name=Ana"); err != nil {
		return err
	}
	if s.adminKey, err = s.make(ctx, "key", "key", "create", "--account="+account, "--name=admin", "--scope=admin"); err != nil {
		return err
	}
	s.key, err = s.make(ctx, "key", "key", "create", "--account="+account, "--name=bench", "--scope=gateway")
	return err
}

// make runs a set-up command and gives one text of the JSON that it prints.
func (s *stack) make(ctx context.Context, field string, args ...string) (string, error) {
	out, err := s.command(ctx, args...)
	if err != nil {
		return "", err
	}
	var values map[string]any
	if err := json.Unmarshal(out, &values); err != nil {
		return "", err
	}
	text, _ := values[field].(string)
	return text, nil
}

func (s *stack) command(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), s.env...)
	var problems strings.Builder
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("handoff %s: %w: %s", args[0], err, problems.String())
	}
	return out, nil
}

func (s *stack) start(name string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(s.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(s.binary, name)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), s.env...), log, log
	return cmd, cmd.Start()
}

// close stops everything and deletes its data. It runs after an interrupt too, so ctx must not end with one.
func (s *stack) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, cmd := range []*exec.Cmd{s.worker, s.serve} {
		if cmd == nil || cmd.Process == nil {
			continue
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(15*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		kill.Stop()
	}
	if s.dir == "" {
		return nil
	}
	return errors.Join(devtemporal.StopRecorded(ctx, s.dir), pgserver.Destroy(ctx, s.dir), os.RemoveAll(s.dir))
}

func freeAddress() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func waitReady(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		resp, err := http.Get(url + "/readyz")
		if err == nil {
			body, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if strings.Contains(string(body), `"status":"ok"`) {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", url, errors.Join(err, ctx.Err()))
		case <-tick.C:
		}
	}
}
