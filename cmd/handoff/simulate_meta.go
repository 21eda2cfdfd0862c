package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"handoff"
	"handoff/internal/graph"
	"handoff/internal/outbound"
	"handoff/internal/signature"
)

// metaCustomer writes by WhatsApp: HitlChat's gateway passes Meta's webhook on, and Meta itself posts to inboxes of the others.
type metaCustomer struct {
	person
	token     string // with which the inbox calls the Graph API
	appSecret string // with which Meta signs; empty where a gateway posts
}

func (c *metaCustomer) say(ctx context.Context, s saying) (string, error) {
	kind, content := s.kind, any(map[string]any{"body": s.text})
	switch s.kind {
	case "location":
		content = map[string]any{"latitude": here.latitude, "longitude": here.longitude}
	case "file":
		var err error
		if kind, content, err = c.upload(ctx, s.text); err != nil {
			return "", err
		}
	}
	message := map[string]any{
		"from": c.from, "id": "wamid.simulated." + handoff.NewID().String(), "timestamp": strconv.FormatInt(time.Now().Unix(), 10),
		"type": kind, kind: content,
	}
	value := map[string]any{
		"messaging_product": "whatsapp", "metadata": map[string]string{"phone_number_id": c.inbox.PhoneNumberID},
		"contacts": []any{map[string]any{"profile": map[string]string{"name": c.name}, "wa_id": c.from}}, "messages": []any{message},
	}
	body, err := encodeJSON(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{
		"id": c.inbox.WABAID, "changes": []any{map[string]any{"field": "messages", "value": value}},
	}}})
	if err != nil {
		return "", err
	}
	return c.post(ctx, body)
}

func (c *metaCustomer) post(ctx context.Context, body []byte) (string, error) {
	var answer accepted
	if c.appSecret == "" {
		err := c.stack.call(ctx, http.MethodPost, "/v1/public/inbound", c.stack.info.Keys.Gateway, body, &answer)
		return answer.words(), err
	}
	value, err := signature.SignMeta(c.appSecret, body)
	if err != nil {
		return "", err
	}
	path := "/v1/whatsapp/" + c.inbox.ID.String() + "/webhook"
	err = c.stack.do(ctx, http.MethodPost, path, http.Header{signature.HeaderMeta: {value}}, body, &answer)
	return answer.words(), err
}

func (c *metaCustomer) offload(context.Context, string) (string, error) {
	return "", fmt.Errorf("%s knows no offload: the customer's first message is the hand-off", c.inbox.Protocol)
}

// upload puts a file where the inbox fetches it from: into the fake Graph API.
func (c *metaCustomer) upload(ctx context.Context, path string) (kind string, content any, err error) {
	file, err := readFile(path)
	if err != nil {
		return "", nil, err
	}
	if c.stack.fakes.GraphURL == "" || c.token == "" {
		return "", nil, errors.New("a WhatsApp file needs the fake Graph API of `handoff dev`, and an inbox with an access token")
	}
	poster := outbound.NewClient(outbound.Config{AllowLoopback: true})
	defer poster.Close()
	id, err := graph.New(graph.Config{BaseURL: c.stack.fakes.GraphURL, HTTP: poster}).Upload(ctx, c.token, c.inbox.PhoneNumberID, graph.File{
		Name: file.name, MIMEType: file.mimeType, Size: int64(len(file.content)), Content: bytes.NewReader(file.content),
	})
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(file.content)
	described := map[string]any{"id": id, "mime_type": file.mimeType, "sha256": hex.EncodeToString(sum[:])}
	if file.kind == "document" {
		described["filename"] = file.name
	}
	return file.kind, described, nil
}
