package dbtest_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

func TestTxSeesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	one, other := dbtest.Tx(t), dbtest.Tx(t)

	account, err := dbsqlc.New(one).AccountInsert(ctx, dbsqlc.AccountInsertParams{ID: handoff.NewID(), Name: "Acme"})
	require.NoError(t, err)

	_, err = dbsqlc.New(one).AccountGet(ctx, account.ID)
	require.NoError(t, err)
	_, err = dbsqlc.New(other).AccountGet(ctx, account.ID)
	require.Error(t, err)
}

func TestPoolsAreApart(t *testing.T) {
	t.Parallel()
	for range 4 {
		t.Run("pool", func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			q := dbsqlc.New(dbtest.Pool(t))

			_, err := q.AccountInsert(ctx, dbsqlc.AccountInsertParams{ID: handoff.NewID(), Name: "Acme"})
			require.NoError(t, err)

			accounts, err := q.AccountList(ctx)
			require.NoError(t, err)
			require.Len(t, accounts, 1)
		})
	}
}

func TestADatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		conn, err := pgx.Connect(t.Context(), dbtest.URL(t))
		require.NoError(t, err)
		require.NoError(t, conn.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
		require.NoError(t, conn.Close(t.Context()))
	})

	var found bool
	err := dbtest.Tx(t).QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
	require.NoError(t, err)
	require.False(t, found)
}

// What a test leaves in a database, and who still holds a connection to it, must not reach the next.
func TestAPoolIsEmptyWhoeverHadItsDatabaseBefore(t *testing.T) {
	t.Parallel()
	outer := t
	used := map[string]int{}
	for range 6 {
		t.Run("pool", func(t *testing.T) {
			pool := dbtest.Pool(t)
			var name string
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
			used[name]++
			w := fixture.New(t, pool)
			require.Len(t, w.Accept(t, w.Body("447700900123", "Hello"), time.Now()).Wakes, 1)
			var accounts, first int64
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM accounts").Scan(&accounts))
			require.EqualValues(t, 1, accounts)
			require.NoError(t, pool.QueryRow(t.Context(), "SELECT nextval(pg_get_serial_sequence('events', 'position'))").Scan(&first))
			require.EqualValues(t, 1, first, "numbers begin anew")

			left, err := pgx.Connect(t.Context(), pool.Config().ConnString())
			require.NoError(t, err)
			outer.Cleanup(func() { _ = left.Close(outer.Context()) }) // after the inner test has ended
			_, err = left.Exec(t.Context(), "BEGIN; SELECT * FROM accounts FOR UPDATE")
			require.NoError(t, err)
		})
	}
	require.Less(t, len(used), 6, "a database is used again")
}
