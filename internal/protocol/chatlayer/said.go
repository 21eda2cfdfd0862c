package chatlayer

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

const (
	typeDocument    = "document"
	typeInteractive = "interactive"
	// typeUnsupported is the type of a message of which we can show no more than that it came.
	typeUnsupported = "unsupported"
)

// said is what a person would see of a message.
type said struct {
	kind    string
	text    string
	content json.RawMessage
	media   *handoff.ItemMedia
	intro   bool // nothing was said: the user has opened the chat
}

// userSaid reads a UserMessage. There is one part per file, else one. An unknown type that has a text is a text.
func userSaid(m object, raw json.RawMessage) []said {
	one := said{kind: typeUnsupported, text: m.Text("text"), content: vendorjson.Sanitize(raw)}
	switch kind := m.Text("messageType"); kind {
	case "intro":
		one.intro = true
	case "upload", "fileUploadInputResult":
		return uploads(m, one)
	case "location":
		if at := m.Object("coordinates"); at.Has("lat") && at.Has("long") {
			one.kind, one.text = "location", vendorjson.Clip(at.Scalar("lat"), 24)+", "+vendorjson.Clip(at.Scalar("long"), 24)
		}
	case "postback":
		one.kind, one.text = typeInteractive, first(m.Text("title"), one.text)
	default:
		if one.text != "" {
			one.kind = "text"
		}
	}
	return []said{one}
}

// uploads gives each file a part of its own. The first keeps all that was said; the others say which file they are, or a message
// of many files would be stored as many times.
func uploads(m object, one said) []said {
	var links []string
	seen := map[string]bool{}
	for _, raw := range listOf(m, "urls") {
		if link := vendorjson.ParseText(raw); link != "" && !seen[link] {
			seen[link] = true
			links = append(links, link)
		}
		if len(links) > maxItems {
			break // the whole body is refused for it
		}
	}
	// data tells of the one file that this kind of upload has, as urls does; it counts only where urls is empty.
	if link := m.Object("data").Text("fileUrl"); len(links) == 0 && link != "" {
		links = append(links, link)
	}
	if len(links) == 0 {
		return []said{one}
	}
	all := make([]said, 0, len(links))
	for i, link := range links {
		part := one
		part.kind, part.media = typeOf(link), media(link)
		if i > 0 {
			part.text = ""
			part.content, _ = encode(map[string]any{"messageType": m.Text("messageType"), "urls": []string{link}})
		}
		all = append(all, part)
	}
	return all
}

// botSaid reads a BotMessage: the message objects of the webhook channel.
func botSaid(m object, raw json.RawMessage) said {
	s := said{kind: typeUnsupported, text: m.Text("text"), content: vendorjson.Sanitize(raw)}
	if s.text != "" {
		s.kind = "text"
	}
	if replies := listOf(m, "quick_replies"); len(replies) > 0 {
		s.kind, s.text = typeInteractive, lines(s.text, buttons(replies))
	}
	attachment := m.Object("attachment")
	payload := attachment.Object("payload")
	switch kind := attachment.Text("type"); kind {
	case "template":
		if told := template(payload); told != "" {
			s.kind, s.text = typeInteractive, lines(s.text, told)
		}
	case "image", "video", "audio", "file":
		if s.kind = kind; kind == "file" {
			s.kind = typeOf(payload.Text("url"))
		}
		s.media = media(payload.Text("url"))
	}
	return s
}

// template tells a template of buttons, of a carousel (generic) or of a list as a person reads it.
func template(payload object) string {
	parts := []string{payload.Text("text")}
	for _, raw := range listOf(payload, "elements") {
		element, _ := vendorjson.ParseObject(raw)
		parts = append(parts, element.Text("title"), element.Text("subtitle"), buttons(listOf(element, "buttons")))
	}
	return lines(append(parts, buttons(listOf(payload, "buttons")))...)
}

// buttons tells buttons by their titles, one below the other.
func buttons(list []json.RawMessage) string {
	var titles []string
	for _, raw := range list {
		button, _ := vendorjson.ParseObject(raw)
		if title := strings.TrimSpace(button.Text("title")); title != "" {
			titles = append(titles, "• "+title)
		}
	}
	return lines(titles...)
}

// kinds are the types of files by their extension. What is not here is a document.
var kinds = map[string]string{
	".3gp": "video", ".avi": "video", ".m4v": "video", ".mkv": "video", ".mov": "video", ".mp4": "video", ".mpeg": "video", ".webm": "video",
	".aac": "audio", ".amr": "audio",
	".flac": "audio", ".m4a": "audio", ".mp3": "audio", ".oga": "audio", ".ogg": "audio", ".opus": "audio", ".wav": "audio",
	".avif": "image", ".bmp": "image", ".gif": "image",
	".heic": "image", ".jpeg": "image", ".jpg": "image", ".png": "image", ".tiff": "image", ".webp": "image",
}

// typeOf is the type of the file at an address, by its extension.
func typeOf(link string) string {
	u, err := url.Parse(strings.TrimSpace(link))
	if err != nil {
		return typeDocument
	}
	if kind, ok := kinds[strings.ToLower(path.Ext(u.Path))]; ok {
		return kind
	}
	return typeDocument
}

// media refers to the file at an address; nil where it is no web address that a file could be fetched from.
func media(link string) *handoff.ItemMedia {
	link = strings.TrimSpace(link)
	u, err := url.Parse(link)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil
	}
	m := &handoff.ItemMedia{URL: link}
	if name := path.Base(u.Path); path.Ext(name) != "" {
		m.Filename = vendorjson.SanitizeText(vendorjson.Clip(name, maxName))
	}
	return m
}
