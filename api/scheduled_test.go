package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

const template = `{"type":"template","template":{"name":"hello","language":{"code":"en"}}}`

func TestMessagesArePromisedListedAndCancelled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123").ID
	path := "/v1/conversations/" + c.String() + "/scheduled-messages"
	both := w.do(t, "POST", path, w.ana, `{"message":{"type":"text","text":"Here it is"},"otherwise":`+template+`}`).is(http.StatusCreated)
	require.Equal(t, "pending", both.text("state"))
	require.Equal(t, "Here it is", both.text("message.text"))
	require.Equal(t, "template", both.text("otherwise.type"))
	due, err := time.Parse(time.RFC3339Nano, both.text("due_at"))
	require.NoError(t, err)
	_, timers := w.timers(t, w.latest(t, c))
	require.Equal(t, timers["window"].Add(-5*time.Minute), due, "shortly before the window closes")
	require.Equal(t, due, timers["scheduled"])
	w.do(t, "POST", path, w.ana, `{"message":{"type":"text","text":"And this"}}`).is(http.StatusCreated)
	require.Len(t, w.list(t, path), 2)
	first := w.do(t, "GET", path+"?limit=1", w.ana, nil).is(http.StatusOK)
	rest := w.do(t, "GET", path+"?limit=1&cursor="+first.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.Contains(t, string(rest.body), "And this")

	cancel := path + "/" + both.text("id") + "/cancel"
	require.Equal(t, "cancelled", w.repeated(t, http.StatusOK, cancel, w.ana, nil).text("state"))
	w.do(t, "POST", cancel, w.ana, nil).says(conflict, handoff.CodeConflict, "has left, or was cancelled")
	w.do(t, "POST", path+"/"+handoff.NewID().String()+"/cancel", w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	_, timers = w.timers(t, w.latest(t, c))
	require.NotContains(t, timers, "scheduled")
	require.NotContains(t, string(w.do(t, "GET", "/v1/conversations/"+c.String()+"/messages", w.ana, nil).body), "Here it is", "what has not left is no message")
}

func TestMessagesThatCannotBePromised(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123").ID
	path := "/v1/conversations/" + c.String() + "/scheduled-messages"
	text := `{"type":"text","text":"later"}`
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	for body, words := range map[string]string{
		`{}`: "give message, otherwise or both",
		fmt.Sprintf(`{"message":%s,"due_at":%q}`, text, at(time.Hour)):      "due_at is for otherwise",
		fmt.Sprintf(`{"otherwise":%s,"due_at":%q}`, text, at(-time.Minute)): "in the past",
		`{"message":{"type":"text","text":" "}}`:                            "",
		`{"message":{"type":"fax"}}`:                                        "",
	} {
		w.do(t, "POST", path, w.ana, body).says(invalid, handoff.CodeInvalid, words)
	}
	w.do(t, "POST", path, w.ana, fmt.Sprintf(`{"otherwise":%s,"due_at":%q}`, text, at(25*time.Hour))).refused(invalid, handoff.CodeWindowClosed)
	w.do(t, "POST", path, w.ana, fmt.Sprintf(`{"otherwise":%s,"due_at":%q}`, template, at(25*time.Hour))).is(http.StatusCreated)
	w.command(t, c, "claim", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path, w.ana, `{"message":`+text+`}`).says(conflict, handoff.CodeConflict, "Ben has the conversation")
	w.do(t, "POST", path, w.adm, `{"message":`+text+`}`).says(invalid, handoff.CodeInvalid, "which agent")
	w.do(t, "POST", path, w.adm, fmt.Sprintf(`{"message":%s,"agent_id":%q}`, text, w.Ben.Agent.ID)).is(http.StatusCreated)
	before := w.count(t, "SELECT count(*) FROM messages")
	w.commands.fail = func(string) error { return handoff.Errorf(handoff.CodeConflict, "the conversation has ended") }
	w.do(t, "POST", path, w.ben, `{"message":`+text+`}`).refused(conflict, handoff.CodeConflict)
	require.Equal(t, before, w.count(t, "SELECT count(*) FROM messages"), "nothing is left of it")
	w.commands.fail = nil
	w.command(t, c, "resolve", w.ben, nil).is(http.StatusOK)
	w.do(t, "POST", path, w.ben, `{"message":`+text+`}`).says(conflict, handoff.CodeConflict, "has ended")
	require.Equal(t, 2, w.Count(t, "scheduled_messages", "state = 'cancelled' AND reason = 'the conversation ended'"))
}

func TestDispositionsAndUndo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.SetInbox(t, "dispositions = '{solved,spam}', disposition_required = true, undo_seconds = 30")
	c := w.conversation(t, "447700900123").ID
	w.command(t, c, "undo-resolve", w.ana, nil).says(conflict, handoff.CodeConflict, "nothing to undo")
	w.command(t, c, "resolve", w.ana, nil).says(invalid, handoff.CodeInvalid, "use one of solved, spam")
	w.command(t, c, "resolve", w.ana, map[string]any{"disposition": "bored"}).says(invalid, handoff.CodeInvalid, "use one of solved, spam")
	w.command(t, c, "resolve", w.ana, map[string]any{"disposition": "spam", "undo_seconds": 61}).refused(invalid, handoff.CodeInvalid)
	soon := w.command(t, c, "resolve", w.ana, map[string]any{"disposition": "spam"}).is(http.StatusOK)
	require.Equal(t, "waiting", soon.text("status"))
	require.NotEmpty(t, soon.text("resolve_at"), "as the inbox says")
	undone := w.command(t, c, "undo-resolve", w.ana, nil).is(http.StatusOK)
	require.Empty(t, undone.text("resolve_at"))
	require.Empty(t, undone.text("disposition"))
	ended := w.command(t, c, "resolve", w.ana, map[string]any{"disposition": "solved", "undo_seconds": 0}).is(http.StatusOK)
	require.Equal(t, []string{"ended", "solved"}, []string{ended.text("status"), ended.text("disposition")})
	w.command(t, c, "undo-resolve", w.ana, nil).says(conflict, handoff.CodeConflict, "has ended")
}
