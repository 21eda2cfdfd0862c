package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"
)

// store is what Prometheus would have of some scrapes.
type store struct{ series []promql.Series }

// add takes one scrape in.
func (s *store) add(text []byte, at time.Time) error {
	p := textparse.NewPromParser(text, labels.NewSymbolTable(), false)
	for {
		entry, err := p.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the scrape: %w", err)
		}
		if entry != textparse.EntrySeries {
			continue
		}
		var l labels.Labels
		p.Labels(&l)
		_, _, value := p.Series()
		s.sample(l, at, value)
	}
}

func (s *store) sample(l labels.Labels, at time.Time, value float64) {
	i := slices.IndexFunc(s.series, func(known promql.Series) bool { return labels.Equal(known.Metric, l) })
	if i < 0 {
		i = len(s.series)
		s.series = append(s.series, promql.Series{Metric: l.Copy()})
	}
	s.series[i].Floats = append(s.series[i].Floats, promql.FPoint{T: at.UnixMilli(), F: value})
}

// Querier makes the store one that the query engine reads.
func (s *store) Querier(int64, int64) (storage.Querier, error) {
	return &storage.MockQuerier{SelectMockFunction: func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		var found []storage.Series
		for _, one := range s.series {
			if !slices.ContainsFunc(matchers, func(m *labels.Matcher) bool { return !m.Matches(one.Metric.Get(m.Name)) }) {
				found = append(found, promql.NewStorageSeries(one))
			}
		}
		slices.SortFunc(found, func(a, b storage.Series) int { return labels.Compare(a.Labels(), b.Labels()) })
		return &set{series: found}
	}}, nil
}

type set struct {
	series []storage.Series
	at     storage.Series
}

func (s *set) Next() bool {
	if len(s.series) == 0 {
		return false
	}
	s.at, s.series = s.series[0], s.series[1:]
	return true
}
func (s *set) At() storage.Series                { return s.at }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

// alerts are rules that Prometheus accepts.
type alerts struct {
	rules  []rulefmt.Rule
	engine *promql.Engine
}

func parse(content []byte) (*alerts, error) {
	p := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.Parse(content, false, model.LegacyValidation, p, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	a := &alerts{engine: promql.NewEngine(promql.EngineOpts{
		Logger: slog.New(slog.DiscardHandler), MaxSamples: 1_000_000, Timeout: 10 * time.Second, LookbackDelta: 5 * time.Minute, Parser: p,
	})}
	for _, g := range groups.Groups {
		a.rules = append(a.rules, g.Rules...)
	}
	return a, nil
}

// pending are the names of the alerts whose expression is true at a moment.
func (a *alerts) pending(ctx context.Context, s *store, at time.Time) ([]string, error) {
	var names []string
	for _, rule := range a.rules {
		found, err := a.evaluate(ctx, s, rule.Expr, at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rule.Alert, err)
		}
		if found > 0 {
			names = append(names, rule.Alert)
		}
	}
	return names, nil
}

// evaluate counts the series of an expression's answer.
func (a *alerts) evaluate(ctx context.Context, s *store, expr string, at time.Time) (int, error) {
	query, err := a.engine.NewInstantQuery(ctx, s, nil, expr, at)
	if err != nil {
		return 0, err
	}
	defer query.Close()
	vector, err := query.Exec(ctx).Vector()
	return len(vector), err
}
