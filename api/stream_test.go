package api_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"handoff"
	"handoff/api"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

// TestStreams leaves no goroutine of a stream behind.
func TestStreams(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() {
		if err := goleak.Find(); err != nil { // other tests run beside it
			require.NotContains(t, err.Error(), "handoff/internal/feed.")
			require.NotContains(t, err.Error(), "streamEvents")
		}
	})
	for name, test := range map[string]func(*testing.T){
		"carry what a client shows": streamCarries, "go on where they stopped": streamResumes, "are filtered": streamFilters,
		"are an account's own": streamForeign, "refuse": streamRefuses, "beat": streamBeats, "cut slow readers": streamCuts,
		"end with their key": streamKeys, "end with the server": streamShutdown,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t) })
	}
}

func streamCarries(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	c := w.follow(t, w.ana, "")
	require.Equal(t, "text/event-stream", c.answer.Header.Get("Content-Type"))
	require.Equal(t, "no-store", c.answer.Header.Get("Cache-Control"))
	require.Equal(t, "no", c.answer.Header.Get("X-Accel-Buffering"))
	require.False(t, c.answer.Uncompressed, "nothing between may collect it")

	conversation := w.conversation(t, "447700900123")
	got := c.events(2)
	require.ElementsMatch(t, []string{"conversation.opened", "message.received"}, types(got))
	for _, b := range got {
		require.Equal(t, conversation.ID.String(), b.data["conversation_id"])
		shown := b.data["conversation"].(map[string]any)
		require.Equal(t, "waiting", shown["status"])
		require.Equal(t, "John", shown["contact"].(map[string]any)["name"])
		if b.event == "message.received" {
			message := b.data["message"].(map[string]any)
			require.Equal(t, "Hello", message["text"])
			require.Equal(t, "John", message["author"].(map[string]any)["name"])
		}
	}
	note := w.do(t, "POST", "/v1/conversations/"+conversation.ID.String()+"/notes", w.ana, map[string]string{"text": "VIP"}).is(http.StatusCreated)
	b := c.events(1)[0]
	require.Equal(t, "note.added", b.event)
	require.Equal(t, "VIP", b.data["note"].(map[string]any)["text"])
	require.Equal(t, note.text("id"), b.data["note"].(map[string]any)["id"])
	require.NotContains(t, b.data, "message")
}

func (w *streamWorld) event(t *testing.T, of dbsqlc.Conversation, eventType handoff.EventType) {
	t.Helper()
	w.Exec(t, "INSERT INTO events (id, account_id, inbox_id, conversation_id, type, actor_type, at) VALUES ($1, $2, $3, $4, $5, 'system', now())",
		handoff.NewID(), of.AccountID, of.InboxID, of.ID, eventType)
}

func streamResumes(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	conversation := w.conversation(t, "447700900123")
	all := w.follow(t, w.ana, "?from=start")
	for n := range 20 {
		w.event(t, conversation, []handoff.EventType{handoff.EventClaimed, handoff.EventReleased}[n%2])
	}
	blocks := all.events(22)
	ids := func(blocks []block) []string {
		var out []string
		for _, b := range blocks {
			out = append(out, b.data["id"].(string))
		}
		return out
	}
	for from := range blocks[:21] {
		headers := []string{"Last-Event-ID", blocks[from].id}
		query := "?from=start" // an EventSource comes back to the same address
		if from%2 == 0 {
			query, headers = "?cursor="+url.QueryEscape(blocks[from].id), nil
		}
		c := w.follow(t, w.ana, query, headers...)
		require.Equal(t, ids(blocks[from+1:]), ids(c.events(21-from)))
		c.cancel()
	}
	page := w.do(t, "GET", "/v1/events?limit=5&cursor="+blocks[3].id, w.ana, nil).is(http.StatusOK)
	require.Equal(t, blocks[4].data["id"], page.text("items.0.id"), "a stream's id is a cursor of the list")
	c := w.follow(t, w.ana, "?cursor="+page.text("next_cursor"))
	require.Equal(t, ids(blocks[9:]), ids(c.events(13)), "and the list's cursor one of the stream")
}

