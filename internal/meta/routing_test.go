package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/meta"
)

// The shapes of two public code bases that run Meta's conversation routing.
const (
	standbyBody = `{"object":"whatsapp_business_account","entry":[{"id":"1001","changes":[{"field":"standby","value":{
		"messaging_product":"whatsapp","metadata":{"phone_number_id":"2002"},"standby":{
		"contacts":[{"profile":{"name":"Ann"},"wa_id":"15550002222","user_id":"US.1"}],
		"messages":[{"from":"15550002222","id":"wamid.in","timestamp":"1700000000","type":"text","text":{"body":"Are you open?"}}],
		"statuses":[{"id":"wamid.out","status":"read","timestamp":"1700000001","recipient_id":"15550002222"}],
		"message_echoes":[{"id":"wamid.bot","timestamp":"1700000001","message":{"to":"15550002222","recipient":"15550002222",
			"recipient_type":"individual","type":"text","text":{"body":"Until six."}}}]}}}]}]}`
	controlPassed = `{"object":"whatsapp_business_account","entry":[{"id":"1001","changes":[{"field":"messaging_handovers","value":{
		"messaging_product":"whatsapp","recipient":{"display_phone_number":"15550001111","phone_number_id":"2002"},
		"sender":{"phone_number":"15550002222"},"timestamp":"1700000002","type":"control_passed",
		"control_passed":{"metadata":"customer_request","previous_owner_app_id":"77","previous_owner_app_role":"meta_business_agent",
			"previous_owner_role":"ai_agent","new_owner_role":"escalation"}}}]}]}`
)

// handoverOf wraps the inside of a hand-over of a contact with a phone number and a BSUID.
func handoverOf(inside string) []byte {
	return fmt.Appendf(nil, `{"entry":[{"id":"1001","changes":[{"field":"messaging_handovers","value":{
		"recipient":{"phone_number_id":"2002"},"sender":{"phone_number":"+15550002222","user_id":"US.1"},"timestamp":"1700000002",%s}}]}]}`, inside)
}

func TestStandbyIsATranscriptThatOpensNothing(t *testing.T) {
	t.Parallel()
	items := parse(t, []byte(standbyBody))
	require.Len(t, items, 3)
	contact := &handoff.ItemContact{Name: "Ann", Identities: []handoff.Identity{bsuid("US.1"), phoneOf("15550002222")}}
	route := handoff.Route{WABAID: "1001", PhoneNumberID: "2002"}
	const at = "entry[0].changes[0].value.standby."
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemMessage, Location: at + "messages[0]", Route: route, ExternalID: "wamid.in", Contact: contact,
		Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Are you open?",
			Content: json.RawMessage(`{"text":{"body":"Are you open?"},"type":"text"}`), At: time.Unix(1700000000, 0).UTC(), Shadow: true,
		},
	}, items[0])
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemMessage, Location: at + "message_echoes[0]", Route: route, ExternalID: "wamid.bot", Contact: contact,
		Message: &handoff.ItemMessageBody{
			Direction: handoff.Outbound, Author: handoff.AuthorBot, Type: "text", Text: "Until six.",
			Content: json.RawMessage(`{"text":{"body":"Until six."},"type":"text"}`), At: time.Unix(1700000001, 0).UTC(), Shadow: true,
		},
	}, items[1])
	require.Equal(t, handoff.ItemStatus, items[2].Kind)
	require.Equal(t, handoff.MessageRead, items[2].Status.Status)
	require.Equal(t, at+"statuses[0]", items[2].Location)
}

