package chatlayer_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/protocol"
	"handoff/internal/protocol/chatlayer"
)

var (
	inbox = protocol.Inbox{BotID: "ko3123ze", BotVersion: "LIVE"}
	guest = protocol.Contact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: session}}}
)

func message(kind, content string) handoff.OutboundMessage {
	return handoff.OutboundMessage{ID: handoff.NewID(), Type: kind, Content: json.RawMessage(content)}
}

func sent(t *testing.T, kind, content string) string {
	t.Helper()
	call, err := chatlayer.Protocol.Send(inbox, guest, message(kind, content))
	require.NoError(t, err, content)
	require.Equal(t, "/v1/bots/ko3123ze/conversations/"+session+"/actions?version=LIVE", call.Path)
	require.Len(t, chatlayer.SentKeys(message(kind, content)), bytes.Count(call.Body, []byte(`Template":`)), "one key per element")
	return string(call.Body)
}

func TestSendIsTheVendorsExample(t *testing.T) {
	t.Parallel()
	require.Equal(t, compact(t, corpora.File(t, "vendors", "chatlayer-actions", "TextMessage.json")), sent(t, "text", `{"body":"Random Message One"}`))
	require.Equal(t, compact(t, corpora.File(t, "vendors", "chatlayer-actions", "AttachmentMessage.json")),
		sent(t, "image", `{"link":"https://via.placeholder.com/150"}`))
}

const reply = `{"type":"button","body":{"text":"Random Message One"},"action":{"buttons":[` +
	`{"type":"reply","reply":{"id":"a","title":"Set A"}},{"type":"reply","reply":{"id":"b","title":"Set B"}}]}}`

func TestSendHasTheVendorsKeyOrder(t *testing.T) {
	t.Parallel()
	for file, body := range map[string]string{
		"TextMessage.json": sent(t, "text", `{"body":"x"}`), "AttachmentMessage.json": sent(t, "image", `{"link":"https://x/y"}`),
		"QuickReplyMessage.json": sent(t, "interactive", reply),
		"ButtonMenuMessage.json": sent(t, "interactive", `{"type":"cta_url","body":{"text":"x"},"action":{"name":"cta_url","parameters":{"display_text":"y","url":"https://z"}}}`),
	} {
		example := keyPaths(t, corpora.File(t, "vendors", "chatlayer-actions", file))
		at := 0
		for _, path := range keyPaths(t, []byte(body)) {
			for at < len(example) && example[at] != path {
				at++
			}
			require.Less(t, at, len(example), "%s: the key %s is not in the example, or not in that place", file, path)
		}
	}
}

// keyPaths are the paths of all keys in the order in which they first appear. Places in lists do not count.
func keyPaths(t *testing.T, raw []byte) []string {
	t.Helper()
	var paths []string
	seen := map[string]bool{}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var walk func(path string)
	walk = func(path string) {
		token, err := decoder.Token()
		require.NoError(t, err)
		if _, opens := token.(json.Delim); !opens {
			return
		}
		for decoder.More() {
			inner := path
			if token == json.Delim('{') {
				key, err := decoder.Token()
				require.NoError(t, err)
				if inner += "." + key.(string); !seen[inner] {
					seen[inner] = true
					paths = append(paths, inner)
				}
			}
			walk(inner)
		}
		_, err = decoder.Token()
		require.NoError(t, err)
	}
	walk("")
	return paths
}

func text(s string) string {
	return `{"textMessageTemplate":{"textMessages":[{"text":` + s + `}]}}`
}

func TestSendEveryType(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, content, want string }{
		{"text", `{"body":"a <b> & \"c\" é"}`, text(`"a <b> & \"c\" é"`)},
		{
			"image", `{"link":"https://x.example.com/a.png?a=1&b=2","caption":"Look"}`,
			`{"attachmentTemplate":{"media":{"url":"https://x.example.com/a.png?a=1&b=2","type":"image"}}},` + text(`"Look"`),
		},
		{"sticker", `{"link":"https://x.example.com/a.webp"}`, `{"attachmentTemplate":{"media":{"url":"https://x.example.com/a.webp","type":"image"}}}`},
		{"document", `{"link":"https://x.example.com/1","filename":"invoice.pdf","caption":"Yours"}`, text(`"Yours\ninvoice.pdf\nhttps://x.example.com/1"`)},
		{"video", `{"link":"https://x.example.com/v.mp4"}`, text(`"https://x.example.com/v.mp4"`)},
		{"audio", `{"link":"https://x.example.com/v.ogg"}`, text(`"https://x.example.com/v.ogg"`)},
		{"location", `{"latitude":51.05,"longitude":"3.72","name":"Gent","address":"Korenmarkt 1"}`, text(`"Gent\nKorenmarkt 1\n51.05, 3.72"`)},
		{"contacts", `[{"name":{"formatted_name":"Ann"},
			"phones":[{"phone":"+32 2 555 01 00"}],"emails":[{"email":"a@example.com"}]}]`, text(`"Ann\n+32 2 555 01 00\na@example.com"`)},
		{
			"interactive", reply, `{"quickReplyTemplate":{"textMessages":[{"text":"Random Message One"}],"quickReplies":[` +
				`{"title":"Set A","payload":{"sessionDataToSet":[{"key":"handoff_reply_id","value":"a"}]}},` +
				`{"title":"Set B","payload":{"sessionDataToSet":[{"key":"handoff_reply_id","value":"b"}]}}]}}`,
		},
		{
			"interactive", `{"type":"cta_url","header":{"type":"text","text":"Shop"},"body":{"text":"Come in"},"footer":{"text":"Bye"},
				"action":{"name":"cta_url","parameters":{"display_text":"Visit Chatlayer.ai","url":"https://www.chatlayer.ai"}}}`,
			`{"buttonTemplate":{"textMessages":[{"text":"Shop\nCome in\nBye"}],"buttons":[{"urlButton":{"title":"Visit Chatlayer.ai","url":"https://www.chatlayer.ai"}}]}}`,
		},
		{
			"interactive", `{"type":"list","body":{"text":"Which?"},"action":{"button":"Show",
				"sections":[{"title":"Fruit","rows":[{"id":"1","title":"Apple","description":"red"},{"id":"2","title":"Pear"}]}]}}`,
			`{"buttonTemplate":{"textMessages":[{"text":"Which?\nFruit\nApple: red"}],"buttons":[` +
				`{"postBackButton":{"title":"Apple","payload":{"sessionDataToSet":[{"key":"handoff_reply_id","value":"1"}]}}},` +
				`{"postBackButton":{"title":"Pear","payload":{"sessionDataToSet":[{"key":"handoff_reply_id","value":"2"}]}}}]}}`,
		},
		{
			"interactive", `{"type":"button","header":{"type":"image","image":{"link":"https://x.example.com/h.png"}},
				"body":{"text":"b"},"action":{"buttons":[{"reply":{"id":"1","title":"Yes"}}]}}`,
			`{"attachmentTemplate":{"media":{"url":"https://x.example.com/h.png","type":"image"}}},{"quickReplyTemplate":{"textMessages":[{"text":"b"}],` +
				`"quickReplies":[{"title":"Yes","payload":{"sessionDataToSet":[{"key":"handoff_reply_id","value":"1"}]}}]}}`,
		},
	} {
		require.Equal(t, `{"sendMessages":[`+c.want+`]}`, sent(t, c.kind, c.content), c.content)
	}
}

