package api_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
)

func TestContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	john := w.conversation(t, "447700900123")
	w.conversation(t, "447700900999")
	w.conversationOf(t, w.strangerWorld, "447700900123")
	path := "/v1/contacts/" + john.ContactID.String()

	all := w.do(t, "GET", "/v1/contacts?limit=1", w.ana, nil).is(http.StatusOK)
	require.Equal(t, "447700900999", all.text("items.0.identities.0.value"), "the newest first")
	rest := w.do(t, "GET", "/v1/contacts?limit=1&cursor="+all.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.Equal(t, john.ContactID.String(), rest.text("items.0.id"))
	require.Empty(t, rest.text("next_cursor"))
	require.Len(t, w.do(t, "GET", "/v1/contacts?q=900123", w.ana, nil).is(http.StatusOK).field("items"), 1)
	require.Len(t, w.do(t, "GET", "/v1/contacts?q=JOHN", w.ana, nil).is(http.StatusOK).field("items"), 2)
	require.Empty(t, w.do(t, "GET", "/v1/contacts?q=%25", w.ana, nil).is(http.StatusOK).field("items"))

	got := w.do(t, "PATCH", path, w.ana, `{"name":" Mr Smith ","attributes":{"plan":"gold"}}`).is(http.StatusOK)
	require.Equal(t, "Mr Smith", got.text("name"))
	require.Equal(t, true, got.field("name_by_agent"))
	w.do(t, "PATCH", path, w.ana, `{"name":"Mr Smith","attributes":{"plan":"gold"}}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "events", "type = 'contact.updated' AND conversation_id IS NULL"), "nothing has changed")
	require.Equal(t, 1, w.Count(t, "events", `type = 'contact.updated' AND data = jsonb_build_object('contact_id', $1::text, 'fields', '["name","attributes"]'::jsonb)`,
		john.ContactID.String()))
	require.Zero(t, w.Count(t, "events", "type = 'contact.updated' AND data::text LIKE '%4477%'"), "no phone number")
	require.Equal(t, "gold", w.do(t, "GET", path, w.ben, nil).is(http.StatusOK).text("attributes.plan"))
	w.do(t, "PATCH", path, w.ana, `{"name":"a\u0000b"}`).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)

	for _, key := range []string{w.stranger, w.strangerAgent} {
		w.do(t, "GET", path, key, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
		w.do(t, "GET", path+"/conversations", key, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
		w.do(t, "PATCH", path, key, `{"name":"x"}`).refused(http.StatusNotFound, handoff.CodeNotFound)
	}
}

func TestANameThatAnAgentChoseStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	john := w.conversation(t, "447700900123")
	path := "/v1/contacts/" + john.ContactID.String()
	says := func() string {
		w.Accept(t, w.Body("447700900123", "again"), time.Now())
		return w.do(t, "GET", path, w.ana, nil).is(http.StatusOK).text("name")
	}
	w.do(t, "PATCH", path, w.ana, `{"name":"John"}`).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "contacts", "id = $1 AND named", john.ContactID), "the same name, now by an agent")
	w.do(t, "PATCH", path, w.ana, `{"name":"Mr Smith"}`).is(http.StatusOK)
	require.Equal(t, "Mr Smith", says())
	w.do(t, "PATCH", path, w.ana, `{"attributes":{"a":"b"}}`).is(http.StatusOK)
	require.Equal(t, "Mr Smith", says())
	w.do(t, "PATCH", path, w.ana, `{"name":""}`).is(http.StatusOK)
	require.Equal(t, "John", says(), "it calls itself so")
	w.do(t, "PATCH", path, w.ana, `{"name":""}`).is(http.StatusOK)
	require.Equal(t, "John", w.do(t, "GET", path, w.ana, nil).is(http.StatusOK).text("name"))
}

func TestAContactsConversations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.conversation(t, "447700900123")
	w.do(t, "POST", "/v1/conversations/"+first.ID.String()+"/resolve", w.ana, nil).is(http.StatusOK)
	second := w.conversation(t, "447700900123")
	w.conversation(t, "447700900124")
	path := "/v1/contacts/" + first.ContactID.String() + "/conversations"
	got := w.do(t, "GET", path+"?limit=1", w.ana, nil).is(http.StatusOK)
	require.Equal(t, second.ID.String(), got.text("items.0.id"))
	got = w.do(t, "GET", path+"?cursor="+got.text("next_cursor"), w.ana, nil).is(http.StatusOK)
	require.Equal(t, first.ID.String(), got.text("items.0.id"))
	require.Len(t, got.field("items"), 1)
	require.Equal(t, "John", got.text("items.0.contact.name"))
}

// The list of a contact's conversations, and so the contact's export, named neither the team nor whom a conversation was offered to.
func TestAContactsConversationsAreShownAsTheyAreAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	w.command(t, c.ID, "transfer", w.ana, map[string]any{"to_team_id": w.Team(t, "Billing", "")}).is(http.StatusOK)
	w.command(t, c.ID, "offer", w.ana, map[string]any{"to": "agent", "to_agent_id": w.Ben.Agent.ID}).is(http.StatusOK)
	alone := w.do(t, "GET", "/v1/conversations/"+c.ID.String(), w.ana, nil).is(http.StatusOK)
	require.Equal(t, "Billing", alone.text("team.name"))
	require.Equal(t, "Ben", alone.text("offer.agent.name"))
	listed := w.do(t, "GET", "/v1/contacts/"+c.ContactID.String()+"/conversations", w.ana, nil).is(http.StatusOK)
	var view map[string]any
	require.NoError(t, json.Unmarshal(alone.body, &view))
	require.Equal(t, any(view), listed.field("items.0"))
}
