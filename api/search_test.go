package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/fixture"
	"handoff/internal/searchindex"
)

// index waits until everything that is committed can be found. Transactions of other tests hold the newest events back for a while.
func (w *world) index(t *testing.T) {
	t.Helper()
	indexer := searchindex.New(w.DB, slog.New(slog.DiscardHandler))
	require.Eventually(t, func() bool {
		_, err := indexer.CatchUp(context.Background())
		require.NoError(t, err)
		var behind int
		require.NoError(t, w.DB.QueryRow(context.Background(), `SELECT count(*) FROM events e
			WHERE NOT EXISTS (SELECT FROM search_cursors c WHERE c.account_id = e.account_id AND (c.txid, c.position) >= (e.txid, e.position))`).Scan(&behind))
		return behind == 0
	}, eventually, tick)
}

// write puts a message into a conversation, with its event.
func (w *world) write(t *testing.T, of *fixture.World, conversation, contact handoff.ID, text string, at time.Time) handoff.ID {
	t.Helper()
	id := handoff.NewID()
	w.Exec(t, `INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, direction, author_type, type, text, created_at)
		VALUES ($1, $2, $3, $4, $5, 'inbound', 'contact', 'text', $6, $7)`, id, of.Account.ID, of.Inbox.ID, contact, conversation, text, at)
	w.Exec(t, `INSERT INTO events (id, account_id, inbox_id, conversation_id, type, actor_type, message_id, at)
		VALUES ($1, $2, $3, $4, 'message.received', 'contact', $5, $6)`, handoff.NewID(), of.Account.ID, of.Inbox.ID, conversation, id, at)
	return id
}

// found gives the ids of all pages of a search.
func (w *world) found(t *testing.T, key, query string) []string {
	t.Helper()
	ids := []string{}
	for cursor := ""; ; {
		page := w.do(t, "GET", "/v1/search?"+query+"&cursor="+cursor, key, nil).is(http.StatusOK)
		for i := range page.field("items").([]any) {
			ids = append(ids, page.text("items."+strconv.Itoa(i)+".id"))
		}
		if cursor = page.text("next_cursor"); cursor == "" {
			return ids
		}
	}
}

func TestASearchFindsWhereItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	other := w.conversationOf(t, w.strangerWorld, "447700900123")
	w.write(t, w.strangerWorld, other.ID, other.ContactID, "my order ORD-55123 is theirs", time.Now())
	message := w.write(t, w.World, c.ID, c.ContactID, "Where is my ORDER ord-55123, please?", time.Now().Add(-time.Hour))
	note := w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/notes", w.ana, map[string]string{"text": "order 55123 was lost"}).is(http.StatusCreated)
	w.index(t)

	answer := w.do(t, "GET", "/v1/search?q=55123+order", w.ana, nil).is(http.StatusOK)
	require.Len(t, answer.field("items"), 2)
	require.Equal(t, "note", answer.text("items.0.kind"), "the newest first")
	require.Equal(t, note.text("id"), answer.text("items.0.id"))
	require.Equal(t, message.String(), answer.text("items.1.id"))
	require.Equal(t, c.ID.String(), answer.text("items.1.conversation.id"))
	require.Equal(t, "waiting", answer.text("items.1.conversation.status"))
	require.Equal(t, "John", answer.text("items.1.conversation.contact.name"))
	require.Equal(t, []any{
		map[string]any{"text": "Where is my "},
		map[string]any{"text": "ORDER", "match": true},
		map[string]any{"text": " ord-"},
		map[string]any{"text": "55123", "match": true},
		map[string]any{"text": ", please?"},
	}, answer.field("items.1.excerpt"))

	contact := w.do(t, "GET", "/v1/search?q=%2B44+7700+900123", w.ana, nil).is(http.StatusOK)
	require.Len(t, contact.field("items"), 1)
	require.Equal(t, "contact", contact.text("items.0.kind"))
	require.Equal(t, c.ContactID.String(), contact.text("items.0.id"))

	for query, want := range map[string]int{
		"q=order&kind=note": 1, "q=order&kind=message,note": 2, "q=order&kind=contact": 0, "q=john": 1, "q=%22is+my+order%22": 1, "q=%22order+is%22": 0,
		"q=order&conversation_id=" + c.ID.String(): 2, "q=order&inbox_id=" + w.Inbox.ID.String(): 2, "q=order&inbox_id=" + handoff.NewID().String(): 0,
		"q=order&before=" + url.QueryEscape(time.Now().Add(-time.Minute).Format(time.RFC3339)): 1,
		"q=order&after=" + url.QueryEscape(time.Now().Add(-time.Minute).Format(time.RFC3339)):  1,
		"q=theirs": 0,
	} {
		require.Len(t, w.found(t, w.ana, query), want, query)
	}
	require.Len(t, w.found(t, w.strangerAgent, "q=order"), 1)
	w.do(t, "GET", "/v1/search?q=order&conversation_id="+other.ID.String(), w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	for _, q := range []string{"ab", "%00", "+", "%22%22", ""} {
		w.do(t, "GET", "/v1/search?q="+q, w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	w.do(t, "GET", "/v1/search", w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/search?q=order&kind=agent", w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/search?q=order", w.gateway, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
}

func TestAKeyOfOneInboxSeesThatInboxOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.write(t, w.World, c.ID, c.ContactID, "findable words", time.Now())
	w.index(t)
	other := handoff.NewID()
	w.Exec(t, "INSERT INTO inboxes (id, account_id, name, protocol) VALUES ($1, $2, 'Other', 'native')", other, w.Account.ID)
	w.Exec(t, "UPDATE api_keys SET inbox_id = $1 WHERE agent_id = $2", other, w.Ana.Agent.ID)
	require.Empty(t, w.found(t, w.ana, "q=findable"))
	require.Len(t, w.found(t, w.ben, "q=findable"), 1)
	path := "/v1/conversations/" + c.ID.String()
	w.do(t, "GET", path, w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path+"/notes", w.ana, map[string]string{"text": "not mine"}).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Empty(t, w.do(t, "GET", "/v1/conversations", w.ana, nil).is(http.StatusOK).field("items"))
	require.Empty(t, w.do(t, "GET", "/v1/conversations?q=findable", w.ana, nil).is(http.StatusOK).field("items"))
	require.EqualValues(t, 0, w.do(t, "GET", "/v1/conversations/counts", w.ana, nil).is(http.StatusOK).field("total"))
	for _, query := range []string{"conversations?", "conversations/counts?", "search?q=findable&"} {
		w.do(t, "GET", "/v1/"+query+"inbox_id="+w.Inbox.ID.String(), w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	}
	w.do(t, "GET", path, w.ben, nil).is(http.StatusOK)
}

// searched is what random texts and queries are made of.
var searched = []string{
	"order", "Order", "refund", "ＯＲＤＥＲ", "réfund", "退款", "退", "我想", "キャンセル", "ｷｬﾝｾﾙ", "취소", "7946-0958", "+44", "7700", "900123", "447700900123",
	"1.50", "ORD-12345", "2345", "ß", "ss", "%", "_", "\\", "👍", "a", "der", "\n",
}

func TestASearchFindsWhatANaiveScanFinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "15550100199")
	texts := map[string]string{}
	random := rapid.Custom(func(t *rapid.T) string {
		words := rapid.SliceOfN(rapid.SampledFrom(searched), 1, 5).Draw(t, "words")
		return strings.Join(words, rapid.SampledFrom([]string{" ", "", "  "}).Draw(t, "between"))
	})
	for i := range 150 {
		text := random.Example(i)
		texts[w.write(t, w.World, c.ID, c.ContactID, text, time.Now().Add(-time.Duration(i/10)*time.Second)).String()] = text
	}
	w.index(t)
	for i := range 80 {
		text := random.Example(1000 + i)
		query, err := searchindex.ParseQuery(text)
		if err != nil || len(text) > 200 {
			continue
		}
		var want []string
		for id, text := range texts {
			if query.Matches(searchindex.Normalise(text)) {
				want = append(want, id)
			}
		}
		for _, more := range []string{"", "&conversation_id=" + c.ID.String()} {
			got := w.found(t, w.ana, "kind=message&limit=7&q="+url.QueryEscape(text)+more)
			require.ElementsMatch(t, want, got, "%q%s", text, more)
		}
		listed := w.do(t, "GET", "/v1/conversations?q="+url.QueryEscape(text), w.ana, nil).is(http.StatusOK)
		if len(want) > 0 {
			require.Len(t, listed.field("items"), 1, text)
		}
	}
}

func TestPagesOfASearchGoOnWhereTheyWere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	var want []string
	now := time.Now().Truncate(time.Second)
	for i := range 25 {
		id := w.write(t, w.World, c.ID, c.ContactID, "findable "+strconv.Itoa(i), now.Add(-time.Duration(i/5)*time.Minute))
		want = append(want, id.String())
	}
	w.index(t)
	first := w.do(t, "GET", "/v1/search?q=findable&limit=10", w.ana, nil).is(http.StatusOK)
	w.write(t, w.World, c.ID, c.ContactID, "findable and newer", now.Add(time.Minute))
	w.index(t)
	second := w.do(t, "GET", "/v1/search?q=findable&limit=100&cursor="+first.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	var got []string
	for _, page := range []answer{first, second} {
		for i := range page.field("items").([]any) {
			got = append(got, page.text("items."+strconv.Itoa(i)+".id"))
		}
	}
	require.ElementsMatch(t, want, got, "nothing is left out and nothing repeated")
	w.do(t, "GET", "/v1/search?q=findable&cursor="+w.do(t, "GET", "/v1/events", w.ana, nil).text("next_cursor"), w.ana, nil).
		refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}

func TestACommonWordFindsConversationsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.conversation(t, "447700900101"), w.conversation(t, "447700900102")
	w.Exec(t, `INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, direction, author_type, type, text, created_at)
		SELECT gen_random_uuid(), $1, $2, $3, $4, 'inbound', 'contact', 'text', 'everywhere', now() FROM generate_series(1, 5100)`,
		w.Account.ID, w.Inbox.ID, first.ContactID, first.ID)
	w.Exec(t, `INSERT INTO events (id, account_id, inbox_id, conversation_id, type, actor_type, message_id, at)
		SELECT gen_random_uuid(), account_id, inbox_id, conversation_id, 'message.received', 'contact', id, now() FROM messages WHERE text = 'everywhere'`)
	w.index(t)
	require.Equal(t, []string{first.ID.String()}, w.listed(t, w.ana, "q=everywhere"))
	require.ElementsMatch(t, []string{first.ID.String(), second.ID.String()}, w.listed(t, w.ana, "q=john"))
	require.EqualValues(t, 1, w.do(t, "GET", "/v1/conversations/counts?q=everywhere", w.ana, nil).is(http.StatusOK).field("total"))
}

// listed gives the ids of all pages of a list of conversations.
func (w *world) listed(t *testing.T, key, query string) []string {
	t.Helper()
	ids := []string{}
	for cursor := ""; ; {
		page := w.do(t, "GET", "/v1/conversations?"+query+"&cursor="+cursor, key, nil).is(http.StatusOK)
		for i := range page.field("items").([]any) {
			ids = append(ids, page.text("items."+strconv.Itoa(i)+".id"))
		}
		if cursor = page.text("next_cursor"); cursor == "" {
			require.Len(t, slices.Compact(slices.Sorted(slices.Values(ids))), len(ids), "%s repeats none", query)
			return ids
		}
	}
}
