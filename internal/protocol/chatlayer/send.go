package chatlayer

import (
	"encoding/json"
	"net/url"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/vendorjson"
)

// The bodies of executeConversationAction, in the key order of the vendor's examples
// (github.com/chatlayerai/chatlayer-examples, offloading-webhook/messaging.js).
type (
	action struct {
		SendMessages []sendMessage `json:"sendMessages"`
	}
	// sendMessage has one of its templates.
	sendMessage struct {
		Text       *textTemplate       `json:"textMessageTemplate,omitempty"`
		Attachment *attachmentTemplate `json:"attachmentTemplate,omitempty"`
		Button     *buttonTemplate     `json:"buttonTemplate,omitempty"`
		QuickReply *quickReplyTemplate `json:"quickReplyTemplate,omitempty"`
	}
	textTemplate struct {
		TextMessages []textMessage `json:"textMessages"`
	}
	// textMessage is one of several wordings, of which Chatlayer takes any. We always give one.
	textMessage struct {
		Text string `json:"text"`
	}
	attachmentTemplate struct {
		Media attachment `json:"media"`
	}
	attachment struct {
		URL  string `json:"url"`
		Type string `json:"type"`
	}
	buttonTemplate struct {
		TextMessages []textMessage `json:"textMessages"`
		Buttons      []button      `json:"buttons"`
	}
	// button is one of its kinds.
	button struct {
		URL      *urlButton      `json:"urlButton,omitempty"`
		PostBack *postBackButton `json:"postBackButton,omitempty"`
	}
	urlButton struct {
		Title string `json:"title"`
		URL   string `json:"url"`
	}
	postBackButton struct {
		Title   string  `json:"title"`
		Payload payload `json:"payload"`
	}
	quickReplyTemplate struct {
		TextMessages []textMessage `json:"textMessages"`
		QuickReplies []quickReply  `json:"quickReplies"`
	}
	quickReply struct {
		Title   string  `json:"title"`
		Payload payload `json:"payload"`
	}
	// payload is what happens when a button is pressed. An agent's button opens no dialog of the bot, so it has no
	// nextDialogstateId.
	payload struct {
		SessionDataToSet []keyValue `json:"sessionDataToSet"`
	}
	keyValue struct {
		Key   string `json:"key"`
		Value string `json:"value"`
	}
)

// replyIDKey is the session variable that holds the id of the button that the user pressed. It comes back among the parameters of
// the user's postback.
const replyIDKey = "handoff_reply_id"

// send is the call that takes an agent's message to the user of a session. What Chatlayer has no template for is told in words: a
// video, audio or document is a text with its link, a location a text with its name and coordinates, a contact card a text with name
// and numbers. A template of WhatsApp's and a reaction are invalid. Chatlayer cannot quote, so ReplyTo is left out.
func send(inbox protocol.Inbox, contact protocol.Contact, m handoff.OutboundMessage) (protocol.Call, error) {
	session := contact.Identity(handoff.IdentitySession)
	for _, identity := range m.To {
		if identity.Kind == handoff.IdentitySession && identity.Value != "" {
			session = identity.Value
			break
		}
	}
	actions, err := actionsPath(inbox, session)
	if err != nil {
		return protocol.Call{}, err
	}
	messages, err := render(m)
	if err != nil {
		return protocol.Call{}, err
	}
	body, err := encode(action{SendMessages: messages})
	if err != nil {
		return protocol.Call{}, err
	}
	return protocol.Call{Path: actions, Body: body}, nil
}

// actionsPath is the address of a session's actions. The version is LIVE where the inbox names none.
func actionsPath(inbox protocol.Inbox, session string) (string, error) {
	version := first(inbox.BotVersion, versionLive)
	switch {
	case !segment(inbox.BotID):
		return "", handoff.Errorf(handoff.CodeInvalid, "the inbox has no bot id: give it the id of its Chatlayer bot, so that replies find their way")
	case version != versionLive && version != versionDraft:
		return "", handoff.Errorf(handoff.CodeInvalid, "the inbox's bot version has to be LIVE or DRAFT")
	case !segment(session):
		return "", handoff.Errorf(handoff.CodeInvalid, "the contact has no Chatlayer session: Chatlayer can send only to a session that it has told us of")
	}
	return "/v1/bots/" + url.PathEscape(inbox.BotID) + "/conversations/" + url.PathEscape(session) + "/actions?version=" + version, nil
}

