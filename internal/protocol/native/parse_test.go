package native_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol/native"
)

type parser func([]byte) ([]handoff.Item, error)

func one(t *testing.T, parse parser, body string) handoff.Item {
	t.Helper()
	items, err := parse([]byte(body))
	require.NoError(t, err)
	require.Len(t, items, 1)
	return items[0]
}

// locations are the places of a refusal's faults.
func locations(t *testing.T, parse parser, body string) []string {
	t.Helper()
	_, err := parse([]byte(body))
	var refusal *handoff.Error
	require.ErrorAs(t, err, &refusal, body)
	require.Equal(t, handoff.CodeInvalid, refusal.Code, body)
	var out []string
	for _, detail := range refusal.Details {
		require.NotEmpty(t, detail.Message)
		out = append(out, detail.Location)
	}
	return out
}

var visitor = []handoff.Identity{{Kind: handoff.IdentitySession, Value: "visitor-17"}}

func TestTheSmallestMessage(t *testing.T) {
	t.Parallel()
	item := one(t, native.ParseMessages, ` { "contact" : { "id" : "visitor-17" } , "id" : "m1" , "text" : "Help <me> & \u0000" } `)
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemMessage, ExternalID: "m1", Contact: &handoff.ItemContact{Identities: visitor},
		Message: &handoff.ItemMessageBody{
			Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "text", Text: "Help <me> & \uFFFD",
			Content: json.RawMessage(`{"type":"text","text":{"body":"Help <me> & ` + "\uFFFD" + `"}}`), Opens: true,
		},
	}, item)
}

func TestAMessageWithEverything(t *testing.T) {
	t.Parallel()
	item := one(t, native.ParseMessages, `{"contact":{"id":"visitor-17","phone":"+44 (7700) 900-123","bsuid":"GB.1","username":"ann","name":" Ann "},
		"id":"m1","type":"image","text":"Receipt","content":{"caption":"Receipt", "n":1e999999},"reply_to":"m0","direction":"inbound","author":"contact",
		"media":{"url":"https://a.example/1.jpg","mime_type":"image/jpeg","filename":"1.jpg","sha256":"`+strings.Repeat("0a", 32)+`"},
		"timestamp":"2026-06-08T11:14:00.5+02:00","opens":true,
		"prior_history":[{"direction":"inbound","text":"Hours?","timestamp":"2026-06-08T09:13:00Z","id":"h1"},{"direction":"outbound","text":"9-5"}]}`)
	require.Equal(t, &handoff.ItemContact{Name: "Ann", Identities: []handoff.Identity{
		{Kind: handoff.IdentityBSUID, Value: "GB.1"},
		{Kind: handoff.IdentityPhone, Value: "447700900123"},
		{Kind: handoff.IdentityUsername, Value: "ann"},
		visitor[0],
	}}, item.Contact)
	require.Equal(t, &handoff.ItemMessageBody{
		Direction: handoff.Inbound, Author: handoff.AuthorContact, Type: "image", Text: "Receipt", ReplyTo: "m0", Opens: true,
		Content: json.RawMessage(`{"type":"image","image":{"caption":"Receipt","n":"1e999999"}}`),
		Media:   &handoff.ItemMedia{URL: "https://a.example/1.jpg", MIMEType: "image/jpeg", Filename: "1.jpg", SHA256: strings.Repeat("0a", 32)},
		At:      time.Date(2026, 6, 8, 9, 14, 0, 500_000_000, time.UTC),
		History: []handoff.HistoryTurn{
			{Direction: handoff.Inbound, Text: "Hours?", ExternalID: "h1", At: time.Date(2026, 6, 8, 9, 13, 0, 0, time.UTC)},
			{Direction: handoff.Outbound, Text: "9-5"},
		},
	}, item.Message)
}

func TestWhoSaidItAndWhatItOpens(t *testing.T) {
	t.Parallel()
	type who struct {
		author        handoff.AuthorType
		opens, shadow bool
	}
	for fields, want := range map[string]who{
		``:                                     {handoff.AuthorContact, true, false},
		`,"opens":true`:                        {handoff.AuthorContact, true, false},
		`,"opens":false`:                       {handoff.AuthorContact, false, true},
		`,"type":"reaction","reply_to":"m0"`:   {handoff.AuthorContact, false, false},
		`,"direction":"outbound"`:              {handoff.AuthorBot, false, true},
		`,"direction":"outbound","opens":null`: {handoff.AuthorBot, false, true},
		`,"direction":"outbound","author":"agent","opens":false`: {handoff.AuthorAgent, false, false},
	} {
		m := one(t, native.ParseMessages, `{"contact":{"id":"1"},"id":"m1","text":"x"`+fields+`}`).Message
		require.Equal(t, want, who{m.Author, m.Opens, m.Shadow}, fields)
	}
}

