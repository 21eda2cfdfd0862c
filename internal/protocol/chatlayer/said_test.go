package chatlayer_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/protocol/chatlayer"
	"handoff/internal/vendorjson"
)

func TestUserMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ message, kind, text, media string }{
		{`{"messageType":"text","text":"Hi, I'm a user and I'd like to talk to an agent"}`, "text", "Hi, I'm a user and I'd like to talk to an agent", ""},
		{`{"messageType":"upload","urls":[]}`, "unsupported", "", ""},
		{`{"messageType":"upload","urls":["https://s.example.com/a/b.PNG?x=1"]}`, "image", "", "https://s.example.com/a/b.PNG?x=1"},
		{`{"messageType":"upload","urls":["https://s.example.com/v.mp4"]}`, "video", "", "https://s.example.com/v.mp4"},
		{`{"messageType":"upload","urls":["https://s.example.com/v.ogg"]}`, "audio", "", "https://s.example.com/v.ogg"},
		{`{"messageType":"upload","urls":["https://s.example.com/v"]}`, "document", "", "https://s.example.com/v"},
		{`{"messageType":"upload","urls":["file:///etc/passwd.png"]}`, "image", "", ""},
		{`{"messageType":"upload","urls":["ftp://x.example.com/a.png"]}`, "image", "", ""},
		{`{"messageType":"upload","urls":["://"]}`, "document", "", ""},
		{
			`{"messageType":"fileUploadInputResult","urls":["https://m.example.com/a.png"],"data":{"uploadStatus":"SUCCEEDED","fileUrl":"https://m.example.com/b.png"}}`,
			"image", "", "https://m.example.com/a.png",
		},
		{`{"messageType":"fileUploadInputResult","data":{"fileUrl":"https://m.example.com/b.pdf"}}`, "document", "", "https://m.example.com/b.pdf"},
		{`{"messageType":"location","coordinates":{"lat":0,"long":0}}`, "location", "0, 0", ""},
		{`{"messageType":"location","coordinates":{"lat":51.05,"long":"3.72"}}`, "location", "51.05, 3.72", ""},
		{`{"messageType":"location","coordinates":[51,3]}`, "unsupported", "", ""},
		{`{"messageType":"postback","title":"I'm a button"}`, "interactive", "I'm a button", ""},
		{`{"messageType":"postback","title":"","text":"typed"}`, "interactive", "typed", ""},
		{`{"text":"no type"}`, "text", "no type", ""},
		{`{"messageType":"voice","text":"told"}`, "text", "told", ""},
		{`{"messageType":"voice"}`, "unsupported", "", ""},
		{`{"messageType":7,"text":["x"],"urls":{}}`, "unsupported", "", ""},
		{`{"messageType":"text","text":"a\u0000b\ud800"}`, "text", "a\uFFFDb\uFFFD", ""},
	} {
		m := parseOne(t, "user", c.message).Message
		require.NotNil(t, m, c.message)
		require.Equal(t, []string{c.kind, c.text}, []string{m.Type, m.Text}, c.message)
		require.Equal(t, []any{handoff.Inbound, handoff.AuthorContact, true, false}, []any{m.Direction, m.Author, m.Shadow, m.Opens})
		require.Equal(t, string(vendorjson.Sanitize([]byte(c.message))), string(m.Content))
		require.Equal(t, c.media != "", m.Media != nil, c.message)
		if c.media != "" {
			require.Equal(t, c.media, m.Media.URL)
		}
	}
}

func TestBotMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ message, kind, text, media string }{
		{`{"text":"Hi, I'm a chatbot"}`, "text", "Hi, I'm a chatbot", ""},
		{
			`{"text":"Which language?","quick_replies":[{"content_type":"text","title":"Nederlands","payload":"{}","image_url":"https://domain/logo.png"},{"title":"English"}]}`,
			"interactive", "Which language?\n• Nederlands\n• English", "",
		},
		{
			`{"attachment":{"type":"template","payload":{"template_type":"button","text":"What do you want?","buttons":[` +
				`{"type":"postback","title":"Set Variables","payload":"{}"},{"type":"web_url","title":"Docs","url":"https://docs.chatlayer.ai"}]}}}`,
			"interactive", "What do you want?\n• Set Variables\n• Docs", "",
		},
		{
			`{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[{"title":"Item 1","image_url":"https://x/y.jpg",` +
				`"buttons":[{"title":"Docs","url":"https://docs.chatlayer.ai","type":"web_url"}]},{"title":"Item 2","subtitle":"Item 2 Subtitle"}]}}}`,
			"interactive", "Item 1\n• Docs\nItem 2\nItem 2 Subtitle", "",
		},
		{
			`{"attachment":{"type":"template","payload":{"template_type":"list","elements":[{"title":"A"},7,null],"buttons":[{"title":"More"}]}}}`,
			"interactive", "A\n• More", "",
		},
		{`{"attachment":{"type":"image","payload":{"is_reusable":false,"url":"https://i.example.com/rose.jpeg?w=500"}}}`, "image", "", "https://i.example.com/rose.jpeg?w=500"},
		{`{"attachment":{"type":"video","payload":{"url":"https://i.example.com/v"}}}`, "video", "", "https://i.example.com/v"},
		{`{"attachment":{"type":"file","payload":{"url":"https://i.example.com/v.pdf"}}}`, "document", "", "https://i.example.com/v.pdf"},
		{`{"attachment":{"type":"template","payload":{"template_type":"new"}}}`, "unsupported", "", ""},
		{`{"attachment":"x","text":null}`, "unsupported", "", ""},
		{`{}`, "unsupported", "", ""},
	} {
		m := parseOne(t, "bot", c.message).Message
		require.NotNil(t, m, c.message)
		require.Equal(t, []string{c.kind, c.text}, []string{m.Type, m.Text}, c.message)
		require.Equal(t, []any{handoff.Outbound, handoff.AuthorBot, true, false}, []any{m.Direction, m.Author, m.Shadow, m.Opens})
		require.Equal(t, c.media != "", m.Media != nil, c.message)
		if c.media != "" {
			require.Equal(t, c.media, m.Media.URL)
		}
	}
}

func TestAnIntroSaysNothing(t *testing.T) {
	t.Parallel()
	item := parseOne(t, "user", `{"messageType":"intro","channelType":"web","sender":{"id":"123","botId":"123"},"timestamp":"2020-09-22T19:34:16.049Z"}`)
	require.Equal(t, handoff.ItemEvent, item.Kind)
	require.Nil(t, item.Message)
	require.NotEmpty(t, item.Reason)
	require.NotEmpty(t, item.ExternalID)
}

func TestSeveralFilesAreSeveralMessages(t *testing.T) {
	t.Parallel()
	message := `{"messageType":"upload","text":"look","urls":["https://x.example.com/a.png","https://x.example.com/b.pdf","https://x.example.com/a.png",7]}`
	in, err := chatlayer.Parse(feed("user", message))
	require.NoError(t, err)
	require.Len(t, in.Items, 2)
	one, two := in.Items[0], in.Items[1]
	require.JSONEq(t, message, string(one.Message.Content), "the first keeps all that was said")
	require.JSONEq(t, `{"messageType":"upload","urls":["https://x.example.com/b.pdf"]}`, string(two.Message.Content))
	require.Equal(t, []string{"image", "look", "a.png"}, []string{one.Message.Type, one.Message.Text, one.Message.Media.Filename})
	require.Equal(t, []string{"document", "", "b.pdf"}, []string{two.Message.Type, two.Message.Text, two.Message.Media.Filename})
	require.Equal(t, one.ExternalID+":2", two.ExternalID)
	require.NotEqual(t, one.Location, two.Location)
}
