package chatlayer

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// EchoKey is that by which a message of ours is known when it comes back. Chatlayer's feed tells everything that its bot sends, and
// what we send leaves through the bot (inferred, not documented; nothing in the feed says whose words they were). It compares a
// picture by its address and everything else by its words, without what white space there is between them; buttons and times do not
// count, because Chatlayer writes the one differently and the other is its own. It is empty for what is no message of the bot's and
// for what says nothing. It is a hash: the words cannot be read from it.
func EchoKey(m handoff.ItemMessageBody) string {
	if m.Author != handoff.AuthorBot {
		return ""
	}
	message, ok := vendorjson.ParseObject(m.Content)
	if !ok {
		return ""
	}
	attachment := message.Object("attachment")
	payload := attachment.Object("payload")
	if attachment.Text("type") == "image" {
		return echoKey("image", payload.Text("url"))
	}
	return echoKey("text", first(message.Text("text"), payload.Text("text")))
}

// SentKeys are the keys of what Send makes of a message, one for each element of sendMessages; none where it makes nothing.
func SentKeys(m handoff.OutboundMessage) []string {
	messages, err := render(m)
	if err != nil {
		return nil
	}
	keys := make([]string, 0, len(messages))
	for _, message := range messages {
		keys = append(keys, message.key())
	}
	return keys
}

func (m sendMessage) key() string {
	switch {
	case m.Attachment != nil:
		return echoKey("image", m.Attachment.Media.URL)
	case m.Button != nil:
		return echoKey("text", m.Button.TextMessages[0].Text)
	case m.QuickReply != nil:
		return echoKey("text", m.QuickReply.TextMessages[0].Text)
	default:
		return echoKey("text", m.Text.TextMessages[0].Text)
	}
}

func echoKey(kind, said string) string {
	said = strings.Join(strings.Fields(vendorjson.SanitizeText(said)), " ")
	if said == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(said))
	return kind + ":" + hex.EncodeToString(sum[:])
}
