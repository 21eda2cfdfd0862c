package main

import (
	"context"
	"net/http"
	"time"

	"handoff"
)

// nativeCustomer writes by any channel whose gateway speaks our own protocol, as Aksita's do.
type nativeCustomer struct{ person }

// contact has an id of the session besides the number: Aksita's gateways know the customer by it.
func (c *nativeCustomer) contact() map[string]any {
	return map[string]any{"id": "session-" + c.from, "phone": c.from, "name": c.name}
}

func (c *nativeCustomer) say(ctx context.Context, s saying) (string, error) {
	message := map[string]any{
		"contact": c.contact(), "id": "simulated-" + handoff.NewID().String(), "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
	}
	switch s.kind {
	case "location":
		message["type"] = "location"
		message["content"] = map[string]float64{"latitude": here.latitude, "longitude": here.longitude}
	case "file":
		kind, media, err := c.media(s.text)
		if err != nil {
			return "", err
		}
		message["type"], message["media"] = kind, media
	default:
		message["text"] = s.text
	}
	if s.held {
		message["opens"] = false
	}
	body, err := encodeJSON(message)
	if err != nil {
		return "", err
	}
	var answer accepted
	err = c.stack.call(ctx, http.MethodPost, "/v1/inboxes/"+c.inbox.ID.String()+"/messages", c.stack.info.Keys.Gateway, body, &answer)
	return answer.words(), err
}

func (c *nativeCustomer) media(path string) (kind string, media map[string]string, err error) {
	file, err := readFile(path)
	if err != nil {
		return "", nil, err
	}
	address, err := c.offer(path)
	return file.kind, map[string]string{"url": address, "mime_type": file.mimeType, "filename": file.name}, err
}

func (c *nativeCustomer) offload(ctx context.Context, reason string) (string, error) {
	body, err := encodeJSON(map[string]any{
		"contact": c.contact(), "id": "simulated-" + handoff.NewID().String(), "reason": reason, "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
	})
	if err != nil {
		return "", err
	}
	var answer struct {
		ReceiptID handoff.ID `json:"receipt_id"`
		Accepted  bool       `json:"accepted"`
		Reason    string     `json:"reason"`
	}
	err = c.stack.call(ctx, http.MethodPost, "/v1/inboxes/"+c.inbox.ID.String()+"/offloads", c.stack.info.Keys.Gateway, body, &answer)
	if err != nil {
		return "", err
	}
	if !answer.Accepted {
		return "", notTaken(answer.Reason)
	}
	return "accepted offload, receipt " + answer.ReceiptID.String(), nil
}
