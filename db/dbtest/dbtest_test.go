package dbtest_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/db/dbtest"
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

func TestPoolIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("inner", func(t *testing.T) {
		require.NoError(t, dbtest.Pool(t).QueryRow(context.Background(), "SELECT current_database()").Scan(&name))
	})

	var found bool
	err := dbtest.Tx(t).QueryRow(context.Background(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
	require.NoError(t, err)
	require.False(t, found)
}
