package chatlayer

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/protocol"
)

// object is a JSON object of which nothing is known but its keys: one field of another type must not spoil the others, as it
// would in a struct.
type object map[string]json.RawMessage

// parseObject gives false for anything but an object.
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

// list is the list under key; nil where there is none.
func (o object) list(key string) []json.RawMessage {
	list, _ := parseList(o[key])
	return list
}

// has tells whether there is a value under key. null is none.
func (o object) has(key string) bool {
	raw := bytes.TrimSpace(o[key])
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// text is the string under key, safe for PostgreSQL; "" where there is none.
func (o object) text(key string) string { return parseText(o[key]) }

func parseText(raw json.RawMessage) string {
	if !startsWith(raw, '"') {
		return ""
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return ""
	}
	return meta.SanitizeText(s)
}

// scalar is the string or number under key as it is written. Ids of older bots are numbers.
func (o object) scalar(key string) string {
	raw := bytes.TrimSpace(o[key])
	if len(raw) > 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') {
		return string(raw)
	}
	return o.text(key)
}

// timestamp is the time of an object: RFC 3339, or a number of seconds or milliseconds since 1970. It is zero for anything else.
func (o object) timestamp() time.Time {
	written := strings.TrimSpace(o.scalar("timestamp"))
	at, err := time.Parse(time.RFC3339, written)
	if err != nil {
		number, err := strconv.ParseFloat(written, 64)
		if err != nil {
			return time.Time{}
		}
		return epoch(number)
	}
	// Beyond the year 9999, which an offset can reach, Go refuses to write the time down again.
	if at = at.UTC(); at.Year() <= 0 || at.Year() > 9999 {
		return time.Time{}
	}
	return at
}

// firstMilli is where numbers begin to be milliseconds: as seconds it is the year 5138, as milliseconds it is 1973.
const firstMilli = 1e11

// lastMilli is the end of the year 9999.
const lastMilli = 253402300799999

// epoch is a number of seconds or milliseconds since 1970 as a time, to the millisecond; zero where it is none.
func epoch(number float64) time.Time {
	if number < firstMilli {
		number *= 1000
	}
	if math.IsNaN(number) || number < 1 || number > lastMilli {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(number))).UTC()
}

func encode(body any) ([]byte, error) {
	out, err := protocol.Encode(body)
	if err != nil {
		return nil, handoff.Errorf(handoff.CodeInternal, "encode a call to Chatlayer: %w", err)
	}
	return out, nil
}

// clip shortens s to at most n code points.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

func first(values ...string) string {
	for _, value := range values {
		if strings.TrimSpace(value) != "" {
			return value
		}
	}
	return ""
}

// lines joins what is not empty, one below the other.
func lines(parts ...string) string {
	var full []string
	for _, part := range parts {
		if strings.TrimSpace(part) != "" {
			full = append(full, part)
		}
	}
	return strings.Join(full, "\n")
}
