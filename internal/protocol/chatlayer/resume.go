package chatlayer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/protocol"
	"handoff/internal/vendorjson"
)

// maxResumeCall is how long a resume call may be, in bytes.
const maxResumeCall = 16 << 10

// The placeholders of a resume call. They stand inside texts.
const (
	placeSession = "{{sessionId}}"
	placeBot     = "{{botId}}"
)

var placeholder = regexp.MustCompile(`\{\{[^{}]*\}\}`)

// end is the call that gives the conversation back to the bot: the inbox's resume call, or none where it has none. Chatlayer's API can
// unpause the bot (integrations-101), but the key for it is in no public document, so the operator says what is posted:
//
//	{"…": …}                                       is posted to the session's actions
//	{"path": "/api/webview", "body": {"…": …}}     is posted to that path, such as that of the legacy asynchronous actions
//
// In its texts {{sessionId}} and {{botId}} stand for those of the conversation, in the path percent-encoded.
func end(inbox protocol.Inbox, contact protocol.Contact, _ protocol.Conversation) (protocol.Call, error) {
	if absent(inbox.ResumeCall) {
		return protocol.Call{}, nil
	}
	if err := CheckResumeCall(inbox.ResumeCall); err != nil {
		return protocol.Call{}, err
	}
	session := contact.Identity(handoff.IdentitySession)
	call := protocol.Call{}
	var err error
	if call.Path, err = actionsPath(inbox, session); err != nil {
		return protocol.Call{}, err
	}
	template, _ := vendorjson.ParseObject(inbox.ResumeCall)
	raw := inbox.ResumeCall
	if template.Has("path") {
		call.Path = replacer(escape(session), escape(inbox.BotID)).Replace(template.Text("path"))
		raw = template["body"]
	}
	call.Body, err = fill(raw, replacer(session, inbox.BotID))
	return call, err
}

// escape makes s fit any place of an address, in its path or in its query.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

func absent(template []byte) bool {
	template = bytes.TrimSpace(template)
	return len(template) == 0 || bytes.Equal(template, []byte("null"))
}

func replacer(session, bot string) *strings.Replacer {
	return strings.NewReplacer(placeSession, session, placeBot, bot)
}

// CheckResumeCall says what is wrong with a resume call, so that the operator learns of it on saving and not when a conversation
// ends. An empty one and null are fine: the bot is not resumed.
func CheckResumeCall(template []byte) error {
	if absent(template) {
		return nil
	}
	if len(template) > maxResumeCall {
		return wrongResumeCall("has %d bytes; it may have %d", len(template), maxResumeCall)
	}
	if err := vendorjson.Check(template); err != nil {
		return wrongResumeCall("nests deeper than %d levels", vendorjson.MaxDepth)
	}
	o, ok := vendorjson.ParseObject(template)
	if !ok {
		return wrongResumeCall(`has to be a JSON object: the body for the session's actions, or {"path":"…","body":{…}}`)
	}
	if o.Has("path") {
		if err := checkPath(o); err != nil {
			return err
		}
	}
	return checkPlaceholders(template)
}

func wrongResumeCall(format string, args ...any) error {
	return refuse("body.resume_call", "the resume call "+fmt.Sprintf(format, args...))
}

func checkPath(o object) error {
	if _, ok := vendorjson.ParseObject(o["body"]); !ok || len(o) != 2 {
		return wrongResumeCall(`with a "path" of its own has to have exactly the keys "path" and "body", and body has to be an object`)
	}
	path := o.Text("path")
	u, err := url.Parse(replacer("s", "b").Replace(path))
	if err != nil || !strings.HasPrefix(path, "/") || u.Host != "" || u.Fragment != "" || strings.ContainsAny(path, " \\\t\r\n") {
		return wrongResumeCall("has to have a path such as /api/webview, from the base address of Chatlayer's API and without white space")
	}
	if slices.Contains(strings.Split(u.Path, "/"), "..") {
		return wrongResumeCall("may not have .. in its path")
	}
	return nil
}

// checkPlaceholders refuses what looks like a placeholder and is none: it would be sent as it is.
func checkPlaceholders(template []byte) error {
	for _, text := range stringsOf(template) {
		if text.key && placeholder.MatchString(text.value) {
			return wrongResumeCall("has a placeholder in a key; they are replaced in texts only")
		}
		for _, found := range placeholder.FindAllString(text.value, -1) {
			if found != placeSession && found != placeBot {
				return wrongResumeCall("has %s, which stands for nothing: use %s and %s", vendorjson.Clip(found, 60), placeSession, placeBot)
			}
		}
	}
	return nil
}

// fill replaces the placeholders in the texts of a template and leaves every other byte but white space as it is.
func fill(template json.RawMessage, with *strings.Replacer) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, template); err != nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the resume call is not JSON: %w", err)
	}
	raw, done := compact.Bytes(), 0
	var out []byte
	for _, text := range stringsOf(raw) {
		if !strings.Contains(text.value, "{{") {
			continue
		}
		quoted, err := encode(with.Replace(text.value))
		if err != nil {
			return nil, err
		}
		out = append(append(out, raw[done:text.start]...), quoted...)
		done = text.end
	}
	return append(out, raw[done:]...), nil
}

// jsonString is a string of a JSON value and where it stands.
type jsonString struct {
	start, end int
	value      string
	key        bool
}

// stringsOf finds the strings of a JSON value. It is valid JSON.
func stringsOf(raw []byte) []jsonString {
	var found []jsonString
	for i := 0; i < len(raw); i++ {
		if raw[i] != '"' {
			continue
		}
		start := i
		for i++; raw[i] != '"'; i++ {
			if raw[i] == '\\' {
				i++
			}
		}
		after := bytes.TrimLeft(raw[i+1:], " \t\r\n")
		found = append(found, jsonString{
			start: start, end: i + 1, value: vendorjson.ParseText(raw[start : i+1]), key: len(after) > 0 && after[0] == ':',
		})
	}
	return found
}
