package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbtest"
	"handoff/internal/secretbox"
	"handoff/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// What is not there yet may stay away for hours: the log says so at once and then every minute, and says when the wait is over.
func TestWaitingDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &stack{log: slog.New(slog.NewTextHandler(&log, nil))}
		there := time.Now().Add(150 * time.Second)
		looks := 0
		require.True(t, s.await(t.Context(), "Temporal", func(context.Context) error {
			looks++
			if time.Now().Before(there) {
				return errors.New("connection refused")
			}
			return nil
		}))
		require.Greater(t, looks, 50)
		require.Equal(t, 3, strings.Count(log.String(), `msg="Temporal is not there yet" error="connection refused"`), log.String())
		require.Equal(t, 1, strings.Count(log.String(), `msg="Temporal is there"`), log.String())
		require.Equal(t, 4, strings.Count(log.String(), "\n"), log.String())

		log.Reset()
		require.True(t, s.await(t.Context(), "Temporal", func(context.Context) error { return nil }))
		require.Empty(t, log.String(), "there was nothing to wait for")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.False(t, s.await(ctx, "Temporal", func(context.Context) error { return errors.New("away") }), "who is asked to stop waits no longer")
	})
}

func TestACommandSaysThatTheSchemaIsBehind(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"42P01", "42703"} {
		require.Contains(t, sentence(&pgconn.PgError{Code: code, Message: `relation "accounts" does not exist`}), "run `handoff migrate`")
	}
	require.NotContains(t, sentence(&pgconn.PgError{Code: "23505", Message: "duplicate key"}), "migrate")
}

// Lists of an account that is mistyped would be empty, as if there were nothing.
func TestACommandSaysThatThereIsNoSuchAccount(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	keyset, err := secretbox.GenerateKeyset()
	require.NoError(t, err)
	for _, command := range []string{"agent list", "audit list", "inbox list", "key list", "team list", "agent create --name=Ana", "key revoke " + handoff.NewID().String()} {
		args := append(strings.Fields(command), "--account="+handoff.NewID().String(), "--database-url="+url, "--keyset="+keyset)
		err := run(t.Context(), args)
		require.ErrorContains(t, err, "there is no such account: `handoff account list` shows", command)
	}
}

func TestASettingIsNamedAsOperatorsSetIt(t *testing.T) {
	t.Parallel()
	err := run(t.Context(), []string{"agent", "create", "--database-url=postgres://x"})
	require.ErrorContains(t, err, "missing flags: --account=UUID (in the environment: HANDOFF_ACCOUNT; see")
	require.ErrorAs(t, err, &usageError{})
	err = run(t.Context(), []string{"worker", "--database-url=postgres://x", "--first-attempts=now"})
	require.ErrorContains(t, err, "in the environment: HANDOFF_FIRST_ATTEMPTS; see")
	require.NotContains(t, run(t.Context(), []string{"account", "nix"}).Error(), "environment")
}
