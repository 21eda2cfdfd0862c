package kapso

import (
	"handoff"
	"handoff/internal/protocol"
)

// What is documented of v1 (platform/webhooks/legacy): message_type, content, direction and origin on the message,
// whatsapp_config_id on the conversation, and whatsapp_config beside them. The other keys of a message are those of a message in
// Kapso's first API, in its order; the files, statuses, the summary, since_message and inactivity are as in v2.

// messageV1 has our id and the wamid side by side.
func (t *teller) messageV1(c content, status string) object {
	m := *t.Message
	message := object{{"id", m.ID}}.withText("phone_number", plus(t.phone()))
	message = append(message, object{
		{"message_type", m.Type},
		{"content", representation(m)},
		{"direction", m.Direction},
		{"status", status},
		{"processing_status", processing(m)},
		{"origin", c.origin()},
		{"whatsapp_message_id", orNull(m.ExternalID)},
		{"metadata", object{}},
		{"has_media", hasMedia(m)},
	}...)
	message = append(message, mediaFields(m)...)
	message = message.with("message_type_data", typeData(m, c))
	if t.isStatus() {
		message = message.with("statuses", t.statuses())
	}
	return append(message, object{{"created_at", moment(m.At())}, {"updated_at", moment(t.messageTime())}}...)
}

// typeData is what a message is besides its text: Meta's object for the type, of a file only what surrounds it.
func typeData(m protocol.Message, c content) object {
	switch {
	case files[m.Type] != "":
		return append(object{}, fileData(m)...)
	case m.Type == "text":
		return object{{"text", m.Text}}
	case c.own == nil:
		return object{}
	default:
		return object{{m.Type, c.own}}
	}
}

// conversationV1 names the inbox where v2 names the number.
func (t *teller) conversationV1() object {
	conversation := t.conversationV2()
	for i, f := range conversation {
		if f.key == "phone_number_id" {
			conversation[i] = field{"whatsapp_config_id", t.Inbox.ID}
		}
	}
	return conversation
}

// config is the inbox.
func (t *teller) config() object {
	config := object{
		{"id", t.Inbox.ID}, {"name", t.Inbox.Name}, {"phone_number_id", t.Inbox.PhoneNumberID}, {"display_name", t.Inbox.Name},
	}
	return config.withText("display_phone_number", t.Inbox.DisplayPhoneNumber).
		withText("display_phone_number_normalized", digits(t.Inbox.DisplayPhoneNumber))
}

// processing says, as Kapso's samples do, that what a contact wrote still waits for somebody.
func processing(m protocol.Message) string {
	if m.Direction == handoff.Inbound {
		return "pending"
	}
	return "completed"
}
