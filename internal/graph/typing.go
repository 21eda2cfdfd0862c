package graph

import (
	"context"
	"encoding/json"
)

// ReadMark is the body that tells a contact, by /{phone-number-id}/messages, that their message with this wamid was read, and with it
// all before it (documentation/business-messaging/whatsapp/messages/mark-message-as-read). With typing it also shows for 25 seconds, or
// until a message comes, that somebody is writing (…/typing-indicators): Meta has no way to show the one without the other.
func ReadMark(wamid string, typing bool) []byte {
	mark := readMark{Product: "whatsapp", Status: "read", MessageID: wamid}
	if typing {
		mark.Typing = &typingIndicator{Type: "text"}
	}
	// Texts always encode.
	body, _ := json.Marshal(mark)
	return body
}

type readMark struct {
	Product   string           `json:"messaging_product"`
	Status    string           `json:"status"`
	MessageID string           `json:"message_id"`
	Typing    *typingIndicator `json:"typing_indicator,omitempty"`
}

type typingIndicator struct {
	Type string `json:"type"`
}

// Typing shows a contact that somebody is writing, as the answer to their message with this wamid.
func (c *Client) Typing(ctx context.Context, token, phoneNumberID, wamid string) error {
	if err := checkID("phone number id", phoneNumberID); err != nil {
		return err
	}
	var answer struct {
		Success bool `json:"success"`
	}
	return read(token, c.Call(ctx, token, "/"+phoneNumberID+"/messages", ReadMark(wamid, true)), &answer)
}