// bound is an agent's key that is bound to an inbox. Only gateways' keys can be made so, but they all have the column.
func (w *streamWorld) bound(t *testing.T, inbox handoff.ID) string {
	t.Helper()
	row, text, err := w.admin().CreateKey(t.Context(), w.Account.ID, admin.NewKey{Name: "bound", Scope: handoff.ScopeAgent, AgentID: w.Ana.AgentID()})
	require.NoError(t, err)
	w.Exec(t, "UPDATE api_keys SET inbox_id = $2 WHERE id = $1", row.ID, inbox)
	return text
}

func streamFilters(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	name, native := "Other", handoff.ProtocolNative
	other, err := w.admin().CreateInbox(t.Context(), w.Account.ID, admin.InboxFields{Name: &name, Protocol: &native})
	require.NoError(t, err)
	one, two := w.conversation(t, "447700900123"), w.conversation(t, "447700900124")
	bound := w.bound(t, other.ID)
	for _, test := range []struct {
		key, query string
		want       []string
	}{
		{w.ana, "", []string{"conversation.opened", "message.received", "conversation.opened", "message.received", "conversation.claimed", "message.failed", "note.added", "agent.presence_changed"}},
		{w.ana, "types=conversation.*", []string{"conversation.opened", "conversation.opened", "conversation.claimed"}},
		{w.ana, "types=note.added,message.failed", []string{"message.failed", "note.added"}},
		{w.ana, "types=*&conversation_id=" + two.ID.String(), []string{"conversation.opened", "message.received", "message.failed"}},
		{w.ana, "inbox_id=" + other.ID.String(), []string{"note.added"}},
		{w.ana, "inbox_id=" + other.ID.String() + "&types=conversation.*", nil},
		{bound, "", []string{"note.added"}},
		{bound, "inbox_id=" + other.ID.String(), []string{"note.added"}},
	} {
		// From the memory, from the database, and from the list.
		live := w.follow(t, test.key, "?"+test.query)
		defer func() {
			past := w.follow(t, test.key, "?from=start&"+test.query)
			require.ElementsMatch(t, test.want, types(past.events(len(test.want))), test.query)
			var listed []string
			for i := range len(test.want) {
				listed = append(listed, w.do(t, "GET", "/v1/events?"+test.query, test.key, nil).is(http.StatusOK).text(fmt.Sprintf("items.%d.type", i)))
			}
			require.ElementsMatch(t, test.want, listed, test.query)
			late := map[string]int{"conversation.opened": 0, "message.received": 0}
			n := 0
			for _, want := range test.want {
				if _, early := late[want]; !early {
					n++
				}
			}
			require.Len(t, live.events(n), n, test.query)
		}()
	}
	w.event(t, one, handoff.EventClaimed)
	w.event(t, two, handoff.EventMessageFailed)
	w.event(t, dbsqlc.Conversation{AccountID: one.AccountID, InboxID: other.ID, ID: one.ID}, handoff.EventNoteAdded)
	w.Exec(t, "INSERT INTO events (id, account_id, type, actor_type, at) VALUES ($1, $2, $3, 'agent', now())", handoff.NewID(), one.AccountID, handoff.EventPresenceChanged)
}

