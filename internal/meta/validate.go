package meta

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"handoff"
	"handoff/internal/vendorjson"
)

// Meta's limits, in code points (reference/whatsapp-business-phone-number/message-api).
const (
	maxText     = 4096
	maxCaption  = 1024
	maxTemplate = 512 // a template's name
	maxCards    = 257 // contacts in one message
)

var sendTypes = map[string]func(c *check, at string, raw json.RawMessage){
	"audio":       mediaRule("id", "link", "voice"),
	"contacts":    checkContacts,
	"document":    mediaRule("caption", "filename", "id", "link"),
	"image":       mediaRule("caption", "id", "link"),
	"interactive": checkInteractive,
	"location":    checkLocation,
	"reaction":    checkReaction,
	"sticker":     mediaRule("id", "link"),
	"template":    checkTemplate,
	"text":        checkText,
	"video":       mediaRule("caption", "id", "link"),
}

// ValidateSend checks a message that is to be sent against what Meta accepts, so that an agent learns of a mistake at once and
// not from a failed status. content is the object for the type. The error is invalid, with a sentence for each fault and its
// place in {"type": …, "<type>": content}.
func ValidateSend(messageType string, content json.RawMessage) error {
	rule, ok := sendTypes[messageType]
	if !ok {
		known := strings.Join(slices.Sorted(maps.Keys(sendTypes)), ", ")
		c := check{}
		c.fault("body.type", "there is no message type %q: use one of %s", vendorjson.Clip(vendorjson.SanitizeText(messageType), 60), known)
		return c.err()
	}
	if err := vendorjson.Check(content); err != nil {
		return err
	}
	at := "body." + messageType
	c := check{}
	if !json.Valid(content) {
		c.fault(at, "a message of type %q needs its content under %q", messageType, messageType)
		return c.err()
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, content); err != nil || !bytes.Equal(compact.Bytes(), vendorjson.Sanitize(content)) {
		c.fault(at, "the content holds U+0000, half of a surrogate pair, bytes that are not UTF-8 or a number beyond all limits: remove it")
		return c.err()
	}
	rule(&c, at, content)
	return c.err()
}

// check collects faults.
type check struct {
	details []handoff.ErrorDetail
}

func (c *check) fault(at, format string, args ...any) {
	c.details = append(c.details, handoff.ErrorDetail{Location: at, Message: fmt.Sprintf(format, args...)})
}

func (c *check) err() error {
	if len(c.details) == 0 {
		return nil
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: "WhatsApp would refuse this message: " + c.details[0].Message, Details: c.details,
	}
}

// object reports what is no object. What comes back can be asked for keys in any case.
func (c *check) object(at string, raw json.RawMessage) object {
	o, ok := vendorjson.ParseObject(raw)
	if !ok {
		c.fault(at, "%s has to be an object", at)
	}
	return o
}

// only reports keys that Meta does not know there: it answers them with error 100.
func (c *check) only(at string, o object, keys ...string) {
	for _, key := range slices.Sorted(maps.Keys(o)) {
		if !slices.Contains(keys, key) {
			c.fault(at+"."+vendorjson.Clip(key, 60), "there is no key %q in %s: use %s", vendorjson.Clip(key, 60), at, strings.Join(keys, ", "))
		}
	}
}

// text is the required string under key, of 1 to limit code points.
func (c *check) text(at string, o object, key string, limit int) string {
	at += "." + key
	s := o.Text(key)
	if strings.TrimSpace(s) == "" {
		c.fault(at, "%s has to be a text that is not empty", at)
		return ""
	}
	c.length(at, s, limit)
	return s
}

// optional is the string under key, if there is one.
func (c *check) optional(at string, o object, key string, limit int) {
	if _, ok := o[key]; !ok {
		return
	}
	at += "." + key
	if !vendorjson.StartsWith(o[key], '"') {
		c.fault(at, "%s has to be a text", at)
		return
	}
	c.length(at, o.Text(key), limit)
}

func (c *check) length(at, s string, limit int) {
	if n := utf8.RuneCountInString(s); n > limit {
		c.fault(at, "%s has %d characters; Meta allows %d", at, n, limit)
	}
}

