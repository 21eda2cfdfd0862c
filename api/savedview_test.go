package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestViewsAreSaved(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.conversation(t, "447700900101"), w.conversation(t, "447700900102")
	w.Exec(t, "UPDATE conversations SET status = 'assigned', assignee_id = $1, tags = '{vip}', unread_count = 2 WHERE id = $2", w.Ana.Agent.ID, first.ID)
	w.Exec(t, "UPDATE conversations SET status = 'assigned', assignee_id = $1, unread_count = 0 WHERE id = $2", w.Ben.Agent.ID, second.ID)

	mine := map[string]any{"name": "Mine", "filters": map[string]any{"assignee_id": "me", "status": []string{"assigned"}}}
	shared := w.do(t, "POST", "/v1/views", w.adm, mine).is(http.StatusCreated)
	require.Equal(t, true, shared.field("shared"))
	require.Equal(t, "newest", shared.text("sort"))
	require.Equal(t, map[string]any{"assignee_id": "me", "status": []any{"assigned"}}, shared.field("filters"))
	own := w.do(t, "POST", "/v1/views", w.ana, map[string]any{
		"name": "Mine", "sort": "oldest", "filters": map[string]any{"tag": []string{"vip"}, "unread": true, "inbox_id": w.Inbox.ID, "active_after": "2026-01-02T03:04:05Z"},
	}).is(http.StatusCreated)
	require.Equal(t, false, own.field("shared"))

	path, ownPath := "/v1/views/"+shared.text("id"), "/v1/views/"+own.text("id")
	list := func(key, path string) []any {
		t.Helper()
		return w.do(t, "GET", path, key, nil).is(http.StatusOK).field("items").([]any)
	}
	require.Equal(t, first.ID.String(), list(w.ana, path+"/conversations")[0].(map[string]any)["id"], "me is whoever looks")
	require.Equal(t, second.ID.String(), list(w.ben, path+"/conversations")[0].(map[string]any)["id"])
	require.Len(t, list(w.ana, path+"/conversations"), 1)
	require.Len(t, list(w.ana, ownPath+"/conversations"), 1)
	require.EqualValues(t, 1, w.do(t, "GET", ownPath+"/counts", w.ana, nil).is(http.StatusOK).field("unread"))
	w.do(t, "GET", path+"/conversations", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Len(t, list(w.ana, "/v1/views"), 2)
	require.Len(t, list(w.ben, "/v1/views"), 1, "a view of one's own is private")
	require.Len(t, list(w.adm, "/v1/views"), 1)

	for _, at := range []string{ownPath, ownPath + "/conversations", ownPath + "/counts"} {
		w.do(t, "GET", at, w.ben, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
		w.do(t, "GET", at, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
	w.do(t, "PATCH", ownPath, w.ben, map[string]any{"name": "Stolen"}).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "DELETE", ownPath, w.adm, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PATCH", path, w.ana, map[string]any{"name": "Changed"}).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "DELETE", path, w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "DELETE", path, w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)

	changed := w.do(t, "PATCH", ownPath, w.ana, map[string]any{"filters": map[string]any{"status": []string{"waiting"}}}).is(http.StatusOK)
	require.Equal(t, "Mine", changed.text("name"))
	require.Equal(t, "oldest", changed.text("sort"))
	require.Equal(t, map[string]any{"status": []any{"waiting"}}, changed.field("filters"))
	require.Equal(t, "queue", w.do(t, "PATCH", ownPath, w.ana, map[string]any{"sort": "queue"}).is(http.StatusOK).text("sort"))
	require.Empty(t, list(w.ana, ownPath+"/conversations"))
	w.do(t, "DELETE", ownPath, w.ana, nil).is(http.StatusNoContent)
	w.do(t, "GET", ownPath, w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "PATCH", path, w.adm, map[string]any{"name": "Ours"}).is(http.StatusOK)
	w.do(t, "DELETE", path, w.adm, nil).is(http.StatusNoContent)
}

func TestViewsThatNoListWouldTakeAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	view := func(name string, filters map[string]any, sort string) answer {
		body := map[string]any{"name": name, "filters": filters}
		if sort != "" {
			body["sort"] = sort
		}
		return w.do(t, "POST", "/v1/views", w.ana, body)
	}
	for _, filters := range []map[string]any{
		{"status": []string{"open"}},
		{"assignee_id": "nobody"},
		{"team_id": "x"},
		{"priority": []string{"huge"}},
		{"attribute": []string{"plan"}},
		{"q": "ab"},
		{"stauts": []string{"waiting"}},
		{"active_after": "yesterday"},
		{"inbox_id": "x"},
	} {
		view("Odd", filters, "").refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	refused := view("Odd", map[string]any{"status": []string{"ended"}}, "queue").refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "body.filters.status", refused.text("errors.0.location"))
	view("", map[string]any{}, "").refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	view("Everything", map[string]any{}, "").is(http.StatusCreated)
	view("EVERYTHING", map[string]any{}, "").refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", "/v1/views", w.ben, map[string]any{"name": "Everything", "filters": map[string]any{}}).is(http.StatusCreated)
	w.do(t, "GET", "/v1/views", w.gateway, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
}