func TestSendRefuses(t *testing.T) {
	t.Parallel()
	for _, m := range []handoff.OutboundMessage{
		message("template", `{"name":"hello","language":{"code":"en"}}`), message("reaction", `{"message_id":"x","emoji":"x"}`), message("", `{}`),
		message("text", `{"body":" "}`), message("text", `"x"`), message("text", `{`), message("text", ``), message("image", `{"id":"123"}`),
		message("document", `{"link":"ftp://x/y"}`), message("location", `{}`), message("contacts", `{}`), message("interactive", `{"type":"flow"}`),
		message("interactive", `{"type":"button","body":{"text":"x"},"action":{"buttons":[]}}`),
		message("interactive", `{"type":"button","body":{"text":"x"},"action":{"buttons":[7]}}`),
		message("interactive", `{"type":"list","body":{"text":"x"},"action":{"sections":[{"rows":[{}]}]}}`),
		message("interactive", `{"type":"list","action":{"sections":[]}}`), message("interactive", `{"type":"cta_url","body":{"text":"x"}}`),
		message("interactive", `{"type":"button","header":{"type":"video","video":{"id":"1"}},"body":{"text":"x"},"action":{"buttons":[{"reply":{"title":"x"}}]}}`),
	} {
		_, err := chatlayer.Protocol.Send(inbox, guest, m)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), "%s %s", m.Type, m.Content)
		require.Empty(t, chatlayer.SentKeys(m))
	}
	hi := message("text", `{"body":"hi"}`)
	for _, c := range []struct {
		inbox   protocol.Inbox
		session string
	}{{protocol.Inbox{}, "s"}, {inbox, ""}, {inbox, ".."}, {protocol.Inbox{BotID: "."}, "s"}, {protocol.Inbox{BotID: "b", BotVersion: "TEST&x=1"}, "s"}} {
		to := protocol.Contact{Identities: []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "447700900123"}, {Kind: handoff.IdentitySession, Value: c.session}}}
		_, err := chatlayer.Protocol.Send(c.inbox, to, hi)
		require.Equal(t, handoff.CodeInvalid, handoff.ErrorCode(err), "%+v", c)
	}
}

func TestTheAddressOfASend(t *testing.T) {
	t.Parallel()
	m := message("text", `{"body":"hi"}`)
	m.To = []handoff.Identity{{Kind: handoff.IdentityPhone, Value: "44"}, {Kind: handoff.IdentitySession, Value: "a/b?c#d é%2e"}}
	call, err := chatlayer.Protocol.Send(protocol.Inbox{BotID: "../b", BotVersion: "DRAFT"}, guest, m)
	require.NoError(t, err)
	require.Equal(t, "/v1/bots/..%2Fb/conversations/a%2Fb%3Fc%23d%20%C3%A9%252e/actions?version=DRAFT", call.Path, "the message's own session comes first")
	call, err = chatlayer.Protocol.Send(protocol.Inbox{BotID: "b"}, guest, message("text", `{"body":"hi"}`))
	require.NoError(t, err)
	require.Equal(t, "/v1/bots/b/conversations/"+session+"/actions?version=LIVE", call.Path, "LIVE where the inbox says nothing")
}

func TestTheDialect(t *testing.T) {
	t.Parallel()
	p := chatlayer.Protocol
	require.Equal(t, handoff.ProtocolChatlayer, p.Name)
	require.Equal(t, handoff.TransportChatlayer, p.Transport)
	require.False(t, p.Window)
	require.Nil(t, p.Webhooks)
	require.Empty(t, p.Carrier)
}
