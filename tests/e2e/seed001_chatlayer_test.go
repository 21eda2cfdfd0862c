package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakechatlayer"
)

// The bodies of Chatlayer's page on its offloading webhook and of its examples of conversation actions, word for word but for the
// texts and ids of this story.
const (
	pageHealthy = `{ "status": "ok" }`
	pageText    = `{"sendMessages": [{"textMessageTemplate": {"textMessages": [{"text": "Ana here, good day"}]}}]}`
	pageReplies = `{"sendMessages": [{"quickReplyTemplate": {
  "textMessages": [{"text": "Is it about set A or B?"}],
  "quickReplies": [
    {"title": "Set A", "payload": {"sessionDataToSet": [{"key": "handoff_reply_id", "value": "a"}]}},
    {"title": "Set B", "payload": {"sessionDataToSet": [{"key": "handoff_reply_id", "value": "b"}]}}
  ]}}]}`
	pageButtons = `{"sendMessages": [{"buttonTemplate": {
  "textMessages": [{"text": "The docs say more"}],
  "buttons": [{"urlButton": {"title": "Visit Chatlayer.ai", "url": "https://www.chatlayer.ai"}}]}}]}`
	pageImage  = `{"sendMessages": [{"attachmentTemplate": {"media": {"url": "https://via.placeholder.com/150", "type": "image"}}}]}`
	pageResume = `{"botId": "ko3123ze", "senderId": "` + chatlayerSession + `", "action": {"nextDialogstate": "after-the-person"}}`
)

// pageTurns are a message of every shape that the page, and the page on the webhook channel to which it refers, document; each with
// what an agent is to see of it. The FILES are on a server of the test's.
var pageTurns = []turn{
	{"user", `{"messageType":"intro"}`, ""},
	{"bot", `{"text":"Hi, I'm a chatbot"}`, "bot text Hi, I'm a chatbot"},
	{"user", `{"messageType":"text","text":"Hi, I'm a user and I'd like to talk to an agent"}`, "contact text Hi, I'm a user and I'd like to talk to an agent"},
	{
		"bot", `{"text":"What is it about?","quick_replies":[{"content_type":"text","title":"Orders","payload":"{}"}]}`,
		"bot interactive What is it about?\n• Orders",
	},
	{"user", `{"messageType":"postback","title":"I'm a button"}`, "contact interactive I'm a button"},
	{"user", `{"messageType":"upload","urls":[]}`, "contact unsupported "},
	{"user", `{"messageType":"upload","urls":["FILES/receipt.png"]}`, "contact image "},
	{"user", `{"messageType":"location","coordinates":{"lat":0,"long":0}}`, "contact location 0, 0"},
	{
		"bot", `{"attachment":{"type":"template","payload":{"template_type":"button","text":"Read on","buttons":[{"type":"web_url","title":"Docs","url":"https://docs.chatlayer.ai"}]}}}`,
		"bot interactive Read on\n• Docs",
	},
	{
		"bot", `{"attachment":{"type":"template","payload":{"template_type":"generic","elements":[{"title":"Shoes","subtitle":"Red ones","buttons":[{"type":"postback","title":"Buy","payload":"{}"}]}]}}}`,
		"bot interactive Shoes\nRed ones\n• Buy",
	},
	{
		"bot", `{"attachment":{"type":"template","payload":{"template_type":"list","elements":[{"title":"Hats"}],"buttons":[{"type":"postback","title":"More","payload":"{}"}]}}}`,
		"bot interactive Hats\n• More",
	},
	{"bot", `{"attachment":{"type":"image","payload":{"url":"FILES/shop.png","is_reusable":false}}}`, "bot image "},
	{"bot", `{"attachment":{"type":"video","payload":{"url":"FILES/tour.mp4"}}}`, "bot video "},
	{"user", `{"messageType":"text","text":"A person, please"}`, "contact text A person, please"},
}

// TestChatlayerPage is the page from the check of the address to the second offload of one user.
func TestChatlayerPage(t *testing.T) {
	t.Parallel()
	b := newChatlayerBot(t, newStack(t), `--resume-call={"path":"/api/webview","body":{"botId":"{{botId}}","senderId":"{{sessionId}}",`+
		`"action":{"nextDialogstate":"after-the-person"}}}`)
	b.health()
	b.talksToTheBot()
	conv := b.isHandedOver()
	b.answers(conv.ID)
	b.isLimited(conv.ID)
	b.isResolved(conv)
	b.isHandedOverAgain(conv)
	b.logsSayNothing()
}

