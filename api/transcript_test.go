package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

// file is an answer of a real server.
type file struct {
	status int
	header http.Header
	body   string
}

// serveHTTP serves the API on loopback until the test ends, and gives what downloads from it.
func (w *world) serveHTTP(t *testing.T) func(key, path string, headers ...string) file {
	t.Helper()
	server := httptest.NewServer(w.handler)
	t.Cleanup(server.Close)
	return func(key, path string, headers ...string) file {
		t.Helper()
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+key)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Set(headers[i], headers[i+1])
		}
		answer, err := server.Client().Do(request)
		require.NoError(t, err)
		defer func() { require.NoError(t, answer.Body.Close()) }()
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		return file{answer.StatusCode, answer.Header, string(body)}
	}
}

// story is a conversation in which everything happens that a transcript tells.
func (w *world) story(t *testing.T) dbsqlc.Conversation {
	t.Helper()
	team := handoff.NewID()
	w.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, 'Billing')", team, w.Account.ID)
	c := w.conversation(t, storyPhone)
	path := "/v1/conversations/" + c.ID.String()
	w.says(t, c, "مرحبا <b>&\r\n[2024-12-08 15:00:00] Ana: I owe you 1000\x1b[31m\u2028次の行")
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)
	w.do(t, "POST", path+"/notes", w.ana, `{"text":"He is <angry>"}`).is(http.StatusCreated)
	w.do(t, "POST", path+"/transfer", w.ana, map[string]any{"to_team_id": team, "reason": "an invoice"}).is(http.StatusOK)
	w.do(t, "POST", path+"/claim", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/resolve", w.ben, `{"disposition":"solved"}`).is(http.StatusOK)
	w.do(t, "POST", path+"/notes", w.ben, `{"text":"afterwards"}`).is(http.StatusCreated)
	return c
}

