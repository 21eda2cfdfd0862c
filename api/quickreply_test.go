package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/api"
)

func TestQuickRepliesAreFilledIn(t *testing.T) {
	t.Parallel()
	values := map[string]string{
		"contact.name": "John", "agent.name": "Ana", "contact.attributes.plan": "gold", "conversation.attributes.order no": "4711", "inbox.name": "",
	}
	for text, want := range map[string]string{
		"Hi {{contact.name}}":                                       "Hi John",
		"{{ contact.name | there }}, {{agent.name}}":                "John, Ana",
		"{{inbox.name|the shop}}{{inbox.name|}}!":                   "the shop!",
		"{{contact.attributes.plan}} {{contact.attributes.x|none}}": "gold none",
		"Order {{conversation.attributes.order no}}":                "Order 4711",
		"{contact.name} {{}} }} {{ {{contact.name}} {":              "{contact.name} {{}} }} {{ John {",
		"{{{contact.name}}}":                                        "{John}",
		"":                                                          "",
	} {
		if strings.Contains(text, "{{}}") {
			require.Error(t, api.CheckVariables(text), text)
			continue
		}
		require.NoError(t, api.CheckVariables(text), text)
		got, err := api.RenderText(text, values)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"{{contact.phone}}", "{{contact.attributes.}}", "{{name|x}}", "{{}}", "{{|x}}", "{{range .}}"} {
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(api.CheckVariables(text)), text)
	}
	_, err := api.RenderText("{{inbox.name}} {{contact.name}} {{contact.attributes.y}}", values)
	var refused *handoff.Error
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "inbox.name", refused.Details[0].Location)
	require.Equal(t, "contact.attributes.y", refused.Details[1].Location)
	require.Len(t, refused.Details, 2)
}

