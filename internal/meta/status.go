package meta

import (
	"fmt"
	"strings"

	"handoff"
)

var statuses = map[string]handoff.MessageStatus{
	"sent": handoff.MessageSent, "delivered": handoff.MessageDelivered, "read": handoff.MessageRead,
	"played": handoff.MessagePlayed, "failed": handoff.MessageFailed,
}

// status is how far an outbound message has come.
func (p *parser) status(c change, location string, s object) {
	id, name := s.id("id"), s.text("status")
	if id == "" {
		p.add(handoff.ItemIgnored, location, c.route, "the status names no message")
		return
	}
	known, ok := statuses[name]
	if !ok {
		p.add(handoff.ItemEvent, location, c.route, fmt.Sprintf("the status %q, which moves no message", clip(name, 60))).ExternalID = id
		return
	}
	if s.text("recipient_type") == "group" {
		p.add(handoff.ItemEvent, location, c.route, "the status of a group message: a group is no single contact").ExternalID = id
		return
	}
	item := p.add(handoff.ItemStatus, location, c.route, "")
	item.ExternalID = id
	// A status without a recipient is left without a contact: the one contact of the change may be the sender of a message.
	if recipient := (person{phone: phone(s.scalar("recipient_id")), bsuid: s.id("recipient_user_id")}); !recipient.nameless() {
		item.Contact = c.contact(recipient)
	}
	item.Status = &handoff.ItemStatusBody{Status: known, At: s.time(), CallbackData: s.id("biz_opaque_callback_data")}
	if known == handoff.MessageFailed {
		item.Status.Failure = statusFailure(s)
	}
}

func statusFailure(s object) *handoff.Failure {
	list, _ := s.list("errors")
	for _, raw := range list {
		if e, ok := parseObject(raw); ok {
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
		e.text("title"), e.text("message"), first(e.object("error_data").text("details"), e.text("details")),
	} {
		part = strings.TrimSpace(part)
		said := strings.Join(parts, ": ")
		if part != "" && !strings.Contains(said, strings.TrimSuffix(part, ".")) {
			parts = append(parts, strings.TrimSuffix(part, "."))
		}
	}
	f := handoff.Failure{Code: first(clip(e.id("code"), 32), "unknown"), Reason: clip(strings.Join(parts, ": "), 1000)}
	if f.Reason == "" {
		f.Reason = "Meta gave no reason"
	}
	return &f
}
