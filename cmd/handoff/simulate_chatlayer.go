package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"handoff"
	"handoff/internal/fakechatlayer"
)

// chatlayerCustomer chats with a bot of Chatlayer's, which tells us every message and asks for a person.
type chatlayerCustomer struct {
	person
	session    string // named as those of WhatsApp's users are, so that their number is known
	client     *fakechatlayer.Client
	transcript []fakechatlayer.Entry
}

func newChatlayerCustomer(base person, verifyToken string) *chatlayerCustomer {
	client := &fakechatlayer.Client{
		URL: base.stack.info.APIURL + "/v1/chatlayer/" + base.inbox.ID.String(), VerifyToken: verifyToken, HTTP: base.stack.http,
	}
	return &chatlayerCustomer{person: base, client: client, session: "wvywhtspp_15550100004_" + base.from}
}

func (c *chatlayerCustomer) asks() bool { return true }

func (c *chatlayerCustomer) say(ctx context.Context, s saying) (string, error) {
	at := time.Now()
	message := map[string]any{
		"channelType": "web", "sender": map[string]string{"id": c.session, "firstname": c.name}, "timestamp": fakechatlayer.Timestamp(at),
	}
	entry := fakechatlayer.UserText(c.session, c.name, s.text, at)
	switch s.kind {
	case "location":
		message["messageType"], message["coordinates"] = "location", map[string]float64{"lat": here.latitude, "long": here.longitude}
	case "file":
		address, err := c.offer(s.text)
		if err != nil {
			return "", err
		}
		message["messageType"], message["urls"] = "upload", []string{address}
	}
	if s.kind != "text" {
		raw, err := encodeJSON(message)
		if err != nil {
			return "", err
		}
		entry.Message = raw
	}
	c.transcript = append(c.transcript, entry)
	answer, err := c.client.Messages(ctx, fakechatlayer.Messages{
		BotID: c.inbox.BotID, Version: c.inbox.BotVersion, SessionID: c.session, Messages: []fakechatlayer.Entry{entry},
	})
	if err = c.refused(answer, err); err != nil {
		return "", err
	}
	var receipt struct {
		ReceiptID handoff.ID `json:"receipt_id"`
	}
	err = json.Unmarshal(answer.Body, &receipt)
	return "accepted message, receipt " + receipt.ReceiptID.String(), err
}

func (c *chatlayerCustomer) offload(ctx context.Context, reason string) (string, error) {
	at := time.Now()
	payload, err := encodeJSON(map[string]string{"reason": reason})
	if err != nil {
		return "", err
	}
	answer, err := c.client.Offload(ctx, fakechatlayer.Offload{
		BotID: c.inbox.BotID, Version: c.inbox.BotVersion, SessionID: c.session, Timestamp: fakechatlayer.Timestamp(at), Payload: payload,
		Transcript: c.transcript,
	})
	if err = c.refused(answer, err); err != nil {
		return "", err
	}
	var taken struct {
		OffloadSuccess bool `json:"offloadSuccess"`
	}
	if err := json.Unmarshal(answer.Body, &taken); err != nil {
		return "", fmt.Errorf("read the answer to the offload: %w", err)
	}
	if !taken.OffloadSuccess {
		return "", notTaken("")
	}
	return "accepted offload, the bot pauses", nil
}

func (c *chatlayerCustomer) refused(answer fakechatlayer.Answer, err error) error {
	if err != nil {
		return fmt.Errorf("nothing answers at %s: start the stack, or give --api", c.stack.info.APIURL) // the error has the verify token in it
	}
	if answer.Status >= 300 {
		return refusal(answer.Status, answer.Body)
	}
	return nil
}

// notTaken says that nobody takes the conversation now.
func notTaken(reason string) error {
	if reason = strings.TrimSpace(reason); reason == "" {
		reason = "the inbox is closed, or its queue is full"
	}
	return errors.New("the offload was refused, and the bot goes on: " + reason)
}
