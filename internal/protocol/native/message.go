package native

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/protocol"
)

const (
	maxURL      = 4096
	maxFilename = 255
)

// messageTypes are the types of messages, the default first. They are WhatsApp's, because that is what inboxes can show.
var messageTypes = []string{
	"text", "audio", "button", "contacts", "document", "image", "interactive", "location", "order", "reaction", "sticker", "template",
	"unsupported", "video",
}

// fileTypes are the types whose content is a file.
var fileTypes = []string{"audio", "document", "image", "sticker", "video"}

// ParseMessages reads a MessageBody or a MessagesBody. The errors are malformed, invalid and too_large.
func ParseMessages(body []byte) ([]handoff.Item, error) {
	return readMany(body, "messages", readMessage)
}

func readMessage(f *fields) handoff.Item {
	item := handoff.Item{
		Kind: handoff.ItemMessage, Contact: readContact(f),
		ExternalID: f.requiredID("id", "give your id of the message, by which a repeat is known"),
	}
	kind := f.choice("type", messageTypes...)
	m := &handoff.ItemMessageBody{
		Type: kind, Text: f.text("text", maxText), Media: readMedia(f), ReplyTo: f.id("reply_to"), At: f.timestamp(),
	}
	m.Content = readContent(f, kind, m.Text)
	checkContent(f, m)
	readAuthor(f, m)
	m.History = readHistory(f, m.Opens)
	item.Message = m
	return item
}

// readAuthor reads whose message it is, and what it does where no conversation is open.
func readAuthor(f *fields, m *handoff.ItemMessageBody) {
	m.Direction = handoff.Direction(f.choice("direction", string(handoff.Inbound), string(handoff.Outbound)))
	asksOpens := f.has("opens")
	if m.Direction == handoff.Inbound {
		m.Author = handoff.AuthorType(f.choice("author", string(handoff.AuthorContact)))
		m.Opens = f.flag("opens", m.Type != "reaction")
		m.Shadow = asksOpens && !m.Opens
		return
	}
	m.Author = handoff.AuthorType(f.choice("author", string(handoff.AuthorBot), string(handoff.AuthorAgent)))
	m.Shadow = m.Author == handoff.AuthorBot
	if f.flag("opens", false) {
		f.fault("opens", "only an inbound message opens a conversation; ask for a person with an offload")
	}
}

// checkContent tells what a message of its type needs.
func checkContent(f *fields, m *handoff.ItemMessageBody) {
	isFile := slices.Contains(fileTypes, m.Type)
	switch {
	case isFile && !f.has("media"):
		f.fault("media", `is missing: a message of type %q needs its file, {"url":"https://…"}`, m.Type)
	case !isFile && f.has("media"):
		f.fault("media", "belongs to messages of type %s", strings.Join(fileTypes, ", "))
	case m.Type == "reaction" && !f.has("reply_to"):
		f.fault("reply_to", "is missing: say which message the reaction is to")
	case m.Type == "reaction" || isFile:
	default:
		checkSaid(f, m.Type, m.Text)
	}
}

// checkSaid reports a message or turn that says nothing.
func checkSaid(f *fields, kind, text string) {
	if strings.TrimSpace(text) != "" || f.faulty("text") || (kind != "text" && f.has("content")) {
		return
	}
	if kind == "text" {
		f.fault("text", "is missing: a message of type text needs its text")
		return
	}
	f.fault("text", "is missing: a message of type %q needs text or content", kind)
}

// readContent puts the object into the shape that messages of all protocols have: {"type":"location","location":{…}}.
func readContent(f *fields, kind, text string) json.RawMessage {
	content := f.json("content", kind == "contacts")
	if content == nil && kind == "text" {
		content = quoteBody(text)
	}
	if content == nil {
		return json.RawMessage(`{"type":"` + kind + `"}`)
	}
	return slices.Concat(json.RawMessage(`{"type":"`+kind+`","`+kind+`":`), content, json.RawMessage(`}`))
}

func quoteBody(text string) json.RawMessage {
	out, err := protocol.Encode(map[string]string{"body": text})
	if err != nil { // cannot happen: every string can be encoded
		return nil
	}
	return out
}

func readMedia(f *fields) *handoff.ItemMedia {
	o := f.object("media")
	if o == nil {
		return nil
	}
	m := &handoff.ItemMedia{
		URL: o.text("url", maxURL), MIMEType: o.text("mime_type", maxName), Filename: o.text("filename", maxFilename), SHA256: o.text("sha256", maxName),
	}
	if u, err := url.Parse(m.URL); (err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http")) && !o.faulty("url") {
		o.fault("url", "has to be the address of the file, beginning with https:// or http://")
	}
	if m.SHA256 != "" && !isSHA256(m.SHA256) {
		o.fault("sha256", "has to be a SHA-256 in hex (64 digits) or base64 (44 characters)")
	}
	o.done()
	return m
}

func isSHA256(s string) bool {
	const size = 32 // bytes
	digits, err := hex.DecodeString(s)
	if err == nil && len(digits) == size {
		return true
	}
	raw, err := base64.StdEncoding.DecodeString(s)
	return err == nil && len(raw) == size
}

func readHistory(f *fields, opens bool) []handoff.HistoryTurn {
	if f.has("prior_history") && !opens {
		f.fault("prior_history", "counts on a message that opens a conversation, which this one does not")
	}
	var turns []handoff.HistoryTurn
	for _, o := range f.list("prior_history") {
		turn := readTurn(o)
		if strings.TrimSpace(turn.Text) == "" && !o.faulty("text") {
			o.fault("text", "is missing: describe a file in words")
		}
		o.done()
		turns = append(turns, turn)
	}
	return turns
}

// readTurn reads what the turns of a history and of a transcript have in common.
func readTurn(o *fields) handoff.HistoryTurn {
	if !o.has("direction") {
		o.fault("direction", "is missing: inbound is what the contact said, outbound what was said to the contact")
	}
	return handoff.HistoryTurn{
		Direction: handoff.Direction(o.choice("direction", string(handoff.Inbound), string(handoff.Outbound))),
		Text:      o.text("text", maxText), ExternalID: o.id("id"), At: o.timestamp(),
	}
}
