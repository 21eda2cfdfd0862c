// Command alerts evaluates a file of alert rules over a scrape, with Prometheus' own parser and query engine, and prints the names of
// the alerts whose expression is true, one a line. How long one has to stay true before it fires is not looked at.
//
//	alerts deploy/prometheus/alerts.yaml < scrape
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "alerts: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("give the file of rules, and the scrape on standard input")
	}
	content, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	rules, err := parse(content)
	if err != nil {
		return err
	}
	scrape, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	var s store
	now := time.Now()
	if err := s.add(scrape, now); err != nil {
		return err
	}
	names, err := rules.pending(ctx, &s, now)
	if err != nil {
		return err
	}
	for _, name := range names {
		fmt.Fprintln(out, name)
	}
	return nil
}