func TestStandbyInOtherShapes(t *testing.T) {
	t.Parallel()
	const hello = `"messages":[{"from":"15550002222","id":"wamid.1","type":"text","text":{"body":"hi"}}]`
	for name, tc := range map[string]struct{ value, location string }{
		"directly in the value":         {hello + `,"contacts":[{"wa_id":"15550002222"}]`, "value.messages[0]"},
		"its contacts in the value":     {`"contacts":[{"wa_id":"15550002222"}],"standby":{` + hello + `}`, "value.standby.messages[0]"},
		"an echo as in the app":         {`"standby":{"message_echoes":[{"to":"15550002222","id":"wamid.1","type":"text","text":{"body":"hi"}}]}`, "value.standby.message_echoes[0]"},
		"an echo to a recipient":        {`"standby":{"message_echoes":[{"id":"wamid.1","message":{"to":"","recipient":"15550002222","type":"text","text":{"body":"hi"}}}]}`, "value.standby.message_echoes[0]"},
		"an empty list beside the real": {`"messages":[],"standby":{` + hello + `}`, "value.standby.messages[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items := parse(t, []byte(`{"entry":[{"id":"1","changes":[{"field":"standby","value":{`+tc.value+`}}]}]}`))
			require.Equal(t, "entry[0].changes[0]."+tc.location, items[0].Location)
			require.True(t, items[0].Message.Shadow)
			require.False(t, items[0].Message.Opens)
			require.Equal(t, "hi", items[0].Message.Text)
			require.Equal(t, []handoff.Identity{phoneOf("15550002222")}, items[0].Contact.Identities)
		})
	}
	echo := one(t, []byte(`{"entry":[{"changes":[{"field":"standby","value":{"standby":{"message_echoes":[
		{"id":"wamid.1","message":{"recipient":"US.1","type":"template","template":{"name":"welcome"}}}]}}}]}]}`))
	require.Equal(t, []handoff.Identity{bsuid("US.1")}, echo.Contact.Identities)
	require.Equal(t, "template", echo.Message.Type)
	empty := one(t, []byte(`{"entry":[{"changes":[{"field":"standby","value":{"standby":{}}}]}]}`))
	require.Equal(t, handoff.ItemEvent, empty.Kind)
}

func TestControlThatCameToPeopleIsAnOffload(t *testing.T) {
	t.Parallel()
	item := one(t, []byte(controlPassed))
	require.True(t, strings.HasPrefix(item.ExternalID, "handover."))
	item.ExternalID = ""
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemOffload, Location: "entry[0].changes[0]", Route: handoff.Route{WABAID: "1001", PhoneNumberID: "2002"},
		Contact: &handoff.ItemContact{Identities: []handoff.Identity{phoneOf("15550002222")}},
		Offload: &handoff.ItemOffloadBody{
			Source: handoff.SourceMeta, Reason: "Meta's AI agent passed control to escalation: customer request", At: time.Unix(1700000002, 0).UTC(),
			Payload: json.RawMessage(`{"metadata":"customer_request","new_owner_role":"escalation","previous_owner_app_id":"77",` +
				`"previous_owner_app_role":"meta_business_agent","previous_owner_role":"ai_agent"}`),
		},
	}, item)
}

func TestAHandOverThatIsRepeatedHasTheSameID(t *testing.T) {
	t.Parallel()
	id := func(body string) string { return one(t, []byte(body)).ExternalID }
	require.Equal(t, id(controlPassed), id(strings.Replace(controlPassed, `"messaging_product":"whatsapp",`, ``, 1)))
	for what, change := range map[string][2]string{
		"number":   {`"phone_number_id":"2002"`, `"phone_number_id":"2003"`},
		"customer": {"15550002222", "15550002223"},
		"time":     {"1700000002", "1700000003"},
	} {
		require.NotEqual(t, id(controlPassed), id(strings.Replace(controlPassed, change[0], change[1], 1)), what)
	}
	require.Empty(t, id(strings.Replace(controlPassed, `"timestamp":"1700000002",`, ``, 1)), "or the next would be taken for a repeat")
}

func TestReasonsOfAnOffload(t *testing.T) {
	t.Parallel()
	for passed, reason := range map[string]string{
		`{}`:                                 "Meta passed control",
		`{"previous_owner_role":"ai_agent"}`: "Meta's AI agent passed control",
		`{"previous_owner":{"app_role":"meta_business_agent"},"metadata":"  "}`: "Meta's AI agent passed control",
		`{"previous_owner_role":"primary_app","new_owner_role":"escalation"}`:   "the owner with the role primary app passed control to escalation",
		`{"metadata":"Wants a refund for order_7"}`:                             "Meta passed control: Wants a refund for order_7",
		`{"metadata":"` + strings.Repeat("x", 2000) + `"}`:                      "Meta passed control: " + strings.Repeat("x", 299) + "…",
	} {
		item := one(t, handoverOf(`"type":"control_passed","control_passed":`+passed))
		require.Equal(t, handoff.ItemOffload, item.Kind)
		require.Equal(t, reason, item.Offload.Reason)
	}
	item := one(t, handoverOf(`"control_passed":{}`))
	require.Equal(t, handoff.ItemOffload, item.Kind, "the type is left away")
	require.Equal(t, []handoff.Identity{bsuid("US.1"), phoneOf("15550002222")}, item.Contact.Identities)
	require.Nil(t, item.Offload.Payload)
}

