package native

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"handoff"
	"handoff/internal/vendorjson"
)

// The limits. PostgreSQL cannot index a value above 2,704 bytes, which bounds ids.
const (
	maxID   = 512    // bytes
	maxText = 65_536 // code points
	maxName = 200    // code points
)

// fields reads one object of a body and collects what is wrong with it. encoding/json alone would match fields whatever their case
// and give up the whole object for one field of another type.
type fields struct {
	at     string // where the object stands, such as body.messages[3]
	raw    map[string]json.RawMessage
	asked  []string // the fields that there are
	faults *[]handoff.ErrorDetail
}

// open reads an object; nil, with a fault, for anything else.
func open(at string, raw json.RawMessage, faults *[]handoff.ErrorDetail) *fields {
	f := &fields{at: at, faults: faults}
	if err := json.Unmarshal(raw, &f.raw); err != nil || f.raw == nil {
		*faults = append(*faults, handoff.ErrorDetail{Location: at, Message: "has to be an object"})
		return nil
	}
	return f
}

func (f *fields) fault(key, format string, args ...any) {
	*f.faults = append(*f.faults, handoff.ErrorDetail{Location: f.at + "." + key, Message: fmt.Sprintf(format, args...)})
}

// faulty tells whether the field has been reported.
func (f *fields) faulty(key string) bool {
	return slices.ContainsFunc(*f.faults, func(d handoff.ErrorDetail) bool { return d.Location == f.at+"."+key })
}

// has tells whether there is a value under key. null is none.
func (f *fields) has(key string) bool {
	if !slices.Contains(f.asked, key) {
		f.asked = append(f.asked, key)
	}
	raw := f.raw[key] // encoding/json keeps no space around it
	return len(raw) > 0 && string(raw) != "null"
}

// done reports the fields that nobody asked for. It comes last.
func (f *fields) done() {
	none := "there is no such field here: use " + strings.Join(slices.Sorted(slices.Values(f.asked)), ", ")
	for _, key := range slices.Sorted(maps.Keys(f.raw)) {
		if slices.Contains(f.asked, key) {
			continue
		}
		if len(*f.faults) >= maxFaults { // it is counted, and not told
			*f.faults = append(*f.faults, handoff.ErrorDetail{})
			continue
		}
		f.fault(vendorjson.Clip(vendorjson.SanitizeText(key), 60), "%s", none)
	}
}

// text is the string under key, safe for PostgreSQL and of at most limit code points; "" where there is none.
func (f *fields) text(key string, limit int) string {
	if !f.has(key) {
		return ""
	}
	var s string
	if err := json.Unmarshal(f.raw[key], &s); err != nil {
		f.fault(key, "has to be a text")
		return ""
	}
	if n := utf8.RuneCountInString(s); n > limit {
		f.fault(key, "has %d characters; %d are allowed", n, limit)
		return ""
	}
	return vendorjson.SanitizeText(s)
}

// id is a text that has to come back as it was, so nothing in it may need to be replaced.
func (f *fields) id(key string) string {
	if !f.has(key) {
		return ""
	}
	id := f.text(key, maxID)
	switch {
	case f.faulty(key):
	case strings.TrimSpace(id) == "":
		f.fault(key, "is empty: leave it out, or give an id")
	case len(id) > maxID:
		f.fault(key, "has %d bytes; %d are allowed", len(id), maxID)
	case !bytes.Equal(vendorjson.Sanitize(f.raw[key]), f.raw[key]):
		f.fault(key, "holds U+0000, half of a surrogate pair or bytes that are not UTF-8: an id has to come back as it was")
	default:
		return id
	}
	return ""
}

func (f *fields) requiredID(key, what string) string {
	if !f.has(key) {
		f.fault(key, "is missing: %s", what)
		return ""
	}
	return f.id(key)
}

// timestamp is the RFC 3339 time under that key; zero where there is none. Beyond the year 9999, which an offset can reach, Go
// refuses to write a time down again.
func (f *fields) timestamp() time.Time {
	const key = "timestamp"
	if !f.has(key) {
		return time.Time{}
	}
	var s string
	if err := json.Unmarshal(f.raw[key], &s); err == nil {
		if at, err := time.Parse(time.RFC3339, s); err == nil && at.UTC().Year() > 0 && at.UTC().Year() < 10000 {
			return at.UTC()
		}
	}
	f.fault(key, "has to be a time such as 2026-06-08T09:14:00Z (RFC 3339)")
	return time.Time{}
}

// choice is one of the values, the first where there is none.
func (f *fields) choice(key string, values ...string) string {
	if !f.has(key) {
		return values[0]
	}
	var s string
	if err := json.Unmarshal(f.raw[key], &s); err != nil || !slices.Contains(values, s) {
		f.fault(key, "has to be one of %s", strings.Join(values, ", "))
		return values[0]
	}
	return s
}

func (f *fields) flag(key string, otherwise bool) bool {
	if !f.has(key) {
		return otherwise
	}
	flag := otherwise
	if err := json.Unmarshal(f.raw[key], &flag); err != nil {
		f.fault(key, "has to be true or false")
	}
	return flag
}

// object is the object under key; nil where there is none, or something else.
func (f *fields) object(key string) *fields {
	if !f.has(key) {
		return nil
	}
	return open(f.at+"."+key, f.raw[key], f.faults)
}

// json is the object (or list, where lists are allowed) under key, made safe for jsonb; nil where there is none.
func (f *fields) json(key string, list bool) json.RawMessage {
	if !f.has(key) {
		return nil
	}
	if first := f.raw[key][0]; first != '{' && (first != '[' || !list) {
		f.fault(key, "has to be an object")
		return nil
	}
	return vendorjson.Sanitize(f.raw[key])
}

// list is the list of objects under key; nil where there is none.
func (f *fields) list(key string) []*fields {
	if !f.has(key) {
		return nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(f.raw[key], &list); err != nil {
		f.fault(key, "has to be a list")
		return nil
	}
	if len(list) > maxElements {
		f.fault(key, "has %d elements; %d are allowed: send the last ones", len(list), maxElements)
		return nil
	}
	out := make([]*fields, 0, len(list))
	for i, raw := range list {
		if o := open(fmt.Sprintf("%s.%s[%d]", f.at, key, i), raw, f.faults); o != nil {
			out = append(out, o)
		}
	}
	return out
}
