// Command bench measures the product on this machine: real processes, a PostgreSQL that syncs to disk, Temporal on a SQLite file,
// webhooks received on loopback. It prints a Markdown report, and fails if a message is lost.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

type options struct {
	rate, contacts            int
	duration                  time.Duration
	burstContacts, burstEach  int
	clients                   int
	floorOps, floorSequential int
	logLevel, temporalBinary  string
	firstAttempts             string
	slow                      time.Duration
	verbose                   bool
}

func parseOptions() options {
	var o options
	flag.IntVar(&o.rate, "rate", 50, "messages per second of the steady load")
	flag.DurationVar(&o.duration, "duration", 20*time.Second, "how long the steady load lasts")
	flag.IntVar(&o.contacts, "contacts", 200, "contacts of the steady load")
	flag.IntVar(&o.burstContacts, "burst-contacts", 500, "contacts of the saturating load")
	flag.IntVar(&o.burstEach, "burst-messages", 12, "messages of each contact of the saturating load")
	flag.IntVar(&o.clients, "clients", 64, "clients of the saturating load")
	flag.IntVar(&o.floorOps, "floor-ops", 2000, "signals with which Temporal's own throughput is measured")
	flag.IntVar(&o.floorSequential, "floor-sequential", 200, "signals with which Temporal's own latency is measured")
	flag.StringVar(&o.logLevel, "log-level", "info", "log level of the product")
	flag.StringVar(&o.temporalBinary, "temporal-binary", "", "another build of the Temporal development server, such as one with symbols for a profiler")
	flag.StringVar(&o.firstAttempts, "first-attempts", "task", "where first attempts are made: task, within the workflow task, or activity")
	flag.DurationVar(&o.slow, "slow", time.Second, "how long the endpoint of the slow load takes to answer")
	flag.BoolVar(&o.verbose, "v", false, "say what is going on")
	flag.Parse()
	return o
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, parseOptions()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	log := io.Discard
	if o.verbose {
		log = os.Stderr
	}
	r := newReceiver()
	if err := r.listen(); err != nil {
		return err
	}
	defer r.close()
	s, err := startStack(ctx, log, r.url(), o)
	defer func() { err = errors.Join(err, s.close(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	machine, err := describe(ctx, s)
	if err != nil {
		return err
	}
	fmt.Print(machine)

	// The first messages pay for connections, plans and caches; they are not counted.
	if _, err := steady(ctx, s, r, "warm", 2*o.rate, o.rate, 50); err != nil {
		return err
	}
	first, err := steady(ctx, s, r, "steady", int(o.duration.Seconds()*float64(o.rate)), o.rate, o.contacts)
	if err != nil {
		return err
	}
	first.print(fmt.Sprintf("Steady load: %d messages/s over %d contacts for %s (open model)", o.rate, o.contacts, o.duration))
	second, err := burst(ctx, s, r, o)
	if err != nil {
		return err
	}
	third, err := slow(ctx, s, r, o)
	if err != nil {
		return err
	}
	second.print(fmt.Sprintf("Saturation: %d contacts × %d messages, %d clients", o.burstContacts, o.burstEach, o.clients))
	third.print(o)
	floor, err := measureFloor(ctx, s.temporal.GRPCAddress, o)
	if err != nil {
		return err
	}
	floor.print(first, second)
	if lost := first.lost + second.lost + third.lost; lost > 0 {
		return fmt.Errorf("%d messages were lost", lost)
	}
	return nil
}
