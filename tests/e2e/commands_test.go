package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/db"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
)

// TestListsOfCommandsAreWhole: a list that ends before its end looks as if the rest were not there.
func TestListsOfCommandsAreWhole(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	pool, err := db.Open(t.Context(), url, 2)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	w := fixture.New(t, pool)
	w.Exec(t, "INSERT INTO agents (id, account_id, name) SELECT gen_random_uuid(), $1, 'Agent ' || n FROM generate_series(1, 1500) n", w.Account.ID)

	env := []string{"DATABASE_URL=" + url, "HANDOFF_KEYSET=" + strings.TrimSpace(string(command(t, nil, "keyset"))), "HANDOFF_ACCOUNT=" + w.Account.ID.String()}
	var agents []named
	require.NoError(t, json.Unmarshal(command(t, env, "agent", "list"), &agents))
	require.Len(t, agents, w.Count(t, "agents", "true"))
}
