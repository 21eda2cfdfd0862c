package api_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

// A time that JSON cannot write made the whole list of conversations unreadable.
func TestATimeBeyondAYearIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	for _, far := range []string{"9999-12-31T12:00:00Z", "9999-12-31T23:59:59-12:00", time.Now().AddDate(1, 1, 0).UTC().Format(time.RFC3339)} {
		w.do(t, "POST", path+"/snooze", w.ana, map[string]string{"until": far}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		w.do(t, "POST", path+"/timers/inactivity", w.ana, map[string]string{"due_at": far}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		w.do(t, "POST", path+"/scheduled-messages", w.ana, map[string]any{
			"otherwise": map[string]any{"type": "template", "template": map[string]any{"name": "x", "language": map[string]string{"code": "en"}}}, "due_at": far,
		}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	for range 12 {
		w.do(t, "POST", path+"/timers/inactivity", w.ana, `{"extend_seconds":2592000}`)
	}
	w.do(t, "POST", path+"/timers/inactivity", w.ana, `{"extend_seconds":2592000}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "GET", "/v1/conversations", w.ana, nil).is(http.StatusOK)
}

// Nothing would ever make it pass, so that it is not to be tried again.
func TestAReasonThatCannotBeStoredIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
	for verb, body := range map[string]string{
		"release": `{"reason":"a\u0000b"}`, "snooze": `{"reason":"a\u0000b"}`, "resolve": `{"disposition":"a\u0000b"}`,
		"transfer": `{"to_agent_id":"` + w.Ben.Agent.ID.String() + `","reason":"a\u0000b"}`,
	} {
		got := w.do(t, "POST", path+"/"+verb, w.ana, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Contains(t, got.text("detail"), "U+0000", verb)
	}
}

// The second of two agents was told what the first one got.
func TestTwoAgentsMayUseTheSameIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/claim"
	w.do(t, "POST", path, w.ana, nil, "Idempotency-Key", "one").is(http.StatusOK)
	got := w.do(t, "POST", path, w.ben, nil, "Idempotency-Key", "one").refused(http.StatusConflict, handoff.CodeConflict)
	require.Equal(t, "Ana", got.text("assignee.name"))
}

func TestWhoeverMovesAConversationUndoesItsResolve(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	for verb, body := range map[string]string{
		"transfer": `{"to_agent_id":"` + w.Ana.Agent.ID.String() + `"}`, "snooze": `{}`, "claim": `{}`, "release": `{}`,
	} {
		w.do(t, "POST", path+"/claim", w.adm, map[string]any{"agent_id": w.Ana.Agent.ID})
		if verb == "claim" {
			w.do(t, "POST", path+"/release", w.ana, nil).is(http.StatusOK)
		}
		w.do(t, "POST", path+"/resolve", w.ana, `{"undo_seconds":60}`).is(http.StatusOK)
		got := w.do(t, "POST", path+"/"+verb, w.ana, body).is(http.StatusOK)
		require.Nil(t, got.field("resolve_at"), verb)
	}
}

func TestMe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "UPDATE inboxes SET dispositions = '{solved,spam}', undo_seconds = 5 WHERE id = $1", w.Inbox.ID)
	got := w.do(t, "GET", "/v1/me", w.ana, nil).is(http.StatusOK)
	require.Equal(t, "Ana", got.text("agent.name"))
	require.Equal(t, w.Inbox.ID.String(), got.text("inboxes.0.id"))
	require.Equal(t, []any{"solved", "spam"}, got.field("inboxes.0.dispositions"))
	require.NotContains(t, string(got.body), w.strangerWorld.Inbox.ID.String())
	require.Nil(t, w.do(t, "GET", "/v1/me", w.adm, nil).is(http.StatusOK).field("agent"))
}

func TestAMessageAndTagsAreForAVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	before := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/claim", w.ana, nil).is(http.StatusOK)
	old := []string{"If-Match", fmt.Sprint(before.field("version"))}
	for _, request := range []struct{ method, path, body string }{
		{"POST", "/messages", `{"type":"text","text":"Hi"}`},
		{"PUT", "/tags", `{"tags":["vip"]}`},
		{"POST", "/tags", `{"add":["vip"]}`},
		{"PATCH", "", `{"priority":"high"}`},
	} {
		w.do(t, request.method, path+request.path, w.ana, request.body, old...).refused(http.StatusConflict, handoff.CodeConflict)
	}
	after := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["vip"]}`, "If-Match", fmt.Sprint(after.field("version"))).is(http.StatusOK)
	tagged := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	require.Equal(t, after.field("version"), tagged.field("version"))
	require.Greater(t, tagged.field("seq"), after.field("seq"), "what changes without the workflow is newer by its seq")
}
