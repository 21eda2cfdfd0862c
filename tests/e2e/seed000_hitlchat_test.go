package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The bodies of HitlChat's guide to headless hand-off, word for word; only the ids are replaced.
const (
	guideMessages = `[{
"from": "447700900123", "id": "wamid.ABC", "timestamp": "1733670000",
"type": "text", "text": { "body": "I need to speak to a human" }
}]`
	guideImage = `[{
"from": "447700900123", "id": "wamid.IMG", "timestamp": "1733670200",
"type": "image",
"image": { "mime_type": "image/jpeg", "id": "META_MEDIA_ID", "caption": "Receipt" }
}]`
	guideHistory = `,
"prior_history": [
{ "direction": "inbound", "text": "What are your hours?", "timestamp": "2026-06-08T09:14:00Z" },
{ "direction": "outbound", "text": "9am-5pm, Mon-Fri.", "timestamp": "2026-06-08T09:14:05Z" }
]`
	guideOutbound = `{
"event": "outbound_message",
"contact_number": "447700900123",
"phone_number_id": "YOUR_PHONE_NUMBER_ID",
"meta_payload": {
"messaging_product": "whatsapp", "to": "447700900123",
"type": "text", "text": { "body": "Hi John, happy to help!" }
}
}`
)

func guideBody(messages, more string) string {
	return withIDs(`{
"object": "whatsapp_business_account",
"entry": [{
"id": "YOUR_WHATSAPP_BUSINESS_ID",
"changes": [{
"field": "messages",
"value": {
"messaging_product": "whatsapp",
"metadata": { "phone_number_id": "YOUR_PHONE_NUMBER_ID" },
"contacts": [{ "profile": { "name": "John" }, "wa_id": "447700900123" }],
"messages": ` + messages + `
}
}]
}]` + more + `
}`)
}

func withIDs(example string) string {
	return strings.NewReplacer("YOUR_WHATSAPP_BUSINESS_ID", waba, "YOUR_PHONE_NUMBER_ID", phone).Replace(example)
}

// TestHitlChatGuide is the guide's example from the first message to the resolved event.
func TestHitlChatGuide(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	s.gateway.Answer(func(int) (int, string) {
		return http.StatusOK, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.REPLY"}]}`
	})

	s.graph.AddMedia("META_MEDIA_ID", "image/jpeg", "", []byte("\xff\xd8\xff\xe0 a receipt"))

	accepted := into[receipt](t, s.post(guideBody(guideMessages, guideHistory)), http.StatusOK)
	require.Len(t, accepted.Items, 1)
	require.Equal(t, "wamid.ABC", accepted.Items[0].ExternalID)
	require.False(t, accepted.Items[0].Duplicate)
	conv := s.open()
	image := call(t, http.MethodPost, s.url+"/api/v1/public/inbound", "", []byte(guideBody(guideImage, "")), "X-API-Key", s.gatewayKey)
	require.Equal(t, http.StatusOK, image.status, "the guide's other prefix, and the other header")

	require.Equal(t, "John", conv.Contact.Name)
	require.Equal(t, "447700900123", conv.Contact.Identities[0].Value)
	require.Equal(t, s.inbox, conv.InboxID)
	s.guideInbox(conv.ID)
	s.guideClaim(conv.ID)
	s.guideReply(conv.ID)
	s.guideStatuses(conv.ID)
	s.guideResolve(conv.ID)
	s.guideEvents(conv.ID)
	s.guideReceipt(accepted)
	s.nothingLeaks(conv, "human", "Receipt", "hours", "happy", "447700900123", "John")
}

// guideInbox is what the agent sees before answering.
func (s *stack) guideInbox(id string) {
	s.Helper()
	until(s.T, readyWithin, "four messages", func() bool { return len(s.messages(id)) == 4 })
	said := s.messages(id)
	var texts []string
	for _, m := range said {
		texts = append(texts, m.Author.Type+": "+m.Text)
	}
	require.Equal(s, []string{
		"contact: What are your hours?", "bot: 9am-5pm, Mon-Fri.", "contact: I need to speak to a human", "contact: Receipt",
	}, texts)
	until(s.T, readyWithin, "the image is here", func() bool { return s.messages(id)[3].Media.State == "ready" })
	require.Equal(s, 2, s.conversation(id).UnreadCount)
}

func (s *stack) guideClaim(id string) {
	s.Helper()
	claimed := into[conversation](s.T, s.command(s.anaKey, id, "claim", nil), http.StatusOK)
	require.Equal(s, "assigned", claimed.Status)
	require.Equal(s, "Ana", claimed.Assignee.Name)
	p := requireProblem(s.T, s.command(s.benKey, id, "claim", nil), http.StatusConflict, "conflict")
	require.Equal(s, &named{s.ana, "Ana"}, p.Assignee)
}

