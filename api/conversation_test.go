package api_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestAnAgentWorksOnAConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()

	waiting := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	require.Equal(t, "waiting", waiting.text("status"))
	require.Equal(t, "John", waiting.text("contact.name"))
	require.Equal(t, "447700900123", waiting.text("contact.identities.0.value"))
	require.Equal(t, "Hello", waiting.text("last_message.text"))
	require.Equal(t, "John", waiting.text("last_message.author.name"))
	require.Equal(t, []any{}, waiting.field("tags"))
	require.Equal(t, map[string]any{}, waiting.field("attributes"))
	require.Equal(t, "http://127.0.0.1:8233/namespaces/default/workflows/conversation:"+c.InboxID.String()+":"+c.ContactID.String(),
		waiting.text("workflow_url"))

	claimed := w.do(t, "POST", path+"/claim", w.ana, "{}").is(http.StatusOK)
	require.Equal(t, "assigned", claimed.text("status"))
	require.Equal(t, "Ana", claimed.text("assignee.name"))
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)

	lost := w.do(t, "POST", path+"/claim", w.ben, "{}").refused(http.StatusConflict, handoff.CodeConflict)
	require.Equal(t, "Ana", lost.text("assignee.name"))
	require.Equal(t, w.Ana.Agent.ID.String(), lost.text("assignee.id"))

	sent := w.do(t, "POST", path+"/messages", w.ana, map[string]string{"type": "text", "text": "Hi <John> & all"}).is(http.StatusCreated)
	require.Equal(t, "Hi <John> & all", sent.text("content.text.body"))
	require.Equal(t, "queued", sent.text("status"))
	require.Equal(t, "agent", sent.text("author.type"))
	w.do(t, "POST", path+"/messages", w.ben, map[string]string{"type": "text", "text": "me too"}).refused(http.StatusConflict, handoff.CodeConflict)

	note := w.do(t, "POST", path+"/notes", w.ana, map[string]string{"text": "wants a refund"}).is(http.StatusCreated)
	require.Equal(t, "Ana", note.text("author.name"))
	w.do(t, "POST", path+"/release", w.ben, nil).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", path+"/release", w.ana, nil).is(http.StatusOK)
	ended := w.do(t, "POST", path+"/resolve", w.ben, map[string]string{"note": "done", "disposition": "refunded"}).is(http.StatusOK)
	require.Equal(t, "ended", ended.text("status"))
	require.Equal(t, "resolved", ended.text("end_reason"))
	require.Equal(t, "refunded", ended.text("disposition"))
	require.Equal(t, "Hi <John> & all", ended.text("last_message.text"))

	for _, command := range []string{"/claim", "/release", "/resolve"} {
		w.do(t, "POST", path+command, w.ana, nil).refused(http.StatusConflict, handoff.CodeConflict)
	}
	late := w.do(t, "POST", path+"/notes", w.ana, map[string]string{"text": "after the end"}).is(http.StatusCreated)
	require.NotEmpty(t, late.text("id"))
	require.Len(t, w.do(t, "GET", path+"/notes", w.ben, nil).is(http.StatusOK).field("items"), 3)
}

func TestMessagesArePagedInBothOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	w.do(t, "POST", path+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated)

	messages := w.do(t, "GET", path+"/messages", w.ana, nil).is(http.StatusOK)
	require.Len(t, messages.field("items"), 2)
	require.Equal(t, "Hello", messages.text("items.0.text"))
	newestFirst := w.do(t, "GET", path+"/messages?order=desc&limit=1", w.ana, nil).is(http.StatusOK)
	require.Equal(t, "Hi", newestFirst.text("items.0.text"))
	rest := w.do(t, "GET", path+"/messages?order=desc&cursor="+newestFirst.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.Equal(t, "Hello", rest.text("items.0.text"))
	require.Nil(t, rest.field("next_cursor"))
}

