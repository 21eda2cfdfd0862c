package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestMentionsFindTheirAgent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	notes := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/notes"
	ben, ana := w.Ben.Agent.ID, w.Ana.Agent.ID
	first := w.do(t, "POST", notes, w.ana, map[string]any{"text": "look, Ben", "mentions": []handoff.ID{ben, ben}}).is(http.StatusCreated)
	require.Equal(t, []any{ben.String()}, first.field("mentions"))
	second := w.do(t, "POST", notes, w.ana, map[string]any{"text": "both of you", "mentions": []handoff.ID{ben, ana}}).is(http.StatusCreated)
	w.do(t, "POST", notes, w.ana, map[string]any{"text": "nobody"}).is(http.StatusCreated)

	got := w.do(t, "GET", "/v1/mentions?unread=true&limit=1", w.ben, nil).is(http.StatusOK)
	require.Equal(t, second.text("id"), got.text("items.0.note.id"), "the newest first")
	require.Equal(t, "Ana", got.text("items.0.note.author.name"))
	rest := w.do(t, "GET", "/v1/mentions?unread=true&cursor="+got.text("next_cursor"), w.ben, nil).is(http.StatusOK)
	require.Equal(t, first.text("id"), rest.text("items.0.note.id"))
	require.Empty(t, rest.text("next_cursor"))

	read := map[string]any{"note_ids": []string{first.text("id")}}
	require.EqualValues(t, 1, w.do(t, "POST", "/v1/mentions/read", w.ben, read).is(http.StatusOK).field("read"))
	require.EqualValues(t, 0, w.do(t, "POST", "/v1/mentions/read", w.ben, read).is(http.StatusOK).field("read"))
	require.Len(t, w.do(t, "GET", "/v1/mentions?unread=true", w.ben, nil).is(http.StatusOK).field("items"), 1)
	require.Len(t, w.do(t, "GET", "/v1/mentions", w.ben, nil).is(http.StatusOK).field("items"), 2)
	require.Len(t, w.do(t, "GET", "/v1/mentions?unread=true", w.ana, nil).is(http.StatusOK).field("items"), 1, "Ana's are her own")
	require.EqualValues(t, 1, w.do(t, "POST", "/v1/mentions/read", w.adm, map[string]any{"agent_id": ben}).is(http.StatusOK).field("read"))
	w.do(t, "GET", "/v1/mentions", w.adm, nil).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)

	require.Equal(t, 2, w.Count(t, "events", "type = 'note.added' AND data ? 'mentions'"))
	require.Equal(t, 1, w.Count(t, "events", "type = 'note.added' AND data->'mentions' @> $1", `["`+ana.String()+`"]`))
}

func TestANoteNamesAgentsOfItsAccountOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	notes := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String() + "/notes"
	for _, stranger := range []handoff.ID{w.strangerWorld.Ana.Agent.ID, handoff.NewID()} {
		w.do(t, "POST", notes, w.ana, map[string]any{"text": "look", "mentions": []handoff.ID{stranger}}).
			refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	}
	require.Zero(t, w.Count(t, "notes", "true"))
	require.Zero(t, w.Count(t, "events", "type = 'note.added'"))
	w.do(t, "POST", notes, w.strangerAgent, map[string]any{"text": "look"}).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Empty(t, w.do(t, "GET", "/v1/mentions", w.strangerAgent, nil).is(http.StatusOK).field("items"))
}
