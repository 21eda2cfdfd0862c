package fakegraph

import (
	"encoding/json"
	"net/http"
	"slices"
	"unicode/utf8"
)

// Control is a thread_control that was accepted.
type Control struct {
	PhoneNumberID string
	Customer      string
	Action        string
	Body          json.RawMessage
}

// Controls are the thread_control calls that were accepted, in order.
func (g *Graph) Controls() []Control {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.controls)
}

// Partner tells whether this app is the escalation partner, which alone may take control.
func (g *Graph) Partner(is bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.partner = is
}

// control takes POST thread_control: control goes back once, and comes with the next send.
func (g *Graph) control(phoneID string, body []byte) *answer {
	var r struct {
		request
		Action   string `json:"action"`
		Metadata string `json:"metadata"`
	}
	if err := json.Unmarshal(body, &r); err != nil || r.Product != "whatsapp" || r.To+r.Recipient == "" {
		return invalid("thread_control needs messaging_product, to or recipient, and action").answer()
	}
	if utf8.RuneCountInString(r.Metadata) > 2000 {
		return invalid("Param metadata must be at most 2000 characters long.").answer()
	}
	customer := r.Recipient
	if customer == "" {
		customer = digits(r.To)
	}
	thread := phoneID + " " + customer
	switch {
	case r.Action == "take" && !g.partner:
		return (&refusal{code: 100, subcode: 2494191, message: "Invalid parameter", details: "only the escalation partner may take control"}).answer()
	case r.Action == "take":
		delete(g.released, thread)
	case r.Action != "pass" && r.Action != "release":
		return invalid("Param action must be one of {pass, release, take}").answer()
	case g.released[thread]:
		return (&refusal{code: 100, message: "Invalid parameter", details: "the app does not own the thread", status: http.StatusForbidden}).answer()
	default:
		g.released[thread] = true
	}
	g.controls = latest(append(g.controls, Control{PhoneNumberID: phoneID, Customer: customer, Action: r.Action, Body: body}))
	return ok(map[string]any{"success": true})
}