func TestEventsOfAConversationAreNumberedAndEndWithItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/notes", w.ana, map[string]string{"text": "secret among agents"}).is(http.StatusCreated)
	w.do(t, "POST", path+"/resolve", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/notes", w.ana, map[string]string{"text": "after the end"}).is(http.StatusCreated)

	// A transaction of another test that is still open keeps the newest events back.
	var events answer
	require.Eventually(t, func() bool {
		events = w.do(t, "GET", path+"/events", w.ana, nil).is(http.StatusOK)
		return len(events.field("items").([]any)) == 6
	}, eventually, tick)
	var types []string
	for i, item := range events.field("items").([]any) {
		event := item.(map[string]any)
		types = append(types, event["type"].(string))
		if i < 5 {
			require.EqualValues(t, i+1, event["seq"])
		}
	}
	require.Equal(t, []string{"conversation.opened", "message.received", "conversation.claimed", "note.added", "conversation.ended", "note.added"}, types)
	require.Nil(t, events.field("items.5.seq"))
	require.NotContains(t, string(events.body), "secret among agents")

	var seen []string
	cursor := ""
	for {
		page := w.do(t, "GET", "/v1/events?limit=2&cursor="+cursor, w.ana, nil).is(http.StatusOK)
		cursor = page.text("next_cursor")
		require.NotEmpty(t, cursor)
		items := page.field("items").([]any)
		if len(items) == 0 {
			break
		}
		for _, item := range items {
			seen = append(seen, item.(map[string]any)["type"].(string))
		}
	}
	require.Equal(t, types, seen)
}

func TestConversationsAreFiltered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second, third := w.conversation(t, "447700900101"), w.conversation(t, "447700900102"), w.conversation(t, "15550100199")
	w.conversationOf(t, w.strangerWorld, "447700900101")
	w.do(t, "POST", "/v1/conversations/"+second.ID.String()+"/claim", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", "/v1/conversations/"+third.ID.String()+"/resolve", w.ana, nil).is(http.StatusOK)

	w.index(t)
	for query, want := range map[string][]handoff.ID{
		"":                                 {third.ID, second.ID, first.ID},
		"?status=waiting":                  {first.ID},
		"?status=waiting,assigned":         {second.ID, first.ID},
		"?status=waiting&status=ended,bot": {third.ID, first.ID},
		"?assignee_id=me":                  {second.ID},
		"?assignee_id=" + w.Ben.Agent.ID.String(): {},
		"?inbox_id=" + w.Inbox.ID.String():        {third.ID, second.ID, first.ID},
		"?contact_id=" + first.ContactID.String(): {first.ID},
		"?q=4477":           {second.ID, first.ID},
		"?q=john":           {third.ID, second.ID, first.ID},
		"?q=%2B15550100199": {third.ID},
	} {
		got := w.do(t, "GET", "/v1/conversations"+query, w.ana, nil).is(http.StatusOK)
		ids := []string{}
		for i := range got.field("items").([]any) {
			ids = append(ids, got.text("items."+strconv.Itoa(i)+".id"))
		}
		wanted := []string{}
		for _, id := range want {
			wanted = append(wanted, id.String())
		}
		require.ElementsMatch(t, wanted, ids, query)
	}
	for _, query := range []string{
		"?status=open", "?status=waiting,", "?assignee_id=nobody", "?inbox_id=x", "?limit=101", "?limit=0", "?cursor=x", "?q=%00", "?q=%25", "?q=_", "?stauts=waiting",
	} {
		w.do(t, "GET", "/v1/conversations"+query, w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	w.do(t, "GET", "/v1/conversations?assignee_id=me", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/conversations?q=%", w.ana, nil).refused(http.StatusBadRequest, handoff.CodeMalformed)

	seen := map[string]bool{}
	for cursor, pages := "", 0; pages < 4; pages++ {
		page := w.do(t, "GET", "/v1/conversations?limit=1&cursor="+cursor, w.ana, nil).is(http.StatusOK)
		seen[page.text("items.0.id")] = true
		if cursor = page.text("next_cursor"); cursor == "" {
			break
		}
	}
	require.Len(t, seen, 3)
}

func TestAnAgentAnswersAtOnceWhereThereIsNoServiceWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.Exec(t, "UPDATE conversations SET window_expires_at = NULL WHERE id = $1", c.ID)
	reply := func() answer {
		return w.do(t, "POST", "/v1/conversations/"+c.ID.String()+"/messages", w.ana, map[string]string{"type": "text", "text": "Hi"})
	}
	reply().refused(http.StatusUnprocessableEntity, handoff.CodeWindowClosed)

	w.Exec(t, "UPDATE conversations SET windowed = false WHERE id = $1", c.ID)
	reply().is(http.StatusCreated)
}
