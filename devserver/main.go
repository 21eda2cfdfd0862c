// Command handoff-devserver runs a Temporal server and its Web UI in one process on the loopback interface.
//
// It exists so that a checkout needs neither Docker nor a downloaded server binary: `handoff dev` and the tests
// build it once from this module. It is a module of its own because linking the Temporal server would add some
// two hundred requirements to the product's go.mod. It is for development: there is no authorization and no TLS.
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
)

// options are the command line, plus what only tests vary.
type options struct {
	grpcPort      int
	uiPort        int
	db            string
	namespace     string
	headless      bool
	addressesFile string
	logLevel      string

	searchAttributes attributes
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	opts, err := parseOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		err = run(ctx, opts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "handoff-devserver:", err)
		os.Exit(1)
	}
}

func parseOptions(args []string, usage io.Writer) (options, error) {
	opts := options{searchAttributes: searchAttributes()}
	fs := flag.NewFlagSet("handoff-devserver", flag.ContinueOnError)
	fs.SetOutput(usage)
	fs.StringVar(&opts.addressesFile, "addresses-file", "", "write the addresses as JSON to this `file` once the server is usable")
	fs.StringVar(&opts.db, "db", "", "SQLite `file` that keeps the state over a restart (default: in memory)")
	fs.IntVar(&opts.grpcPort, "grpc-port", 7233, "gRPC `port` on 127.0.0.1, 0 picks a free one")
	fs.BoolVar(&opts.headless, "headless", false, "do not start the Web UI")
	fs.StringVar(&opts.logLevel, "log-level", "warn", "debug, info, warn or error")
	fs.StringVar(&opts.namespace, "namespace", "default", "namespace to create")
	fs.IntVar(&opts.uiPort, "ui-port", 8233, "Web UI `port` on 127.0.0.1, 0 picks a free one")
	if err := fs.Parse(args); err != nil {
		return options{}, err
	}
	if fs.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q: all settings are flags, see --help", fs.Arg(0))
	}
	return opts, nil
}

// run serves until the context ends.
func run(ctx context.Context, opts options) error {
	inst, err := start(ctx, opts)
	if err != nil {
		return err
	}

	addr := inst.addresses
	fmt.Printf("Temporal is ready: gRPC %s", addr.GRPCAddress)
	if addr.UIURL != "" {
		fmt.Printf(", UI %s", addr.UIURL)
	}
	fmt.Println()

	<-ctx.Done()
	return inst.stop()
}