func TestContentHasTheShapeOfAllProtocols(t *testing.T) {
	t.Parallel()
	for fields, want := range map[string]string{
		`"type":"location","content":{"latitude":50.85}`:                               `{"type":"location","location":{"latitude":50.85}}`,
		`"type":"contacts","content":[{"name":{"formatted_name":"A"}}]`:                `{"type":"contacts","contacts":[{"name":{"formatted_name":"A"}}]}`,
		`"type":"sticker","media":{"url":"https://a.example/s.webp"}`:                  `{"type":"sticker"}`,
		`"type":"unsupported","text":"a poll"`:                                         `{"type":"unsupported"}`,
		`"type":"text","text":"x","content":{"body":"x","preview_url":true}`:           `{"type":"text","text":{"body":"x","preview_url":true}}`,
		`"type":"reaction","reply_to":"m0","text":""`:                                  `{"type":"reaction"}`,
		`"type":"audio","media":{"url":"http://a.example/a"},"content":{"voice":true}`: `{"type":"audio","audio":{"voice":true}}`,
	} {
		m := one(t, native.ParseMessages, `{"contact":{"id":"1"},"id":"m1",`+fields+`}`).Message
		require.Equal(t, want, string(m.Content), fields)
	}
}

func TestMistakesInAMessageAreToldByTheirPlace(t *testing.T) {
	t.Parallel()
	const rest = `"contact":{"id":"1"},"id":"m1","text":"x"`
	for body, want := range map[string][]string{
		`[]`: {"body"}, `"x"`: {"body"}, `null`: {"body"},
		`{}`:                                                      {"body.contact", "body.id", "body.text"},
		`{` + rest + `,"Text":"y"}`:                               {"body.Text"},
		`{` + rest + `,"extra":1}`:                                {"body.extra"},
		`{"contact":7,"id":"m1","text":"x"}`:                      {"body.contact"},
		`{"contact":{},"id":"m1","text":"x"}`:                     {"body.contact.id"},
		`{"contact":{"username":"a"},"id":"m1","text":"x"}`:       {"body.contact.id"},
		`{"contact":{"id":7},"id":"m1","text":"x"}`:               {"body.contact.id"},
		`{"contact":{"id":" "},"id":"m1","text":"x"}`:             {"body.contact.id"},
		`{"contact":{"phone":"call me"},"id":"m1","text":"x"}`:    {"body.contact.phone"},
		`{"contact":{"phone":447700900123},"id":"m1","text":"x"}`: {"body.contact.phone"},
		`{"contact":{"id":"1","wa_id":"2"},"id":"m1","text":"x"}`: {"body.contact.wa_id"},
		`{"contact":{"id":"1","name":"` + strings.Repeat("é", 201) + `"},"id":"m1","text":"x"}`: {"body.contact.name"},
		`{"contact":{"id":"1"},"id":17,"text":"x"}`:                                             {"body.id"},
		`{"contact":{"id":"1"},"id":"a\u0000","text":"x"}`:                                      {"body.id"},
		`{"contact":{"id":"1"},"id":"a\ud83d","text":"x"}`:                                      {"body.id"},
		`{"contact":{"id":"1"},"id":"` + strings.Repeat("é", 257) + `","text":"x"}`:             {"body.id"},
		`{"contact":{"id":"1"},"id":"m1","text":["x"]}`:                                         {"body.text"},
		`{"contact":{"id":"1"},"id":"m1","text":" "}`:                                           {"body.text"},
		`{"contact":{"id":"1"},"id":"m1","text":"` + strings.Repeat("x", 65_537) + `"}`:         {"body.text"},
		`{"contact":{"id":"1"},"id":"m1","type":"location"}`:                                    {"body.text"},
		`{"contact":{"id":"1"},"id":"m1","type":"image"}`:                                       {"body.media"},
		`{"contact":{"id":"1"},"id":"m1","type":"reaction","text":"x"}`:                         {"body.reply_to"},
		`{` + rest + `,"type":"imgae"}`:                                                         {"body.type"},
		`{` + rest + `,"media":{"url":"https://a.example/1"}}`:                                  {"body.media"},
		`{` + rest + `,"type":"image","media":{"url":"ftp://a.example/1"}}`:                     {"body.media.url"},
		`{` + rest + `,"type":"image","media":{"url":"/1"}}`:                                    {"body.media.url"},
		`{` + rest + `,"type":"image","media":{}}`:                                              {"body.media.url"},
		`{` + rest + `,"type":"image","media":{"url":"https://a.example","sha256":"abc"}}`:      {"body.media.sha256"},
		`{` + rest + `,"type":"image","media":{"url":"https://a.example","link":"x"}}`:          {"body.media.link"},
		`{` + rest + `,"content":"x"}`:                                                          {"body.content"},
		`{` + rest + `,"content":[]}`:                                                           {"body.content"},
		`{` + rest + `,"direction":"in"}`:                                                       {"body.direction"},
		`{` + rest + `,"author":"bot"}`:                                                         {"body.author"},
		`{` + rest + `,"direction":"outbound","author":"contact"}`:                              {"body.author"},
		`{` + rest + `,"direction":"outbound","opens":true}`:                                    {"body.opens"},
		`{` + rest + `,"opens":"yes"}`:                                                          {"body.opens"},
		`{` + rest + `,"timestamp":1733670000}`:                                                 {"body.timestamp"},
		`{` + rest + `,"timestamp":"9999-12-31T23:59:59-23:00"}`:                                {"body.timestamp"},
		`{` + rest + `,"reply_to":""}`:                                                          {"body.reply_to"},
		`{` + rest + `,"prior_history":{}}`:                                                     {"body.prior_history"},
		`{` + rest + `,"opens":false,"prior_history":[]}`:                                       {"body.prior_history"},
		`{` + rest + `,"prior_history":[7,{"text":"x"},{"direction":"inbound"},{"direction":"up","text":"x"}]}`: {
			"body.prior_history[0]", "body.prior_history[1].direction", "body.prior_history[2].text", "body.prior_history[3].direction",
		},
		`{` + rest + `,"prior_history":[` + strings.Repeat(`{},`, 1000) + `{}]}`: {"body.prior_history"},
		`{"messages":[]}`: {"body.messages"}, `{"messages":{}}`: {"body.messages"}, `{"messages":null}`: {"body.messages"},
		`{"messages":[{` + rest + `}],"inbox":1}`: {"body.inbox"},
		`{"messages":[7,{"id":"m1"}]}`:            {"body.messages[0]", "body.messages[1].contact", "body.messages[1].text"},
	} {
		got := locations(t, native.ParseMessages, body)
		slices.Sort(got)
		slices.Sort(want)
		require.Equal(t, want, got, body[:min(len(body), 200)])
	}
}

