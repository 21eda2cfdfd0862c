package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/activities"
	"handoff/db/dbsqlc"
)

func (w *world) ownerOf(t *testing.T, contact string) answer {
	t.Helper()
	return w.do(t, "GET", "/v1/inboxes/"+w.Inbox.ID.String()+"/owner?contact="+url.QueryEscape(contact), w.gateway, nil).is(http.StatusOK)
}

// requireOwner checks who holds a conversation, asked by either way.
func (w *world) requireOwner(t *testing.T, c dbsqlc.Conversation, want, reason string) {
	t.Helper()
	for _, got := range []answer{
		w.ownerOf(t, "+447700900123"), w.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/owner", w.ana, nil).is(http.StatusOK),
		w.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/owner", w.gateway, nil).is(http.StatusOK),
	} {
		require.Equal(t, []string{want, reason}, []string{got.text("owner"), got.text("reason")}, "%s", got.body)
		require.NotEmpty(t, got.text("since"))
	}
}

func TestTheOwnerInEveryState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.AddEndpoint(t, w.Gateway, string(handoff.EventPassed))
	require.JSONEq(t, `{"owner":"bot"}`, string(w.ownerOf(t, "447700900123").body), "nobody has heard of them")
	c := w.conversation(t, "447700900123")
	w.requireOwner(t, c, "nobody", "opened")
	for _, step := range []struct {
		verb, key     string
		body          any
		owner, reason string
	}{
		{"claim", w.ana, nil, "agent", "claimed"},
		{"snooze", w.ana, nil, "agent", "claimed"},
		{"wake", w.ana, nil, "agent", "claimed"},
		{"offer", w.ana, map[string]any{"to": "agent", "to_agent_id": w.Ben.Agent.ID}, "agent", "claimed"},
		{"accept", w.ben, nil, "agent", "accepted"},
		{"transfer", w.ben, map[string]any{"to_agent_id": w.Ana.Agent.ID}, "agent", "transferred"},
		{"takeover", w.adm, map[string]any{"agent_id": w.Ben.Agent.ID}, "agent", "taken_over"},
		{"release", w.ben, nil, "nobody", "released"},
		{"pass", w.ben, nil, "bot", "passed"},
		{"claim", w.ben, nil, "agent", "claimed"},
		{"resolve", w.ben, map[string]any{"undo_seconds": 60}, "agent", "claimed"},
		{"resolve", w.ben, nil, "bot", "ended"},
	} {
		w.command(t, c.ID, step.verb, step.key, step.body).is(http.StatusOK)
		w.requireOwner(t, c, step.owner, step.reason)
	}
	// What was accepted counts, applied or not.
	w.Accept(t, w.Body("447700900123", "hello?"), time.Now())
	w.requireOwner(t, c, "nobody", "offloaded")
	require.Empty(t, w.ownerOf(t, "447700900123").text("conversation_id"), "it is just being opened")
}

func TestTheOwnerIsToldToWhoMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.conversation(t, "447700900123")
	path := "/v1/inboxes/" + w.Inbox.ID.String() + "/owner"
	w.do(t, "GET", path, w.gateway, nil).refused(invalid, handoff.CodeInvalid)
	require.Equal(t, "nobody", w.do(t, "GET", path+"?contact=447700900123&kind=phone", w.ana, nil).is(http.StatusOK).text("owner"))
	require.Equal(t, "bot", w.do(t, "GET", path+"?contact=447700900123&kind=session", w.ana, nil).is(http.StatusOK).text("owner"))
	w.do(t, "GET", path+"?contact=447700900123", w.strangerGateway, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "GET", path+"?contact=447700900123", "", nil).refused(http.StatusUnauthorized, handoff.CodeUnauthorized)
	w.do(t, "GET", "/v1/conversations/"+c.ID.String()+"/owner", w.strangerGateway, nil).refused(http.StatusNotFound, handoff.CodeNotFound)
}

// What a contact writes to a bot that has the conversation leaves it the conversation; an offload takes it, from the moment in which it
// is accepted.
func TestWhatIsWrittenToTheBotLeavesItTheConversation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Exec(t, "UPDATE inboxes SET protocol = 'native' WHERE id = $1", w.Inbox.ID)
	w.Inbox.Protocol = handoff.ProtocolNative
	w.AddEndpoint(t, w.Gateway, string(handoff.EventPassed))
	contact := &handoff.ItemContact{Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "447700900123"}}}
	said := func(id string) []handoff.Item {
		return []handoff.Item{{Kind: handoff.ItemMessage, ExternalID: id, Contact: contact, Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Hello", Content: json.RawMessage(`{"body":"Hello"}`), Opens: true,
		}}}
	}
	wake := w.AcceptItems(t, []byte(`{"n":1}`), said("m1"), time.Now()).Wakes[0]
	ref := activities.Ref{AccountID: wake.AccountID, InboxID: wake.InboxID, ContactID: wake.ContactID}
	snapshot, err := w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	require.NoError(t, err)
	c := dbsqlc.Conversation{ID: snapshot.Conversation.ID}
	w.command(t, c.ID, "pass", w.ana, nil).is(http.StatusOK)
	w.AcceptItems(t, []byte(`{"n":2}`), said("m2"), time.Now())
	w.requireOwner(t, c, "bot", "passed")
	_, err = w.activities.ApplyInbound(t.Context(), activities.ApplyInboundInput{Ref: ref, Now: time.Now()})
	require.NoError(t, err)
	w.requireOwner(t, c, "bot", "passed")
	w.do(t, "POST", "/v1/inboxes/"+w.Inbox.ID.String()+"/offloads", w.gateway, map[string]any{"contact": map[string]any{"phone": "+447700900123"}}).is(http.StatusOK)
	w.requireOwner(t, c, "nobody", "offloaded")
}
