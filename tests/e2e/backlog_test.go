package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// TestAnEndpointThatAnswersAgainGetsItsBacklogAtOnce has conversations wait hours for their next attempt. One success, of somebody else's
// webhook, has them delivered within seconds.
func TestAnEndpointThatAnswersAgainGetsItsBacklogAtOnce(t *testing.T) {
	t.Parallel()
	const waiting = 9 // one less than opens the circuit breaker
	s := newStack(t, "message.received")
	s.gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
	for i := range waiting {
		into[receipt](t, s.post(text(crashPhone(i), fmt.Sprintf("wamid.%d", i), "Is anybody there?")), http.StatusOK)
	}
	until(t, readyWithin, "each was tried", func() bool { return len(s.gateway.Requests()) >= waiting })

	database, err := pgx.Connect(t.Context(), s.databaseURL)
	require.NoError(t, err)
	defer func() { _ = database.Close(t.Context()) }()
	// As it is after an hour of failing. A lane that is about to be tried again has written nothing yet.
	until(t, readyWithin, "all wait for hours", func() bool {
		tag, err := database.Exec(t.Context(), `UPDATE deliveries SET next_attempt_at = now() + interval '2 hours'
			WHERE state = 'pending' AND NOT EXISTS (
				SELECT FROM delivery_attempts a WHERE a.delivery_id = deliveries.id AND a.status IS NULL AND a.error IS NULL)`)
		require.NoError(t, err)
		return tag.RowsAffected() == waiting
	})
	_, err = database.Exec(t.Context(), `UPDATE endpoints SET failing_since = now() - interval '1 hour', open_until = NULL, judged_from = now()`)
	require.NoError(t, err)
	s.gateway.Answer(func(int) (int, string) { return http.StatusOK, "" })

	into[receipt](t, s.post(text(crashPhone(waiting), "wamid.new", "Hello?")), http.StatusOK)
	began := time.Now()
	until(t, readyWithin, "the backlog has arrived", func() bool { return len(s.deliveries("pending")) == 0 })
	t.Logf("%d lanes that had two hours to wait were through %s after another's message", waiting, time.Since(began).Round(time.Millisecond))
	recovered := 0
	for _, d := range s.deliveries("delivered") {
		if strings.Contains(string(d), `"trigger":"recovery"`) {
			recovered++
		}
	}
	require.Equal(t, waiting, recovered, "each by an attempt of its own")
}
