package fakegraph

import "fmt"

// Customer is a person who writes. The bodies that its methods post are Meta's (webhooks/reference/messages).
type Customer struct {
	g             *Graph
	from, name    string
	phoneNumberID string
}

// Customer is who writes from a phone number (digits), or from a business-scoped user id, to the first number of the Graph.
func (g *Graph) Customer(from, name string) Customer {
	c := Customer{g: g, from: from, name: name}
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.numbers) > 0 {
		c.phoneNumberID = g.numbers[0].id
	}
	return c
}

// To is the same customer, writing to another number.
func (c Customer) To(phoneNumberID string) Customer {
	c.phoneNumberID = phoneNumberID
	return c
}

// Text writes a text.
func (c Customer) Text(body string) (Posted, error) {
	return c.Message("text", map[string]any{"body": body})
}

// File sends a file that AddMedia put there; kind is audio, document, image, sticker or video.
func (c Customer) File(kind, mediaID, caption string) (Posted, error) {
	c.g.mu.Lock()
	m, found := c.g.find(mediaID)
	c.g.mu.Unlock()
	if !found {
		return Posted{}, fmt.Errorf("send a file: there is no media %q", mediaID)
	}
	content := map[string]any{"id": mediaID, "mime_type": m.mimeType, "sha256": m.sha256()}
	if caption != "" {
		content["caption"] = caption
	}
	switch kind {
	case "document":
		content["filename"] = m.filename
	case "audio":
		content["voice"] = true
	case "sticker":
		content["animated"] = false
	}
	return c.Message(kind, content)
}

// Message writes a message of any type, with the content under the name of its type.
func (c Customer) Message(kind string, content any) (Posted, error) {
	message := map[string]any{"id": newWamid(), "timestamp": c.g.timestamp(), "type": kind, kind: content}
	contact := map[string]any{"profile": map[string]any{"name": c.name}}
	if bsuid.MatchString(c.from) {
		message["from"], message["from_user_id"] = "", c.from
		contact["wa_id"], contact["user_id"] = "", c.from
	} else {
		message["from"], contact["wa_id"] = c.from, c.from
	}
	posted, err := c.g.Post(c.phoneNumberID, "messages", map[string]any{"contacts": []any{contact}, "messages": []any{message}})
	posted.ID = message["id"].(string)
	return posted, err
}

// PassControl has Meta's own agent hand the customer over to a person (conversation routing, control_passed).
func (c Customer) PassControl(summary string) (Posted, error) {
	c.g.mu.Lock()
	delete(c.g.released, c.phoneNumberID+" "+c.from)
	recipient := map[string]any{"phone_number_id": c.phoneNumberID}
	if n := c.g.number(c.phoneNumberID); n != nil {
		recipient["display_phone_number"] = digits(n.display)
	}
	c.g.mu.Unlock()
	sender := map[string]any{"phone_number": c.from, "wa_id": c.from}
	if bsuid.MatchString(c.from) {
		sender = map[string]any{"phone_number": "", "user_id": c.from}
	}
	return c.g.Post(c.phoneNumberID, "messaging_handovers", map[string]any{
		"recipient": recipient, "sender": sender, "timestamp": c.g.timestamp(), "type": "control_passed",
		"control_passed": map[string]any{
			"metadata": "", "previous_owner_app_id": "1000000000000002", "previous_owner_app_role": "meta_business_agent",
			"previous_owner_role": "ai_agent", "new_owner_role": "escalation",
			"conversation_context": map[string]any{"type": "summary", "summary": map[string]any{"text": summary}},
		},
	})
}
