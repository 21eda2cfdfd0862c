package mediastore

import (
	"fmt"
	"slices"
	"strings"

	"handoff"
)

// MaxBytes is the most that any file may have, and what an inbound file is capped at whatever its type: WhatsApp carries no more.
const MaxBytes = 100 * megabyte

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
)

// outboundRule says what WhatsApp takes as one type of message.
type outboundRule struct {
	max   int64
	types []string // nil: any
	words string   // the types, for people
}

// outbound are the rules of Meta's Cloud API ("Supported media types", developers.facebook.com/docs/whatsapp/cloud-api/reference/media).
// A video must also be H.264 with AAC and a still sticker has 100 KB at most; Meta tells, as the beginning of a file does not.
var outbound = map[string]outboundRule{
	"audio": {
		max: 16 * megabyte, words: "AAC, AMR, MP3, M4A and OGG with the Opus codec",
		types: []string{"audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", oggOpus, "video/mp4"}, // video/mp4: the same container
	},
	"document": {max: MaxBytes, words: "any file"},
	"image":    {max: 5 * megabyte, words: "JPEG and PNG", types: []string{"image/jpeg", "image/png"}},
	"sticker":  {max: 500 * kilobyte, words: "WebP", types: []string{"image/webp"}},
	"video":    {max: 16 * megabyte, words: "MP4 and 3GP", types: []string{"video/3gpp", "video/mp4"}},
}

// Limit is how many bytes an outbound file may have as a message of a kind. Where the kind is not a message type, as before an agent
// has chosen one, the declared type decides: a picture, sound or film has its own limit, anything else is a document.
func Limit(kind, declaredMIME string) int64 {
	if rule, ok := outbound[kind]; ok {
		return rule.max
	}
	name, _ := split(declaredMIME)
	family, _, _ := strings.Cut(name, "/")
	if rule, ok := outbound[family]; ok && slices.ContainsFunc(rule.types, func(t string) bool { return strings.HasPrefix(t, name) }) {
		return rule.max
	}
	return MaxBytes
}

// CheckOutbound tells whether WhatsApp takes a file as a message of a kind: CodeInvalid if it has the wrong type, CodeTooLarge if it
// has too many bytes.
func CheckOutbound(kind string, info Info) error {
	rule, ok := outbound[kind]
	if !ok {
		return handoff.Errorf(handoff.CodeInvalid, "WhatsApp sends no file as %q: use audio, document, image, sticker or video", kind)
	}
	wayOut := ": send it as document or convert it"
	if rule.types != nil && !slices.Contains(rule.types, info.MIMEType) {
		return handoff.Errorf(handoff.CodeInvalid, "WhatsApp takes %s as %s; this is %s%s", rule.words, kind, info.MIMEType, wayOut)
	}
	if info.Size <= rule.max {
		return nil
	}
	switch {
	case kind == "document":
		wayOut = ": make it smaller"
	case info.Size <= MaxBytes:
		wayOut = ": make it smaller or send it as document"
	}
	return handoff.Errorf(handoff.CodeTooLarge, "WhatsApp takes at most %s as %s; this has %s%s", megabytes(rule.max), kind, megabytes(info.Size), wayOut)
}

// megabytes writes a number of bytes for people, rounded up so that a file over a limit never reads like the limit.
func megabytes(size int64) string {
	unit, name := int64(megabyte), "MB"
	if size < megabyte {
		unit, name = kilobyte, "KB"
	}
	if size%unit == 0 {
		return fmt.Sprintf("%d %s", size/unit, name)
	}
	tenths := (size*10 + unit - 1) / unit
	return fmt.Sprintf("%d.%d %s", tenths/10, tenths%10, name)
}
