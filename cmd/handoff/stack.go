package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
	"golang.org/x/sync/errgroup"

	"handoff/activities"
	"handoff/api"
	"handoff/internal/admin"
	"handoff/internal/dispatch"
	"handoff/internal/feed"
	"handoff/internal/health"
	"handoff/internal/mediastore"
	"handoff/internal/metrics"
	"handoff/internal/outbound"
	"handoff/internal/payloadcodec"
	"handoff/internal/searchindex"
	"handoff/internal/secretbox"
	"handoff/internal/signin"
	"handoff/internal/survey"
	"handoff/internal/telemetry"
	"handoff/internal/temporalclient"
	"handoff/internal/workflowclient"
	"handoff/worker"
)

// finishWithin is how long requests that are under way may take when the process is asked to stop.
const finishWithin = 10 * time.Second

// stack is what serve, worker and dev run on.
type stack struct {
	log         *slog.Logger
	databaseURL string
	pool        *pgxpool.Pool
	temporal    client.Client
	namespace   string
	uiURL       string
	codec       *payloadcodec.Codec
	box         *secretbox.Box
	poster      *outbound.Client
	vendors     vendorFlags
	security    securityFlags
	store       *mediastore.Store
	metrics     *metrics.Metrics
	traces      *telemetry.Traces
	polls       *temporalclient.Polls
	health      *health.Monitor // of serve and worker
	drain       time.Duration   // before requests end
	// migrated is set once the schema is known to be current: it only goes forward, and each look opens a connection of its own.
	migrated atomic.Bool
	// opened is set once a secret was opened, or there was none.
	opened atomic.Bool
}

// stackFlags are what serve, worker and dev have in common.
type stackFlags struct {
	postgresFlags
	temporalFlags
	secretFlags
	sealFlags
	outboundFlags
	vendorFlags
}

// openStack opens what the process needs; name is that of the command, for its traces.
func openStack(ctx context.Context, log *slog.Logger, name string, f stackFlags) (*stack, error) {
	if err := checkAddress("HANDOFF_PUBLIC_URL", f.PublicURL); err != nil {
		return nil, err
	}
	box, err := f.box()
	if err != nil {
		return nil, err
	}
	poster, err := f.outboundFlags.client()
	if err != nil {
		return nil, err
	}
	store, err := mediastore.Open(ctx, f.MediaURL)
	if err != nil {
		return nil, fmt.Errorf("HANDOFF_MEDIA_URL: %w", err)
	}
	traces, err := telemetry.OpenTraces(ctx, telemetry.TraceConfig{Service: "handoff-" + name, Version: version(), Log: log, Getenv: os.Getenv})
	if err != nil {
		return nil, err
	}
	pool, err := f.open(ctx, traces.Database)
	if err != nil {
		return nil, err
	}
	meter, err := metrics.New(metrics.Config{DB: pool, Now: time.Now, Log: log})
	if err != nil {
		pool.Close()
		return nil, err
	}
	meter.Pool(pool)
	polls := &temporalclient.Polls{}
	codec := payloadcodec.New(box, f.SealPayloads)
	interceptors, err := traces.Interceptors()
	if err != nil {
		pool.Close()
		return nil, err
	}
	temporal, err := f.dial(log, codec, func(c *temporalclient.Config) {
		c.Interceptors, c.Metrics, c.Polls = interceptors, meter.Temporal(), polls
	})
	if err != nil {
		pool.Close()
		return nil, err
	}
	return &stack{
		log: log, databaseURL: f.DatabaseURL, pool: pool, temporal: temporal, namespace: f.TemporalNamespace, codec: codec, box: box, poster: poster,
		vendors: f.vendorFlags, store: store, metrics: meter, traces: traces, polls: polls,
	}, nil
}

func (s *stack) close(ctx context.Context) {
	if err := s.traces.Close(context.WithoutCancel(ctx)); err != nil {
		s.log.Warn("the last traces are lost", "error", err)
	}
	s.temporal.Close()
	s.pool.Close()
	s.poster.Close()
}