func (b *chatlayerBot) health() {
	b.Helper()
	right, err := b.calls.Health(b.Context())
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, right.Status)
	require.Equal(b, compacted(b.T, pageHealthy), string(right.Body))

	for _, token := range []string{"", "wrong", chatlayerVerifyToken + "x"} {
		stranger := &fakechatlayer.Client{URL: b.calls.URL, VerifyToken: token}
		health, err := stranger.Health(b.Context())
		require.NoError(b, err)
		require.Equal(b, http.StatusUnauthorized, health.Status, "%s", health.Body)
		offload, err := stranger.Offload(b.Context(), fakechatlayer.Offload{BotID: chatlayerBotID, SessionID: chatlayerSession})
		require.NoError(b, err)
		require.Equal(b, http.StatusUnauthorized, offload.Status, "%s", offload.Body)
	}
}

// talksToTheBot tells everything but the last turn, for which the offload is faster than the feed.
func (b *chatlayerBot) talksToTheBot() {
	b.Helper()
	b.turns = b.entries(pageTurns)
	for _, entry := range b.turns[:len(b.turns)-1] {
		b.tell(b.userIn(entry))
	}
	require.Empty(b, b.conversations(""), "what the bot is told opens nothing")
}

// isHandedOver asks for a person. The transcript lacks the oldest turns, which the feed has told, and has one that the feed has not.
func (b *chatlayerBot) isHandedOver() conversation {
	b.Helper()
	offload := fakechatlayer.Offload{
		BotID: chatlayerBotID, Version: "LIVE", SessionID: chatlayerSession, Channel: "web", Timestamp: b.next(),
		Payload: json.RawMessage(`{"reason":"wants a person","queue":"sales","order":{"id":7}}`), Transcript: b.turns[4:],
	}
	for range 2 { // Chatlayer repeats what it got no answer to
		b.offload(offload, pageOffloaded)
	}
	b.tell(b.userIn(b.turns[len(b.turns)-1]))
	b.tell(b.userIn(b.entries([]turn{{"user", `{"messageType":"text","text":"Are you there?"}`, ""}})[0]))

	conv := b.onlyOpen()
	require.Equal(b, "waiting", conv.Status)
	require.Equal(b, "Ann", conv.Contact.Name)
	require.Equal(b, chatlayerSession, conv.Contact.Identities[0].Value)
	var want []string
	for _, turn := range pageTurns {
		if turn.seen != "" {
			want = append(want, turn.seen)
		}
	}
	want = append(want, "system offload wants a person", "contact text Are you there?")
	until(b.T, readyWithin, "every turn", func() bool { return len(b.messages(conv.ID)) == len(want) })
	said := b.messages(conv.ID)
	require.Equal(b, want, seen(said), "every turn once, and in order")
	handed := said[len(said)-2]
	require.Equal(b, map[string]any{"reason": "wants a person", "queue": "sales", "order": map[string]any{"id": 7.0}}, handed.Content["payload"])
	until(b.T, readyWithin, "the user's file is here", func() bool {
		file := b.messages(conv.ID)[5].Media
		return file != nil && file.State == "ready"
	})
	return conv
}

// answers sends what Chatlayer has a template for. The feed then tells it as the bot's, which is no second message but proof.
func (b *chatlayerBot) answers(id string) {
	b.Helper()
	into[conversation](b.T, b.command(b.anaKey, id, "claim", nil), http.StatusOK)
	before := len(b.messages(id))
	b.api.Tell(b.calls)
	for _, reply := range []string{
		`{"type":"text","text":"Ana here, good day"}`,
		`{"type":"interactive","interactive":{"type":"button","body":{"text":"Is it about set A or B?"},"action":{"buttons":[` +
			`{"type":"reply","reply":{"id":"a","title":"Set A"}},{"type":"reply","reply":{"id":"b","title":"Set B"}}]}}}`,
		`{"type":"interactive","interactive":{"type":"cta_url","body":{"text":"The docs say more"},"action":{"name":"cta_url",` +
			`"parameters":{"display_text":"Visit Chatlayer.ai","url":"https://www.chatlayer.ai"}}}}`,
		`{"type":"image","image":{"link":"https://via.placeholder.com/150"}}`,
	} {
		into[message](b.T, b.command(b.anaKey, id, "messages", []byte(reply)), http.StatusCreated)
	}
	for i, want := range []string{pageText, pageReplies, pageButtons, pageImage} {
		request := b.api.request(b.T, i+1)
		require.Equal(b, compacted(b.T, want), request.body)
		require.Equal(b, "POST /v1/bots/ko3123ze/conversations/"+chatlayerSession+"/actions?version=LIVE", request.line)
		require.Equal(b, "Bearer "+chatlayerToken, request.header.Get("Authorization"))
		require.Equal(b, "application/json", request.header.Get("Content-Type"))
	}
	until(b.T, readyWithin, "the feed has told every reply", func() bool {
		said := b.messages(id)
		require.Len(b, said, before+4, "an echo is no message")
		return allSent(said[before:])
	})
}

