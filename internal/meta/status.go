package meta

import (
	"cmp"
	"fmt"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

var statuses = map[string]handoff.MessageStatus{
	"sent": handoff.MessageSent, "delivered": handoff.MessageDelivered, "read": handoff.MessageRead,
	"played": handoff.MessagePlayed, "failed": handoff.MessageFailed,
}

// status is how far an outbound message has come.
func (p *parser) status(c change, location string, s object) {
	id, name := s.ID("id"), s.Text("status")
	if id == "" {
		p.add(handoff.ItemIgnored, location, c.route, "the status names no message")
		return
	}
	known, ok := statuses[name]
	if !ok {
		p.add(handoff.ItemEvent, location, c.route, fmt.Sprintf("the status %q, which moves no message", vendorjson.Clip(name, 60))).ExternalID = id
		return
	}
	if s.Text("recipient_type") == "group" {
		p.add(handoff.ItemEvent, location, c.route, "the status of a group message: a group is no single contact").ExternalID = id
		return
	}
	item := p.add(handoff.ItemStatus, location, c.route, "")
	item.ExternalID = id
	// A status without a recipient is left without a contact: the one contact of the change may be the sender of a message.
	if recipient := (person{phone: phoneOf(s, "recipient_id"), bsuid: s.ID("recipient_user_id")}); !recipient.nameless() {
		item.Contact = c.contact(recipient)
	}
	item.Status = &handoff.ItemStatusBody{Status: known, At: timeOf(s), CallbackData: s.ID("biz_opaque_callback_data")}
	if known == handoff.MessageFailed {
		item.Status.Failure = statusFailure(s)
	}
}

func statusFailure(s object) *handoff.Failure {
	list, _ := s.List("errors")
	for _, raw := range list {
		if e, ok := vendorjson.ParseObject(raw); ok {
			return failureOf(e)
		}
	}
	return failureOf(nil)
}

// failureOf puts an error object of Meta's into a code and a sentence. Meta says to act on the code only: titles and texts
// change (support/error-codes). Older samples have the details beside the title and not in error_data.
func failureOf(e object) *handoff.Failure {
	var parts []string
	for _, part := range []string{
		e.Text("title"), e.Text("message"), cmp.Or(e.Object("error_data").Text("details"), e.Text("details")),
	} {
		part = strings.TrimSpace(part)
		said := strings.Join(parts, ": ")
		if part != "" && !strings.Contains(said, strings.TrimSuffix(part, ".")) {
			parts = append(parts, strings.TrimSuffix(part, "."))
		}
	}
	f := handoff.Failure{Code: cmp.Or(vendorjson.Clip(e.ID("code"), 32), "unknown"), Reason: vendorjson.Clip(strings.Join(parts, ": "), 1000)}
	if f.Reason == "" {
		f.Reason = "Meta gave no reason"
	}
	return &f
}
