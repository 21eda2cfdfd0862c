package meta_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/meta"
)

func n(s string, count int) string { return strings.Repeat(s, count) }

func rows(count int) string {
	var list []string
	for i := range count {
		list = append(list, fmt.Sprintf(`{"id":"%d","title":"Row","description":"d"}`, i))
	}
	return strings.Join(list, ",")
}

func button(id, title string) string {
	return fmt.Sprintf(`{"type":"reply","reply":{"id":%q,"title":%q}}`, id, title)
}

func buttons(body string, list ...string) string {
	return fmt.Sprintf(`{"type":"button","body":{"text":%q},"action":{"buttons":[%s]}}`, body, strings.Join(list, ","))
}

func list(body, buttonText, sections string) string {
	return fmt.Sprintf(`{"type":"list","body":{"text":%q},"action":{"button":%q,"sections":[%s]}}`, body, buttonText, sections)
}

// What is accepted is also what Meta's schema accepts once it is sent.
func TestValidateSendAccepts(t *testing.T) {
	t.Parallel()
	schema := sendSchema(t)
	for kind, contents := range map[string][]string{
		"text":     {`{"body":"Hi"}`, `{"body":"` + n("é", 4096) + `","preview_url":true}`},
		"image":    {`{"link":"https://example.com/a.png","caption":"` + n("👍", 1024) + `"}`, `{"id":"123"}`},
		"audio":    {`{"id":"123","voice":true}`, `{"link":"https://example.com/a.ogg"}`},
		"video":    {`{"link":"https://example.com/a.mp4?x=1","caption":"c"}`},
		"document": {`{"link":"https://example.com/a.pdf","filename":"Café.pdf","caption":"c"}`},
		"sticker":  {`{"id":"1"}`},
		"template": {
			`{"name":"hello","language":{"code":"en_US"}}`,
			`{"name":"hello","language":{"code":"en","policy":"deterministic"},"components":[{"type":"body","parameters":[{"type":"text","text":"x"}]}]}`,
		},
		"reaction": {`{"message_id":"wamid.1","emoji":"👍"}`, `{"message_id":"wamid.1","emoji":""}`},
		"location": {`{"latitude":-90,"longitude":180.0,"name":"Pier","address":"Quay"}`, `{"latitude":"1.5","longitude":"-2"}`},
		"contacts": {`[{"name":{"formatted_name":"Ann","first_name":"Ann"},"phones":[{"phone":"+1"}]}]`},
		"interactive": {
			buttons(n("b", 1024), button("1", n("é", 20)), button("2", "No"), button(n("i", 256), "Maybe")),
			`{"type":"button","header":{"type":"image","image":{"id":"1"}},"body":{"text":"b"},"footer":{"text":"f"},"action":{"buttons":[` + button("1", "Yes") + `]}}`,
			list(n("b", 4096), n("c", 20), `{"rows":[`+rows(10)+`]}`),
			`{"type":"list","header":{"type":"text","text":"` + n("h", 60) + `"},"body":{"text":"b"},"footer":{"text":"` + n("f", 60) + `"},
				"action":{"button":"c","sections":[{"title":"A","rows":[{"id":"a","title":"A"}]},{"title":"B","rows":[{"id":"b","title":"B"}]}]}}`,
			`{"type":"cta_url","body":{"text":"b"},"action":{"name":"cta_url","parameters":{"display_text":"Open","url":"https://example.com"}}}`,
			`{"type":"location_request_message","body":{"text":"b"},"action":{"name":"send_location"}}`,
			`{"type":"flow","body":{"text":"b"},"action":{"name":"flow","parameters":{}}}`,
		},
	} {
		for _, content := range contents {
			require.NoError(t, meta.ValidateSend(kind, json.RawMessage(content)), "%s %.100s", kind, content)
			body, err := meta.Send(handoff.OutboundMessage{To: []handoff.Identity{phoneOf("1")}, Type: kind, Content: json.RawMessage(content)}, "")
			require.NoError(t, err)
			requireSchema(t, schema, body)
		}
	}
}

