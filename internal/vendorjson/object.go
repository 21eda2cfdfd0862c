package vendorjson

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// MaxID is how long an id may be, in bytes. A wamid has about 60; PostgreSQL cannot index a value above 2,704.
const MaxID = 512

// Object is a JSON object of which nothing is known but its keys. encoding/json would match the fields of a struct whatever their case,
// and would give up the whole struct for one field of another type; a map does neither. What is missing, null or of another type is
// absent.
type Object map[string]json.RawMessage

// ParseObject gives false for anything but an object. A duplicate key counts as it stands last, as in PostgreSQL's jsonb.
func ParseObject(raw json.RawMessage) (Object, bool) {
	if !StartsWith(raw, '{') {
		return nil, false
	}
	var o Object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, false
	}
	return o, true
}

// ParseList gives false for anything but a list.
func ParseList(raw json.RawMessage) ([]json.RawMessage, bool) {
	if !StartsWith(raw, '[') {
		return nil, false
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, false
	}
	return list, true
}

// ParseText is a string, safe for PostgreSQL; "" for anything else.
func ParseText(raw json.RawMessage) string {
	if !StartsWith(raw, '"') {
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return SanitizeText(s)
}

// StartsWith tells of what kind a value is: by '{', '[' or '"'.
func StartsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// Object is the object under key; nil, of which everything is absent, where there is none.
func (o Object) Object(key string) Object {
	inner, _ := ParseObject(o[key])
	return inner
}

// List is the list under key, and whether there is one.
func (o Object) List(key string) ([]json.RawMessage, bool) { return ParseList(o[key]) }

// Has tells whether there is a value under key. null is none.
func (o Object) Has(key string) bool {
	raw := bytes.TrimSpace(o[key])
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// Text is the string under key, safe for PostgreSQL; "" where there is none.
func (o Object) Text(key string) string { return ParseText(o[key]) }

// Scalar is the string or number under key as it is written. Vendors write the same ids and times as strings or as numbers: Meta
// depending on the webhook, Chatlayer on the age of the bot.
func (o Object) Scalar(key string) string {
	raw := bytes.TrimSpace(o[key])
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return o.Text(key)
}

// ID is the id under key; "" where there is none or it is too long to be one.
func (o Object) ID(key string) string {
	id := strings.TrimSpace(o.Scalar(key))
	if len(id) > MaxID {
		return ""
	}
	return id
}

// Clip shortens what a vendor wrote to at most n code points, for use in a sentence.
func Clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
