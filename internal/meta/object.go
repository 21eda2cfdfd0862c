package meta

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// maxID is how long an id may be, in bytes. A wamid has about 60; PostgreSQL cannot index a value above 2,704.
const maxID = 512

// lastSecond is the end of the year 9999, after which Go refuses to write a time as RFC 3339.
const lastSecond = 253402300799

// object is a JSON object of which nothing is known but its keys. encoding/json would match the fields of a struct whatever
// their case, and would give up the whole struct for one field of another type; a map does neither.
type object map[string]json.RawMessage

// parseObject gives false for anything but an object. A duplicate key counts as it stands last, as in PostgreSQL's jsonb.
func parseObject(raw json.RawMessage) (object, bool) {
	if !startsWith(raw, '{') {
		return nil, false
	}
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, false
	}
	return o, true
}

func parseList(raw json.RawMessage) ([]json.RawMessage, bool) {
	if !startsWith(raw, '[') {
		return nil, false
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, false
	}
	return list, true
}

func startsWith(raw json.RawMessage, c byte) bool {
	raw = bytes.TrimLeft(raw, " \t\r\n")
	return len(raw) > 0 && raw[0] == c
}

// object is the object under key; nil, of which everything is absent, where there is none.
func (o object) object(key string) object {
	inner, _ := parseObject(o[key])
	return inner
}

func (o object) list(key string) ([]json.RawMessage, bool) { return parseList(o[key]) }

// has tells whether there is a value under key. null is none.
func (o object) has(key string) bool {
	raw := bytes.TrimSpace(o[key])
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// text is the string under key, safe for PostgreSQL; "" where there is none.
func (o object) text(key string) string {
	if !startsWith(o[key], '"') {
		return ""
	}
	var s string
	if err := json.Unmarshal(o[key], &s); err != nil {
		return ""
	}
	return SanitizeText(s)
}

// scalar is the string or number under key as it is written. Meta writes the same ids and times as strings or as numbers,
// depending on the webhook.
func (o object) scalar(key string) string {
	raw := bytes.TrimSpace(o[key])
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return o.text(key)
}

// id is the id under key; "" where there is none or it is too long to be one.
func (o object) id(key string) string {
	id := strings.TrimSpace(o.scalar(key))
	if len(id) > maxID {
		return ""
	}
	return id
}

// time is what the object has as its "timestamp", in seconds since 1970; zero where it is none.
func (o object) time() time.Time {
	seconds, err := strconv.ParseInt(strings.TrimSpace(o.scalar("timestamp")), 10, 64)
	if err != nil || seconds <= 0 || seconds > lastSecond {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// clip shortens what a vendor wrote to at most n code points, for use in a sentence.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
