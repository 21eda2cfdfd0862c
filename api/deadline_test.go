package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db"
	"handoff/db/dbsqlc"
	"handoff/internal/apikey"
)

// hanging is a database that takes everything and answers nothing, as one does that is paused.
type hanging struct{ db.DB }

func (hanging) Begin(ctx context.Context) (pgx.Tx, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (hanging) Exec(ctx context.Context, _ string, _ ...any) (pgconn.CommandTag, error) {
	<-ctx.Done()
	return pgconn.CommandTag{}, ctx.Err()
}

func (hanging) QueryRow(ctx context.Context, _ string, _ ...any) pgx.Row { return hangingRow{ctx} }

type hangingRow struct{ ctx context.Context }

func (r hangingRow) Scan(...any) error {
	<-r.ctx.Done()
	return r.ctx.Err()
}

type noWaker struct{}

func (noWaker) Wake(db.Wake)      {}
func (noWaker) Accepting() func() { return func() {} }

func TestADatabaseThatNeverAnswersIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	const someID = "01a1fce1-3aec-74d5-a9e5-c234b333a9e3"
	const message = `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp",` +
		`"metadata":{"phone_number_id":"2"},"messages":[{"from":"447700900123","id":"w","timestamp":"1733670000","type":"text","text":{"body":"x"}}]}}]}]}`
	for name, c := range map[string]struct {
		method, path, body string
		known              bool // the key was seen an instant ago
		after              time.Duration
	}{
		"a key":                  {http.MethodGet, "/v1/conversations", "", false, keyTimeout},
		"a gateway's body":       {http.MethodPost, "/v1/public/inbound", message, true, acceptTimeout},
		"a vendor's body":        {http.MethodPost, "/v1/whatsapp/" + someID + "/webhook", message, false, requestTimeout},
		"what became of a body":  {http.MethodGet, "/v1/receipts/" + someID, "", true, requestTimeout},
		"a change of the set-up": {http.MethodDelete, "/v1/inboxes/" + someID, "", true, configurationTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, err := build(Deps{DB: hanging{}, Waker: noWaker{}, Log: slog.New(slog.DiscardHandler)})
				require.NoError(t, err)
				key := apikey.New()
				if c.known {
					row := dbsqlc.APIKey{ID: handoff.NewID(), AccountID: handoff.NewID(), Scope: handoff.ScopeAdmin, Hash: key.Hash}
					s.keys.entries[key.Prefix] = cachedKey{dbsqlc.APIKeyGetByPrefixRow{APIKey: row}, time.Now()}
				}
				request := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
				request.Header.Set("Authorization", "Bearer "+key.Text)
				answer, asked := httptest.NewRecorder(), time.Now()
				s.engine.ServeHTTP(answer, request)
				require.Equal(t, http.StatusServiceUnavailable, answer.Code, answer.Body)
				require.Equal(t, "1", answer.Header().Get("Retry-After"))
				require.Equal(t, c.after, time.Since(asked))
				synctest.Wait()
			})
		})
	}
}

func TestALostDatabaseIsUnavailableAndNoFailureOfOurs(t *testing.T) {
	t.Parallel()
	for _, passing := range []error{
		&pgconn.PgError{Code: "57P01"}, &pgconn.PgError{Code: "57P03"}, &pgconn.PgError{Code: "08006"}, &pgconn.PgError{Code: "40P01"},
		&pgconn.PgError{Code: "25P03"}, &pgconn.PgError{Code: "53300"}, &pgconn.PgError{Code: "55P03"}, &pgconn.ConnectError{},
		io.ErrUnexpectedEOF, net.ErrClosed, context.DeadlineExceeded, &net.OpError{Op: "read", Err: syscall.ECONNRESET},
	} {
		require.Equal(t, handoff.CodeUnavailable, vocabulary(fmt.Errorf("read the row: %w", passing)).Code, "%v", passing)
	}
	forgotten := &pgconn.PgError{Code: "23503", ConstraintName: "notes_account_id_conversation_id_fkey"}
	require.Equal(t, handoff.CodeConflict, vocabulary(forgotten).Code)
	for _, failure := range []error{&pgconn.PgError{Code: "23503", ConstraintName: "inboxes_team_fkey"}, &pgconn.PgError{Code: "23503"}, &pgconn.PgError{Code: "42P01"}, &pgconn.PgError{}, errors.New("bug")} {
		require.Equal(t, handoff.CodeInternal, vocabulary(failure).Code, "%v", failure)
	}
}
