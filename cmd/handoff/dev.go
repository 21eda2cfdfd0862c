package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"handoff/db"
	"handoff/internal/devtemporal"
	"handoff/internal/pgserver"
	"handoff/internal/proc"
	"handoff/internal/secretbox"
)

// devCmd runs the whole product on one machine, with nothing installed but PostgreSQL.
type devCmd struct {
	StateDir          string `help:"Where the development stack keeps its state, with its addresses and keys." env:"HANDOFF_STATE_DIR" default:".handoff" type:"path"`
	Listen            string `help:"Address of the API; a free port is taken where it is in use." env:"HANDOFF_LISTEN" default:"127.0.0.1:8080"`
	GatewayListen     string `help:"Address of the fake gateway." env:"HANDOFF_GATEWAY_LISTEN" default:"127.0.0.1:8090"`
	GraphListen       string `help:"Address of the fake of Meta's Graph API." env:"HANDOFF_GRAPH_LISTEN" default:"127.0.0.1:8091"`
	ChatlayerListen   string `help:"Address of the fake of Chatlayer's API." env:"HANDOFF_CHATLAYER_LISTEN" default:"127.0.0.1:8092"`
	MetricsListen     string `help:"Address of /metrics." env:"HANDOFF_METRICS_LISTEN" default:"127.0.0.1:9464"`
	GraphURL          string `help:"A Graph API to use instead of the fake one." env:"HANDOFF_GRAPH_URL"`
	GraphVersion      string `help:"Version of the Graph API, such as v24.0." env:"HANDOFF_GRAPH_VERSION" default:"v24.0"`
	DatabaseURL       string `help:"A PostgreSQL database to use instead of a private cluster." env:"DATABASE_URL"`
	TemporalAddress   string `help:"A Temporal server to use instead of a private one." env:"TEMPORAL_ADDRESS"`
	TemporalNamespace string `help:"Temporal namespace." env:"TEMPORAL_NAMESPACE" default:"default"`
	TemporalUIURL     string `name:"temporal-ui-url" help:"The UI of that Temporal server." env:"HANDOFF_TEMPORAL_UI_URL"`
	Reset             bool   `help:"Stop what an earlier run left, forget everything, and start afresh."`
}

// devStack is what dev has started, so that it can be stopped in the opposite order.
type devStack struct {
	cmd      *devCmd
	log      *slog.Logger
	postgres *pgserver.Server
	temporal *devtemporal.Server
	info     devInfo

	metricsURL string
}

func (c *devCmd) Run(ctx context.Context, log *slog.Logger) error {
	dir, err := filepath.Abs(c.StateDir)
	if err != nil {
		return err
	}
	c.StateDir = dir
	if c.Reset {
		if err := c.reset(ctx); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make HANDOFF_STATE_DIR: %w", err)
	}
	unlock, err := lockStateDir(dir)
	if err != nil {
		return err
	}
	defer unlock()
	d := &devStack{cmd: c, log: log}
	defer d.stop(context.WithoutCancel(ctx))
	if err := d.startServers(ctx); err != nil {
		return err
	}
	return d.run(ctx)
}

// reset stops orphans and deletes the state. A database or Temporal that somebody else runs is left alone.
func (c *devCmd) reset(ctx context.Context) error {
	if _, err := os.Stat(c.StateDir); errors.Is(err, os.ErrNotExist) {
		return nil // startPostgres looks for a cluster that was left
	}
	unlock, err := lockStateDir(c.StateDir)
	if err != nil {
		return err
	}
	defer unlock()
	if err := devtemporal.StopRecorded(ctx, c.StateDir); err != nil {
		return err
	}
	if err := pgserver.Destroy(ctx, c.StateDir); err != nil {
		return err
	}
	return os.RemoveAll(c.StateDir)
}

// lockStateDir keeps two stacks from sharing a directory. The lock goes with the process, however it ends.
func lockStateDir(dir string) (unlock func(), err error) {
	unlock, err = proc.TryLock(filepath.Join(dir, "lock"))
	if errors.Is(err, proc.ErrLocked) {
		return nil, fmt.Errorf("another `handoff dev` runs on %s: stop it, or set HANDOFF_STATE_DIR to another directory", dir)
	}
	return unlock, err
}

// startServers starts, or adopts, PostgreSQL and Temporal, side by side: the first build of Temporal takes minutes.
func (d *devStack) startServers(ctx context.Context) error {
	d.info.DatabaseURL, d.info.TemporalAddress = d.cmd.DatabaseURL, d.cmd.TemporalAddress
	d.info.TemporalUIURL = d.cmd.TemporalUIURL
	group, ctx := errgroup.WithContext(ctx)
	if d.cmd.DatabaseURL == "" {
		group.Go(func() error { return d.startPostgres(ctx) })
	}
	if d.cmd.TemporalAddress == "" {
		group.Go(func() error { return d.startTemporal(ctx) })
	}
	return group.Wait()
}

func (d *devStack) startPostgres(ctx context.Context) error {
	if err := pgserver.EnsureInstalled(ctx, os.Stderr); err != nil {
		return err
	}
	if err := d.forgetOldCluster(ctx); err != nil {
		return err
	}
	server, err := pgserver.Start(ctx, pgserver.Config{Dir: d.cmd.StateDir, Log: os.Stderr})
	if err != nil {
		return err
	}
	d.postgres = server
	d.info.DatabaseURL = server.URL("handoff")
	return server.CreateDatabase(ctx, "handoff")
}