func TestValuesOfQuickRepliesAreNeverReadAgain(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		plain := rapid.StringMatching(`[^{}]{0,40}`).Draw(r, "plain")
		got, err := api.RenderText(plain, nil)
		require.NoError(r, err)
		require.Equal(r, plain, got, "a text without braces stays as it is")

		value := rapid.SampledFrom([]string{"{{contact.name}}", "{{agent.name|x}}", "$1", "${1}", "}}{{", `\`, "{{"}).Draw(r, "value") +
			rapid.StringN(0, 20, -1).Draw(r, "more")
		other := rapid.StringN(1, 20, -1).Draw(r, "other")
		got, err = api.RenderText(plain+"{{contact.name}}"+plain+"{{agent.name|d}}", map[string]string{"contact.name": value, "agent.name": other})
		require.NoError(r, err)
		require.Equal(r, plain+value+plain+other, got)
	})
}

func TestQuickReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const path = "/v1/quick-replies"
	shared := w.do(t, "POST", path, w.adm, `{"shortcut":"hi","text":"Hi {{contact.name|there}}, {{agent.name}} of {{inbox.name}}. Order {{conversation.attributes.order}}?"}`).
		is(http.StatusCreated)
	require.Nil(t, shared.field("agent_id"))
	bound := w.do(t, "POST", path, w.adm, map[string]any{"shortcut": "HI", "text": "Bound", "inbox_id": w.Inbox.ID}).is(http.StatusCreated)
	own := w.do(t, "POST", path, w.ana, `{"shortcut":"Hi","text":"My own 100%"}`).is(http.StatusCreated)
	require.Equal(t, w.Ana.Agent.ID.String(), own.text("agent_id"))
	w.do(t, "POST", path, w.adm, `{"shortcut":"hI","text":"again"}`).refused(http.StatusConflict, handoff.CodeConflict)
	w.do(t, "POST", path, w.ana, `{"shortcut":"HI","text":"again"}`).refused(http.StatusConflict, handoff.CodeConflict)
	for name, body := range map[string]any{
		"a space":             map[string]any{"shortcut": "a b", "text": "x"},
		"nothing to say":      map[string]any{"shortcut": "n", "text": "  "},
		"no such variable":    map[string]any{"shortcut": "n", "text": "{{contact.phone}}"},
		"somebody's inbox":    map[string]any{"shortcut": "n", "text": "x", "inbox_id": w.strangerWorld.Inbox.ID},
		"no team":             map[string]any{"shortcut": "n", "text": "x", "team_id": handoff.NewID()},
		"an inbox and a team": map[string]any{"shortcut": "n", "text": "x", "inbox_id": w.Inbox.ID, "team_id": handoff.NewID()},
		"too long":            map[string]any{"shortcut": "n", "text": strings.Repeat("x", 4097)},
	} {
		got := w.do(t, "POST", path, w.adm, body)
		require.Equal(t, http.StatusUnprocessableEntity, got.status, "%s: %s", name, got.body)
	}

	count := func(key, query string) int {
		return len(w.do(t, "GET", path+query, key, nil).is(http.StatusOK).field("items").([]any))
	}
	require.Equal(t, 3, count(w.ana, ""))
	require.Equal(t, 2, count(w.ben, ""), "Ana's is her own")
	require.Equal(t, 3, count(w.adm, ""))
	require.Equal(t, 0, count(w.strangerAgent, ""))
	require.Equal(t, 1, count(w.ana, "?q=100%25"))
	require.Equal(t, 1, count(w.ben, "?inbox_id="+handoff.NewID().String()), "what is bound to another inbox is left out")
	require.Equal(t, 2, count(w.ben, "?inbox_id="+w.Inbox.ID.String()))

	w.do(t, "PATCH", path+"/"+shared.text("id"), w.ana, `{"text":"x"}`).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "DELETE", path+"/"+bound.text("id"), w.ana, nil).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "PATCH", path+"/"+own.text("id"), w.ben, `{"text":"x"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "GET", path+"/"+shared.text("id"), w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "DELETE", path+"/"+shared.text("id"), w.stranger, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Equal(t, "new", w.do(t, "PATCH", path+"/"+own.text("id"), w.ana, `{"text":"new"}`).is(http.StatusOK).text("text"))
	w.do(t, "PATCH", path+"/"+own.text("id"), w.ana, `{"text":"{{x}}"}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "DELETE", path+"/"+own.text("id"), w.ana, nil).is(http.StatusNoContent)
	w.do(t, "GET", path+"/"+own.text("id"), w.ana, nil).refused(http.StatusNotFound, handoff.CodeNotFound)

	conversation := "/v1/conversations/" + w.conversation(t, "447700900123").ID.String()
	in := map[string]any{"conversation_id": conversation[len("/v1/conversations/"):]}
	render := path + "/" + shared.text("id") + "/render"
	missing := w.do(t, "POST", render, w.ana, in).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	require.Equal(t, "conversation.attributes.order", missing.text("errors.0.location"))
	w.do(t, "PATCH", conversation, w.ana, `{"attributes":{"order":"4711"}}`).is(http.StatusOK)
	require.Equal(t, "Hi John, Ana of Support. Order 4711?", w.do(t, "POST", render, w.ana, in).is(http.StatusOK).text("text"))
	foreign := map[string]any{"conversation_id": w.conversationOf(t, w.strangerWorld, "447700900123").ID}
	w.do(t, "POST", render, w.ana, foreign).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
}

func TestATeamsQuickRepliesAreForItsMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	team := handoff.NewID()
	w.Exec(t, "INSERT INTO teams (id, account_id, name) VALUES ($1, $2, 'Sales')", team, w.Account.ID)
	w.Exec(t, "INSERT INTO team_members (account_id, team_id, agent_id) VALUES ($1, $2, $3)", w.Account.ID, team, w.Ana.Agent.ID)
	made := w.do(t, "POST", "/v1/quick-replies", w.adm, map[string]any{"shortcut": "s", "text": "x", "team_id": team}).is(http.StatusCreated)
	path := "/v1/quick-replies/" + made.text("id")
	w.do(t, "GET", path, w.ana, nil).is(http.StatusOK)
	w.do(t, "GET", path, w.ben, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	require.Len(t, w.do(t, "GET", "/v1/quick-replies", w.ana, nil).is(http.StatusOK).field("items"), 1)
	require.Empty(t, w.do(t, "GET", "/v1/quick-replies", w.ben, nil).is(http.StatusOK).field("items"))
}
