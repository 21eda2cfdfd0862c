// Package history_test plays random conversations and holds the log of events to the rows: folding the one has to give the other.
package history_test

import (
	"flag"
	"testing"

	"handoff/internal/testenv"
)

func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	// What happens in a game depends on ids that are new each time, so that a failure cannot be played again from a file.
	for name, value := range map[string]string{"rapid.checks": "50", "rapid.steps": "40", "rapid.shrinktime": "5s", "rapid.nofailfile": "true"} {
		if given[name] {
			continue
		}
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	testenv.Main(m)
}