// segment tells whether s can be one segment of a path. Escaping leaves dots as they are, and ".." would be another path.
func segment(s string) bool { return s != "" && s != "." && s != ".." }

// render says a message in Chatlayer's templates: one or more, in the order in which the user is to see them.
func render(m handoff.OutboundMessage) ([]sendMessage, error) {
	if m.Type == "contacts" {
		list, _ := vendorjson.ParseList(m.Content)
		return words(m.Type, cards(list))
	}
	content, ok := vendorjson.ParseObject(m.Content)
	if !ok {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the content of the %s message has to be an object", vendorjson.Clip(m.Type, 60))
	}
	switch m.Type {
	case "text":
		return words(m.Type, content.Text("body"))
	case "image", "sticker":
		return image(m.Type, content)
	case "audio", "document", "video":
		return file(m.Type, content)
	case "interactive":
		return interactive(content)
	case "location":
		return words(m.Type, place(content))
	case "template":
		return nil, handoff.Errorf(handoff.CodeInvalid,
			"a WhatsApp template cannot be sent through Chatlayer's conversation actions: send a text, or start the bot's own dialog")
	default:
		return nil, handoff.Errorf(handoff.CodeInvalid, "Chatlayer cannot send a message of type %q: use text, image, video, audio, document, "+
			"sticker, interactive, location or contacts", vendorjson.Clip(m.Type, 60))
	}
}

// words is a text message.
func words(kind, text string) ([]sendMessage, error) {
	if first(text) == "" {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the %s message says nothing: Chatlayer cannot send an empty text", kind)
	}
	return []sendMessage{{Text: &textTemplate{oneWording(text)}}}, nil
}

func oneWording(text string) []textMessage { return []textMessage{{text}} }

func image(kind string, content object) ([]sendMessage, error) {
	link, err := linkOf(kind, content)
	if err != nil {
		return nil, err
	}
	messages := []sendMessage{{Attachment: &attachmentTemplate{attachment{URL: link, Type: "image"}}}}
	if caption := content.Text("caption"); first(caption) != "" {
		messages = append(messages, sendMessage{Text: &textTemplate{oneWording(caption)}})
	}
	return messages, nil
}

func file(kind string, content object) ([]sendMessage, error) {
	link, err := linkOf(kind, content)
	if err != nil {
		return nil, err
	}
	return words(kind, lines(content.Text("caption"), content.Text("filename"), link))
}

func linkOf(kind string, content object) (string, error) {
	link := content.Text("link")
	if u, err := url.Parse(link); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", handoff.Errorf(handoff.CodeInvalid,
			"the %s message needs a link, the public web address of the file: Chatlayer does not take files or ids of Meta's", kind)
	}
	return link, nil
}

func place(content object) string {
	coordinates := ""
	if content.Has("latitude") && content.Has("longitude") {
		coordinates = vendorjson.Clip(content.Scalar("latitude"), 24) + ", " + vendorjson.Clip(content.Scalar("longitude"), 24)
	}
	return lines(content.Text("name"), content.Text("address"), coordinates)
}

func cards(list []json.RawMessage) string {
	var parts []string
	for _, raw := range list {
		card, _ := vendorjson.ParseObject(raw)
		parts = append(parts, card.Object("name").Text("formatted_name"))
		for _, raw := range listOf(card, "phones") {
			phone, _ := vendorjson.ParseObject(raw)
			parts = append(parts, first(phone.Text("phone"), phone.Text("wa_id")))
		}
		for _, raw := range listOf(card, "emails") {
			email, _ := vendorjson.ParseObject(raw)
			parts = append(parts, email.Text("email"))
		}
	}
	return lines(parts...)
}
