package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/meta"
	"handoff/internal/vendorjson"
)

// inMessages wraps the inside of a value into a body: a number, John and his phone number are there.
func inMessages(inside string) []byte {
	return fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1001","changes":[{"field":"messages","value":{
		"messaging_product":"whatsapp","metadata":{"phone_number_id":"2002"},
		"contacts":[{"profile":{"name":"John"},"wa_id":"447700900123"}],%s}}]}]}`, inside)
}

// message wraps the inside of one message of John's.
func message(inside string) []byte {
	return inMessages(`"messages":[{"from":"447700900123","id":"wamid.1","timestamp":"1733670000",` + inside + `}]`)
}

func parse(t *testing.T, body []byte) []handoff.Item {
	t.Helper()
	require.True(t, json.Valid(body), "the test's own body: %s", body)
	webhook, err := meta.Parse(body)
	require.NoError(t, err)
	return webhook.Items
}

func one(t *testing.T, body []byte) handoff.Item {
	t.Helper()
	items := parse(t, body)
	require.Len(t, items, 1)
	return items[0]
}

func phoneOf(value string) handoff.Identity {
	return handoff.Identity{Kind: handoff.IdentityPhone, Value: value}
}

func bsuid(value string) handoff.Identity {
	return handoff.Identity{Kind: handoff.IdentityBSUID, Value: value}
}

func TestTextMessage(t *testing.T) {
	t.Parallel()
	item := one(t, message(`"type":"text","text":{"body":"I need to speak to a human"}`))

	require.Equal(t, handoff.Item{
		Kind: handoff.ItemMessage, Location: "entry[0].changes[0].value.messages[0]",
		Route: handoff.Route{WABAID: "1001", PhoneNumberID: "2002"}, ExternalID: "wamid.1",
		Contact: &handoff.ItemContact{Name: "John", Identities: []handoff.Identity{phoneOf("447700900123")}},
		Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "I need to speak to a human",
			Content: json.RawMessage(`{"text":{"body":"I need to speak to a human"},"type":"text"}`),
			At:      time.Date(2024, 12, 8, 15, 0, 0, 0, time.UTC), Opens: true,
		},
	}, item)
}

// about marks a message that opens nothing.
const about = "closed"

var messageTypes = map[string]struct {
	inside, kind, text, replyTo, opens string
	media                              *handoff.ItemMedia
}{
	"image": {
		inside: `"type":"image","image":{"mime_type":"image/jpeg","sha256":"q0==","id":"77","caption":"Receipt"}`,
		kind:   "image", text: "Receipt", media: &handoff.ItemMedia{ID: "77", MIMEType: "image/jpeg", SHA256: "q0=="},
	},
	"video":    {inside: `"type":"video","video":{"id":"78"}`, kind: "video", media: &handoff.ItemMedia{ID: "78"}},
	"audio":    {inside: `"type":"audio","audio":{"id":79,"voice":true}`, kind: "audio", media: &handoff.ItemMedia{ID: "79"}},
	"sticker":  {inside: `"type":"sticker","sticker":{"id":"80"}`, kind: "sticker", media: &handoff.ItemMedia{ID: "80"}},
	"no media": {inside: `"type":"image","image":{"caption":"lost"}`, kind: "image", text: "lost"},
	"document": {
		inside: `"type":"document","document":{"id":"81","filename":"Café.pdf","caption":"mine"}`,
		kind:   "document", text: "mine", media: &handoff.ItemMedia{ID: "81", Filename: "Café.pdf"},
	},
	"place":              {inside: `"type":"location","location":{"latitude":1,"longitude":2,"name":"Pier","address":"1 Quay"}`, kind: "location", text: "Pier, 1 Quay"},
	"place without name": {inside: `"type":"location","location":{"latitude":1.5,"longitude":-2}`, kind: "location", text: "1.5, -2"},
	"place without type": {inside: `"location":{"latitude":1.5,"longitude":-2}`, kind: "location", text: "1.5, -2"},
	"contacts": {
		inside: `"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"}},7,{"name":{"formatted_name":"Bob"}}]`,
		kind:   "contacts", text: "Ann, Bob",
	},
	"pressed button": {inside: `"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"y","title":"Yes"}},"context":{"id":"wamid.0"}`, kind: "interactive", text: "Yes", replyTo: "wamid.0"},
	"picked row":     {inside: `"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"r","title":"Row"}}`, kind: "interactive", text: "Row"},
	"flow":           {inside: `"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"a\":1}"}}`, kind: "interactive", text: "Sent"},
	"quick reply":    {inside: `"type":"button","button":{"payload":"P","text":"Stop"}`, kind: "button", text: "Stop"},
	"reaction":       {inside: `"type":"reaction","reaction":{"message_id":"wamid.0","emoji":"👍"}`, kind: "reaction", text: "👍", replyTo: "wamid.0", opens: about},
	"reaction back":  {inside: `"type":"reaction","reaction":{"message_id":"wamid.0"}`, kind: "reaction", replyTo: "wamid.0", opens: about},
	"order":          {inside: `"type":"order","order":{"catalog_id":"c","text":"Please","product_items":[]}`, kind: "order", text: "Please"},
	"edit":           {inside: `"type":"edit","edit":{"original_message_id":"wamid.0","message":{"type":"text","text":{"body":"better"}}}`, kind: "edit", text: "better", replyTo: "wamid.0", opens: about},
	"revoke":         {inside: `"type":"revoke","revoke":{"original_message_id":"wamid.0"}`, kind: "revoke", replyTo: "wamid.0", opens: about},
	"unsupported":    {inside: `"type":"unsupported","unsupported":{"type":"poll_creation"},"errors":[{"code":131051}]`, kind: "unsupported"},
	"new type":       {inside: `"type":"hologram","hologram":{"a":1}`, kind: "unsupported"},
	"no object":      {inside: `"type":"text","text":"bare"`, kind: "unsupported"},
	"no type":        {inside: `"text":{"body":"a"},"image":{"id":"1"}`, kind: "unsupported"},
	"type 7":         {inside: `"type":7,"text":{"body":"seven"}`, kind: "text", text: "seven"},
	"sent template":  {inside: `"type":"template","template":{"name":"welcome"}`, kind: "template", text: "welcome"},
	"sent buttons":   {inside: `"type":"interactive","interactive":{"type":"button","body":{"text":"Which one?"},"action":{}}`, kind: "interactive", text: "Which one?"},
	"sent by link":   {inside: `"type":"image","image":{"link":"https://cdn.example/a.jpg"}`, kind: "image", media: &handoff.ItemMedia{URL: "https://cdn.example/a.jpg"}},
	"nested edit":    {inside: `"type":"edit","edit":{"message":{"type":"edit","edit":{}}}`, kind: "edit", opens: about},
}