// list is the list under key, of 1 to limit elements.
func (c *check) list(at string, o object, key string, limit int) []json.RawMessage {
	at += "." + key
	list, ok := o.List(key)
	if !ok || len(list) == 0 {
		c.fault(at, "%s has to be a list that is not empty", at)
		return nil
	}
	if len(list) > limit {
		c.fault(at, "%s has %d elements; Meta allows %d", at, len(list), limit)
		return nil
	}
	return list
}

func (c *check) flag(at string, o object, key string) {
	if raw, ok := o[key]; ok && string(raw) != "true" && string(raw) != "false" {
		c.fault(at+"."+key, "%s.%s has to be true or false", at, key)
	}
}

// link is the required web address under key.
func (c *check) link(at string, o object, key string, schemes ...string) {
	at += "." + key
	u, err := url.Parse(o.Text(key))
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		c.fault(at, "%s has to be a full web address that begins with %s://", at, strings.Join(schemes, ":// or "))
	}
}

func checkText(c *check, at string, raw json.RawMessage) {
	o := c.object(at, raw)
	if o == nil {
		return
	}
	c.only(at, o, "body", "preview_url")
	c.text(at, o, "body", maxText)
	c.flag(at, o, "preview_url")
}

// mediaRule checks a file that is named by a public link, which Meta fetches, or by the id of an upload to Meta.
func mediaRule(keys ...string) func(*check, string, json.RawMessage) {
	return func(c *check, at string, raw json.RawMessage) {
		o := c.object(at, raw)
		if o == nil {
			return
		}
		c.only(at, o, keys...)
		switch {
		case o.Has("link") == o.Has("id"):
			c.fault(at, `%s needs either "link", the public https address of the file, or "id", the id of a file at Meta`, at)
		case o.Has("link"):
			c.link(at, o, "link", "https")
		default:
			c.text(at, o, "id", vendorjson.MaxID)
		}
		c.optional(at, o, "caption", maxCaption)
		c.optional(at, o, "filename", maxCaption)
		c.flag(at, o, "voice")
	}
}

func checkTemplate(c *check, at string, raw json.RawMessage) {
	o := c.object(at, raw)
	if o == nil {
		return
	}
	c.only(at, o, "components", "language", "name", "namespace")
	c.text(at, o, "name", maxTemplate)
	if language := c.object(at+".language", o["language"]); language != nil {
		c.text(at+".language", language, "code", 20)
	}
	if !o.Has("components") {
		return
	}
	list, ok := o.List("components")
	if !ok {
		c.fault(at+".components", "%s.components has to be a list", at)
	}
	for i, raw := range list {
		place := fmt.Sprintf("%s.components[%d]", at, i)
		if component := c.object(place, raw); component != nil {
			c.text(place, component, "type", 60)
		}
	}
}

func checkReaction(c *check, at string, raw json.RawMessage) {
	o := c.object(at, raw)
	if o == nil {
		return
	}
	c.only(at, o, "emoji", "message_id")
	c.text(at, o, "message_id", vendorjson.MaxID)
	if !vendorjson.StartsWith(o["emoji"], '"') { // an empty one takes the reaction back
		c.fault(at+".emoji", "%s.emoji has to be an emoji, or an empty text to take the reaction back", at)
	}
	c.optional(at, o, "emoji", 20)
}

func checkLocation(c *check, at string, raw json.RawMessage) {
	o := c.object(at, raw)
	if o == nil {
		return
	}
	c.only(at, o, "address", "latitude", "longitude", "name")
	c.degrees(at, o, "latitude", 90)
	c.degrees(at, o, "longitude", 180)
	c.optional(at, o, "name", 1000)
	c.optional(at, o, "address", 1000)
}

// degrees is a number, or one in quotes: Meta's reference shows both.
func (c *check) degrees(at string, o object, key string, limit float64) {
	degrees, err := strconv.ParseFloat(o.Scalar(key), 64)
	if err != nil || math.IsNaN(degrees) || math.Abs(degrees) > limit {
		c.fault(at+"."+key, "%s.%s has to be a number from -%g to %g", at, key, limit, limit)
	}
}

func checkContacts(c *check, at string, raw json.RawMessage) {
	for i, raw := range c.list("body", object{"contacts": raw}, "contacts", maxCards) {
		place := fmt.Sprintf("%s[%d]", at, i)
		card := c.object(place, raw)
		if card == nil {
			continue
		}
		if name := c.object(place+".name", card["name"]); name != nil {
			c.text(place+".name", name, "formatted_name", maxText)
		}
	}
}