// serve runs the API on listener, and the dispatcher, until ctx is done. Requests under way are finished before the dispatcher
// stops: what they accept is still signalled.
func (s *stack) serve(ctx context.Context, listener net.Listener) error {
	workflows := workflowclient.New(s.temporal)
	workflows.Inbox = workflowclient.Inboxes(s.pool, time.Now)
	dispatcher := dispatch.New(s.pool, workflows.Signal, s.log)
	dispatcher.Files, dispatcher.Deliver, dispatcher.Erase = s.store, workflows.Deliver, workflows.Erase
	dispatcher.Observe = s.metrics.Signalled
	s.metrics.Queue(dispatcher.Queued)
	events := feed.New(s.pool, feed.Dial(s.pool), s.log)
	s.watch(append(s.databaseChecks(), s.temporalCheck(true), listenCheck(events))...)
	deps := api.Deps{
		DB: s.pool, Commands: workflows, Waker: dispatcher, Box: s.box, CheckURL: s.poster.CheckURL, CheckHeaders: outbound.CheckHeaders,
		Now: time.Now, Log: s.log, UIBaseURL: s.uiURL, Namespace: s.namespace, Ready: s.health.Ready, Observe: s.metrics,
		Version: version(), Store: s.store, Links: s.vendors.links(s.box), PublicURL: s.vendors.PublicURL, GraphURL: s.vendors.GraphURL,
		CheckInbox: s.vendors.graph(s.poster).Check, Typing: s.vendors.graph(s.poster).Typing, CheckReach: admin.ReachBy(s.poster), Feed: events,
		SignIn: signin.New(s.poster, time.Now), CheckIssuer: signin.CheckBy(s.poster),
	}
	if err := s.security.apply(&deps); err != nil {
		return err
	}
	handler, err := api.New(deps) //nolint:contextcheck // a handler's context is its request's
	if err != nil {
		return err
	}
	dispatchCtx, stopDispatcher := context.WithCancel(context.WithoutCancel(ctx))
	defer stopDispatcher()
	ctx, stop := s.serving(ctx)
	defer stop()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if !s.awaitSchema(dispatchCtx) {
			return nil
		}
		group.Go(func() error { return searchindex.New(s.pool, s.log).Run(ctx) })
		return dispatcher.Run(dispatchCtx)
	})
	// It ends with ctx, and its streams with it: the server would wait for them.
	group.Go(func() error { return events.Run(ctx) })
	// Nothing here needs Temporal to start; whoever gives a wrong address is told.
	group.Go(func() error {
		s.awaitTemporal(ctx)
		return nil
	})
	group.Go(func() error {
		defer stopDispatcher()
		return runHTTP(ctx, api.Server(listener.Addr().String(), s.traces.Handler(handler)), listener)
	})
	return group.Wait()
}

// serveAndWork runs both. The worker stops last: a command that the API still takes, for as long as it drains, waits for the worker.
func (s *stack) serveAndWork(ctx context.Context, listener net.Listener, f workerFlags, started func()) error {
	group, ctx := errgroup.WithContext(ctx)
	working, stopWorking := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWorking()
	group.Go(func() error {
		defer stopWorking()
		return s.serve(ctx, listener)
	})
	group.Go(func() error { return s.work(working, f, started) })
	return group.Wait()
}

// observed is a handler with /metrics beside it.
func (s *stack) observed(handler http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics.Handler())
	mux.Handle("/", handler)
	return mux
}

// serveMetrics answers scrapes, on a port of its own: what operators see is not for whoever reaches the API.
func (s *stack) serveMetrics(ctx context.Context, listener net.Listener) error {
	return runHTTP(ctx, api.Server(listener.Addr().String(), s.observed(http.NotFoundHandler())), listener)
}

// runHTTP serves until ctx is done and then lets requests under way finish.
func runHTTP(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishWithin)
	defer cancel()
	if err := server.Shutdown(stopCtx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// work runs the worker until ctx is done; what is under way is finished. It calls started once tasks are taken.
func (s *stack) work(ctx context.Context, f workerFlags, started func()) error {
	conversationURL, err := s.vendors.conversationURL()
	if err != nil {
		return err
	}
	runs := workflowclient.New(s.temporal)
	runs.Namespace = s.namespace
	a := &activities.Activities{
		Runs: runs, DB: s.pool, Poster: s.poster, Graph: s.vendors.graph(s.poster), Store: s.store, Links: s.vendors.links(s.box), Box: s.box,
		Surveys: survey.Links(s.box, s.vendors.PublicURL), Log: s.log, Now: time.Now, InFlight: f.inFlight(), Observe: s.metrics.Observe,
		ObserveMedia: s.metrics.Downloaded, Jitter: activities.Jitter, ConversationURL: conversationURL,
	}
	if !s.awaitSchema(ctx) {
		return nil
	}
	schedules, began := workflowclient.New(s.temporal), sync.OnceFunc(started)
	err = s.keepWorking(ctx, s.awaitTemporal, func(gaveUp func(error)) (sdkworker.Worker, error) {
		return worker.New(s.temporal, a, f.BuildID, gaveUp)
	}, func(ctx context.Context) {
		began()
		s.keepSchedules(ctx, schedules)
	})
	a.Drain()
	return err
}