// forgetOldCluster deletes the cluster of a state that somebody has deleted by hand. Root's lies elsewhere and would be found again, with
// secrets that no key set opens any more.
func (d *devStack) forgetOldCluster(ctx context.Context) error {
	if _, err := os.Stat(d.keysetPath()); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return pgserver.Destroy(ctx, d.cmd.StateDir)
}

// startTemporal takes Temporal's usual ports where they are free, and free ones elsewhere. A server that an earlier run left is
// adopted, which wants the same ports, so a server on free ports is asked for first where one was started.
func (d *devStack) startTemporal(ctx context.Context) error {
	config := devtemporal.Config{
		StateDir: d.cmd.StateDir, DBFile: filepath.Join(d.cmd.StateDir, "temporal.db"), Log: os.Stderr,
	}
	marker := filepath.Join(d.cmd.StateDir, "temporal-free-ports")
	var err error
	if _, missing := os.Stat(marker); missing != nil {
		usual := config
		usual.GRPCPort, usual.UIPort = 7233, 8233
		if d.temporal, err = devtemporal.Start(ctx, usual); err == nil {
			d.info.TemporalAddress, d.info.TemporalUIURL = d.temporal.GRPCAddress, d.temporal.UIURL
			return nil
		}
		d.log.Info("Temporal's usual ports are taken; free ones are used", "error", err)
		if err := os.WriteFile(marker, nil, 0o600); err != nil {
			return err
		}
	}
	if d.temporal, err = devtemporal.Start(ctx, config); err != nil {
		return err
	}
	d.info.TemporalAddress, d.info.TemporalUIURL = d.temporal.GRPCAddress, d.temporal.UIURL
	return nil
}

// stop stops the servers in the opposite order. It is the last thing that a stopped stack does, so it has its own deadline.
func (d *devStack) stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if d.temporal != nil {
		if err := d.temporal.Stop(ctx); err != nil {
			d.log.Error("stop Temporal", "error", err)
		}
	}
	if d.postgres != nil {
		if err := d.postgres.Stop(ctx); err != nil {
			d.log.Error("stop PostgreSQL", "error", err)
		}
	}
}

// run migrates, seeds, and runs the product and the fakes until ctx is done.
func (d *devStack) run(ctx context.Context) error {
	if _, err := db.Migrate(ctx, d.info.DatabaseURL); err != nil {
		return err
	}
	keyset, err := d.keyset()
	if err != nil {
		return err
	}
	fakes, err := d.listen()
	if err != nil {
		return err
	}
	defer fakes.close()
	s, err := openStack(ctx, d.log, "dev", stackFlags{
		postgresFlags: postgresFlags{DatabaseURL: d.info.DatabaseURL},
		temporalFlags: temporalFlags{TemporalAddress: d.info.TemporalAddress, TemporalNamespace: d.cmd.TemporalNamespace},
		secretFlags:   secretFlags{Keyset: keyset}, outboundFlags: outboundFlags{AllowLoopback: true}, vendorFlags: d.vendorFlags(fakes),
	})
	if err != nil {
		return err
	}
	defer s.close(ctx)
	s.uiURL = d.info.TemporalUIURL
	if err := prepareTemporal(ctx, s.temporal, d.cmd.TemporalNamespace); err != nil {
		return err
	}
	a := newAdmin(s.pool, s.box, s.poster)
	a.GraphURL = s.vendors.GraphURL
	if err := d.seed(ctx, a, fakes); err != nil {
		return err
	}
	return d.runAll(ctx, s, fakes)
}

// runAll runs the product and the fakes. The fakes end last: what is being sent to them arrives.
func (d *devStack) runAll(ctx context.Context, s *stack, fakes *fakes) error {
	all, ctx := errgroup.WithContext(ctx)
	fakesCtx, stopFakes := context.WithCancel(context.WithoutCancel(ctx))
	defer stopFakes()
	all.Go(func() error { return fakes.serve(fakesCtx) })
	all.Go(func() error {
		defer stopFakes()
		product, ctx := errgroup.WithContext(ctx)
		product.Go(func() error { return s.serveMetrics(ctx, fakes.listeners[metricsListen]) })
		product.Go(func() error {
			return s.serveAndWork(ctx, fakes.listeners[apiListen], workerFlags{}, func() { d.greet(fakes.info) })
		})
		return product.Wait()
	})
	return all.Wait()
}

func (d *devStack) keysetPath() string { return filepath.Join(d.cmd.StateDir, "keyset.json") }

// keyset reads the key set of the stack, and makes it the first time.
func (d *devStack) keyset() (string, error) {
	path := d.keysetPath()
	content, err := os.ReadFile(path)
	if err == nil {
		return string(content), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	keyset, err := secretbox.GenerateKeyset()
	if err != nil {
		return "", err
	}
	return keyset, os.WriteFile(path, []byte(keyset), 0o600)
}

// listenOrFree listens on address, or on a free port of the same host where the port is taken.
func listenOrFree(address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if !errors.Is(err, syscall.EADDRINUSE) {
		return listener, err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}
