package devtemporal

import (
	"bytes"
	"io"
	"strings"
	"sync"
	"time"
)

// progress turns the output of `go build -v`, one line per package, into a line every few seconds.
type progress struct {
	mu         sync.Mutex
	partial    []byte
	lines      []string // the last ones, for an error report
	compiled   int
	downloaded int

	done chan struct{}
	wg   sync.WaitGroup
}

func newProgress(log io.Writer, began time.Time) *progress {
	p := &progress{done: make(chan struct{})}
	p.wg.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-p.done:
				return
			case <-ticker.C:
				p.report(log, time.Since(began))
			}
		}
	})
	return p
}

// Write takes the output of the build.
func (p *progress) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()

	p.partial = append(p.partial, b...)
	for {
		line, rest, found := bytes.Cut(p.partial, []byte("\n"))
		if !found {
			return len(b), nil
		}
		p.add(string(line))
		p.partial = rest
	}
}

func (p *progress) add(line string) {
	p.lines = append(p.lines[max(0, len(p.lines)-outputLines+1):], line)
	if strings.HasPrefix(line, "go: downloading ") {
		p.downloaded++
		return
	}
	// Package paths have no spaces; errors do.
	if !strings.Contains(line, " ") {
		p.compiled++
	}
}

func (p *progress) report(log io.Writer, elapsed time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.compiled == 0 {
		logf(log, "Temporal: %d modules downloaded, %s", p.downloaded, elapsed.Round(time.Second))
		return
	}
	logf(log, "Temporal: %d packages compiled, %s", p.compiled, elapsed.Round(time.Second))
}

func (p *progress) stop() {
	close(p.done)
	p.wg.Wait()
}

func (p *progress) tail() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.TrimSpace(strings.Join(append(p.lines, string(p.partial)), "\n"))
}