func TestHandOversThatAskForNobody(t *testing.T) {
	t.Parallel()
	for inside, reason := range map[string]string{
		`"type":"control_taken","control_taken":{}`: "a hand-over of control, control taken: kept, and nothing is done with it",
		`"type":"thread_idle"`:                      "a hand-over of control, thread idle: kept, and nothing is done with it",
		`"x":1`:                                     "a hand-over of control that does not say what happened",
		`"type":"control_passed","control_passed":{"previous_owner_role":"escalation","new_owner_role":"ai_agent"}`: "control was passed to Meta's AI agent: nobody is asked for",
	} {
		item := one(t, handoverOf(inside))
		require.Equal(t, handoff.ItemEvent, item.Kind)
		require.Equal(t, reason, item.Reason)
		require.Nil(t, item.Offload)
		require.Equal(t, []handoff.Identity{bsuid("US.1"), phoneOf("15550002222")}, item.Contact.Identities)
	}
	nobody := one(t, []byte(strings.Replace(controlPassed, `"phone_number":"15550002222"`, `"phone_number":"Ann"`, 1)))
	require.Equal(t, handoff.ItemIgnored, nobody.Kind)
	require.Contains(t, nobody.Reason, "names no contact")
}

// The conversation may come beside control_passed or within it.
func TestTranscriptOfAnOffload(t *testing.T) {
	t.Parallel()
	const context = `{"type":"history","summary":{"text":" Ann asks for a refund. "},"history":{"items":[
		{"from":"user","type":"text","text":{"body":"Hello"},"id":"wamid.1","timestamp":"1700000000"},7,
		{"role":"assistant","type":"text","text":{"body":"Hi Ann"}},
		{"sender_type":"user","from":"whatever","type":"image","image":{"id":"9","caption":"The receipt"}},
		{"from":"15550002222","type":"text","text":"Bare"},
		{"type":"hologram","hologram":{}}]}}`
	want := []handoff.HistoryTurn{
		{Direction: handoff.Outbound, Author: handoff.AuthorSystem, Type: "text", Text: "Summary: Ann asks for a refund."},
		{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Hello", ExternalID: "wamid.1",
			Content: json.RawMessage(`{"text":{"body":"Hello"},"type":"text"}`), At: time.Unix(1700000000, 0).UTC(),
		},
		{Direction: handoff.Outbound, Author: handoff.AuthorBot, Type: "text", Text: "Hi Ann", Content: json.RawMessage(`{"text":{"body":"Hi Ann"},"type":"text"}`)},
		{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "image", Text: "The receipt",
			Content: json.RawMessage(`{"image":{"id":"9","caption":"The receipt"},"type":"image"}`),
		},
		{Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Bare"},
		{Direction: handoff.Outbound, Author: handoff.AuthorBot, Type: "unsupported", Content: json.RawMessage(`{"hologram":{},"type":"hologram"}`)},
	}
	for name, inside := range map[string]string{
		"within": `"type":"control_passed","control_passed":{"metadata":"m","conversation_context":` + context + `}`,
		"beside": `"type":"control_passed","control_passed":{"metadata":"m"},"conversation_context":` + context,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			offload := one(t, handoverOf(inside)).Offload
			require.Equal(t, want, offload.Transcript)
			require.JSONEq(t, `{"metadata":"m"}`, string(offload.Payload))
		})
	}
}

func TestOnlyTheNewestTurnsOfALongConversationAreTakenIn(t *testing.T) {
	t.Parallel()
	var items []string
	for n := range 1500 {
		items = append(items, fmt.Sprintf(`{"from":"user","type":"text","text":{"body":"%d"}}`, n))
	}
	turns := one(t, handoverOf(`"type":"control_passed","conversation_context":{"history":{"items":[`+strings.Join(items, ",")+`]}}`)).Offload.Transcript
	require.Len(t, turns, 1000)
	require.Equal(t, "1499", turns[999].Text)
}

func TestHandOverBesideMessagesCostsThemNothing(t *testing.T) {
	t.Parallel()
	body := strings.Replace(controlPassed, `"changes":[`,
		`"changes":[{"field":"messages","value":{"messages":[{"from":"15550002222","id":"wamid.1","type":"text","text":{"body":"hi"}}]}},7,`, 1)
	webhook, err := meta.Parse([]byte(body))
	require.NoError(t, err)
	require.Equal(t, []handoff.ItemKind{handoff.ItemMessage, handoff.ItemIgnored, handoff.ItemOffload},
		[]handoff.ItemKind{webhook.Items[0].Kind, webhook.Items[1].Kind, webhook.Items[2].Kind})
	require.False(t, webhook.Items[0].Message.Shadow)
}