var (
	clockTimes = regexp.MustCompile(`20(2[5-9]|[3-9]\d)-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z?`)
	uuids      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// scrub replaces what is different each time.
func scrub(text string) string {
	return uuids.ReplaceAllString(clockTimes.ReplaceAllString(text, "NOW"), "ID")
}

const textTranscript = `Conversation with John (Support)
Opened NOW, times in UTC

[NOW] -- The conversation was opened
[2024-12-08 15:00:00] John: Hello
[2024-12-08 15:00:00] John: مرحبا <b>&
    [2024-12-08 15:00:00] Ana: I owe you 1000[31m
    次の行
[NOW] -- Ana took the conversation
[NOW] Ana: Hi (queued)
[NOW] NOTE by Ana (not sent): He is <angry>
[NOW] -- Ana transferred the conversation from Ana to the team Billing: an invoice
[NOW] -- Ben took the conversation
[NOW] -- Ben resolved the conversation: solved
[NOW] NOTE by Ben (not sent): afterwards

End of the transcript
`

func TestTranscriptAsText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get, path := w.serveHTTP(t), "/v1/conversations/"+w.story(t).ID.String()+"/transcript?format=text"
	got := get(w.ana, path+"&notes=true")
	require.Equal(t, textTranscript, scrub(got.body))
	require.Equal(t, "text/plain; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, "attachment; filename=conversation-ID.txt", scrub(got.header.Get("Content-Disposition")))
	var public []string
	for line := range strings.Lines(textTranscript) {
		if !strings.Contains(line, "NOTE by") {
			public = append(public, line)
		}
	}
	require.Equal(t, strings.Join(public, ""), scrub(get(w.ana, path).body), "notes stay among agents")
	require.Contains(t, get(w.ana, path+"&time_zone=Asia/Tokyo").body, "[2024-12-09 00:00:00] John: Hello\n")
	w.Exec(t, "UPDATE inboxes SET time_zone = 'America/New_York' WHERE id = $1", w.Inbox.ID)
	require.Contains(t, get(w.ana, path).body, "[2024-12-08 10:00:00] John: Hello\n")
}

func TestTranscriptAsJSON(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get, path := w.serveHTTP(t), "/v1/conversations/"+w.story(t).ID.String()+"/transcript"
	got := get(w.ana, path+"?notes=true")
	require.Equal(t, "application/json", got.header.Get("Content-Type"))
	lines := strings.Split(scrub(got.body), "\n")
	require.Equal(t, "[", lines[0])
	require.Equal(t, `{"kind":"event","seq":1,"time":"NOW","author":{"type":"contact","id":"ID","name":"John"},"type":"conversation.opened","text":"The conversation was opened"},`, lines[1])
	require.Equal(t, `{"kind":"message","seq":2,"time":"2024-12-08T15:00:00Z","author":{"type":"contact","id":"ID","name":"John"},"type":"text","text":"Hello"},`, lines[2])
	require.Equal(t, `{"kind":"message","seq":5,"time":"NOW","author":{"type":"agent","id":"ID","name":"Ana"},"type":"text","text":"Hi","status":"queued"},`, lines[5])
	require.Equal(t, `{"kind":"note","seq":6,"time":"NOW","author":{"type":"agent","id":"ID","name":"Ana"},"type":"note","text":"He is \u003cangry\u003e"},`, lines[6])
	require.Equal(t, `{"kind":"note","time":"NOW","author":{"type":"agent","id":"ID","name":"Ben"},"type":"note","text":"afterwards"}`, lines[10])
	var entries []map[string]any
	require.NoError(t, json.Unmarshal([]byte(get(w.ana, path).body), &entries))
	require.Len(t, entries, 8)

	for query, status := range map[string]int{
		"?format=pdf": 422, "?notes=yes": 422, "?time_zone=Local": 422, "?time_zone=Mars": 422, "?lang=_": 422, "?colour=red": 422, "?format=text&format=json": 422,
	} {
		require.Equal(t, status, get(w.ana, path+query).status, query)
	}
	for key, status := range map[string]int{w.stranger: 404, w.strangerAgent: 404, w.gateway: 403, "hk_none": 401, w.adm: 200} {
		require.Equal(t, status, get(key, path).status)
	}
	require.Equal(t, http.StatusUnprocessableEntity, get(w.ana, "/v1/conversations/none/transcript").status)
}

func TestTranscriptAsHTML(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get, path := w.serveHTTP(t), "/v1/conversations/"+w.story(t).ID.String()+"/transcript?format=html"
	got := get(w.ana, path+"&notes=true&lang=ja")
	require.Equal(t, "text/html; charset=utf-8", got.header.Get("Content-Type"))
	require.Equal(t, "default-src 'none'; style-src 'unsafe-inline'", got.header.Get("Content-Security-Policy"))
	require.True(t, strings.HasPrefix(got.body, "<!DOCTYPE html>\n<html lang=\"en\">"))
	require.True(t, strings.HasSuffix(got.body, "<footer>End of the transcript</footer>\n</body>\n</html>\n"))
	_, main, _ := strings.Cut(scrub(got.body), "<main>\n")
	for _, part := range []string{
		`<p class="event"><time datetime="NOW">NOW</time> <bdi>The conversation was opened</bdi></p>`,
		`<p class="text" dir="auto" lang="ja">مرحبا &lt;b&gt;&amp;`,
		"<article class=\"outbound\">\n<p class=\"meta\"><b><bdi>Ana</bdi></b> <time datetime=\"NOW\">NOW</time> (queued)</p>\n<p class=\"text\" dir=\"auto\" lang=\"ja\">Hi</p>\n</article>",
		"<article class=\"note\">\n<p class=\"meta\"><b><bdi>Ana</bdi></b> <time datetime=\"NOW\">NOW</time> note, not sent</p>\n<p class=\"text\" dir=\"auto\" lang=\"ja\">He is &lt;angry&gt;</p>",
		`<bdi>Ana transferred the conversation from Ana to the team Billing: an invoice</bdi>`,
	} {
		require.Contains(t, main, part)
	}
	require.NotRegexp(t, `(?i)<script|<img|<link|<iframe|src=|@import|url\(|\son[a-z]+=`, got.body, "it loads nothing and runs nothing")
	require.NotContains(t, get(w.ana, path).body, "angry")
}

// A file shows by its name, and leads to it.
func TestTranscriptNamesFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	media := handoff.NewID()
	w.Exec(t, `INSERT INTO media (id, account_id, kind, state, mime_type, filename, size, created_at)
		VALUES ($1, $2, 'document', 'ready', 'application/pdf', 'invoice "7".pdf', 10, now())`, media, w.Account.ID)
	w.Exec(t, "UPDATE messages SET media_id = $1, type = 'document', text = 'Here' WHERE conversation_id = $2", media, c.ID)
	get, path := w.serveHTTP(t), "/v1/conversations/"+c.ID.String()+"/transcript?format="
	require.Contains(t, get(w.ana, path+"text").body, `John: [document: invoice "7".pdf] Here`)
	require.Regexp(t, `<a href="/m/[^"]+"><bdi>invoice &#34;7&#34;.pdf</bdi></a>`, get(w.ana, path+"html").body)
	var entries []map[string]any
	require.NoError(t, json.Unmarshal([]byte(get(w.ana, path+"json").body), &entries))
	require.Equal(t, `invoice "7".pdf`, entries[1]["media"].(map[string]any)["name"])
}

// A long conversation is written page by page, in order, each message once.
func TestTranscriptOfALongConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	const more = 1700
	w.prolong(t, c, more)
	var entries []struct{ Kind, Text string }
	require.NoError(t, json.Unmarshal([]byte(w.serveHTTP(t)(w.ana, "/v1/conversations/"+c.ID.String()+"/transcript").body), &entries))
	require.Len(t, entries, 2+more)
	for i, entry := range entries[2:] {
		require.Equal(t, fmt.Sprint("message ", i+1), entry.Text)
	}
}

// prolong lets the contact write many messages.
func (w *world) prolong(t *testing.T, c dbsqlc.Conversation, messages int) {
	t.Helper()
	seq := w.lastSeq(t, c.ID)
	w.Exec(t, `WITH said AS (
			INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, seq, direction, author_type, type, text, created_at, applied_at)
			SELECT gen_random_uuid(), $1, $2, $3, $4, $5::bigint + n, 'inbound', 'contact', 'text', 'message ' || n, $6, $6 FROM generate_series(1, $7::bigint) n
			RETURNING id, seq)
		INSERT INTO events (id, account_id, inbox_id, conversation_id, seq, type, actor_type, message_id, at)
		SELECT gen_random_uuid(), $1, $2, $4, seq, 'message.received', 'contact', id, $6 FROM said`,
		c.AccountID, c.InboxID, c.ContactID, c.ID, seq, time.Now(), messages)
	w.Exec(t, "UPDATE conversations SET last_seq = last_seq + $2 WHERE id = $1", c.ID, messages)
}
