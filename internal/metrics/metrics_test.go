package metrics_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff/db/dbsqlc"
	"handoff/internal/metrics"
)

// patient is a database that would let everybody wait, and notes for how long they would.
type patient struct {
	dbsqlc.DBTX
	waits []time.Duration
}

func (p *patient) note(ctx context.Context) error {
	deadline, _ := ctx.Deadline()
	p.waits = append(p.waits, time.Until(deadline))
	return context.DeadlineExceeded
}

func (p *patient) Query(ctx context.Context, _ string, _ ...any) (pgx.Rows, error) {
	return nil, p.note(ctx)
}

func (p *patient) QueryRow(ctx context.Context, _ string, _ ...any) pgx.Row { return row{p.note(ctx)} }

type row struct{ err error }

func (r row) Scan(...any) error { return r.err }

// A scrape is answered whatever the database does: Prometheus gives up after ten seconds, and would miss what the process itself counts.
func TestNoReadingWaitsForLong(t *testing.T) {
	t.Parallel()
	database, now := &patient{}, time.Now()
	m, err := metrics.New(metrics.Config{DB: database, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	for range 3 {
		recorder := httptest.NewRecorder()
		m.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		require.Equal(t, http.StatusOK, recorder.Code)
		require.Contains(t, recorder.Body.String(), "handoff_database_readings_failed 9\n")
	}
	require.Len(t, database.waits, 9, "a database that does not answer is left alone for a while")
	for _, wait := range database.waits {
		require.LessOrEqual(t, wait, 2*time.Second)
	}
}