func TestWhatIsNoJSONIsMalformed(t *testing.T) {
	t.Parallel()
	for _, body := range []string{``, `{`, `{"contact":{"id":"1"}} x`, strings.Repeat(`[`, 65) + strings.Repeat(`]`, 65)} {
		for _, parse := range []parser{native.ParseMessages, native.ParseStatuses, native.ParseOffload, native.ParseEnd} {
			_, err := parse([]byte(body))
			require.Equal(t, handoff.CodeMalformed, handoff.ErrorCode(err), body)
		}
	}
}

func TestABadElementDoesNotSpoilTheOthers(t *testing.T) {
	t.Parallel()
	items, err := native.ParseMessages([]byte(`{"messages":[{"contact":{"id":"1"},"id":"m1","text":"a"},{"contact":{"id":"1"},"id":"m2","text":7,"x":1},[],
		{"contact":{"id":"1"},"id":"m3","text":"b"}]}`))
	require.NoError(t, err)
	var kinds []handoff.ItemKind
	for _, item := range items {
		kinds = append(kinds, item.Kind)
	}
	require.Equal(t, []handoff.ItemKind{handoff.ItemMessage, handoff.ItemIgnored, handoff.ItemIgnored, handoff.ItemMessage}, kinds)
	require.Equal(t, handoff.Item{
		Kind: handoff.ItemIgnored, Location: "messages[1]", ExternalID: "m2", Reason: "messages[1].text has to be a text (and 1 more)",
	}, items[1])
	require.Equal(t, "messages[2] has to be an object", items[2].Reason)
	require.Equal(t, "messages[3]", items[3].Location)
}

func TestAThousandMessagesAndNoMore(t *testing.T) {
	t.Parallel()
	const message = `{"contact":{"id":"1"},"id":"m1","text":"a"}`
	items, err := native.ParseMessages([]byte(`{"messages":[` + strings.Repeat(message+`,`, 999) + message + `]}`))
	require.NoError(t, err)
	require.Len(t, items, 1000)
	_, err = native.ParseMessages([]byte(`{"messages":[` + strings.Repeat(message+`,`, 1000) + message + `]}`))
	require.Equal(t, handoff.CodeTooLarge, handoff.ErrorCode(err))
}

