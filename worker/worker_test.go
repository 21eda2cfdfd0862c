package worker_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/activities"
	"handoff/db"
	"handoff/internal/graph"
	"handoff/internal/mediastore"
	"handoff/internal/outbound"
	"handoff/internal/secretbox"
	"handoff/worker"
)

func TestAWorkerIsNotMadeWithAPartMissing(t *testing.T) {
	t.Parallel()
	a := &activities.Activities{}
	for _, missing := range []struct {
		part string
		add  func()
	}{
		{"DB", func() { a.DB = noDB{} }},
		{"Poster", func() { a.Poster = &outbound.Client{} }},
		{"Graph", func() { a.Graph = &graph.Client{} }},
		{"Store", func() { a.Store = &mediastore.Store{} }},
		{"Box", func() { a.Box = &secretbox.Box{} }},
		{"Log", func() { a.Log = slog.New(slog.DiscardHandler) }},
		{"Now", func() { a.Now = time.Now }},
		{"Jitter", func() { a.Jitter = func() float64 { return 1 } }},
		{"InFlight", func() { a.InFlight = activities.NewInFlight() }},
	} {
		_, err := worker.New(nil, a, "", nil)
		require.ErrorContains(t, err, missing.part+" is missing")
		missing.add()
	}
	require.NoError(t, a.Validate())
}

// noDB is a database that is only there.
type noDB struct{ db.DB }
