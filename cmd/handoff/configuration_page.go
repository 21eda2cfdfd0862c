package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

const configurationHead = `<!-- Written by "make generate" from the settings in cmd/handoff: change it there. -->
# Configuration

Every setting is an environment variable and a flag; a flag wins. There is no configuration file. ` + "`handoff COMMAND --help`" + ` shows the same texts, and the arguments
that are no settings. How the parts are put together is in [deployment.md](deployment.md).
`

// groups are the sections of the reference, in the order in which an operator meets them. What has no group, or another, comes last.
var groups = []string{"PostgreSQL", "Temporal", "Secrets", "API", "Security", "Worker", "Calls out", "Files and vendors", "Logs, metrics and traces", "Setting up"}

type configurationCmd struct{}

func (configurationCmd) Run(ctx context.Context) error { return writeConfiguration(ctx, os.Stdout) }

// writeConfiguration writes docs/configuration.md.
func writeConfiguration(ctx context.Context, w io.Writer) error {
	parser, err := newParser(ctx, &cli{})
	if err != nil {
		return err
	}
	production, developers, err := settings(parser.Model)
	if err != nil {
		return err
	}
	fmt.Fprint(w, configurationHead)
	order := slices.Clone(groups)
	for _, s := range production {
		if !slices.Contains(order, s.Group) {
			order = append(order, s.Group)
		}
	}
	for _, group := range order {
		var section []setting
		for _, s := range production {
			if s.Group == group {
				section = append(section, s)
			}
		}
		writeSettings(w, group, section)
	}
	fmt.Fprint(w, "\n## On a developer's machine\n\nWhat `handoff dev` and `handoff simulate` read, with the defaults that they have.\n")
	writeTable(w, developers)
	return nil
}

func writeSettings(w io.Writer, title string, section []setting) {
	if len(section) == 0 {
		return
	}
	if title == "" {
		title = "More"
	}
	fmt.Fprintf(w, "\n## %s\n", title)
	if title == "Logs, metrics and traces" {
		fmt.Fprint(w, "\nTraces are sent where OpenTelemetry's own variables say: `OTEL_EXPORTER_OTLP_ENDPOINT` and its kin.\n")
	}
	writeTable(w, section)
}

func writeTable(w io.Writer, section []setting) {
	fmt.Fprint(w, "\n| variable | flag | takes | default | for | meaning |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, s := range section {
		fmt.Fprintf(w, "| `%s` | `%s` | %s | %s | %s | %s |\n",
			s.Env, strings.Join(s.Flags, "`, `"), s.Kind, s.defaultText(), s.commandsText(), strings.ReplaceAll(s.Help, "|", `\|`))
	}
}

func (s setting) defaultText() string {
	if s.Required {
		return "**required**"
	}
	if s.Default == "" {
		return "–"
	}
	return "`" + s.Default + "`"
}

// commandsText names the set-up commands by one word: they all have the same.
func (s setting) commandsText() string {
	if len(s.Commands) == 0 {
		return "all"
	}
	var names []string
	for _, command := range s.Commands {
		if strings.Contains(command, " ") && len(s.Commands) > 3 {
			command = "set-up"
		}
		if !slices.Contains(names, command) {
			names = append(names, command)
		}
	}
	return strings.Join(names, ", ")
}
