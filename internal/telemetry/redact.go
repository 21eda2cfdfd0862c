package telemetry

import (
	"regexp"
	"strings"
)

// Redacted stands where something was left out.
const Redacted = "[redacted]"

// secretWords are the last words of keys whose values are left out, whatever they look like: access_token, apiKey, X-Signature.
var secretWords = map[string]bool{
	"apikey": true, "appkey": true, "auth": true, "authorization": true, "body": true, "caption": true, "content": true, "cookie": true, "cookies": true,
	"credential": true, "credentials": true, "dsn": true, "email": true, "header": true, "headers": true, "jwt": true, "key": true, "keys": true,
	"keyset": true, "mobile": true, "passphrase": true, "passwd": true, "password": true, "payload": true, "phone": true,
	"pwd": true, "query": true, "secret": true, "secrets": true, "signature": true, "text": true, "token": true, "tokens": true,
}

// secretKey tells whether a key names something that is not for logs. Ids of keys are: key_id ends in id.
func secretKey(key string) bool {
	return secretWords[strings.ToLower(key)] || secretWords[lastWord(key)]
}

// lastWord is the last word of a key in snake_case, kebab-case, dotted or camelCase, in lower case.
func lastWord(key string) string {
	if i := strings.LastIndexAny(key, "_-. /:"); i >= 0 {
		key = key[i+1:]
	}
	for i := len(key) - 1; i > 0; i-- {
		if upper(key[i]) && !upper(key[i-1]) {
			key = key[i:]
			break
		}
	}
	return strings.ToLower(key)
}

func upper(c byte) bool { return c >= 'A' && c <= 'Z' }

// shape is what a secret looks like wherever it stands. Its first group is kept. hints are texts in lower case of which one is in every
// text that the pattern fits: most texts of a log have none, and are not searched.
type shape struct {
	hints   []string
	pattern *regexp.Regexp
}

var shapes = []shape{
	{[]string{"hk_"}, regexp.MustCompile(`\b(hk_)[0-9A-Za-z_-]+`)},                                      // API keys of ours
	{[]string{"whsec_", "whsk_", "whpk_"}, regexp.MustCompile(`\b(wh(?:sec|sk|pk)_)[0-9A-Za-z+/=_-]+`)}, // webhook secrets
	{[]string{"eyj"}, regexp.MustCompile(`\b(eyJ)[0-9A-Za-z_-]+(?:\.[0-9A-Za-z_-]*){1,4}`)},             // JSON web tokens
	{[]string{"eaa"}, regexp.MustCompile(`\b(EAA)[0-9A-Za-z]{6,}`)},                                     // access tokens of Meta
	{[]string{"wamid."}, regexp.MustCompile(`\b(wamid\.)[0-9A-Za-z+/=_-]+`)},                            // ids of Meta's hold phone numbers
	{[]string{"://"}, regexp.MustCompile(`\b([a-zA-Z][a-zA-Z0-9+.-]*://)[^\s/?#"'@]*(?::[^\s"'@]*)?@`)}, // user and password of a URL
	{[]string{"bearer ", "basic ", "digest ", "key "}, regexp.MustCompile(`(?i)\b((?:bearer|basic|digest|appkey|apikey) )\s*[^\s",;]+`)},
	{
		[]string{"token", "secret", "passw", "pwd", "passphrase", "authorization", "apikey", "api_key", "accesskey", "access_key", "keyset", "cookie", "signature"},
		regexp.MustCompile(`(?i)(["']?\b[\w-]*(?:token|secret|password|passwd|pwd|passphrase|authorization|api_?key|access_?key|keyset|cookie|signature)` +
			`["']?\s*[=:]\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s&,;"'}]+)`),
	},
	{
		[]string{`":`, `" :`}, // what people wrote, in JSON
		regexp.MustCompile(`(?i)("(?:text|body|caption|phone|phone_number|contact_number|wa_id|name|email|content|payload)\\?"\s*:\s*)"(?:[^"\\]|\\.)*"`),
	},
}

