package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
)

// TestConversationRouting is a number whose customers talk to Meta's own agent first. Until it passes control nobody is asked for;
// when the matter is resolved, control goes back.
func TestConversationRouting(t *testing.T) {
	t.Parallel()
	const customer = "15550002222"
	s := newStack(t)
	l := s.line("kapso", "106540352242906")
	s.graph.Notify(l.address(), metaAppSecret, "")

	l.standby(customer)
	conv := l.controlPassed(customer)
	l.phoneAnswers(customer, conv)
	l.givesBack(customer, conv)
	l.nothingLeaks(conv, "opening hours", "refund", "9 to 5", "drawer", customer, metaAppSecret)
	l.goesOn(customer)
}

// standby is what is said to Meta's agent, which opens nothing.
func (l *line) standby(customer string) {
	l.Helper()
	body := l.webhook("standby", fmt.Sprintf(`"standby":{"contacts":[{"wa_id":%[1]q,"profile":{"name":"Zoe"}}],`+
		`"messages":[{"from":%[1]q,"id":"wamid.S1","timestamp":"1700000000","type":"text","text":{"body":"What are your opening hours?"}}],`+
		`"message_echoes":[{"id":"wamid.S2","timestamp":"1700000001","message":{"to":%[1]q,"recipient_type":"individual","type":"text",`+
		`"text":{"body":"9 to 5."}}}]}`, customer))
	accepted := into[receipt](l.T, l.meta(body), http.StatusOK)
	require.Len(l, accepted.Items, 2)
	until(l.T, readyWithin, "the transcript is taken in", func() bool {
		a := l.get("/v1/conversations?inbox_id=" + l.inbox)
		require.Empty(l, into[list[conversation]](l.T, a, http.StatusOK).Items, "nobody is asked for")
		shown := call(l.T, http.MethodGet, l.url+"/v1/receipts/"+accepted.ReceiptID, l.gatewayKey, nil)
		require.Equal(l, http.StatusOK, shown.status)
		return !strings.Contains(string(shown.body), `"accepted"`)
	})
	again := into[receipt](l.T, l.meta(body), http.StatusOK)
	require.True(l, again.Items[0].Duplicate)
}

// controlPassed opens the conversation. The agent reads what was said, and why they are asked.
func (l *line) controlPassed(customer string) conversation {
	l.Helper()
	posted := requirePosted(l.T)(l.graph.Customer(customer, "Zoe").To(l.number).PassControl("Zoe wants a refund for order 17."))
	conv := l.open()
	require.Equal(l, l.inbox, conv.InboxID)
	require.Equal(l, "waiting", conv.Status)
	require.Equal(l, customer, conv.Contact.Identities[0].Value)
	var texts []string
	for _, m := range l.messages(conv.ID) {
		texts = append(texts, m.Author.Type+": "+m.Text)
	}
	require.Equal(l, []string{
		"system: Summary: Zoe wants a refund for order 17.", "contact: What are your opening hours?", "bot: 9 to 5.",
		"system: Meta's AI agent passed control to escalation",
	}, texts)
	var offloaded []event
	for _, e := range l.eventsUntil(conv.ID, "conversation.offloaded") {
		if e.Type == "conversation.offloaded" {
			offloaded = append(offloaded, e)
		}
	}
	require.Len(l, offloaded, 1)
	require.Equal(l, "meta", offloaded[0].Data["source"])
	require.Equal(l, "Meta's AI agent passed control to escalation", offloaded[0].Data["reason"])
	payload, err := json.Marshal(offloaded[0].Data["payload"])
	require.NoError(l, err)
	require.Contains(l, string(payload), `"previous_owner_role":"ai_agent"`)
	again := call(l.T, http.MethodPost, l.address(), "", posted.Body, "X-Hub-Signature-256", metaSignature(l.T, string(posted.Body)))
	require.True(l, into[receipt](l.T, again, http.StatusOK).Items[0].Duplicate, "Meta repeats itself")
	return conv
}

// phoneAnswers is somebody of the business who answers in the app on a phone: the customer has heard something, so it counts.
func (l *line) phoneAnswers(customer string, conv conversation) {
	l.Helper()
	before := l.conversation(conv.ID)
	said := len(l.messages(conv.ID))
	body := l.webhook("smb_message_echoes", fmt.Sprintf(`"message_echoes":[{"from":"34910000001","to":%q,"id":"wamid.P1","timestamp":"%d","type":"text",`+
		`"text":{"body":"I have it in my drawer."}}]`, customer, time.Now().Unix()))
	into[receipt](l.T, l.meta(body), http.StatusOK)
	m := l.nth(conv.ID, said+1)
	require.Equal(l, []string{"outbound", "agent", "I have it in my drawer.", "wamid.P1"}, []string{m.Direction, m.Author.Type, m.Text, m.ExternalID})
	require.True(l, l.conversation(conv.ID).InactiveAt.After(*before.InactiveAt), "it counts as activity")
	require.True(l, into[receipt](l.T, l.meta(body), http.StatusOK).Items[0].Duplicate)
	require.Empty(l, l.sent(), "it has been sent already")
}

// givesBack resolves the conversation while Meta's routing fails, as it does for hours now and then.
func (l *line) givesBack(customer string, conv conversation) {
	l.Helper()
	l.graph.Fail(fakegraph.Fault{Method: http.MethodPost, Path: "/" + l.number + "/thread_control", Status: http.StatusInternalServerError})
	into[conversation](l.T, l.command(l.anaKey, conv.ID, "claim", nil), http.StatusOK)
	into[conversation](l.T, l.command(l.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	until(l.T, readyWithin, "control is back with Meta's agent", func() bool { return len(l.graph.Controls()) > 0 })
	controls := l.graph.Controls()
	require.Len(l, controls, 1)
	require.Equal(l, []string{l.number, customer, "release"}, []string{controls[0].PhoneNumberID, controls[0].Customer, controls[0].Action})
	require.JSONEq(l, fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"action":"release"}`, customer), string(controls[0].Body))
}

// goesOn is the customer, who talks to Meta's agent again. That is nobody's conversation.
func (l *line) goesOn(customer string) {
	l.Helper()
	body := l.webhook("standby", fmt.Sprintf(`"standby":{"contacts":[{"wa_id":%[1]q}],"messages":[{"from":%[1]q,"id":"wamid.S3",`+
		`"timestamp":"%[2]d","type":"text","text":{"body":"Thanks, and the refund?"}}]}`, customer, time.Now().Unix()))
	into[receipt](l.T, l.meta(body), http.StatusOK)
	open := into[list[conversation]](l.T, l.get("/v1/conversations?status=waiting,assigned"), http.StatusOK)
	require.Empty(l, open.Items)
}
