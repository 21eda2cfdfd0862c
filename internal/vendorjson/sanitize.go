package vendorjson

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// The numbers that stay numbers. jsonb refuses 1e999999, and what it accepts it writes out in full: 1e131071, nine bytes,
// would come back as 131,072. No field of Meta's has more than 20 digits.
const (
	maxNumberLength   = 400
	maxExponentDigits = 2
)

// SanitizeText makes s fit a text or jsonb column of PostgreSQL, which hold neither U+0000 nor bytes that are not UTF-8. Both
// become U+FFFD.
func SanitizeText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// Sanitize makes JSON fit a jsonb column and drops the white space between its tokens. U+0000, lone surrogates and bytes that
// are not UTF-8 become U+FFFD, in keys too; a number too large for jsonb becomes a string of its digits; nothing else changes.
// What is not JSON at all becomes a string.
func Sanitize(raw json.RawMessage) json.RawMessage {
	if !json.Valid(raw) {
		return AppendQuoted(nil, SanitizeText(string(raw)))
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); {
		switch c := raw[i]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			i++
		case c == '"':
			end := stringEnd(raw, i)
			out = appendString(out, raw[i:end])
			i = end
		case c == '-' || c >= '0' && c <= '9':
			end := numberEnd(raw, i)
			out = appendNumber(out, raw[i:end])
			i = end
		default:
			out = append(out, c)
			i++
		}
	}
	return out
}

// stringEnd is the index after the string that begins at start. The JSON is valid.
func stringEnd(raw []byte, start int) int {
	i := start + 1
	for raw[i] != '"' {
		if raw[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1
}

func numberEnd(raw []byte, start int) int {
	i := start
	for i < len(raw) && strings.IndexByte("+-.0123456789Ee", raw[i]) >= 0 {
		i++
	}
	return i
}

func appendNumber(out, number []byte) []byte {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(number)), "e")
	exponent = strings.TrimLeft(exponent, "+-")
	if len(mantissa) <= maxNumberLength && len(exponent) <= maxExponentDigits {
		return append(out, number...)
	}
	out = append(out, '"')
	out = append(out, number...)
	return append(out, '"')
}

func appendString(out, quoted []byte) []byte {
	for i := 0; i < len(quoted); {
		switch c := quoted[i]; {
		case c == '\\' && quoted[i+1] == 'u':
			n, safe := escapeLength(quoted[i:])
			if safe {
				out = append(out, quoted[i:i+n]...)
			} else {
				out = append(out, `\ufffd`...)
			}
			i += n
		case c == '\\':
			out = append(out, c, quoted[i+1])
			i += 2
		case c < utf8.RuneSelf:
			out = append(out, c)
			i++
		default:
			r, n := utf8.DecodeRune(quoted[i:])
			out = utf8.AppendRune(out, r) // U+FFFD for a byte that is not UTF-8
			i += n
		}
	}
	return out
}

// escapeLength measures the \u escape at the start of s, both halves of a surrogate pair together, and tells whether jsonb can
// hold it.
func escapeLength(s []byte) (length int, safe bool) {
	const one, two = len(`\u0000`), len(`\ud800\udc00`)
	first := escapedUnit(s)
	if !utf16.IsSurrogate(first) {
		return one, first != 0
	}
	if len(s) < two || s[one] != '\\' || s[one+1] != 'u' {
		return one, false
	}
	if utf16.DecodeRune(first, escapedUnit(s[one:])) == utf8.RuneError {
		return one, false
	}
	return two, true
}

func escapedUnit(s []byte) rune {
	unit, err := strconv.ParseUint(string(s[2:6]), 16, 16)
	if err != nil {
		return 0
	}
	return rune(unit)
}

// AppendQuoted writes s as a JSON string. It leaves <, > and & alone: json.Marshal would escape them, and the bytes would
// differ from those that the vendors show.
func AppendQuoted(out []byte, s string) []byte {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil { // cannot happen: every string can be encoded
		return append(out, `""`...)
	}
	return append(out, bytes.TrimRight(quoted.Bytes(), "\n")...)
}