func TestMessageTypes(t *testing.T) {
	t.Parallel()
	for name, tc := range messageTypes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := one(t, message(tc.inside))
			require.Equal(t, handoff.ItemMessage, item.Kind)
			m := item.Message
			require.Equal(t, tc.kind, m.Type)
			require.Equal(t, tc.text, m.Text)
			require.Equal(t, tc.replyTo, m.ReplyTo)
			require.Equal(t, tc.opens != about, m.Opens)
			require.Equal(t, tc.media, m.Media)
			require.JSONEq(t, "{"+tc.inside+"}", string(m.Content))
		})
	}
}

func TestSystemNoticeNamesBothIdentities(t *testing.T) {
	t.Parallel()
	const envelope = `{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"id":"wamid.1","type":"system",%s}]}}]}]}`
	for name, tc := range map[string]struct {
		inside string
		want   []handoff.Identity
	}{
		"number":              {`"from":"1555","system":{"type":"user_changed_number","body":"John moved","wa_id":"1666"}`, []handoff.Identity{phoneOf("1666"), phoneOf("1555")}},
		"number, older form":  {`"from":"1555","system":{"type":"user_changed_number","new_wa_id":"1666"}`, []handoff.Identity{phoneOf("1666"), phoneOf("1555")}},
		"number, no from":     {`"system":{"wa_id":"1666"}`, []handoff.Identity{phoneOf("1666")}},
		"user id":             {`"system":{"user_id":"GB.2","previous_user_id":"GB.1"}`, []handoff.Identity{bsuid("GB.2"), bsuid("GB.1")}},
		"user id with number": {`"from":"1555","from_user_id":"GB.1","system":{"user_id":"GB.2","wa_id":"1666"}`, []handoff.Identity{bsuid("GB.2"), phoneOf("1666"), phoneOf("1555"), bsuid("GB.1")}},
		"user id, in words":   {`"system":{"user_id":"GB.2","body":"User Ann Bo changed from GB.1 to GB.2"}`, []handoff.Identity{bsuid("GB.2"), bsuid("GB.1")}},
		"a name is no word":   {`"system":{"user_id":"GB.2","body":"User changed from GB.9 to GB.2 changed from GB.1 to GB.2"}`, []handoff.Identity{bsuid("GB.2"), bsuid("GB.1")}},
		"words of another id": {`"system":{"user_id":"GB.2","body":"User Ann changed from GB.1 to GB.3"}`, []handoff.Identity{bsuid("GB.2")}},
		"nobody is nobody":    {`"system":{"body":"hm"}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := one(t, fmt.Appendf(nil, envelope, tc.inside))
			if tc.want == nil {
				require.Equal(t, handoff.ItemIgnored, item.Kind)
				require.NotEmpty(t, item.Reason)
				return
			}
			require.Equal(t, tc.want, item.Contact.Identities)
			require.Equal(t, handoff.AuthorSystem, item.Message.Author)
			require.False(t, item.Message.Opens)
		})
	}
}

func TestEcho(t *testing.T) {
	t.Parallel()
	item := one(t, []byte(`{"entry":[{"id":"1","changes":[{"field":"smb_message_echoes","value":{"metadata":{"phone_number_id":"2"},
		"message_echoes":[{"from":"15550001","to":"447700900123","to_user_id":"GB.1","id":"wamid.e","type":"text","text":{"body":"On it"}}]}}]}]}`))
	require.Equal(t, handoff.ItemMessage, item.Kind)
	require.Equal(t, []handoff.Identity{bsuid("GB.1"), phoneOf("447700900123")}, item.Contact.Identities)
	require.Equal(t, handoff.Outbound, item.Message.Direction)
	require.Equal(t, handoff.AuthorAgent, item.Message.Author)
	require.False(t, item.Message.Opens)
	require.NotContains(t, string(item.Message.Content), "447700900123")
}

func TestContactMatching(t *testing.T) {
	t.Parallel()
	const value = `{"entry":[{"changes":[{"value":{"contacts":[%s],"messages":[{"id":"m","type":"text","text":{"body":"x"}%s}]}}]}]}`
	ann := `{"profile":{"name":"Ann","username":"ann"},"wa_id":"","user_id":"GB.1"}`
	bob := `{"profile":{"name":"Bob"},"wa_id":"1555","user_id":"GB.2"}`
	for name, tc := range map[string]struct {
		contacts, from, name string
		want                 []handoff.Identity
	}{
		"by user id":             {ann + "," + bob, `,"from":"","from_user_id":"GB.2"`, "Bob", []handoff.Identity{bsuid("GB.2"), phoneOf("1555")}},
		"by phone":               {ann + "," + bob, `,"from":"+1 (555)"`, "Bob", []handoff.Identity{bsuid("GB.2"), phoneOf("1555")}},
		"a phone as number":      {bob, `,"from":1555`, "Bob", []handoff.Identity{bsuid("GB.2"), phoneOf("1555")}},
		"a phone as fraction":    {bob, `,"from":1555.0`, "Bob", []handoff.Identity{bsuid("GB.2"), phoneOf("1555")}},
		"a number is no phone":   {``, `,"from":1555.5`, "", nil},
		"a negative is no phone": {``, `,"from":-1555`, "", nil},
		"the only one":           {ann, ``, "Ann", []handoff.Identity{bsuid("GB.1"), {Kind: handoff.IdentityUsername, Value: "ann"}}},
		"the only one adds":      {`{"profile":{"name":"Cy"}}`, `,"from":"1777"`, "Cy", []handoff.Identity{phoneOf("1777")}},
		"somebody else's id":     {`{"wa_id":"1555"}`, `,"from_user_id":"GB.9"`, "", []handoff.Identity{bsuid("GB.9")}},
		"somebody else":          {bob, `,"from":"1777"`, "", []handoff.Identity{phoneOf("1777")}},
		"a phone changed hands":  {bob, `,"from":"1555","from_user_id":"GB.9"`, "", []handoff.Identity{bsuid("GB.9"), phoneOf("1555")}},
		"not by place":           {ann + "," + bob, ``, "", nil},
		"letters are no phone":   {``, `,"from":"PHONE 1"`, "", nil},
		"junk among contacts":    {`7,null,"x",` + bob, `,"from":"1555"`, "Bob", []handoff.Identity{bsuid("GB.2"), phoneOf("1555")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := one(t, fmt.Appendf(nil, value, tc.contacts, tc.from))
			if tc.want == nil {
				require.Equal(t, handoff.ItemIgnored, item.Kind)
				require.Contains(t, item.Reason, "names no contact")
				return
			}
			require.Equal(t, handoff.ItemContact{Name: tc.name, Identities: tc.want}, *item.Contact)
		})
	}
}

func TestNotContent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("w", 600)
	for name, tc := range map[string]struct {
		body   []byte
		kind   handoff.ItemKind
		reason string
	}{
		"group":           {message(`"group_id":"g","type":"text","text":{"body":"x"}`), handoff.ItemEvent, "group message"},
		"request_welcome": {message(`"type":"request_welcome"`), handoff.ItemEvent, "said nothing yet"},
		"number":          {inMessages(`"messages":[7]`), handoff.ItemIgnored, "not an object"},
		"null":            {inMessages(`"messages":[null]`), handoff.ItemIgnored, "not an object"},
		"not a list":      {inMessages(`"messages":{"id":"x"}`), handoff.ItemIgnored, "not a list"},
		"endless id":      {inMessages(`"messages":[{"from":"1","id":"` + long + `","type":"text","text":{"body":"x"}}]`), handoff.ItemIgnored, "too long"},
		"empty change":    {inMessages(`"messages":[],"statuses":null`), handoff.ItemEvent, "neither messages nor statuses"},
		"other keys":      {inMessages(`"calls":[{}]`), handoff.ItemEvent, "calls"},
		"number's error":  {inMessages(`"errors":[{"code":130429,"title":"Rate limit hit"}]`), handoff.ItemEvent, "Rate limit hit (130429)"},
		"no value":        {[]byte(`{"entry":[{"changes":[{"field":"messages","value":"x"}]}]}`), handoff.ItemIgnored, "no object"},
		"no change":       {[]byte(`{"entry":[{"changes":["x"]}]}`), handoff.ItemIgnored, "not an object"},
		"no changes":      {[]byte(`{"entry":[{"messaging":[]}]}`), handoff.ItemIgnored, `no "changes"`},
		"no entry":        {[]byte(`{"entry":["x"]}`), handoff.ItemIgnored, "not an object"},
		"other field":     {[]byte(`{"entry":[{"changes":[{"field":"history","value":{"messages":[{}]}}]}]}`), handoff.ItemEvent, `"history"`},
		"wrong case":      {[]byte(`{"entry":[{"changes":[{"field":"messages","value":{"Messages":[{"id":"x"}]}}]}]}`), handoff.ItemEvent, "Messages"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			item := one(t, tc.body)
			require.Equal(t, tc.kind, item.Kind)
			require.Contains(t, item.Reason, tc.reason)
			require.Nil(t, item.Message)
		})
	}
}

func TestHandoverIsRoutedByItsRecipient(t *testing.T) {
	t.Parallel()
	item := one(t, []byte(`{"entry":[{"id":"1","changes":[{"field":"messaging_handovers","value":{"recipient":{"phone_number_id":"2"}}}]}]}`))
	require.Equal(t, handoff.Route{WABAID: "1", PhoneNumberID: "2"}, item.Route)
}

func TestOneBadElementCostsNothingElse(t *testing.T) {
	t.Parallel()
	items := parse(t, inMessages(`"messages":[{"from":{"a":1},"id":[],"type":{}},{"from":"447700900123","id":"b","type":"text","text":{"body":"hi"}}],
		"statuses":[{"id":"c","status":"read","recipient_id":"447700900123"},[]],"calls":[{}]`))
	var kinds []handoff.ItemKind
	for _, item := range items {
		kinds = append(kinds, item.Kind)
	}
	require.Equal(t, []handoff.ItemKind{
		handoff.ItemMessage, handoff.ItemMessage, handoff.ItemStatus, handoff.ItemIgnored, handoff.ItemEvent,
	}, kinds)
}

func TestRefusedBodies(t *testing.T) {
	t.Parallel()
	for body, code := range map[string]handoff.Code{
		``: handoff.CodeMalformed, `{"entry":[`: handoff.CodeMalformed, `nope`: handoff.CodeMalformed, `{} {}`: handoff.CodeMalformed,
		strings.Repeat("[", 100_000):                      handoff.CodeMalformed,
		strings.Repeat("[", 65) + strings.Repeat("]", 65): handoff.CodeMalformed,
		`null`:           handoff.CodeInvalid,
		`[]`:             handoff.CodeInvalid,
		`"entry"`:        handoff.CodeInvalid,
		`{}`:             handoff.CodeInvalid,
		`{"entry":null}`: handoff.CodeInvalid,
		`{"entry":{}}`:   handoff.CodeInvalid,
		`{"entry":[` + strings.Repeat("1,", 10_000) + `1]}`:                handoff.CodeTooLarge,
		`{"type":"whatsapp.message.received","data":[{"message":{}}]}`:     handoff.CodeInvalid,
		`{"entry":[{"changes":[{"value":` + strings.Repeat("[", 600) + `}`: handoff.CodeMalformed,
	} {
		_, err := meta.Parse([]byte(body))
		require.Equal(t, code, handoff.ErrorCode(err), "%.60s", body)
	}
	_, err := meta.Parse([]byte(`{"entry":[]}`))
	require.NoError(t, err)
}

// The last of several equal keys counts, as in jsonb, and the neighbours are untouched.
func TestDuplicateKeys(t *testing.T) {
	t.Parallel()
	item := one(t, message(`"type":"text","text":{"body":"first"},"text":{"body":"last"}`))
	require.Equal(t, "last", item.Message.Text)
}

func TestExtraKeys(t *testing.T) {
	t.Parallel()
	webhook, err := meta.Parse([]byte(`{"object":"x","entry":[],"prior_history":[1]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]json.RawMessage{"prior_history": json.RawMessage(`[1]`)}, webhook.Extra)
}

func TestNaughtyStringsSurvive(t *testing.T) {
	t.Parallel()
	var naughty []string
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "blns", "blns.json"), &naughty))
	for _, s := range naughty {
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		q, want := string(quoted), vendorjson.SanitizeText(s)
		item := one(t, []byte(`{"entry":[{"changes":[{"value":{"contacts":[{"profile":{"name":`+q+`},"wa_id":"1"}],"messages":[
			{"from":"1","id":"m","type":"document","document":{"id":"5","caption":`+q+`,"filename":`+q+`}}]}}]}]}`))
		require.Equal(t, want, item.Message.Text)
		require.Equal(t, want, item.Message.Media.Filename)
		require.Equal(t, want, item.Contact.Name)
		require.Equal(t, want, one(t, message(`"type":"text","text":{"body":`+q+`}`)).Message.Text)
	}
	t.Logf("%d naughty strings as text, name, caption and filename", len(naughty))
}

func BenchmarkParse(b *testing.B) {
	body := message(`"type":"image","image":{"mime_type":"image/jpeg","sha256":"q0==","id":"77","caption":"Receipt"}`)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := meta.Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}
