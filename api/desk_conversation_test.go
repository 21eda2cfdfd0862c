package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
)

// updates are the data of the conversation's events of a type, in order.
func (w *world) told(t *testing.T, conversation handoff.ID, kind handoff.EventType) []map[string]any {
	t.Helper()
	var text string
	err := w.DB.QueryRow(t.Context(), "SELECT coalesce(json_agg(data ORDER BY position), '[]') FROM events WHERE conversation_id = $1 AND type = $2",
		conversation, kind).Scan(&text)
	require.NoError(t, err)
	var out []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &out))
	return out
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	got := w.do(t, "PUT", path+"/tags", w.ana, map[string]any{"tags": []string{" VIP ", "vip", "Été", "été", "x"}}).is(http.StatusOK)
	require.Equal(t, []any{"VIP", "Été", "x"}, got.field("tags"))
	require.EqualValues(t, c.Version, got.field("version"), "nothing waits for tags")
	w.do(t, "PUT", path+"/tags", w.ana, map[string]any{"tags": []string{"VIP", "Été", "x"}}).is(http.StatusOK)
	w.do(t, "POST", path+"/tags", w.ana, map[string]any{"add": []string{"vip"}, "remove": []string{"none"}}).is(http.StatusOK)
	require.Len(t, w.told(t, c.ID, handoff.EventUpdated), 1, "nothing has changed, so nothing is told")
	got = w.do(t, "POST", path+"/tags", w.ben, map[string]any{"add": []string{"y"}, "remove": []string{"ÉTÉ", " x"}}).is(http.StatusOK)
	require.Equal(t, []any{"VIP", "y"}, got.field("tags"))
	require.Equal(t, []map[string]any{{"tags": []any{"VIP", "Été", "x"}}, {"tags": []any{"VIP", "y"}}}, w.told(t, c.ID, handoff.EventUpdated))

	other := "/v1/conversations/" + w.conversation(t, "447700900124").ID.String() + "/tags"
	w.do(t, "PUT", other, w.adm, map[string]any{"tags": []string{"vip"}}).is(http.StatusOK)
	w.do(t, "POST", other, w.adm, map[string]any{"add": []string{"VIP", "z"}}).is(http.StatusOK)
	tags := w.do(t, "GET", "/v1/tags", w.ana, nil).is(http.StatusOK)
	require.Len(t, tags.field("items"), 3)
	require.Equal(t, "vip", strings.ToLower(tags.text("items.0.name")))
	require.EqualValues(t, 2, tags.field("items.0.conversations"))
	require.Empty(t, w.do(t, "GET", "/v1/tags", w.strangerAgent, nil).is(http.StatusOK).field("items"))

	for name, tags := range map[string][]string{
		"empty": {" "}, "too long": {strings.Repeat("ü", 51)}, "control": {"a\tb"}, "NUL": {"a\x00b"},
	} {
		w.do(t, "PUT", path+"/tags", w.ana, map[string]any{"tags": tags}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
		require.Len(t, w.told(t, c.ID, handoff.EventUpdated), 2, name)
	}
	many := make([]string, 50)
	for i := range many {
		many[i] = fmt.Sprintf("tag %d", i)
	}
	w.do(t, "PUT", path+"/tags", w.ana, map[string]any{"tags": many}).is(http.StatusOK)
	w.do(t, "POST", path+"/tags", w.ana, map[string]any{"add": []string{"TAG 1"}}).is(http.StatusOK)
	w.do(t, "POST", path+"/tags", w.ana, map[string]any{"add": []string{"one more"}}).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "PUT", path+"/tags", w.strangerAgent, map[string]any{"tags": []string{}}).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", path+"/tags", w.stranger, map[string]any{}).refused(http.StatusNotFound, handoff.CodeNotFound)
}

