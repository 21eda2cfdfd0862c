package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// result is what one load came to.
type result struct {
	total, accepted, lost, duplicates int
	accept, webhook                   []time.Duration // sorted
	ackRate, throughput               float64         // per second
	cpu                               map[string]time.Duration
	rss                               map[string]int64
}

func newResult(messages []sent, arrived map[string]time.Time, duplicates int, start time.Time, before, after usage) result {
	r := result{total: len(messages), duplicates: duplicates, cpu: map[string]time.Duration{}, rss: after.rss}
	lastAnswer, lastWebhook := start, start
	for _, m := range messages {
		if !m.ok {
			continue
		}
		r.accepted++
		r.accept = append(r.accept, m.answered.Sub(m.scheduled))
		lastAnswer = later(lastAnswer, m.answered)
		at, ok := arrived[m.id]
		if !ok {
			r.lost++
			continue
		}
		r.webhook = append(r.webhook, at.Sub(m.scheduled))
		lastWebhook = later(lastWebhook, at)
	}
	slices.Sort(r.accept)
	slices.Sort(r.webhook)
	r.ackRate = float64(len(r.accept)) / lastAnswer.Sub(start).Seconds()
	r.throughput = float64(len(r.webhook)) / lastWebhook.Sub(start).Seconds()
	for _, name := range processes {
		r.cpu[name] = after.cpu[name] - before.cpu[name]
	}
	return r
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (r result) print(title string) {
	fmt.Printf("\n## %s\n\n", title)
	fmt.Printf("| | p50 ms | p95 ms | p99 ms | max ms | per second |\n|---|---:|---:|---:|---:|---:|\n")
	fmt.Printf("| accepted (POST → 200) | %s | %.0f |\n", percentiles(r.accept), r.ackRate)
	fmt.Printf("| delivered (POST → webhook) | %s | %.0f |\n", percentiles(r.webhook), r.throughput)
	fmt.Printf("\n%d sent, %d accepted, %d lost, %d webhooks twice.\n", r.total, r.accepted, r.lost, r.duplicates)
	fmt.Printf("\n| | %s | product |\n|---|%s---:|\n", strings.Join(processes, " | "), strings.Repeat("---:|", len(processes)))
	var cpu, rss []string
	var sum time.Duration
	for _, name := range processes {
		cpu = append(cpu, fmt.Sprintf("%.2f", ms(r.cpu[name])/float64(max(1, r.accepted))))
		rss = append(rss, fmt.Sprintf("%d", r.rss[name]>>20))
		if name != "bench" {
			sum += r.cpu[name]
		}
	}
	fmt.Printf("| CPU ms per message | %s | %.2f |\n", strings.Join(cpu, " | "), ms(sum)/float64(max(1, r.accepted)))
	fmt.Printf("| memory MiB | %s | |\n", strings.Join(rss, " | "))
}

func percentiles(sorted []time.Duration) string {
	return fmt.Sprintf("%.1f | %.1f | %.1f | %.1f", ms(at(sorted, 50)), ms(at(sorted, 95)), ms(at(sorted, 99)), ms(at(sorted, 100)))
}

func at(sorted []time.Duration, percent int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*percent+99)/100-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// describe says what was measured on.
func describe(ctx context.Context, s *stack) (string, error) {
	conn, err := pgx.Connect(ctx, s.postgres.URL("handoff"))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	var version, fsync string
	if err := conn.QueryRow(ctx, "SELECT current_setting('server_version'), current_setting('fsync')").Scan(&version, &fsync); err != nil {
		return "", err
	}
	return fmt.Sprintf("# Benchmark\n\n%d cores (%s), %s of memory, %s, PostgreSQL %s (fsync %s), Temporal on a SQLite file; "+
		"all processes and the load on this one machine.\n", runtime.NumCPU(), procLine("/proc/cpuinfo", "model name"),
		procLine("/proc/meminfo", "MemTotal"), runtime.Version(), version, fsync), nil
}

func procLine(file, name string) string {
	content, _ := os.ReadFile(file)
	for line := range strings.Lines(string(content)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
