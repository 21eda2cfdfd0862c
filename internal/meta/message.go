package meta

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"handoff"
	"handoff/internal/vendorjson"
)

// typeUnsupported is the type of a message of which we can show no more than that it came.
const typeUnsupported = "unsupported"

// aboutMessages are the types that say something about another message, or about the contact. They open no conversation.
var aboutMessages = map[string]bool{"edit": true, "reaction": true, "revoke": true, "system": true}

// envelopeKeys say who, which and when. They have columns of their own and are no content.
var envelopeKeys = map[string]bool{
	"from": true, "from_parent_user_id": true, "from_user_id": true, "id": true, "messaging_product": true, "recipient": true,
	"recipient_type": true, "role": true, "sender_type": true, "timestamp": true, "to": true, "to_parent_user_id": true,
	"to_user_id": true,
}

// message is something that a contact said.
func (p *parser) message(c change, location string, m object) {
	own := person{phone: phoneOf(m, "from"), bsuid: m.ID("from_user_id")}
	if m.Text("type") == "system" {
		own = systemPerson(own, m.Object("system"))
	}
	item := p.said(c, location, m, own)
	if item == nil {
		return
	}
	item.Message.Direction, item.Message.Author = handoff.Inbound, handoff.AuthorContact
	item.Message.Opens = !aboutMessages[item.Message.Type] && !c.standby
	if item.Message.Type == "system" {
		item.Message.Author = handoff.AuthorSystem
	}
}

// echo is something that the business said to a contact: a person of it in the WhatsApp Business app (smb_message_echoes), or, on
// standby, Meta's own agent.
func (p *parser) echo(c change, location string, m object) {
	m = flatten(m)
	to, user := phoneOf(m, "to"), m.ID("to_user_id")
	if recipient := m.ID("recipient"); phone(recipient) != "" {
		to = cmp.Or(to, phone(recipient))
	} else {
		user = cmp.Or(user, recipient)
	}
	item := p.said(c, location, m, person{phone: to, bsuid: user})
	if item == nil {
		return
	}
	item.Message.Direction, item.Message.Author = handoff.Outbound, handoff.AuthorAgent
	if c.standby {
		item.Message.Author = handoff.AuthorBot
	}
}

// flatten puts what an echo on standby has under "message" beside its id and time, where other echoes have it.
func flatten(m object) object {
	flat := maps.Clone(m.Object("message"))
	if flat == nil {
		return m
	}
	for key, value := range m {
		if key != "message" {
			flat[key] = value
		}
	}
	return flat
}

// said makes the item of a message; nil if something else came of it.
func (p *parser) said(c change, location string, m object, own person) *handoff.Item {
	id := m.ID("id")
	if id == "" && m.Has("id") && m.Scalar("id") != "" {
		p.add(handoff.ItemIgnored, location, c.route, "the message's id is too long to be one of Meta's")
		return nil
	}
	if m.Has("group_id") {
		p.add(handoff.ItemEvent, location, c.route, "a group message: a group is no single contact").ExternalID = id
		return nil
	}
	if m.Text("type") == "request_welcome" {
		p.add(handoff.ItemEvent, location, c.route, "the contact opened the chat for the first time and said nothing yet").ExternalID = id
		return nil
	}
	contact := c.contact(own)
	if contact == nil {
		p.add(handoff.ItemIgnored, location, c.route, "the message names no contact: its sender has neither a phone number in digits nor a user id").ExternalID = id
		return nil
	}
	item := p.add(handoff.ItemMessage, location, c.route, "")
	item.ExternalID, item.Contact = id, contact
	read := readContent(m)
	item.Message = &handoff.ItemMessageBody{
		Type: read.kind, Text: read.text, Content: contentOf(m), ReplyTo: read.replyTo, Media: read.media, At: timeOf(m),
		Shadow: c.standby,
	}
	return item
}

// systemPerson is who a notice of a changed number or user id is about. It carries no contacts array, and it is the only
// place where Meta says that two ids are one person's (messages/system). The newest of a kind comes first; the others are those
// that it replaced.
func systemPerson(own person, system object) person {
	numbers := []string{phoneOf(system, "new_wa_id"), phoneOf(system, "wa_id"), own.phone}
	users := []string{system.ID("user_id"), own.bsuid, system.ID("previous_user_id"), formerUser(system)}
	own.phone, own.former = newest(handoff.IdentityPhone, numbers, own.former)
	own.bsuid, own.former = newest(handoff.IdentityBSUID, users, own.former)
	return own
}

func newest(kind handoff.IdentityKind, values []string, former []handoff.Identity) (string, []handoff.Identity) {
	main := cmp.Or(values...)
	seen := map[string]bool{"": true, main: true}
	for _, value := range values {
		if !seen[value] {
			seen[value], former = true, append(former, handoff.Identity{Kind: kind, Value: value})
		}
	}
	return main, former
}

// formerUser reads the former user id from the sentence "User … changed from … to …", where the notice has no
// previous_user_id. Only the end of the sentence counts: what stands before is the name that the contact gave itself.
func formerUser(system object) string {
	words := strings.Fields(system.Text("body"))
	n := len(words)
	if n < 5 || words[n-5] != "changed" || words[n-4] != "from" || words[n-2] != "to" || words[n-1] != system.ID("user_id") {
		return ""
	}
	if len(words[n-3]) > vendorjson.MaxID {
		return ""
	}
	return words[n-3]
}

// contentOf is the message without its envelope: the type, the object for it, and what surrounds it (context, referral,
// errors, keys that nobody has told us of). Its keys are sorted, because jsonb keeps no order either.
func contentOf(m object) json.RawMessage {
	var content strings.Builder
	content.WriteByte('{')
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if envelopeKeys[key] {
			continue
		}
		if content.Len() > 1 {
			content.WriteByte(',')
		}
		content.Write(vendorjson.AppendQuoted(nil, vendorjson.SanitizeText(key)))
		content.WriteByte(':')
		content.Write(vendorjson.Sanitize(m[key]))
	}
	content.WriteByte('}')
	return json.RawMessage(content.String())
}