func TestAttributesAndPriority(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	w.do(t, "PATCH", path, w.ana, `{"attributes":{"order":"4711","plan":"gold"},"priority":"high"}`).is(http.StatusOK)
	got := w.do(t, "PATCH", path, w.ana, `{"attributes":{"order":null,"plan":"gold","gone":null}}`).is(http.StatusOK)
	require.Equal(t, map[string]any{"plan": "gold"}, got.field("attributes"))
	w.do(t, "PATCH", path, w.ana, `{"attributes":{"order":null},"priority":"high"}`).is(http.StatusOK)
	w.do(t, "PATCH", path, w.ana, `{}`).is(http.StatusOK)
	require.Equal(t, []map[string]any{
		{"attributes": map[string]any{"order": "4711", "plan": "gold"}, "priority": "high"}, {"attributes": map[string]any{"plan": "gold"}},
	}, w.told(t, c.ID, handoff.EventUpdated))
	require.Equal(t, 1, w.Count(t, "conversations", "id = $1 AND priority = 2 AND version = $2", c.ID, c.Version))

	tooMany := map[string]string{}
	for i := range 100 {
		tooMany[fmt.Sprint("key", i)] = "x"
	}
	for name, body := range map[string]any{
		"a long key":   map[string]any{"attributes": map[string]string{strings.Repeat("k", 65): "x"}},
		"no key":       map[string]any{"attributes": map[string]string{"": "x"}},
		"a long value": map[string]any{"attributes": map[string]string{"k": strings.Repeat("x", 1001)}},
		"a NUL":        map[string]any{"attributes": map[string]string{"k": "a\x00b"}},
		"too many":     map[string]any{"attributes": tooMany},
		"a number":     map[string]any{"attributes": map[string]int{"k": 7}},
		"no priority":  map[string]any{"priority": "asap"},
	} {
		answer := w.do(t, "PATCH", path, w.ana, body)
		require.Equal(t, http.StatusUnprocessableEntity, answer.status, "%s: %s", name, answer.body)
	}
	require.Len(t, w.told(t, c.ID, handoff.EventUpdated), 2)
	w.do(t, "PATCH", path, w.strangerAgent, `{"priority":"low"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
}

// What is said of an ended conversation has no number, because its end is its last numbered event.
func TestAnEndedConversationCanBeDescribed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["before"]}`).is(http.StatusOK)
	w.do(t, "POST", path+"/resolve", w.ana, nil).is(http.StatusOK)
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["after"]}`).is(http.StatusOK)
	w.do(t, "PATCH", path, w.ana, `{"attributes":{"a":"b"}}`).is(http.StatusOK)
	events := w.Events(t, c.ID)
	numbered := 0
	for i, e := range events {
		if e.Seq != nil {
			numbered++
			require.EqualValues(t, i+1, *e.Seq)
		}
	}
	require.Equal(t, len(events)-2, numbered)
	require.Equal(t, handoff.EventEnded, events[len(events)-3].Type)
}

// An endpoint that asks for it is told in our own words, with the event's number, in its lane.
func TestEndpointsAreToldOfWhatAgentsSay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddEndpoint(t, w.Gateway, "conversation.*")
	c := w.conversation(t, "447700900123")
	path := "/v1/conversations/" + c.ID.String()
	before := len(w.Deliveries(t))
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["vip"]}`).is(http.StatusOK)
	w.do(t, "PUT", path+"/tags", w.ana, `{"tags":["VIP"]}`).is(http.StatusOK)
	w.do(t, "POST", path+"/read", w.ana, nil).is(http.StatusOK)
	w.do(t, "POST", path+"/notes", w.ana, `{"text":"secret"}`).is(http.StatusCreated)
	rows := w.Deliveries(t)[before:]
	require.Len(t, rows, 3)
	for i, kind := range []handoff.EventType{handoff.EventUpdated, handoff.EventUpdated, handoff.EventRead} {
		require.Equal(t, string(kind), rows[i].EventType)
		require.Equal(t, c.ContactID, *rows[i].ContactID)
		var body struct {
			Type handoff.EventType `json:"type"`
			Data struct {
				Seq     int64          `json:"seq"`
				Details map[string]any `json:"details"`
				Contact struct {
					Identities []any `json:"identities"`
				} `json:"contact"`
			} `json:"data"`
		}
		require.NoError(t, json.Unmarshal(rows[i].Body, &body))
		require.Equal(t, kind, body.Type)
		require.Equal(t, *rows[i].Seq, body.Data.Seq)
		require.NotEmpty(t, body.Data.Details)
		require.Len(t, body.Data.Contact.Identities, 1)
	}
	require.Equal(t, 1, w.Count(t, "wakes", "raised AND contact_id = $1", c.ContactID))
	require.Equal(t, c.ContactID, w.waker.all()[len(w.waker.all())-1].ContactID)
}
