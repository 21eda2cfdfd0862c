package meta

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// Meta's conversation routing (2026) lets its own agent, an AI, hold a conversation. While it does, the field standby shows what
// is said; when it passes control, messaging_handovers tells (docs.ycloud.com, docs.360dialog.com, and bodies that two public
// code bases recorded in production).

// maxTurns is how much of a conversation before its hand-over is taken in: the newest turns.
const maxTurns = 1000

const typeControlPassed = "control_passed"

// standby reads a change of the field standby. Its lists are under value.standby; some gateways leave them in value.
func (p *parser) standby(c change, value object) {
	c.standby = true
	inner := value.Object("standby")
	if inner != nil {
		nested := c
		if inner.Has("contacts") {
			nested.contacts = parsePeople(inner)
		}
		p.elements(nested, ".value.standby", inner)
	}
	if inner == nil || value.Has("messages") || value.Has("message_echoes") || value.Has("statuses") || value.Has("errors") {
		p.elements(c, ".value", value)
	}
}

// handover reads a change of the field messaging_handovers. It has no metadata: the number is the recipient, and the contact is
// the sender.
func (p *parser) handover(c change, value object) {
	if c.route.PhoneNumberID == "" {
		c.route.PhoneNumberID = value.Object("recipient").ID("phone_number_id")
	}
	sender, passed := value.Object("sender"), value.Object(typeControlPassed)
	own := person{phone: cmp.Or(phoneOf(sender, "wa_id"), phoneOf(sender, "phone_number")), bsuid: sender.ID("user_id")}
	contact := c.contact(own)
	kind := value.Text("type")
	if kind == "" && passed != nil {
		kind = typeControlPassed
	}
	if what := noOffload(kind, passed); what != "" {
		p.add(handoff.ItemEvent, c.location, c.route, what).Contact = contact
		return
	}
	if contact == nil {
		p.add(handoff.ItemIgnored, c.location, c.route, "control was passed, but the hand-over names no contact: its sender has neither a phone number in digits nor a user id")
		return
	}
	context := value.Object("conversation_context")
	if context == nil {
		context = passed.Object("conversation_context")
	}
	item := p.add(handoff.ItemOffload, c.location, c.route, "")
	item.Contact = contact
	item.ExternalID = handoverID(c.route.PhoneNumberID, own, value.Scalar("timestamp"), kind)
	item.Offload = &handoff.ItemOffloadBody{
		Source: handoff.SourceMeta, Reason: passedBy(passed), Payload: handoverPayload(passed), Transcript: transcript(context, own),
		At: timeOf(value),
	}
}

// noOffload says in words what a hand-over is that asks for nobody; "" for one that does.
func noOffload(kind string, passed object) string {
	switch {
	case kind == "":
		return "a hand-over of control that does not say what happened"
	case kind != typeControlPassed:
		return "a hand-over of control, " + strings.ReplaceAll(vendorjson.Clip(kind, 60), "_", " ") + ": kept, and nothing is done with it"
	case isAI(newOwner(passed)):
		return "control was passed to Meta's AI agent: nobody is asked for"
	default:
		return ""
	}
}

// The roles of owners. previous_owner_* is who had control before, and new_owner_role who has it now.
func previousOwner(passed object) string {
	return cmp.Or(passed.Text("previous_owner_role"), passed.Text("previous_owner_app_role"), passed.Object("previous_owner").Text("app_role"))
}

func newOwner(passed object) string {
	return cmp.Or(passed.Text("new_owner_role"), passed.Text("new_owner_app_role"), passed.Object("new_owner").Text("app_role"))
}

func isAI(role string) bool { return role == "ai_agent" || role == "meta_business_agent" }

// passedBy says who passed control, to whom, and why, as far as the body tells.
func passedBy(passed object) string {
	from, to := "Meta", newOwner(passed)
	switch role := previousOwner(passed); {
	case isAI(role):
		from = "Meta's AI agent"
	case role != "":
		from = "the owner with the role " + inWords(role)
	}
	said := from + " passed control"
	if to != "" {
		said += " to " + inWords(to)
	}
	if why := strings.TrimSpace(passed.Text("metadata")); why != "" {
		said += ": " + inWords(vendorjson.Clip(why, 300))
	}
	return said
}

// inWords puts a name of a program's, such as customer_request, into words. A sentence stays as it is.
func inWords(s string) string {
	if strings.ContainsAny(s, " \n\t") {
		return s
	}
	return strings.ReplaceAll(vendorjson.Clip(s, 300), "_", " ")
}

// handoverPayload is what the hand-over says beside the conversation, which the transcript has.
func handoverPayload(passed object) json.RawMessage {
	rest := maps.Clone(passed)
	delete(rest, "conversation_context")
	if len(rest) == 0 {
		return nil
	}
	return contentOf(rest)
}

// handoverID makes an id of what the hand-over says. Without a time it would take the next one for a repeat, so there is none.
func handoverID(number string, customer person, timestamp, kind string) string {
	if timestamp == "" {
		return ""
	}
	hash := sha256.New()
	for _, part := range []string{number, customer.phone, customer.bsuid, timestamp, kind} {
		hash.Write([]byte(part))
		hash.Write([]byte{0})
	}
	return "handover." + hex.EncodeToString(hash.Sum(nil)[:16])
}

// transcript is what was said before: a summary, which nobody said and the system tells first, and the turns.
func transcript(context object, customer person) []handoff.HistoryTurn {
	var turns []handoff.HistoryTurn
	if summary := strings.TrimSpace(cmp.Or(context.Object("summary").Text("text"), context.Text("summary"))); summary != "" {
		turns = append(turns, handoff.HistoryTurn{
			Direction: handoff.Outbound, Author: handoff.AuthorSystem, Type: "text", Text: "Summary: " + summary,
		})
	}
	items, ok := context.Object("history").List("items")
	if !ok {
		items, _ = context.List("history")
	}
	for _, raw := range items[max(0, len(items)-maxTurns):] {
		if item, ok := vendorjson.ParseObject(raw); ok {
			turns = append(turns, turn(item, customer))
		}
	}
	return turns
}

// customerRoles are the words for the contact. Whoever is not the contact speaks for the business.
var customerRoles = []string{"user", "customer", "contact", "consumer"}

func turn(item object, customer person) handoff.HistoryTurn {
	read := readContent(item)
	said := handoff.HistoryTurn{
		Direction: handoff.Outbound, Author: handoff.AuthorBot, Type: read.kind, Text: read.text, Content: contentOf(item),
		ExternalID: item.ID("id"), At: timeOf(item),
	}
	if text := item.Text("text"); text != "" { // a bare string for {"body":…}
		said.Type, said.Text, said.Content = "text", text, nil
	}
	for _, key := range []string{"sender_type", "from", "role"} {
		who := strings.ToLower(strings.TrimSpace(item.Scalar(key)))
		if who == "" {
			continue
		}
		if slices.Contains(customerRoles, who) || customer.phone != "" && phone(who) == customer.phone || who == strings.ToLower(customer.bsuid) {
			said.Direction, said.Author = handoff.Inbound, handoff.AuthorContact
		}
		break
	}
	return said
}