func (s *stack) guideReply(id string) {
	s.Helper()
	body := map[string]string{"type": "text", "text": "Hi John, happy to help!"}
	sent := into[message](s.T, s.command(s.anaKey, id, "messages", body, "Idempotency-Key", "reply-1"), http.StatusCreated)
	again := s.command(s.anaKey, id, "messages", body, "Idempotency-Key", "reply-1")
	require.Equal(s, sent.ID, into[message](s.T, again, http.StatusCreated).ID)
	require.Equal(s, "true", again.header.Get("Idempotent-Replayed"))

	hook := s.webhook(1)
	var want bytes.Buffer
	require.NoError(s, json.Compact(&want, []byte(withIDs(guideOutbound))))
	require.Equal(s, want.String(), hook.Body)
	require.Equal(s, "outbound_message", hook.Header.Get("Handoff-Event"))
	require.Equal(s, id, hook.Header.Get("Handoff-Conversation"))
}

// guideStatuses are Meta's, which the gateway forwards. They name the message by the wamid of the webhook's answer.
func (s *stack) guideStatuses(id string) {
	s.Helper()
	reply := func() message { return s.messages(id)[4] }
	until(s.T, readyWithin, "the reply is with the gateway and its wamid known", func() bool {
		return reply().Status == "delivered_to_gateway" && reply().ExternalID == "wamid.REPLY"
	})
	for _, state := range []string{"sent", "delivered", "read"} {
		accepted := into[receipt](s.T, s.post(status("wamid.REPLY", state)), http.StatusOK)
		require.Equal(s, "status", accepted.Items[0].Kind)
		until(s.T, readyWithin, "the reply is "+state, func() bool { return reply().Status == state })
	}
	late := into[receipt](s.T, s.post(status("wamid.REPLY", "delivered")), http.StatusOK)
	require.True(s, late.Items[0].Duplicate, "a status that comes late changes nothing")
}

func (s *stack) guideResolve(id string) {
	s.Helper()
	ended := into[conversation](s.T, s.command(s.anaKey, id, "resolve", map[string]string{"note": "solved"}), http.StatusOK)
	require.Equal(s, "ended", ended.Status)
	require.Equal(s, "resolved", ended.EndReason)
	hook := s.webhook(2)
	require.Regexp(s, `^{"event":"conversation_resolved","contact_number":"447700900123","resolved_status":"Resolved by Human",`+
		`"resolved_datetime":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}$`, hook.Body)
	require.NotEqual(s, s.gateway.Requests()[0].Header.Get("webhook-id"), hook.Header.Get("webhook-id"))
	requireProblem(s.T, s.command(s.anaKey, id, "messages", map[string]string{"type": "text", "text": "x"}), http.StatusConflict, "conflict")
}

// guideEvents reads the account's events in small pages, as a client does that keeps up. An event shows once every transaction
// of the server that began before it is done, other tests' included.
func (s *stack) guideEvents(id string) {
	s.Helper()
	var types []string
	var last int64
	cursor := ""
	until(s.T, readyWithin, "the event of the end", func() bool {
		page := into[list[event]](s.T, s.get("/v1/events?limit=2&cursor="+cursor), http.StatusOK)
		cursor = page.NextCursor
		for _, e := range page.Items {
			require.Equal(s, id, e.ConversationID)
			if e.Seq != nil {
				require.Equal(s, last+1, *e.Seq, "events are numbered without a gap")
				last = *e.Seq
			}
			types = append(types, e.Type)
		}
		return len(types) > 0 && types[len(types)-1] == "conversation.ended"
	})
	require.Equal(s, []string{
		"message.history", "message.history", "conversation.opened", "message.received", "message.received", "media.ready", "conversation.claimed",
		"message.queued", "message.delivered_to_gateway", "message.sent", "message.delivered", "message.read", "note.added",
		"conversation.ended",
	}, types)
	require.Len(s, pages[event](s.T, s.url+"/v1/conversations/"+id+"/events", s.anaKey), len(types))
}

func (s *stack) guideReceipt(accepted receipt) {
	s.Helper()
	type shown struct {
		Items []struct {
			Outcome, MessageID string
		} `json:"items"`
		Size int `json:"size"`
	}
	got := into[shown](s.T, call(s.T, http.MethodGet, s.url+"/v1/receipts/"+accepted.ReceiptID, s.gatewayKey, nil), http.StatusOK)
	require.Equal(s, "applied", got.Items[0].Outcome)
	require.Equal(s, len(guideBody(guideMessages, guideHistory)), got.Size)
}

// TestHitlChatSample is the guide's way of testing a webhook without a conversation.
func TestHitlChatSample(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	for i, prefix := range []string{"/v1/public", "/api/v1/public"} {
		a := call(t, http.MethodPost, s.url+prefix+"/inbound/test-resolved-webhook", s.gatewayKey, nil)
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		require.Regexp(t, `^{"event":"conversation_resolved","contact_number":"\d+","resolved_status":"Resolved by Human",`, s.webhook(i+1).Body)
	}
}
