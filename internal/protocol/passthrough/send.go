package passthrough

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/meta"
	"handoff/internal/vendorjson"
)

// maxID is how long an id may be, in bytes. Meta allows 512 characters of biz_opaque_callback_data.
const maxID = 512

// channel is what the vendor's form calls WhatsApp, and Meta its messaging_product.
const channel = "whatsapp"

// Send is a message that a program asks us to send.
type Send struct {
	To   handoff.ItemContact
	Type string
	// Content is the object for the type exactly as it came.
	Content json.RawMessage
	// ReplyTo is the wamid of the message that is quoted.
	ReplyTo string
	// Vendor says that the body had the vendor's form, and that the answer has to have it too.
	Vendor bool
	// CallbackData is the program's own biz_opaque_callback_data. Meta is given ours in its place.
	CallbackData string
}

// ParseSend reads a body of the outbound API, in either of its forms:
//
//	the vendor's  {"recipient":"34600000000","channel":"whatsapp","type":"text","text":{"body":"Hi"}}
//	Meta's        {"messaging_product":"whatsapp","to":"34600000000","type":"text","text":{"body":"Hi"}}
//
// Both take context and biz_opaque_callback_data. A recipient is a phone number or a business-scoped user id, whatever the key it
// stands under: Meta drops a message with a user id in "to" without a word. A key that would not reach Meta is refused rather than
// dropped. The errors are malformed for what is no JSON and invalid for the rest, with the fields at fault.
func ParseSend(body []byte) (Send, error) {
	if !json.Valid(body) {
		return Send{}, handoff.Errorf(handoff.CodeMalformed, "the body is not JSON")
	}
	p := parser{}
	if err := json.Unmarshal(body, &p.fields); err != nil || p.fields == nil {
		return Send{}, handoff.Errorf(handoff.CodeInvalid, `the body has to be an object such as `+
			`{"messaging_product":"whatsapp","to":"34600000000","type":"text","text":{"body":"Hi"}}`)
	}
	send, err := p.send()
	if err != nil {
		return Send{}, err
	}
	if err := meta.ValidateSend(send.Type, send.Content); err != nil {
		return Send{}, err
	}
	return send, nil
}

type parser struct {
	fields map[string]json.RawMessage
	faults []handoff.ErrorDetail
}

func (p *parser) send() (Send, error) {
	vendor := p.has("channel") && !p.has("messaging_product")
	if p.has("status") {
		p.fault("status", "belongs to read marks and typing indicators, which are not messages: this address takes messages only")
		return Send{}, p.err()
	}
	s := Send{Vendor: vendor, Type: p.text("type"), CallbackData: p.id("biz_opaque_callback_data")}
	known := []string{"type", "recipient", "context", "biz_opaque_callback_data"}
	switch {
	case vendor:
		known = append(known, "channel")
		p.constant("channel", channel)
		s.To.Identities = p.people("recipient")
	case p.has("messaging_product"):
		known = append(known, "messaging_product", "recipient_type", "to")
		p.constant("messaging_product", channel)
		if p.has("recipient_type") {
			p.constant("recipient_type", "individual")
		}
		s.To.Identities = p.people("recipient", "to")
	default:
		return Send{}, &handoff.Error{
			Code: handoff.CodeInvalid, Message: `the body says neither "channel":"whatsapp" nor "messaging_product":"whatsapp"`,
			Details: []handoff.ErrorDetail{{Location: "body.messaging_product", Message: `has to be "whatsapp"`}},
		}
	}
	if s.Type == "" && !vendor {
		s.Type = "text" // Meta's default
	}
	if s.Type == "" {
		p.fault("type", `has to be the message's type, such as "text"`)
	}
	s.Content = p.fields[s.Type]
	s.ReplyTo = p.context()
	p.only(append(known, s.Type)...)
	return s, p.err()
}

// people are the recipients under the keys, each person once. Meta's schema lets a body name both the user id and the phone number.
func (p *parser) people(keys ...string) []handoff.Identity {
	var out []handoff.Identity
	named := false
	for _, key := range keys {
		if !p.has(key) {
			continue
		}
		named = true
		identity, ok := identityOf(p.text(key))
		if !ok {
			p.fault(key, `has to be a phone number with its country code, such as "34600000000", or a user id such as "US.13491208655302741918"`)
			continue
		}
		if !slices.Contains(out, identity) {
			out = append(out, identity)
		}
	}
	if !named {
		p.fault(keys[len(keys)-1], `is missing: say who gets the message, as a phone number or a user id`)
	}
	return out
}

// userID is a business-scoped user id: CC.<letters and digits>, or CC.ENT.<…> of a parent business (business-scoped-user-ids).
var userID = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`)

var phoneMarks = strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "")

// identityOf reads a recipient. A phone number may be written as people write it; what is left of other text without its letters
// would be somebody else's number.
func identityOf(s string) (handoff.Identity, bool) {
	s = strings.TrimSpace(s)
	if userID.MatchString(s) {
		return handoff.Identity{Kind: handoff.IdentityBSUID, Value: s}, true
	}
	const minDigits, maxDigits = 5, 20 // E.164 allows 15; the rest is room for what a test bench makes up
	digits := phoneMarks.Replace(s)
	if len(digits) < minDigits || len(digits) > maxDigits || strings.Trim(digits, "0123456789") != "" {
		return handoff.Identity{}, false
	}
	return handoff.Identity{Kind: handoff.IdentityPhone, Value: digits}, true
}

func (p *parser) context() string {
	if !p.has("context") {
		return ""
	}
	inner := parser{}
	if err := json.Unmarshal(p.fields["context"], &inner.fields); err != nil {
		p.fault("context", `has to be an object such as {"message_id":"wamid.…"}`)
		return ""
	}
	wamid := inner.id("message_id")
	if wamid == "" {
		p.fault("context.message_id", `has to be the id of the message that is quoted, such as "wamid.…"`)
	}
	return wamid
}

// has tells whether there is a value under key. null is none.
func (p *parser) has(key string) bool {
	raw := bytes.TrimSpace(p.fields[key])
	return len(raw) > 0 && !bytes.Equal(raw, []byte("null"))
}

// text is the string under key; "" where there is none.
func (p *parser) text(key string) string {
	if !p.has(key) {
		return ""
	}
	var s string
	if err := json.Unmarshal(p.fields[key], &s); err != nil {
		p.fault(key, "has to be a text")
	}
	return s
}

// id is a text that can be stored as it is.
func (p *parser) id(key string) string {
	id := p.text(key)
	if len(id) > maxID || vendorjson.SanitizeText(id) != id {
		p.fault(key, "has to be at most 512 bytes of plain text")
		return ""
	}
	return id
}

func (p *parser) constant(key, want string) {
	if got := p.text(key); got != want {
		p.fault(key, `has to be "`+want+`"`)
	}
}

func (p *parser) only(known ...string) {
	for _, key := range slices.Sorted(maps.Keys(p.fields)) {
		if !slices.Contains(known, key) && p.has(key) {
			p.fault(vendorjson.SanitizeText(key), "would not reach Meta: leave it out. A message has its content under its type, and beside it "+
				strings.Join(known[:len(known)-1], ", "))
		}
	}
}

func (p *parser) fault(key, message string) {
	p.faults = append(p.faults, handoff.ErrorDetail{Location: "body." + key, Message: message})
}

func (p *parser) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	return &handoff.Error{
		Code: handoff.CodeInvalid, Message: strings.TrimPrefix(p.faults[0].Location, "body.") + " " + p.faults[0].Message, Details: p.faults,
	}
}