// isLimited is a reply that Chatlayer does not take now, and one behind it.
func (b *chatlayerBot) isLimited(id string) {
	b.Helper()
	before := len(b.api.seen())
	b.api.limit(1500 * time.Millisecond)
	for _, text := range []string{"One moment", "Found it"} {
		into[message](b.T, b.command(b.anaKey, id, "messages", map[string]string{"type": "text", "text": text}), http.StatusCreated)
	}
	refused, one, two := b.api.request(b.T, before+1), b.api.request(b.T, before+2), b.api.request(b.T, before+3)
	require.Equal(b, http.StatusTooManyRequests, refused.status)
	require.Equal(b, refused.body, one.body, "the one that was refused comes first")
	require.Contains(b, one.body, "One moment")
	require.Contains(b, two.body, "Found it")
	require.False(b, one.at.Before(refused.reset), "nothing is sent before x-ratelimit-reset")
	until(b.T, readyWithin, "both are sent", func() bool {
		said := b.messages(id)
		return allSent(said[len(said)-2:])
	})
	require.Len(b, b.api.seen(), before+3)
}

// isResolved gives the user back to the bot, although Chatlayer is out of order at first.
func (b *chatlayerBot) isResolved(conv conversation) {
	b.Helper()
	before := len(b.api.seen())
	b.api.Fail(1, http.StatusInternalServerError)
	ended := into[conversation](b.T, b.command(b.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	require.Equal(b, "resolved", ended.EndReason)
	for i, status := range []int{http.StatusInternalServerError, http.StatusOK} {
		resume := b.api.request(b.T, before+i+1)
		require.Equal(b, "POST /api/webview", resume.line)
		require.Equal(b, compacted(b.T, pageResume), resume.body)
		require.Equal(b, "Bearer "+chatlayerToken, resume.header.Get("Authorization"))
		require.Equal(b, status, resume.status)
	}
	s := *b.stack
	s.inbox = b.inboxID
	s.nothingLeaks(conv, "chatbot", "talk to an agent", "A person, please", "wants a person", "good day", "set A or B", "Found it", "Ann",
		"receipt.png", "placeholder", chatlayerSession, chatlayerToken, chatlayerVerifyToken, "after-the-person")
}

// isHandedOverAgain tells what is said after the end to the bot, and then asks for a person with a transcript of everything.
func (b *chatlayerBot) isHandedOverAgain(first conversation) {
	b.Helper()
	shown := len(b.messages(first.ID))
	b.clock = time.Now()
	after := []turn{
		{"bot", `{"text":"The robot is back"}`, "bot text The robot is back"},
		{"user", `{"messageType":"text","text":"Another matter"}`, "contact text Another matter"},
	}
	for _, entry := range b.entries(after) {
		b.tell(b.userIn(entry))
	}
	require.Empty(b, b.conversations("?status=waiting,assigned"))
	require.Len(b, b.messages(first.ID), shown)

	b.offload(fakechatlayer.Offload{
		BotID: chatlayerBotID, Version: "LIVE", SessionID: chatlayerSession, Timestamp: b.next(), Transcript: b.told.all(),
	}, pageOffloaded)
	second := b.onlyOpen()
	require.NotEqual(b, first.ID, second.ID)
	require.Equal(b, first.Contact.ID, second.Contact.ID)
	want := []string{"bot text The robot is back", "contact text Another matter", "system offload "}
	until(b.T, readyWithin, "every turn since the end", func() bool { return len(b.messages(second.ID)) >= len(want) })
	require.Equal(b, want, seen(b.messages(second.ID)), "the first conversation is not repeated")
	require.Len(b, b.messages(first.ID), shown)
}

func (b *chatlayerBot) logsSayNothing() {
	b.Helper()
	logged := b.serve.log() + b.worker.log()
	for _, canary := range []string{"robot", "Another matter", "chatbot", chatlayerSession, chatlayerToken, chatlayerVerifyToken} {
		require.NotContains(b, logged, canary)
	}
}

func allSent(messages []message) bool {
	for _, m := range messages {
		if m.Status != "sent" {
			return false
		}
	}
	return true
}
