package fakegraph

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Message is a send that was accepted.
type Message struct {
	ID            string          `json:"id"`
	PhoneNumberID string          `json:"phone_number_id"`
	To            string          `json:"to"` // digits, or a business-scoped user id
	Type          string          `json:"type"`
	CallbackData  string          `json:"biz_opaque_callback_data,omitempty"`
	At            time.Time       `json:"at"`
	Body          json.RawMessage `json:"body"` // the bytes that came

	isBSUID bool
}

// Mark is a message of a customer's that was marked as read.
type Mark struct {
	PhoneNumberID string
	MessageID     string
	Typing        bool
}

// Sent are the sends that were accepted, in order. The bodies are the bytes that came.
func (g *Graph) Sent() []Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.sent)
}

// Dropped are the sends that were accepted and dropped without a word: those with a business-scoped user id in "to".
func (g *Graph) Dropped() []Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.dropped)
}

// Marks are the read marks, in order.
func (g *Graph) Marks() []Mark {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.marks)
}

// request is the body of a send. Its content stands under the name of its type.
type request struct {
	Product       string `json:"messaging_product"`
	RecipientType string `json:"recipient_type"`
	To            string `json:"to"`
	Recipient     string `json:"recipient"`
	Type          string `json:"type"`
	CallbackData  string `json:"biz_opaque_callback_data"`

	Status    string `json:"status"`
	MessageID string `json:"message_id"`
	Typing    *struct {
		Type string `json:"type"`
	} `json:"typing_indicator"`
}

func (g *Graph) send(phoneID string, body []byte) *answer {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return invalid("the body is not the JSON of a message: %v", err).answer()
	}
	if r.Product != "whatsapp" {
		return (&refusal{code: 100, message: "The parameter messaging_product is required."}).answer()
	}
	if r.Status != "" {
		return g.mark(phoneID, r)
	}
	m, problem := g.message(r, body)
	if problem != nil {
		return problem.answer()
	}
	m.PhoneNumberID = phoneID
	contact := map[string]any{"input": r.To, "wa_id": m.To}
	if r.To == "" {
		contact = map[string]any{"input": r.Recipient, "user_id": m.To}
	}
	if m.isBSUID && r.To != "" {
		g.dropped = latest(append(g.dropped, m))
	} else {
		g.sent = latest(append(g.sent, m))
		delete(g.released, phoneID+" "+m.To) // to write is to take control
		g.notify(m)
	}
	return ok(map[string]any{
		"messaging_product": "whatsapp", "contacts": []any{contact},
		"messages": []any{map[string]any{"id": m.ID, "message_status": "accepted"}},
	})
}

func latest[T any](all []T) []T { return all[max(0, len(all)-kept):] }

// mark takes a read mark, with or without a typing indicator (typing-indicators).
func (g *Graph) mark(phoneID string, r request) *answer {
	if r.Status != "read" {
		return invalid("Param status must be one of {read} - got %q", r.Status).answer()
	}
	if r.MessageID == "" {
		return invalid("The parameter message_id is required.").answer()
	}
	if r.Typing != nil && r.Typing.Type != "text" {
		return invalid("Param typing_indicator['type'] must be one of {text}").answer()
	}
	g.marks = latest(append(g.marks, Mark{PhoneNumberID: phoneID, MessageID: r.MessageID, Typing: r.Typing != nil}))
	return ok(map[string]any{"success": true})
}

// bsuid is how business-scoped user ids look: US.13491208655302741918, US.ENT.….
var bsuid = regexp.MustCompile(`^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$`)

// message checks what Meta checks before it accepts a send. Everything else Meta finds out later, and says in a status.
func (g *Graph) message(r request, body []byte) (Message, *refusal) {
	to := r.To
	if to == "" {
		to = r.Recipient
	}
	m := Message{ID: newWamid(), To: digits(to), Type: r.Type, CallbackData: r.CallbackData, At: g.now().UTC(), Body: body}
	m.isBSUID = r.To == "" || bsuid.MatchString(to)
	switch {
	case to == "":
		return m, &refusal{code: 100, message: "The parameter to is required."}
	case m.isBSUID, r.RecipientType == "group":
		m.To = to
	case len(m.To) < 5:
		return m, invalid("Invalid recipient")
	}
	if m.Type == "" {
		m.Type = "text"
	}
	if utf8.RuneCountInString(r.CallbackData) > 512 {
		return m, invalid("Param biz_opaque_callback_data must be at most 512 characters long.")
	}
	return m, g.content(m.Type, body)
}

var contentTypes = []string{
	"audio", "contacts", "document", "image", "interactive", "location", "reaction", "sticker", "template", "text", "video",
}

var mediaKinds = []string{"audio", "document", "image", "sticker", "video"}

func (g *Graph) content(kind string, body []byte) *refusal {
	if !slices.Contains(contentTypes, kind) {
		return invalid("Param type must be one of {%s} - got %q.", strings.ToUpper(strings.Join(contentTypes, ", ")), kind)
	}
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(body, &whole); err != nil {
		return invalid("the body is no object")
	}
	raw := whole[kind]
	if kind == "contacts" {
		var cards []map[string]any
		if json.Unmarshal(raw, &cards) != nil || len(cards) == 0 {
			return required("contacts")
		}
		return nil
	}
	var c content
	if len(raw) == 0 || raw[0] != '{' {
		return required(kind)
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return invalid("Param %s is not valid: %v", kind, err)
	}
	if slices.Contains(mediaKinds, kind) {
		return g.checkFile(kind, c)
	}
	return c.check(kind)
}

func required(parameter string) *refusal {
	return &refusal{code: 131008, message: "Required parameter is missing", details: "The parameter " + parameter + " is required."}
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// newWamid looks like Meta's: base64, with its padding.
func newWamid() string {
	return "wamid." + base64.StdEncoding.EncodeToString([]byte("\x1c\x18\x0b"+rand.Text()+"\x00\x00"))
}
