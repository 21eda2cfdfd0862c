package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/admin"
)

func nativePath(inbox dbsqlc.Inbox, name string) string {
	return "/v1/inboxes/" + inbox.ID.String() + "/" + name
}

const visitor = `"contact":{"id":"visitor-17","name":"Ann"}`

func TestNativeMessagesAreTakenIn(t *testing.T) {
	t.Parallel()
	for _, p := range []handoff.Protocol{handoff.ProtocolNative, handoff.ProtocolAksita} {
		t.Run(string(p), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			inbox := w.AddInbox(t, p)
			one := `{` + visitor + `,"id":"m1","text":"I need to speak to a human"}`
			got := w.do(t, "POST", nativePath(inbox, "messages"), w.gateway, one).is(http.StatusOK)
			require.Equal(t, "message", got.text("items.0.kind"))
			require.Equal(t, "m1", got.text("items.0.external_id"))
			require.Len(t, w.waker.all(), 1)
			snapshot := w.apply(t, w.waker.all()[0])
			require.Equal(t, handoff.StatusWaiting, snapshot.Conversation.Status)
			w.do(t, "GET", "/v1/receipts/"+got.text("receipt_id"), w.gateway, nil).is(http.StatusOK)

			before := w.Dump(t)
			again := w.do(t, "POST", nativePath(inbox, "messages"), w.gateway, `{"messages":[`+one+`]}`).is(http.StatusOK)
			require.Equal(t, true, again.field("items.0.duplicate"))
			w.RequireUnchanged(t, before)

			mixed := w.do(t, "POST", nativePath(inbox, "messages"), w.gateway,
				`{"messages":[{`+visitor+`,"id":"m2","text":7},{`+visitor+`,"id":"m3","text":"Hello?"}]}`).is(http.StatusOK)
			require.Equal(t, "ignored", mixed.text("items.0.kind"))
			require.Contains(t, mixed.text("items.0.reason"), "messages[0].text has to be a text")
			require.Equal(t, "message", mixed.text("items.1.kind"))
		})
	}
}

func TestAMistakeInANativeBodyIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolNative)
	for name, c := range map[string]struct{ route, body, location string }{
		"unknown field":   {"messages", `{` + visitor + `,"id":"m","text":"x","txt":"y"}`, "body.txt"},
		"no id":           {"messages", `{` + visitor + `,"text":"x"}`, "body.id"},
		"bad status":      {"statuses", `{"message_id":"` + handoff.NewID().String() + `","status":"seen"}`, "body.status"},
		"payload no map":  {"offloads", `{` + visitor + `,"payload":[]}`, "body.payload"},
		"no contact":      {"ends", `{"reason":"left"}`, "body.contact"},
		"fields by case":  {"ends", `{` + visitor + `,"Reason":"left"}`, "body.Reason"},
		"only bad ones":   {"messages", `{"messages":[{"id":"m"}]}`, "body.messages[0].contact"},
		"not a timestamp": {"offloads", `{` + visitor + `,"timestamp":"now"}`, "body.timestamp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := w.do(t, "POST", nativePath(inbox, c.route), w.gateway, c.body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
			require.Equal(t, c.location, got.text("errors.0.location"), string(got.body))
		})
	}
	w.do(t, "POST", nativePath(inbox, "ends"), w.gateway, `{`).refused(http.StatusBadRequest, handoff.CodeMalformed)
}

func TestANativeOffloadOpensAConversationAndAnEndEndsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolNative)
	offload := `{` + visitor + `,"id":"o1","reason":"asked for a person","transcript":[{"direction":"inbound","text":"Hi"}]}`
	got := w.do(t, "POST", nativePath(inbox, "offloads"), w.gateway, offload).is(http.StatusOK)
	require.Equal(t, true, got.field("accepted"))
	require.Equal(t, false, got.field("duplicate"))
	require.NotEmpty(t, got.text("message_id"))
	snapshot := w.apply(t, w.waker.all()[0])
	require.Equal(t, handoff.StatusWaiting, snapshot.Conversation.Status)

	before := w.Dump(t)
	again := w.do(t, "POST", nativePath(inbox, "offloads"), w.gateway, offload).is(http.StatusOK)
	require.Equal(t, true, again.field("duplicate"))
	require.Equal(t, got.text("message_id"), again.text("message_id"))
	w.RequireUnchanged(t, before)

	w.do(t, "POST", nativePath(inbox, "ends"), w.gateway, `{`+visitor+`,"reason":"left the page"}`).is(http.StatusOK)
	snapshot = w.apply(t, w.waker.all()[1])
	require.Equal(t, handoff.EndGateway, snapshot.Conversation.EndReason)
}

