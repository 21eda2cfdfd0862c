package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
	"handoff/workflows"
)

// untold are the fields of a conversation that no event tells.
var untold = []string{
	"version", "window_expires_at", "inactive_at", "last_activity_at", "awaiting_since", "response_due_at",
}

// asOf is what the API shows of a conversation, without the fields that no event tells.
func (w *world) asOf(t *testing.T, path string) map[string]any {
	t.Helper()
	var view map[string]any
	require.NoError(t, json.Unmarshal(w.do(t, "GET", path, w.ana, nil).is(http.StatusOK).body, &view))
	for _, name := range untold {
		delete(view, name)
	}
	return view
}

// storyPhone is the contact's of the tests that tell a story.
const storyPhone = "447700900123"

// says lets that contact write once more.
func (w *world) says(t *testing.T, c dbsqlc.Conversation, text string) {
	t.Helper()
	w.Accept(t, w.Body(storyPhone, text), time.Now())
	_, err := w.activities.ApplyInbound(context.Background(), activities.ApplyInboundInput{
		Ref: workflows.NewConversationInput(c.AccountID, c.InboxID, c.ContactID).Ref, Now: time.Now(),
	})
	require.NoError(t, err)
}

func (w *world) lastSeq(t *testing.T, id handoff.ID) int64 {
	t.Helper()
	row, err := dbsqlc.New(w.DB).ConversationGet(context.Background(), dbsqlc.ConversationGetParams{AccountID: w.Account.ID, ID: id})
	require.NoError(t, err)
	return row.LastSeq
}

// What at_seq shows is what was shown when that event was the last.
func TestAConversationIsShownAsItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, storyPhone)
	team := handoff.NewID()
	w.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, 'Billing')", team, w.Account.ID)
	w.Exec(t, "UPDATE inboxes SET undo_seconds = 30 WHERE id = $1", w.Inbox.ID)
	path := "/v1/conversations/" + c.ID.String()
	shown := map[int64]map[string]any{}
	look := func() { shown[w.lastSeq(t, c.ID)] = w.asOf(t, path) }
	look()
	for _, step := range []func(){
		func() { w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK) },
		func() { w.do(t, "POST", path+"/messages", w.ana, `{"type":"text","text":"Hi"}`).is(http.StatusCreated) },
		func() { w.says(t, c, "Thanks") },
		func() { w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["vip"]}`).is(http.StatusOK) },
		func() {
			w.do(t, "PATCH", path, w.ana, `{"attributes":{"plan":"gold"},"priority":"high"}`).is(http.StatusOK)
		},
		func() { w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK) },
		func() { w.do(t, "POST", path+"/notes", w.ana, `{"text":"secret"}`).is(http.StatusCreated) },
		func() {
			w.do(t, "POST", path+"/transfer", w.ana, map[string]any{"to_team_id": team, "reason": "an invoice"}).is(http.StatusOK)
		},
		func() { w.do(t, "POST", path+"/claim", w.ben, nil).is(http.StatusOK) },
		func() { w.do(t, "POST", path+"/snooze", w.ben, nil).is(http.StatusOK) },
		func() { w.says(t, c, "Are you there?") },
		func() { w.do(t, "POST", path+"/resolve", w.ben, `{"disposition":"solved"}`).is(http.StatusOK) },
		func() { w.do(t, "POST", path+"/undo-resolve", w.ben, nil).is(http.StatusOK) },
		func() {
			w.Exec(t, "UPDATE inboxes SET undo_seconds = 0 WHERE id = $1", w.Inbox.ID)
			w.do(t, "POST", path+"/resolve", w.ben, nil).is(http.StatusOK)
		},
	} {
		step()
		look()
	}
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["after"]}`).is(http.StatusOK)
	require.Greater(t, len(shown), 14)
	for seq, then := range shown {
		require.Equal(t, then, w.asOf(t, fmt.Sprintf("%s?at_seq=%d", path, seq)), "as of event %d", seq)
	}
	last := w.lastSeq(t, c.ID)
	refused := w.do(t, "GET", fmt.Sprintf("%s?at_seq=%d", path, last+1), w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Contains(t, refused.text("detail"), fmt.Sprintf("from 1 to %d", last))
	w.do(t, "GET", path+"?at_seq=0", w.ana, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", path+"?at_seq=1", w.strangerAgent, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

func TestMessagesUpToAnEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, storyPhone)
	for _, text := range []string{"two", "three", "four"} {
		w.says(t, c, text)
	}
	path := "/v1/conversations/" + c.ID.String() + "/messages?limit=2&until_seq="
	texts := func(query string) string {
		var got []string
		for cursor := ""; ; {
			page := w.do(t, "GET", path+query+"&cursor="+cursor, w.ana, nil).is(http.StatusOK)
			items, _ := page.field("items").([]any)
			for i := range items {
				got = append(got, page.text(fmt.Sprintf("items.%d.text", i)))
			}
			if cursor = page.text("next_cursor"); cursor == "" {
				return strings.Join(got, " ")
			}
		}
	}
	seq := w.lastSeq(t, c.ID)
	require.Equal(t, "Hello two three", texts(fmt.Sprint(seq-1)))
	require.Equal(t, "three two Hello", texts(fmt.Sprint(seq-1, "&order=desc")))
	require.Equal(t, "Hello two three four", texts(fmt.Sprint(seq)))
	require.Equal(t, "four three two Hello", texts("9007199254740991&order=desc"))
	require.Empty(t, texts("1"), "the first event opens the conversation")
}
