package kapso

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"handoff"
	"handoff/internal/protocol"
)

// content is what a message's Content says, in the shape of Meta's webhooks.
type content struct {
	own    json.RawMessage // the object under the message's type; nil where there is none
	around object          // what surrounds it: context, referral, errors
	// echo says that a person wrote the message in the WhatsApp Business app.
	echo bool
}

// ownKeys are the keys of a message that do not come from its content.
var ownKeys = map[string]bool{"id": true, "timestamp": true, "type": true, "kapso": true}

// readContent reads the two shapes of Content: Meta's message, with its object under the name of the type, and the object alone, as
// an agent's message has it. No object that may be sent has a key of its own type's name, so that key tells an echo from the phone app
// from a message that left through us.
func readContent(m protocol.Message) (content, error) {
	raw := bytes.TrimSpace(m.Content)
	if len(raw) == 0 || string(raw) == "null" {
		return content{own: textOnly(m)}, nil
	}
	if !json.Valid(raw) {
		return content{}, handoff.Errorf(handoff.CodeInternal, "the content of the %s message %s is not JSON", m.Type, m.ID)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(raw, &keys); err != nil { // such as the list of a contacts message
		return content{own: raw}, nil
	}
	if m.Direction == handoff.Outbound && keys[m.Type] == nil && m.Type != "unsupported" {
		return content{own: sent(m, raw, keys), around: quoted(m)}, nil
	}
	c := content{own: keys[m.Type], echo: m.Direction == handoff.Outbound && m.Author == handoff.AuthorAgent}
	if c.own == nil {
		c.own = textOnly(m)
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if key != m.Type && !ownKeys[key] {
			c.around = c.around.with(key, keys[key])
		}
	}
	return c, nil
}

// sent is the object of a message that left through us. Turns from before the hand-over have an empty one, and their text.
func sent(m protocol.Message, raw json.RawMessage, keys map[string]json.RawMessage) json.RawMessage {
	if len(keys) > 0 {
		return raw
	}
	return textOnly(m)
}

// quoted is the context of a message that answers another, as Meta's webhooks write it. A reaction names its message itself.
func quoted(m protocol.Message) object {
	if m.ReplyTo == "" || m.Type == "reaction" {
		return nil
	}
	return object{{"context", object{{"id", m.ReplyTo}}}}
}

func textOnly(m protocol.Message) json.RawMessage {
	if m.Type != "text" {
		return nil
	}
	body, err := object{{"body", m.Text}}.MarshalJSON()
	if err != nil { // cannot happen: every string can be encoded
		return nil
	}
	return body
}

// files are the types of messages with a file, as the text for them names it.
var files = map[string]string{"audio": "Audio", "document": "Document", "image": "Image", "sticker": "Sticker", "video": "Video"}

func hasMedia(m protocol.Message) bool { return m.Media != nil || files[m.Type] != "" }

// representation is the message as text. A file is put into words as Kapso does it: "Caption Image attached (photo.jpg) [Size: 200 KB |
// Type: image/jpeg] URL: https://…", with its name in brackets where there is no caption, and without what is not known.
func representation(m protocol.Message) string {
	kind := files[m.Type]
	if kind == "" {
		return m.Text
	}
	text := m.Text + " " + kind + " attached"
	if m.Text == "" {
		text = "[" + kind + " attached]"
	}
	if m.Media == nil {
		return text
	}
	if m.Media.Filename != "" {
		text += " (" + m.Media.Filename + ")"
	}
	var facts []string
	if m.Media.Size > 0 {
		facts = append(facts, "Size: "+size(m.Media.Size))
	}
	if m.Media.MIMEType != "" {
		facts = append(facts, "Type: "+m.Media.MIMEType)
	}
	if len(facts) > 0 {
		text += " [" + strings.Join(facts, " | ") + "]"
	}
	if m.Media.URL != "" {
		text += " URL: " + m.Media.URL
	}
	return text
}

// size is a number of bytes for people, to three digits: 200 KB, 1.46 MB.
func size(n int64) string {
	const unit, digits = 1024, 3
	if n < unit {
		return fmt.Sprintf("%d Bytes", n)
	}
	value, name := float64(n)/unit, "KB"
	for _, larger := range []string{"MB", "GB"} {
		if value < unit {
			break
		}
		value, name = value/unit, larger
	}
	decimals := max(0, digits-len(strconv.Itoa(int(value))))
	text := strconv.FormatFloat(value, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text + " " + name
}

// mediaFields are the keys that tell of a file, once it has a link; none before.
func mediaFields(m protocol.Message) object {
	if m.Media == nil || m.Media.URL == "" {
		return nil
	}
	return object{{"media_url", m.Media.URL}, {"media_data", object{
		{"url", m.Media.URL}, {"filename", orNull(m.Media.Filename)}, {"content_type", orNull(m.Media.MIMEType)}, {"byte_size", m.Media.Size},
	}}}
}

// fileData is what surrounds a file: its caption, and the name of a document.
func fileData(m protocol.Message) object {
	if files[m.Type] == "" {
		return nil
	}
	data := object(nil).withText("caption", m.Text)
	if m.Type == "document" && m.Media != nil {
		data = data.withText("filename", m.Media.Filename)
	}
	return data
}
