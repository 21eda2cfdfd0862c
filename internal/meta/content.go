package meta

import (
	"cmp"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// content is what a person would see of a message.
type content struct {
	kind    string
	text    string
	replyTo string
	media   *handoff.ItemMedia
}

// readers read the object under a message's type. The keys are the types of webhooks/reference/messages.
var readers = map[string]func(o object) content{
	"audio":    readMedia,
	"button":   func(o object) content { return content{text: cmp.Or(o.Text("text"), o.Text("payload"))} },
	"document": readMedia,
	"image":    readMedia,
	"interactive": func(o object) content {
		return content{text: cmp.Or(
			o.Object("button_reply").Text("title"), o.Object("list_reply").Text("title"), o.Object("nfm_reply").Text("body"),
			o.Object("body").Text("text"), // of one that was sent
		)}
	},
	"location": readLocation,
	"order":    func(o object) content { return content{text: o.Text("text")} },
	"reaction": func(o object) content { return content{text: o.Text("emoji"), replyTo: o.ID("message_id")} },
	"revoke":   func(o object) content { return content{replyTo: o.ID("original_message_id")} },
	"sticker":  readMedia,
	"system":   func(o object) content { return content{text: o.Text("body")} },
	"template": func(o object) content { return content{text: o.Text("name")} }, // of one that was sent
	"text":     func(o object) content { return content{text: o.Text("body")} },
	"video":    readMedia,
}

// readContent understands a message as far as it can. One of a type that Meta added since, or whose object is missing, was
// still said by somebody: it becomes an unsupported message, as Meta itself calls those that it does not forward.
func readContent(m object) content {
	kind := messageType(m)
	read := content{kind: kind}
	switch {
	case kind == "contacts":
		read.text = contactNames(m)
	case kind == "edit":
		read = readEdit(m.Object(kind))
		read.kind = kind
	case kind != typeUnsupported:
		read = readers[kind](m.Object(kind))
		read.kind = kind
	}
	read.replyTo = cmp.Or(read.replyTo, m.Object("context").ID("id"))
	return read
}

// messageType is the type of a message that we can read, else "unsupported". The samples of two SDKs
// (piusalfred/whatsapp, veecore/whatsapp-business-rs) show a location without a type, so a missing one is inferred if only one
// fits.
func messageType(m object) string {
	if kind := m.Text("type"); kind != "" {
		if readable(m, kind) {
			return kind
		}
		return typeUnsupported
	}
	found := typeUnsupported
	for kind := range m {
		if !readable(m, kind) {
			continue
		}
		if found != typeUnsupported {
			return typeUnsupported
		}
		found = kind
	}
	return found
}

func readable(m object, kind string) bool {
	if kind == "contacts" {
		_, ok := m.List(kind)
		return ok
	}
	return (kind == "edit" || readers[kind] != nil) && m.Object(kind) != nil
}

func readMedia(o object) content {
	read := content{text: o.Text("caption")}
	media := handoff.ItemMedia{ID: o.ID("id"), MIMEType: o.Text("mime_type"), SHA256: o.Text("sha256"), Filename: o.Text("filename")}
	if media.ID == "" {
		media.URL = o.Text("link") // of one that was sent; the url of one that came is worth nothing without its id
	}
	if media.ID != "" || media.URL != "" {
		read.media = &media
	}
	return read
}

// readEdit shows the new text. The file of an edited caption is the one that the original message brought.
func readEdit(o object) content {
	read := content{replyTo: o.ID("original_message_id")}
	if message := o.Object("message"); message != nil && messageType(message) != "edit" {
		read.text = readContent(message).text
	}
	return read
}

func readLocation(o object) content {
	var parts []string
	for _, part := range []string{o.Text("name"), o.Text("address")} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) == 0 && o.Has("latitude") && o.Has("longitude") {
		parts = []string{vendorjson.Clip(o.Scalar("latitude"), 24), vendorjson.Clip(o.Scalar("longitude"), 24)}
	}
	return content{text: strings.Join(parts, ", ")}
}

func contactNames(m object) string {
	list, _ := m.List("contacts")
	var names []string
	for _, raw := range list {
		card, _ := vendorjson.ParseObject(raw)
		if name := card.Object("name").Text("formatted_name"); name != "" {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