func fieldsOf(v any) []string {
	var names []string
	for field := range reflect.TypeOf(v).Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// The structs describe the bodies in the API's document, and the parsers read them: neither may know a field that the other does not.
func TestTheDescribedFieldsAreTheOnesThatAreRead(t *testing.T) {
	t.Parallel()
	const contact = `"contact":{"id":"1"}`
	for _, c := range []struct {
		parse     parser
		body      string
		described any
	}{
		{native.ParseMessages, `{` + contact + `,"id":"m1","text":"x","zzz":1}`, native.MessageBody{}},
		{native.ParseMessages, `{"messages":[{` + contact + `,"id":"m1","text":"x"}],"zzz":1}`, native.MessagesBody{}},
		{native.ParseMessages, `{"contact":{"id":"1","zzz":1},"id":"m1","text":"x"}`, native.ContactBody{}},
		{native.ParseMessages, `{` + contact + `,"id":"m1","type":"image","media":{"url":"https://a.example","zzz":1}}`, native.MediaBody{}},
		{native.ParseMessages, `{` + contact + `,"id":"m1","text":"x","prior_history":[{"direction":"inbound","text":"x","zzz":1}]}`, native.PriorTurn{}},
		{native.ParseStatuses, `{"external_id":"w1","status":"sent","zzz":1}`, native.StatusBody{}},
		{native.ParseStatuses, `{"statuses":[{"external_id":"w1","status":"sent"}],"zzz":1}`, native.StatusesBody{}},
		{native.ParseStatuses, `{"external_id":"w1","status":"failed","failure":{"zzz":1}}`, native.FailureBody{}},
		{native.ParseOffload, `{` + contact + `,"zzz":1}`, native.OffloadBody{}},
		{native.ParseOffload, `{` + contact + `,"transcript":[{"direction":"inbound","text":"x","zzz":1}]}`, native.TurnBody{}},
		{native.ParseEnd, `{` + contact + `,"zzz":1}`, native.EndBody{}},
	} {
		_, err := c.parse([]byte(c.body))
		var refusal *handoff.Error
		require.ErrorAs(t, err, &refusal, c.body)
		require.Len(t, refusal.Details, 1, c.body)
		_, read, found := strings.Cut(refusal.Details[0].Message, "there is no such field here: use ")
		require.True(t, found, refusal.Details[0].Message)
		require.Equal(t, strings.Join(fieldsOf(c.described), ", "), read, "%T", c.described)
	}
}

func TestNaughtyStringsSurvive(t *testing.T) {
	t.Parallel()
	var naughty []string
	require.NoError(t, json.Unmarshal(corpora.File(t, "adversarial", "blns", "blns.json"), &naughty))
	for _, s := range naughty {
		if strings.TrimSpace(s) == "" {
			continue
		}
		quoted, err := json.Marshal(s)
		require.NoError(t, err)
		item := one(t, native.ParseMessages, `{"contact":{"id":"1"},"id":"m1","text":`+string(quoted)+`}`)
		require.Equal(t, strings.ReplaceAll(s, "\x00", "\uFFFD"), item.Message.Text)
		var content struct {
			Text struct {
				Body string `json:"body"`
			} `json:"text"`
		}
		require.NoError(t, json.Unmarshal(item.Message.Content, &content))
		require.Equal(t, item.Message.Text, content.Text.Body)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"contact":{"id":"1","phone":"+1 202 555 0100"},"id":"m1","type":"image","media":{"url":"https://a.example"},"content":{"a":[1e999]}}`))
	f.Add([]byte(`{"messages":[{"contact":{"id":"1"},"id":"m1","text":"a"},7]}`))
	f.Add([]byte(`{"statuses":[{"external_id":"w1","status":"failed","failure":{"code":"1"}}]}`))
	f.Add([]byte(`{"contact":{"bsuid":"US.1"},"reason":"x","payload":{},"transcript":[{"direction":"inbound","text":"Hi"}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, parse := range []parser{native.ParseMessages, native.ParseStatuses, native.ParseOffload, native.ParseEnd} {
			items, err := parse(body)
			if err != nil {
				require.Contains(t, []handoff.Code{handoff.CodeMalformed, handoff.CodeInvalid, handoff.CodeTooLarge}, handoff.ErrorCode(err))
				continue
			}
			require.NotEmpty(t, items)
			for _, item := range items {
				_, err := json.Marshal(item)
				require.NoError(t, err)
				require.LessOrEqual(t, len(item.ExternalID), 512+len("offload:"))
			}
		}
	})
}
