package api_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
)

func (w *world) latest(t *testing.T, id handoff.ID) dbsqlc.Conversation {
	t.Helper()
	row, err := dbsqlc.New(w.DB).ConversationGet(context.Background(), dbsqlc.ConversationGetParams{AccountID: w.Account.ID, ID: id})
	require.NoError(t, err)
	return row
}

func (w *world) list(t *testing.T, path string) []any {
	t.Helper()
	items, _ := w.do(t, "GET", path, w.ana, nil).is(http.StatusOK).field("items").([]any)
	return items
}

func (w *world) startBody(to, message string) string {
	return fmt.Sprintf(`{"inbox_id":%q,%s,"message":%s}`, w.Inbox.ID, to, message)
}

func TestAnAgentStartsByPhoneAndByContact(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	john := w.startBody(`"contact":{"phone":"+44 7700 900123","name":"John"}`, template)
	w.do(t, "POST", "/v1/conversations", w.ana, w.startBody(`"contact":{"phone":"+44 7700 900123"}`, `{"type":"text","text":"Hi"}`)).
		refused(invalid, handoff.CodeWindowClosed)
	require.Zero(t, w.count(t, "SELECT count(*) FROM messages")+w.count(t, "SELECT count(*) FROM conversations"), "nothing is left of it")
	started := w.repeated(t, http.StatusCreated, "/v1/conversations", w.ana, john)
	require.Equal(t, []string{"assigned", "Ana", "John"}, []string{started.text("status"), started.text("assignee.name"), started.text("contact.name")})
	require.Equal(t, "template", started.text("last_message.type"))
	w.do(t, "POST", "/v1/conversations", w.ben, john).says(conflict, handoff.CodeConflict, "has an open conversation in this inbox: "+started.text("id"))
	require.Equal(t, 1, w.count(t, "SELECT count(*) FROM messages"))

	// Once the contact has written, anything may follow for a day, whichever conversation it is in.
	c := w.conversation(t, "447700900123")
	require.Equal(t, started.text("id"), c.ID.String(), "it is the contact's conversation")
	w.command(t, c.ID, "resolve", w.ana, nil).is(http.StatusOK)
	byContact := w.startBody(fmt.Sprintf(`"contact_id":%q`, c.ContactID), `{"type":"text","text":"One more thing"}`)
	again := w.do(t, "POST", "/v1/conversations", w.ben, byContact).is(http.StatusCreated)
	require.Equal(t, []string{"Ben", "One more thing"}, []string{again.text("assignee.name"), again.text("last_message.text")})
	require.Empty(t, again.text("previous_id"))
	w.do(t, "POST", "/v1/conversations/"+again.text("id")+"/resolve", w.ben, nil).is(http.StatusOK)
	w.Exec(t, "UPDATE wakes SET last_inbound_at = now() - interval '25 hours'")
	w.do(t, "POST", "/v1/conversations", w.ben, byContact).refused(invalid, handoff.CodeWindowClosed)
}

func TestAnAgentStartsBySession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "UPDATE inboxes SET protocol = 'native' WHERE id = $1", w.Inbox.ID)
	w.AddEndpoint(t, w.Gateway, string(handoff.EventMessageQueued))
	body := w.startBody(`"contact":{"session":"visitor-17","name":"Ann"}`, `{"type":"text","text":"Hi Ann"}`)
	started := w.do(t, "POST", "/v1/conversations", w.ana, body).is(http.StatusCreated)
	require.Equal(t, "visitor-17", w.do(t, "GET", "/v1/contacts/"+started.text("contact.id"), w.ana, nil).is(http.StatusOK).
		field("identities").([]any)[0].(map[string]any)["value"], "no window there")
}

func TestStartsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	foreign := w.conversationOf(t, w.strangerWorld, "447700900999")
	phone := `"contact":{"phone":"447700900123"}`
	for to, words := range map[string]string{
		`"contact":{}`:                "say who the contact is",
		`"contact":{"phone":"+ - "}`:  "say who the contact is",
		`"contact":{"name":"Nobody"}`: "say who the contact is",
		phone + `,"contact_id":"` + foreign.ContactID.String() + `"`: "one of the two",
		`"agent_id":"` + w.Ana.Agent.ID.String() + `"`:               "one of the two",
		`"contact_id":"` + foreign.ContactID.String() + `"`:          "names no contact of this account",
	} {
		w.do(t, "POST", "/v1/conversations", w.ana, w.startBody(to, template)).says(invalid, handoff.CodeInvalid, words)
	}
	w.do(t, "POST", "/v1/conversations", w.strangerAgent, w.startBody(phone, template)).says(invalid, handoff.CodeInvalid, "names no inbox")
	w.do(t, "POST", "/v1/conversations", w.adm, w.startBody(phone, template)).says(invalid, handoff.CodeInvalid, "which agent starts")
	w.do(t, "POST", "/v1/conversations", w.gateway, w.startBody(phone, template)).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "POST", "/v1/conversations", w.adm, w.startBody(phone+`,"agent_id":"`+w.Ben.Agent.ID.String()+`"`, template)).is(http.StatusCreated)
	w.Exec(t, "UPDATE inboxes SET protocol = 'passthrough' WHERE id = $1", w.Inbox.ID)
	w.do(t, "POST", "/v1/conversations", w.ana, w.startBody(phone, template)).says(conflict, handoff.CodeConflict, "have no conversations")
}

func TestAnEndedConversationIsReopened(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	team := w.Team(t, "Billing", "")
	c := w.conversation(t, "447700900123")
	w.command(t, c.ID, "reopen", w.ana, nil).says(conflict, handoff.CodeConflict, "nothing to reopen")
	w.command(t, c.ID, "transfer", w.ana, map[string]any{"to_team_id": team}).is(http.StatusOK)
	w.Exec(t, "UPDATE conversations SET tags = '{vip}', priority = 3")
	w.command(t, c.ID, "resolve", w.ana, nil).is(http.StatusOK)
	w.command(t, c.ID, "reopen", w.adm, nil).says(invalid, handoff.CodeInvalid, "which agent")
	opened := w.repeated(t, http.StatusCreated, "/v1/conversations/"+c.ID.String()+"/reopen", w.ben, nil)
	require.Equal(t, []string{c.ID.String(), "Ben", team.String(), "urgent"},
		[]string{opened.text("previous_id"), opened.text("assignee.name"), opened.text("team.id"), opened.text("priority")})
	require.Equal(t, []any{"vip"}, opened.field("tags"))
	require.NotEmpty(t, opened.text("window_expires_at"), "the window is the contact's")
	w.command(t, c.ID, "reopen", w.ana, nil).says(conflict, handoff.CodeConflict, "open conversation in this inbox: "+opened.text("id"))
	w.do(t, "POST", "/v1/conversations/"+opened.text("id")+"/resolve", w.ben, nil).is(http.StatusOK)
	w.command(t, c.ID, "reopen", w.ana, nil).says(conflict, handoff.CodeConflict, "another conversation since")
}