// The same words tomorrow are another request; the same Idempotency-Key is the same one.
func TestANativeOffloadWithoutAnIDIsOneForEachRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolNative)
	offload := `{` + visitor + `,"reason":"asked for a person"}`
	for range 2 {
		got := w.do(t, "POST", nativePath(inbox, "offloads"), w.gateway, offload).is(http.StatusOK)
		require.Equal(t, false, got.field("duplicate"))
	}
	require.Equal(t, 2, w.Count(t, "messages", "type = 'offload'"))
	for range 2 {
		w.do(t, "POST", nativePath(inbox, "offloads"), w.gateway, offload, "Idempotency-Key", "k").is(http.StatusOK)
	}
	require.Equal(t, 3, w.Count(t, "messages", "type = 'offload'"))
}

func TestANativeOffloadThatNobodyCanTakeIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolNative, func(row *dbsqlc.InboxInsertParams) { row.Accepting = false })
	got := w.do(t, "POST", nativePath(inbox, "offloads"), w.gateway, `{`+visitor+`}`).is(http.StatusOK)
	require.Equal(t, false, got.field("accepted"))
	require.Equal(t, "the inbox is closed", got.text("reason"))
	require.Nil(t, got.field("message_id"))
	receipt := w.do(t, "GET", "/v1/receipts/"+got.text("receipt_id"), w.gateway, nil).is(http.StatusOK)
	require.Equal(t, "refused", receipt.text("items.0.outcome"))
	require.Empty(t, w.waker.all())
}

func TestANativeStatusFindsItsMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox := w.AddInbox(t, handoff.ProtocolNative)
	w.do(t, "POST", nativePath(inbox, "messages"), w.gateway, `{`+visitor+`,"id":"m1","text":"Hello"}`).is(http.StatusOK)
	c := w.apply(t, w.waker.all()[0]).Conversation
	queued := w.queuedMessage(t, inbox, c.ID)
	got := w.do(t, "POST", nativePath(inbox, "statuses"), w.gateway,
		`{"statuses":[{"message_id":"`+queued.String()+`","external_id":"w1","status":"delivered"},{"external_id":"unknown","status":"read"}]}`).is(http.StatusOK)
	require.Equal(t, queued.String(), got.text("items.0.message_id"))
	require.Contains(t, got.text("items.1.reason"), "not known yet")
	w.apply(t, w.waker.all()[1])
	require.Equal(t, 1, w.Count(t, "messages", "id = $1 AND status = 'delivered'", queued))
}

// queuedMessage is a message of an agent's that is on its way.
func (w *world) queuedMessage(t *testing.T, inbox dbsqlc.Inbox, conversation handoff.ID) handoff.ID {
	t.Helper()
	id := handoff.NewID()
	w.Exec(t, `INSERT INTO messages (id, account_id, inbox_id, contact_id, conversation_id, direction, author_type, type, status, created_at)
		SELECT $1, account_id, inbox_id, contact_id, id, 'outbound', 'agent', 'text', 'queued', now() FROM conversations WHERE id = $2 AND inbox_id = $3`,
		id, conversation, inbox.ID)
	return id
}

func TestARequestToAnInboxOfAnotherProtocolIsToldTheRightRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for p, route := range map[handoff.Protocol]string{
		handoff.ProtocolHitlChat: "/v1/public/inbound", handoff.ProtocolKapso: "/v1/public/inbound",
		handoff.ProtocolChatlayer: "/v1/chatlayer/", handoff.ProtocolPassthrough: "/v1/passthrough/",
	} {
		inbox := w.AddInbox(t, p)
		for _, name := range []string{"messages", "statuses", "offloads", "ends"} {
			got := w.do(t, "POST", nativePath(inbox, name), w.gateway, `{`+visitor+`}`).refused(http.StatusConflict, handoff.CodeConflict)
			require.Contains(t, got.text("detail"), route)
		}
	}
	require.Zero(t, w.Count(t, "receipts", "true"))
}

func TestANativeRequestNeedsAKeyForTheInbox(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inbox, other := w.AddInbox(t, handoff.ProtocolNative), w.AddInbox(t, handoff.ProtocolNative)
	_, bound, err := w.admin().CreateKey(t.Context(), w.Account.ID, admin.NewKey{Name: "bound", Scope: handoff.ScopeGateway, InboxID: &other.ID})
	require.NoError(t, err)
	body := `{` + visitor + `,"id":"m1","text":"Hello"}`
	w.do(t, "POST", nativePath(inbox, "messages"), bound, body).refused(http.StatusForbidden, handoff.CodeForbidden)
	w.do(t, "POST", nativePath(inbox, "messages"), w.strangerGateway, body).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", nativePath(dbsqlc.Inbox{ID: handoff.NewID()}, "messages"), w.gateway, body).refused(http.StatusNotFound, handoff.CodeNotFound)
	w.do(t, "POST", "/v1/inboxes/1/messages", w.gateway, body).refused(http.StatusUnprocessableEntity, handoff.CodeInvalid)
	w.do(t, "POST", nativePath(other, "messages"), bound, body).is(http.StatusOK)
	require.Equal(t, 1, w.Count(t, "messages", "inbox_id = $1", other.ID))
	require.Equal(t, 1, w.Count(t, "messages", "true"))
}