// refusedSends are faulty messages and the place of their first fault.
var refusedSends = []struct{ kind, content, location string }{
	{"hologram", `{}`, "body.type"},
	{"", `{}`, "body.type"},
	{"text", ``, "body.text"},
	{"text", `null`, "body.text"},
	{"text", `"hi"`, "body.text"},
	{"text", `{"body":""}`, "body.text.body"},
	{"text", `{"body":" \n"}`, "body.text.body"},
	{"text", `{"body":7}`, "body.text.body"},
	{"text", `{"body":"` + n("é", 4097) + `"}`, "body.text.body"},
	{"text", `{"body":"x","preview_url":"yes"}`, "body.text.preview_url"},
	{"text", `{"body":"x","previw_url":true}`, "body.text.previw_url"},
	{"text", `{"body":"a\u0000"}`, "body.text"},
	{"text", `{"body":"\ud83d"}`, "body.text"},
	{"text", "{\"body\":\"\xff\"}", "body.text"},
	{"location", `{"latitude":1e99999,"longitude":1}`, "body.location"},
	{"image", `{}`, "body.image"},
	{"image", `{"id":"1","link":"https://example.com/a.png"}`, "body.image"},
	{"image", `{"id":""}`, "body.image.id"},
	{"image", `{"link":"http://example.com/a.png"}`, "body.image.link"},
	{"image", `{"link":"/a.png"}`, "body.image.link"},
	{"image", `{"link":"https:///a.png"}`, "body.image.link"},
	{"image", `{"link":5}`, "body.image.link"},
	{"image", `{"id":"1","caption":"` + n("c", 1025) + `"}`, "body.image.caption"},
	{"image", `{"id":"1","caption":7}`, "body.image.caption"},
	{"image", `{"id":"1","filename":"a"}`, "body.image.filename"},
	{"sticker", `{"id":"1","caption":"a"}`, "body.sticker.caption"},
	{"audio", `{"id":"1","voice":1}`, "body.audio.voice"},
	{"template", `{"language":{"code":"en"}}`, "body.template.name"},
	{"template", `{"name":"a"}`, "body.template.language"},
	{"template", `{"name":"a","language":{}}`, "body.template.language.code"},
	{"template", `{"name":"a","language":{"code":"en"},"components":{}}`, "body.template.components"},
	{"template", `{"name":"a","language":{"code":"en"},"components":[7]}`, "body.template.components[0]"},
	{"reaction", `{"emoji":"x"}`, "body.reaction.message_id"},
	{"reaction", `{"message_id":"x"}`, "body.reaction.emoji"},
	{"reaction", `{"message_id":"x","emoji":"` + n("x", 21) + `"}`, "body.reaction.emoji"},
	{"location", `{"latitude":91,"longitude":0}`, "body.location.latitude"},
	{"location", `{"latitude":0,"longitude":"NaN"}`, "body.location.longitude"},
	{"location", `{"latitude":0}`, "body.location.longitude"},
	{"contacts", `{}`, "body.contacts"},
	{"contacts", `[]`, "body.contacts"},
	{"contacts", `[7]`, "body.contacts[0]"},
	{"contacts", `[{"phones":[]}]`, "body.contacts[0].name"},
	{"contacts", `[{"name":{}}]`, "body.contacts[0].name.formatted_name"},
	{"interactive", `{"type":"hologram"}`, "body.interactive.type"},
	{"interactive", `{"type":"flow"}`, "body.interactive.action"},
	{"interactive", buttons("b"), "body.interactive.action.buttons"},
	{"interactive", buttons("", button("1", "Yes")), "body.interactive.body.text"},
	{"interactive", buttons(n("b", 1025), button("1", "Yes")), "body.interactive.body.text"},
	{"interactive", buttons("b", button("1", "a"), button("2", "b"), button("3", "c"), button("4", "d")), "body.interactive.action.buttons"},
	{"interactive", buttons("b", button("1", n("t", 21))), "body.interactive.action.buttons[0].reply.title"},
	{"interactive", buttons("b", button(n("i", 257), "t")), "body.interactive.action.buttons[0].reply.id"},
	{"interactive", buttons("b", button("1", "a"), button("1", "b")), "body.interactive.action.buttons[1].reply.id"},
	{"interactive", buttons("b", `{"type":"url"}`), "body.interactive.action.buttons[0].type"},
	{"interactive", list("b", n("c", 21), `{"rows":[`+rows(1)+`]}`), "body.interactive.action.button"},
	{"interactive", list("b", "c", ``), "body.interactive.action.sections"},
	{"interactive", list("b", "c", `{"rows":[`+rows(11)+`]}`), "body.interactive.action.sections[0].rows"},
	{"interactive", list("b", "c", `{"title":"A","rows":[`+rows(6)+`]},{"rows":[`+rows(6)+`]}`), "body.interactive.action.sections[1].title"},
	{"interactive", list("b", "c", `{"rows":[{"id":"1","title":"`+n("t", 25)+`"}]}`), "body.interactive.action.sections[0].rows[0].title"},
	{"interactive", list("b", "c", `{"rows":[{"id":"1","title":"t","description":"`+n("t", 73)+`"}]}`), "body.interactive.action.sections[0].rows[0].description"},
	{"interactive", list("b", "c", `{"rows":[{"id":"`+n("1", 201)+`","title":"t"}]}`), "body.interactive.action.sections[0].rows[0].id"},
	{"interactive", list(n("b", 4097), "c", `{"rows":[`+rows(1)+`]}`), "body.interactive.body.text"},
	{"interactive", `{"type":"list","header":{"type":"image"},"body":{"text":"b"},"action":{"button":"c","sections":[{"rows":[` + rows(1) + `]}]}}`, "body.interactive.header.type"},
	{"interactive", `{"type":"cta_url","body":{"text":"b"},"action":{"name":"cta_url","parameters":{"display_text":"x","url":"example.com"}}}`, "body.interactive.action.parameters.url"},
	{"interactive", `{"type":"cta_url","header":{"type":"text","text":"` + n("h", 61) + `"},"body":{"text":"b"},"action":{}}`, "body.interactive.header.text"},
	{"interactive", `{"type":"location_request_message","body":{"text":"b"},"footer":{"text":"` + n("f", 61) + `"},"action":{"name":"x"}}`, "body.interactive.footer.text"},
}

func TestValidateSendRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range refusedSends {
		err := meta.ValidateSend(tc.kind, json.RawMessage(tc.content))
		var refused *handoff.Error
		require.ErrorAs(t, err, &refused, "%s %.120s", tc.kind, tc.content)
		require.Equal(t, handoff.CodeInvalid, refused.Code)
		require.Equal(t, tc.location, refused.Details[0].Location, "%s %.120s", tc.kind, tc.content)
		require.NotEmpty(t, refused.Details[0].Message)
		require.Contains(t, refused.Message, refused.Details[0].Message)
	}
}

func TestValidateSendListsTheTypes(t *testing.T) {
	t.Parallel()
	err := meta.ValidateSend("hologram", nil)
	require.ErrorContains(t, err, "audio, contacts, document, image, interactive, location, reaction, sticker, template, text, video")
}

func TestValidateSendTellsEveryFault(t *testing.T) {
	t.Parallel()
	err := meta.ValidateSend("interactive", json.RawMessage(list("", "", `{"rows":[{"title":"t"}]}`)))
	var refused *handoff.Error
	require.ErrorAs(t, err, &refused)
	require.Len(t, refused.Details, 3)
}

func TestValidateSendNeverFailsInternally(t *testing.T) {
	t.Parallel()
	deep := json.RawMessage(n("[", 500) + n("]", 500))
	require.Equal(t, handoff.CodeMalformed, handoff.ErrorCode(meta.ValidateSend("text", deep)))
	for _, content := range []string{`{}`, `[]`, `null`, `7`, `"x"`, `[[]]`, `{"action":{"buttons":[{}],"sections":[{"rows":[{}]}]},"type":"list"}`} {
		for _, kind := range []string{"text", "image", "template", "interactive", "reaction", "location", "contacts"} {
			require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(meta.ValidateSend(kind, json.RawMessage(content))), "%s %s", kind, content)
		}
	}
}

func TestParseSent(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"messaging_product":"whatsapp","contacts":[],"messages":[{"id":"wamid.1"}]}`: "wamid.1",
		`{"messages":[]}`: "", `{"messages":{}}`: "", `{"messages":[{"id":""}]}`: "", `{"messages":["x"]}`: "", `ok`: "", ``: "", `null`: "", `[]`: "",
		n("[", 500): "",
	} {
		id, ok := meta.ParseSent([]byte(answer))
		require.Equal(t, want, id, answer)
		require.Equal(t, want != "", ok)
	}
}
