package meta

import (
	"bytes"
	"encoding/json"

	"handoff"
	"handoff/internal/vendorjson"
)

// Send is the body of POST /{phone-number-id}/messages for a message, the same bytes every time. callbackData, if any, becomes
// biz_opaque_callback_data, which Meta repeats in every status of the message (messages/status). The keys stand in the order in
// which HitlChat's guide shows them, and the message's own object passes through as it is.
func Send(m handoff.OutboundMessage, callbackData string) ([]byte, error) {
	key, value, err := recipient(m.To)
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	if err := json.Compact(&content, m.Content); err != nil {
		return nil, handoff.Errorf(handoff.CodeInvalid, "the content of the %s message is not JSON: %w", m.Type, err)
	}
	body := []byte(`{"messaging_product":"whatsapp"`)
	body = appendField(body, key, value)
	body = appendField(body, "type", m.Type)
	body = append(vendorjson.AppendQuoted(append(body, ','), m.Type), ':')
	body = append(body, content.Bytes()...)
	// A reaction names its message itself; Meta's reaction messages have no context (messages/reaction-messages).
	if m.ReplyTo != "" && m.Type != "reaction" {
		body = appendField(append(body, `,"context":{`...), "message_id", m.ReplyTo)
		body = append(body, '}')
	}
	if callbackData != "" {
		body = appendField(body, "biz_opaque_callback_data", callbackData)
	}
	return append(body, '}'), nil
}

// recipient names who a message goes to: a phone number in "to", else a business-scoped user id in "recipient". Meta drops a
// message with a BSUID in "to" without a word.
func recipient(to []handoff.Identity) (key, value string, err error) {
	for _, kind := range []handoff.IdentityKind{handoff.IdentityPhone, handoff.IdentityBSUID} {
		for _, identity := range to {
			if identity.Kind != kind || identity.Value == "" {
				continue
			}
			if kind == handoff.IdentityPhone {
				return "to", identity.Value, nil
			}
			return "recipient", identity.Value, nil
		}
	}
	return "", "", handoff.Errorf(handoff.CodeInvalid,
		"the contact has neither a phone number nor a business-scoped user id: WhatsApp can send to nothing else")
}

// Address is where a message to these identities goes: the phone number, or the business-scoped user id of a contact that has
// none. It is an error if they hold neither.
func Address(to []handoff.Identity) (string, error) {
	_, value, err := recipient(to)
	return value, err
}

func appendField(body []byte, key, value string) []byte {
	if body[len(body)-1] != '{' {
		body = append(body, ',')
	}
	return vendorjson.AppendQuoted(append(vendorjson.AppendQuoted(body, key), ':'), value)
}
