package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sync/errgroup"

	"handoff/activities"
	"handoff/api"
)

// workerFlags are what a worker is given beside its connections.
type workerFlags struct {
	FirstAttempts string `help:"Where the first attempt of a webhook is made: task, within the workflow task where its endpoint answers at once, or activity." env:"HANDOFF_FIRST_ATTEMPTS" group:"Worker" enum:"task,activity" default:"task"`
	BuildID       string `help:"Build of this worker for Temporal's worker versioning. It gets tasks once handoff rollout says so; without one, any worker takes any task." env:"HANDOFF_BUILD_ID" group:"Worker"`
}

func (f workerFlags) inFlight() *activities.InFlight {
	inFlight := activities.NewInFlight()
	if f.FirstAttempts == "activity" {
		return inFlight.InActivities()
	}
	return inFlight
}

type serveCmd struct {
	stackFlags
	workerFlags
	codecFlags
	securityFlags
	drainFlags
	Listen        string `help:"Address on which the API, /livez and /readyz are served, by http: TLS is a reverse proxy's." env:"HANDOFF_LISTEN" default:":8080" group:"API"`
	MetricsListen string `help:"Address of serve's /metrics; empty for none." env:"HANDOFF_METRICS_LISTEN" default:":9464" group:"Logs, metrics and traces"`
	TemporalUIURL string `name:"temporal-ui-url" help:"Where operators open the Temporal UI, such as http://127.0.0.1:8233; conversations link to it." env:"HANDOFF_TEMPORAL_UI_URL" group:"API"`
	WithWorker    bool   `help:"Run the worker in the same process, for small installations. It stops after the API, whose last commands it carries out." env:"HANDOFF_WITH_WORKER" group:"Worker"`
}

func (c *serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := checkAddress("HANDOFF_TEMPORAL_UI_URL", c.TemporalUIURL); err != nil {
		return err
	}
	s, err := openStack(ctx, log, "serve", c.stackFlags)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	s.uiURL, s.security, s.drain = c.TemporalUIURL, c.securityFlags, c.Drain
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s (HANDOFF_LISTEN): %w", c.Listen, err)
	}
	log.Info("serving", "address", listener.Addr().String())
	group, ctx := errgroup.WithContext(ctx)
	if c.MetricsListen != "" {
		listener, err := net.Listen("tcp", c.MetricsListen)
		if err != nil {
			return fmt.Errorf("listen on %s (HANDOFF_METRICS_LISTEN): %w", c.MetricsListen, err)
		}
		log.Info("serving metrics", "address", listener.Addr().String())
		group.Go(func() error { return s.serveMetrics(ctx, listener) })
	}
	codec, err := c.codecFlags.listen(ctx)
	if err != nil {
		return err
	}
	if codec != nil {
		group.Go(func() error { return c.serveCodec(ctx, log, s, codec) })
	}
	group.Go(func() error {
		if c.WithWorker {
			return s.serveAndWork(ctx, listener, c.workerFlags, func() {})
		}
		return s.serve(ctx, listener)
	})
	return group.Wait()
}

type workerCmd struct {
	stackFlags
	workerFlags
	Listen string `help:"Address of a worker's /livez, /readyz and /metrics; empty for none." env:"HANDOFF_WORKER_LISTEN" default:":8081" group:"Worker"`
}

func (c *workerCmd) Run(ctx context.Context, log *slog.Logger) error {
	s, err := openStack(ctx, log, "worker", c.stackFlags)
	if err != nil {
		return err
	}
	defer s.close(ctx)
	s.watch(append(s.databaseChecks(), s.temporalCheck(false), s.pollsCheck())...)
	stopDraining := context.AfterFunc(ctx, s.health.Drain)
	defer stopDraining()
	group, ctx := errgroup.WithContext(ctx)
	// Probes and scrapes are answered until the last task is done.
	answering, stopAnswering := context.WithCancel(context.WithoutCancel(ctx))
	defer stopAnswering()
	if c.Listen != "" {
		listener, err := net.Listen("tcp", c.Listen)
		if err != nil {
			return fmt.Errorf("listen on %s (HANDOFF_WORKER_LISTEN): %w", c.Listen, err)
		}
		group.Go(func() error {
			return runHTTP(answering, api.Server(c.Listen, s.observed(api.Health(s.health.Ready))), listener)
		})
	}
	group.Go(func() error {
		defer stopAnswering()
		return s.work(ctx, c.workerFlags, func() { log.Info("working") })
	})
	return group.Wait()
}

type openapiCmd struct{}

func (openapiCmd) Run() error {
	spec, err := api.Spec()
	if err != nil {
		return err
	}
	fmt.Print(string(spec))
	return nil
}