func streamForeign(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	foreign, own := w.follow(t, w.strangerAgent, "?from=start"), w.follow(t, w.ana, "?from=start")
	conversation := w.conversation(t, "447700900123")
	named := w.follow(t, w.strangerAgent, "?from=start&conversation_id="+conversation.ID.String())
	cursor := own.events(2)[0].id
	stolen := w.follow(t, w.strangerAgent, "", "Last-Event-ID", cursor)
	theirs := w.conversationOf(t, w.strangerWorld, "447700900125")
	for _, c := range []*client{foreign, stolen} {
		for _, b := range c.events(2) {
			require.Equal(t, theirs.ID.String(), b.data["conversation_id"])
		}
	}
	require.Eventually(t, func() bool { // any of the streams may get a beat
		w.beat(named)
		return len(named.blocks) > 0
	}, streamPatience, 20*time.Millisecond)
	require.Equal(t, "ping", named.next().comment, "nothing else came")
	w.event(t, conversation, handoff.EventClaimed)
	require.Equal(t, "conversation.claimed", own.events(1)[0].event)
}

func streamRefuses(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	bound := w.bound(t, w.Inbox.ID)
	cursor := w.do(t, "GET", "/v1/events", w.ana, nil).text("next_cursor")
	other := w.do(t, "GET", "/v1/agents?limit=1", w.adm, nil).text("next_cursor")
	for _, test := range []struct {
		key, query, lastEventID string
		status                  int
		code                    handoff.Code
	}{
		{w.ana, "", "nonsense", 422, handoff.CodeInvalid},
		{w.ana, "", other, 422, handoff.CodeInvalid},
		{w.ana, "?cursor=" + other, "", 422, handoff.CodeInvalid},
		{w.ana, "?cursor=" + cursor + "&from=now", "", 422, handoff.CodeInvalid},
		{w.ana, "?from=yesterday", "", 422, handoff.CodeInvalid},
		{w.ana, "?inbox=" + w.Inbox.ID.String(), "", 422, handoff.CodeInvalid},
		{w.ana, "?inbox_id=1", "", 422, handoff.CodeInvalid},
		{w.ana, "?conversation_id=1", "", 422, handoff.CodeInvalid},
		{w.ana, "?types=conversation", "", 422, handoff.CodeInvalid},
		{w.ana, "?types=conversation.clamed", "", 422, handoff.CodeInvalid},
		{w.ana, "?types=con*", "", 422, handoff.CodeInvalid},
		{w.ana, "?types=note.added&types=*", "", 422, handoff.CodeInvalid},
		{bound, "?inbox_id=" + handoff.NewID().String(), "", 403, handoff.CodeForbidden},
		{w.gateway, "", "", 403, handoff.CodeForbidden},
		{"hk_nobody", "", "", 401, handoff.CodeUnauthorized},
	} {
		w.do(t, "GET", "/v1/events/stream"+test.query, test.key, nil, "Last-Event-ID", test.lastEventID).refused(test.status, test.code)
	}
	w.deps.Feed.Limit = 1
	w.follow(t, w.ana, "")
	got := w.do(t, "GET", "/v1/events/stream", w.ana, nil).refused(http.StatusTooManyRequests, handoff.CodeRateLimited)
	require.NotEmpty(t, got.header.Get("Retry-After"))
}

// beat makes a heartbeat due for one of the streams.
func (w *streamWorld) beat(c *client) {
	c.t.Helper()
	select {
	case w.ticks <- time.Now():
	case <-time.After(streamPatience):
		require.FailNow(c.t, "no stream waits for its next heartbeat")
	}
}

// A heartbeat moves the client's cursor on although nothing came that it asked for.
func streamBeats(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	conversation := w.conversation(t, "447700900123")
	c := w.follow(t, w.ana, "?types=note.added")
	before := c.last
	w.event(t, conversation, handoff.EventClaimed)
	require.Eventually(t, func() bool {
		w.beat(c)
		b := c.next()
		require.Equal(t, "ping", b.comment)
		require.Empty(t, b.event)
		page := w.do(t, "GET", "/v1/events?cursor="+b.id, w.ana, nil).is(http.StatusOK)
		return b.id != before && page.field("items.0") == nil
	}, streamPatience, 50*time.Millisecond)
}

