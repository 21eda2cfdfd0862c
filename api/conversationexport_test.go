package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/api"
	"handoff/db"
)

// exported reads an export: its lines, and whether it came to its end.
func exported(t *testing.T, body string) (lines []api.ExportLine, end *api.ExportEnd) {
	t.Helper()
	for line := range strings.Lines(body) {
		if !strings.HasSuffix(line, "\n") {
			continue // it was cut off
		}
		require.Nil(t, end, "nothing comes after the end")
		if strings.HasPrefix(line, `{"end"`) {
			end = &api.ExportEnd{}
			require.NoError(t, json.Unmarshal([]byte(line), end))
			continue
		}
		var l api.ExportLine
		require.NoError(t, json.Unmarshal([]byte(line), &l))
		lines = append(lines, l)
	}
	return lines, end
}

const exports = "/v1/exports/conversations"

func TestExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.conversationOf(t, w.strangerWorld, "447700900199")
	story := w.story(t)
	open := w.conversation(t, "447700900124")
	get := w.serveHTTP(t)
	got := get(w.adm, exports+"?include=messages,events,notes")
	require.Equal(t, "application/x-ndjson", got.header.Get("Content-Type"))
	lines, end := exported(t, got.body)
	require.Equal(t, &api.ExportEnd{End: true, Conversations: 2}, end)
	require.Len(t, lines, 2)
	require.Equal(t, story.ID, lines[0].Conversation.ID)
	require.Equal(t, handoff.StatusEnded, lines[0].Conversation.Status)
	require.Equal(t, "447700900123", lines[0].Conversation.Contact.Identities[0].Value)
	require.Len(t, lines[0].Messages, 3)
	require.Len(t, lines[0].Events, 10, "what came after the end is there too")
	require.Equal(t, []string{"He is <angry>", "afterwards"}, []string{lines[0].Notes[0].Text, lines[0].Notes[1].Text})
	require.Equal(t, open.ID, lines[1].Conversation.ID)

	bare, _ := exported(t, get(w.adm, exports).body)
	require.Len(t, bare, 2)
	require.Nil(t, bare[0].Messages)
	for query, want := range map[string][]handoff.ID{
		"status=ended":                         {story.ID},
		"status=waiting,assigned":              {open.ID},
		"cursor=" + lines[0].Cursor:            {open.ID},
		"cursor=" + lines[1].Cursor:            nil,
		"inbox_id=" + handoff.NewID().String(): nil,
		"from=" + url.QueryEscape(time.Now().Add(time.Hour).Format(time.RFC3339)):                              nil,
		"to=" + url.QueryEscape(open.OpenedAt.Format(time.RFC3339Nano)):                                        {story.ID},
		"from=" + url.QueryEscape(open.OpenedAt.Format(time.RFC3339Nano)) + "&inbox_id=" + w.Inbox.ID.String(): {open.ID},
	} {
		some, end := exported(t, get(w.adm, exports+"?"+query).body)
		var ids []handoff.ID
		for _, line := range some {
			ids = append(ids, line.Conversation.ID)
		}
		require.Equal(t, want, ids, query)
		require.Equal(t, len(want), end.Conversations)
	}
	for _, query := range []string{"status=open", "include=all", "from=yesterday", "cursor=x", "inbox_id=7", "since=1"} {
		require.Equal(t, http.StatusUnprocessableEntity, get(w.adm, exports+"?"+query).status, query)
	}
	require.Equal(t, http.StatusForbidden, get(w.ana, exports).status)
	theirs, _ := exported(t, get(w.stranger, exports).body)
	require.Len(t, theirs, 1)
}

func TestExportCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.prolong(t, w.conversation(t, "447700900123"), 600)
	get := w.serveHTTP(t)
	got := get(w.adm, exports+"?include=messages", "Accept-Encoding", "br, gzip;q=0.5")
	require.Equal(t, "gzip", got.header.Get("Content-Encoding"))
	require.Equal(t, "Accept-Encoding", got.header.Get("Vary"))
	reader, err := gzip.NewReader(strings.NewReader(got.body))
	require.NoError(t, err)
	var plain bytes.Buffer
	_, err = plain.ReadFrom(reader)
	require.NoError(t, err)
	lines, end := exported(t, plain.String())
	require.Len(t, lines[0].Messages, 601)
	require.Equal(t, 1, end.Conversations)
	require.Less(t, len(got.body), plain.Len()/4)
	require.Empty(t, get(w.adm, exports, "Accept-Encoding", "gzip;q=0").header.Get("Content-Encoding"))
}

// brokenDB fails the second page of every export.
type brokenDB struct {
	db.DB
	pages *atomic.Int32
}

func (b brokenDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if strings.HasPrefix(sql, "-- name: ExportPage ") && b.pages.Add(1) == 2 {
		return nil, errors.New("the database has gone")
	}
	return b.DB.Query(ctx, sql, args...)
}

// An export that breaks is known by its missing end, and goes on after its last line: nothing is missing, and nothing comes twice.
func TestExportGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	const many = 700
	w.Exec(t, `INSERT INTO conversations (id, account_id, inbox_id, contact_id, status, end_reason, ended_at, opened_at, last_activity_at)
		SELECT gen_random_uuid(), $1, $2, $3, 'ended', 'resolved', $4, $4, $4 FROM generate_series(2, $5::int)`,
		c.AccountID, c.InboxID, c.ContactID, c.OpenedAt, many)
	w.deps.DB = brokenDB{w.DB, &atomic.Int32{}}
	w.serve(t)
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	read := func(query string) ([]api.ExportLine, *api.ExportEnd, error) {
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+exports+query, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+w.adm)
		answer, err := server.Client().Do(request)
		require.NoError(t, err)
		defer func() { _ = answer.Body.Close() }()
		require.Equal(t, http.StatusOK, answer.StatusCode)
		var text bytes.Buffer
		_, err = bufio.NewReader(answer.Body).WriteTo(&text)
		lines, end := exported(t, text.String())
		return lines, end, err
	}
	first, end, err := read("")
	require.Error(t, err, "the connection breaks")
	require.Nil(t, end)
	require.Len(t, first, 500)
	second, end, err := read("?cursor=" + first[len(first)-1].Cursor)
	require.NoError(t, err)
	require.Equal(t, many-500, end.Conversations)
	seen := map[handoff.ID]bool{}
	for _, line := range append(first, second...) {
		require.False(t, seen[line.Conversation.ID], fmt.Sprint("twice: ", line.Conversation.ID))
		seen[line.Conversation.ID] = true
	}
	require.Len(t, seen, many)
}

// revokedMeanwhile has every key revoked by another process once it was let in.
type revokedMeanwhile struct{ db.DB }

func (r revokedMeanwhile) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if strings.HasPrefix(sql, "-- name: FeedKeysValid ") {
		if _, err := r.Exec(ctx, "UPDATE api_keys SET revoked_at = now() WHERE id = ANY($1)", args[0]); err != nil {
			return nil, err
		}
	}
	return r.DB.Query(ctx, sql, args...)
}

// An export asks before each page whether its key is still good: one that is not is refused as elsewhere, and the server has not failed.
func TestAnExportWhoseKeyWasRevokedIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.deps.DB = revokedMeanwhile{w.DB}
	w.serve(t)
	got := w.do(t, "GET", exports, w.adm, nil).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	require.Equal(t, "default-src 'none'; frame-ancestors 'none'", got.header.Get("Content-Security-Policy"))
	require.Empty(t, got.header.Get("Content-Disposition"))
	require.NotContains(t, w.log.String(), `"level":"ERROR"`)
}
