// Package trouble keeps what fails again and again from filling the log: an outage in which each look of a loop is a line hides what else
// the log says, and fills disks.
package trouble

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Every is how often a failure that goes on is told.
const Every = time.Minute

// Teller logs the failures of one thing that is done over and over: the first at once and then one a minute, with how many it has kept to
// itself meanwhile, and that it works again. Its zero value is ready, and any number of goroutines may share it.
type Teller struct {
	mu      sync.Mutex
	told    time.Time // when a failure was told last
	untold  int
	failing bool // what was told last is a failure
}

// Tell is to be called after each try, with nil for one that succeeded. args are of the failure, as slog takes them.
func (t *Teller) Tell(ctx context.Context, log *slog.Logger, what string, err error, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		if t.failing {
			log.InfoContext(ctx, what+": it works again", args...)
		}
		t.failing = false
		return
	}
	if !t.told.IsZero() && time.Since(t.told) < Every {
		t.untold++
		return
	}
	log.WarnContext(ctx, what, append(args, "error", err, "untold", t.untold)...)
	t.told, t.untold, t.failing = time.Now(), 0, true
}