func (p shape) redact(s, lower string) string {
	for _, hint := range p.hints {
		if strings.Contains(lower, hint) {
			return p.pattern.ReplaceAllString(s, "${1}"+Redacted)
		}
	}
	return s
}

// Redact leaves out of a text what looks like a secret, and all of a phone number but its last four digits.
func Redact(s string) string { return maskPhones(RedactSecrets(s)) }

// RedactSecrets leaves out what looks like a secret, and keeps numbers: in the answer to whoever typed a command, names of folders and files
// are not cut.
func RedactSecrets(s string) string {
	if len(s) < len("12345678") {
		return s
	}
	lower := strings.ToLower(s)
	for _, p := range shapes {
		s = p.redact(s, lower)
	}
	if strings.Contains(lower, "http") {
		s = webAddress.ReplaceAllStringFunc(s, redactAddress)
	}
	return s
}

// webAddress is a URL with something behind its host: the path, and the query or fragment. In brackets stand what was left out of it already,
// and an IPv6 address.
var webAddress = regexp.MustCompile(`(?i)\bhttps?://(?:\[[^\s/?#"'<>)\]]*\])*[^\s/?#"'<>)\]]*[/?#](?:\[redacted\]|[^\s"'<>)\]])*`)

// plainSegment is a part of a path that says what is there, in words, versions, small numbers and ids of ours: /v1/conversations/{id}/media,
// /readyz. Whatever else stands in a path may be a secret, as in the links of files and of surveys and in the hooks of others.
var plainSegment = regexp.MustCompile(`^(?:\.well-known|[a-z]{1,16}(?:[-_.][a-z]{1,16}){0,3}|v\d{1,2}(?:\.\d)?|\d{1,4}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?$`)

// redactAddress keeps of a URL its host and what is plain of its path.
func redactAddress(address string) string {
	start := strings.Index(address, "://") + len("://")
	start += strings.IndexAny(address[start:], "/?#")
	path, more, _ := strings.Cut(strings.ReplaceAll(address[start:], "#", "?"), "?")
	// The sentence around it goes on behind it.
	end := strings.TrimRight(path, ".,;:!")
	behind := path[len(end):]
	segments := strings.Split(end, "/")
	for i, segment := range segments {
		if !plainSegment.MatchString(segment) || (i > 0 && linkPath[segments[i-1]] && segment != "") {
			segments[i] = Redacted
		}
	}
	address = address[:start] + strings.Join(segments, "/") + behind
	if more != "" {
		address += "?" + Redacted
	}
	return address
}

// linkPath are our paths behind which a token stands: of a file, and of a survey.
var linkPath = map[string]bool{"m": true, "r": true}

// A phone number has 8 digits or more; with a plus they may be grouped. Ids of Meta are longer, and may hold one.
const (
	shortestPhone = 8
	keptDigits    = 4
)

var grouped = regexp.MustCompile(`\+\d[\d ().-]{6,22}\d`)

// machine is made of digits and no phone number: ids, times and decimals.
var machine = regexp.MustCompile(`(?i)^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?)`)

func maskPhones(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	if strings.Contains(s, "+") {
		s = grouped.ReplaceAllStringFunc(s, maskDigits)
	}
	var out strings.Builder
	copied := 0
	for i := 0; i < len(s); {
		if !word(s[i]) {
			i++
			continue
		}
		if len(s)-i >= len("2006-01-02T15:04:05") {
			if known := machine.FindString(s[i:]); known != "" {
				i += len(known)
				continue
			}
		}
		end := i
		for end < len(s) && word(s[end]) {
			end++
		}
		if n := end - i; n >= shortestPhone && digits(s[i:end]) {
			out.WriteString(s[copied:i])
			out.WriteString(maskDigits(s[i:end]))
			copied = end
		}
		i = end
	}
	if copied == 0 {
		return s
	}
	out.WriteString(s[copied:])
	return out.String()
}

// word is what an id is made of. What it stops at may stand beside a phone number.
func word(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// maskDigits keeps the last four.
func maskDigits(s string) string { return "…" + s[len(s)-keptDigits:] }
