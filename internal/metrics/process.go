package metrics

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Pool shows how the connections to the database are used.
func (m *Metrics) Pool(pool *pgxpool.Pool) {
	gauge := func(name, help string, labels prometheus.Labels, read func(*pgxpool.Stat) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, func() float64 { return read(pool.Stat()) })
	}
	counter := func(name, help string, read func(*pgxpool.Stat) float64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return read(pool.Stat()) })
	}
	const open = "handoff_db_connections"
	const openHelp = "Connections to the database by what they are at."
	m.registry.MustRegister(
		gauge(open, openHelp, prometheus.Labels{"state": "used"}, func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) }),
		gauge(open, openHelp, prometheus.Labels{"state": "idle"}, func(s *pgxpool.Stat) float64 { return float64(s.IdleConns()) }),
		gauge(open, openHelp, prometheus.Labels{"state": "opening"}, func(s *pgxpool.Stat) float64 { return float64(s.ConstructingConns()) }),
		gauge("handoff_db_connections_max", "How many connections the process opens at most.", nil,
			func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) }),
		counter("handoff_db_acquires_total", "How often a connection was taken for some work.",
			func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) }),
		counter("handoff_db_waits_total", "How often none was free, and the work waited.",
			func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) }),
		counter("handoff_db_wait_seconds_total", "For how long it waited altogether.",
			func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() }),
		counter("handoff_db_canceled_acquires_total", "How often it gave up waiting.",
			func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) }),
	)
}

// Queue shows how many conversations wait for their signal in memory.
func (m *Metrics) Queue(queued func() int) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "handoff_signal_queue_length", Help: "Conversations that wait for their signal in the memory of the dispatcher.",
	}, func() float64 { return float64(queued()) }))
}

// Checks shows what the latest probe of /readyz found.
func (m *Metrics) Checks(last func() map[string]bool) {
	m.registry.MustRegister(checks{last, prometheus.NewDesc("handoff_check_up", "1 for a check of /readyz that passed when it was last asked for, 0 for one that failed.",
		[]string{"check"}, nil)})
}

type checks struct {
	last func() map[string]bool
	desc *prometheus.Desc
}

func (c checks) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

func (c checks) Collect(out chan<- prometheus.Metric) {
	for name, passed := range c.last() {
		value := 0.0
		if passed {
			value = 1
		}
		out <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, value, name)
	}
}
