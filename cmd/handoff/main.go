// Command handoff is the whole product in one binary: the API, the worker, the migrations, the set-up commands and a development
// stack. This package is the only one that wires the others together.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	_ "net/http/pprof" // served only where HANDOFF_PPROF says
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"
	_ "time/tzdata" // inboxes have time zones, and a container may have no database of them

	"github.com/alecthomas/kong"

	"handoff"
	"handoff/db"
	"handoff/internal/telemetry"
)

// cli is the command line. Every flag has an environment variable, which its help names.
type cli struct {
	Dev     devCmd     `cmd:"" help:"Run everything on this machine: PostgreSQL, Temporal with its UI, API, worker, and fakes of the gateway and the vendors."`
	Serve   serveCmd   `cmd:"" help:"Run the API and the dispatcher."`
	Worker  workerCmd  `cmd:"" help:"Run the worker of the workflows and activities."`
	Migrate migrateCmd `cmd:"" help:"Bring the database's schema and Temporal's search attributes up to date."`

	Doctor   doctorCmd   `cmd:"" help:"Look at a deployment, and say what is wrong with it and what to do. Exit status: 0 well, 1 something failed, 2 the command line."`
	Rollout  rolloutCmd  `cmd:"" help:"Say which build of the worker gets tasks, where workers have build ids."`
	Simulate simulateCmd `cmd:"" help:"Play a customer: write to an inbox of a running stack, and see what agents answer."`

	Account  accountCmd  `cmd:"" help:"Make and list accounts."`
	Inbox    inboxCmd    `cmd:"" help:"Make, list, show, change and delete inboxes."`
	Endpoint endpointCmd `cmd:"" help:"Make, list, change and delete the endpoints of an inbox."`
	Agent    agentCmd    `cmd:"" help:"Make, list and change agents."`
	Team     teamCmd     `cmd:"" help:"Make, list, change and delete teams, and say who is in them."`
	Contact  contactCmd  `cmd:"" help:"Erase contacts."`
	Key      keyCmd      `cmd:"" help:"Make, list, rotate and revoke API keys."`
	Audit    auditCmd    `cmd:"" help:"Show what admins and operators have done."`
	Keyset   keysetCmd   `cmd:"" help:"Make a key set for secrets at rest (HANDOFF_KEYSET), and change its key."`
	OpenAPI  openapiCmd  `cmd:"" name:"openapi" help:"Print the OpenAPI document of the API."`
	Version  versionCmd  `cmd:"" help:"Print the version, and what it was built from."`

	Healthcheck   healthcheckCmd   `cmd:"" help:"Ask the serve or worker on this machine whether it is ready; for containers, which have no curl."`
	Configuration configurationCmd `cmd:"" hidden:"" help:"Print the reference of all settings, as Markdown."`

	LogLevel  slog.Level `help:"Least level that is logged: debug, info, warn or error." env:"HANDOFF_LOG_LEVEL" default:"info" group:"Logs, metrics and traces"`
	Pprof     string     `help:"Address of net/http/pprof, such as 127.0.0.1:6060; none by default. It asks for no key." env:"HANDOFF_PPROF" group:"Logs, metrics and traces"`
	LogFormat string     `help:"How log lines look: text or json." env:"HANDOFF_LOG_FORMAT" enum:"text,json" default:"text" group:"Logs, metrics and traces"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // whoever asks a second time does not want to wait: nothing is lost by a kill
	if err := run(ctx, os.Args[1:]); err != nil {
		var status exitStatus
		if errors.As(err, &status) {
			os.Exit(int(status)) //nolint:gocritic // nothing is left to be stopped
		}
		fmt.Fprintln(os.Stderr, "handoff: error: "+telemetry.RedactSecrets(sentence(err)))
		if errors.As(err, &usageError{}) {
			os.Exit(usageStatus)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var c cli
	parser, err := newParser(ctx, &c)
	if err != nil {
		return err
	}
	command, err := parser.Parse(args)
	if err != nil {
		return usageError{fmt.Errorf("%w (%ssee `handoff COMMAND --help`)", err, variables(err))}
	}
	log := newLogger(c.LogFormat, c.LogLevel)
	slog.SetDefault(log)
	if c.Pprof != "" {
		go func() { log.Error("pprof", "error", http.ListenAndServe(c.Pprof, nil)) }() //nolint:gosec // for a developer, on loopback
	}
	command.BindTo(context.WithValue(ctx, typedKey{}, typed(command)), (*context.Context)(nil))
	return command.Run(log)
}

// variables names what is set in place of the flags that err speaks of: a deployment has a file of variables and knows no flags.
func variables(err error) string {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || strings.Contains(err.Error(), "from envar") { // it is named already
		return ""
	}
	var names []string
	for _, flag := range parse.Context.Flags() {
		named := regexp.MustCompile(`--` + regexp.QuoteMeta(flag.Name) + `\b[^-]`)
		if len(flag.Envs) > 0 && named.MatchString(err.Error()+" ") {
			names = append(names, flag.Envs[0])
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "in the environment: " + strings.Join(names, ", ") + "; "
}

// sentence is an error without the vocabulary's code, which is for programs.
func sentence(err error) string {
	var e *handoff.Error
	if errors.As(err, &e) && e.Err == nil {
		return e.Message
	}
	if db.SchemaMissing(err) {
		return err.Error() + ": the schema is behind, or the database is another: run `handoff migrate`"
	}
	return err.Error()
}

func newLogger(format string, level slog.Level) *slog.Logger {
	stat, err := os.Stderr.Stat()
	terminal := err == nil && stat.Mode()&os.ModeCharDevice != 0
	return telemetry.NewLogger(os.Stderr, telemetry.LogConfig{JSON: format == "json", Color: terminal, Level: level})
}