// A client that has stopped reading is cut off. The others do not notice, and it goes on where it stopped.
func streamCuts(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t, func(w *world) {
		w.deps.Streams = api.Streams{WriteTimeout: 5 * time.Second}
	})
	conversation := w.conversation(t, "447700900123")
	quick := w.follow(t, w.ana, "")
	address := strings.TrimPrefix(w.url, "http://")
	conn, err := net.Dial("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.(*net.TCPConn).SetReadBuffer(4096))
	_, err = fmt.Fprintf(conn, "GET /v1/events/stream HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", address, w.ana)
	require.NoError(t, err)
	head := make([]byte, 1024)
	_, err = io.ReadAtLeast(conn, head, 300)
	require.NoError(t, err)
	require.Contains(t, string(head), "200 OK")
	filler := strings.Repeat("x", 100_000)
	for range 80 { // 8 MB: more than the buffers between
		w.Exec(t, `INSERT INTO events (id, account_id, inbox_id, conversation_id, type, actor_type, at, data) VALUES ($1, $2, $3, $4, $5, 'system', now(), jsonb_build_object('x', $6::text))`,
			handoff.NewID(), conversation.AccountID, conversation.InboxID, conversation.ID, handoff.EventClaimed, filler)
	}
	require.Len(t, quick.events(80), 80)
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "the client does not read") }, streamPatience, 20*time.Millisecond)
}

func streamKeys(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	expires := time.Now().Add(time.Hour)
	short, brief, err := w.admin().CreateKey(t.Context(), w.Account.ID, admin.NewKey{
		Name: "brief", Scope: handoff.ScopeAgent, AgentID: w.Ana.AgentID(), ExpiresAt: &expires,
	})
	require.NoError(t, err)
	row, revoked, err := w.admin().CreateKey(t.Context(), w.Account.ID, admin.NewKey{Name: "r", Scope: handoff.ScopeAgent, AgentID: w.Ana.AgentID()})
	require.NoError(t, err)
	stays := w.follow(t, w.ana, "")
	ends := []*client{w.follow(t, brief, ""), w.follow(t, revoked, ""), w.follow(t, w.ben, "")}
	w.do(t, "DELETE", "/v1/api-keys/"+row.ID.String(), w.adm, nil).is(http.StatusNoContent)
	w.Exec(t, "UPDATE agents SET disabled_at = now() WHERE id = $1", w.Ben.AgentID())
	w.Exec(t, "UPDATE api_keys SET expires_at = now() WHERE id = $1", short.ID) // an hour later
	for _, c := range ends {
		c.ended()
	}
	w.conversation(t, "447700900123")
	require.Len(t, stays.events(2), 2)
}

func streamShutdown(t *testing.T) {
	t.Helper()
	w := newStreamWorld(t)
	var clients []*client
	for range 20 {
		clients = append(clients, w.follow(t, w.ana, ""))
	}
	took := w.stop()
	require.Less(t, took, streamPatience/2, "streams do not hold the server up: it would wait for them as long as it may")
	for _, c := range clients {
		c.ended()
	}
}

// A type that the filter does not know could not be asked for, and a wildcard would not have it.
func TestStreamsKnowEveryEventType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	file, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, 0)
	require.NoError(t, err)
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		value, ok := n.(*ast.ValueSpec)
		if !ok || len(value.Values) != 1 {
			return true
		}
		if literal, ok := value.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			name, err := strconv.Unquote(literal.Value)
			require.NoError(t, err)
			w.do(t, "GET", "/v1/events?types="+name, w.ana, nil).is(http.StatusOK)
			found++
		}
		return true
	})
	require.Greater(t, found, 30)
}

func TestWithoutAFeedThereAreNoStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.do(t, "GET", "/v1/events/stream", w.ana, nil).refused(http.StatusServiceUnavailable, handoff.CodeUnavailable)
	require.True(t, bytes.Contains(got.body, []byte("GET /v1/events")))
}
