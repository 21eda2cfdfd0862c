package doctor

import (
	"fmt"
	"io"
)

// Print writes a report for a person to read: each finding on a line, with its cause and cure below it where something is wrong.
func Print(w io.Writer, r Report) error {
	counts := map[Status]int{}
	for _, f := range r.Findings {
		counts[f.Status]++
		if _, err := fmt.Fprintf(w, "%-8s %-27s %s\n", f.Status, f.Check, f.Says); err != nil {
			return err
		}
		for _, line := range []struct{ name, text string }{{"cause", f.Cause}, {"do this", f.Cure}} {
			if line.text == "" {
				continue
			}
			if _, err := fmt.Fprintf(w, "%-36s %s: %s\n", "", line.name, line.text); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintf(w, "\n%d ok, %d warning, %d failed, %d skipped\n", counts[OK], counts[Warning], counts[Failed], counts[Skipped])
	return err
}
