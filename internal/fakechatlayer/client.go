package fakechatlayer

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Client makes the calls that Chatlayer makes to an offloading webhook.
type Client struct {
	// URL is the address of the webhook, as the operator saves it in Chatlayer.
	URL string
	// VerifyToken is sent with every call as challenge.verifyToken.
	VerifyToken string
	// HTTP makes the requests; nil is http.DefaultClient.
	HTTP *http.Client
}

// Answer is what the webhook answered. Chatlayer wants status 200 and JSON.
type Answer struct {
	Status int
	Body   []byte
}

// Entry is one message of a feed or a transcript.
type Entry struct {
	Actor     string          `json:"actor"` // bot or user
	Message   json.RawMessage `json:"message"`
	Timestamp string          `json:"timestamp,omitempty"`
}

// Messages is the event that tells what is said, whoever holds the conversation.
type Messages struct {
	BotID     string  `json:"botId"`
	Version   string  `json:"version"`
	SessionID string  `json:"sessionId"`
	Event     string  `json:"event"`
	Channel   string  `json:"channel,omitempty"`
	Messages  []Entry `json:"messages"`
	Timestamp string  `json:"timestamp,omitempty"`
}

// Offload is the event that asks for a person.
type Offload struct {
	BotID      string          `json:"botId"`
	Version    string          `json:"version"`
	SessionID  string          `json:"sessionId"`
	Timestamp  string          `json:"timestamp,omitempty"`
	Event      string          `json:"event"`
	Payload    json.RawMessage `json:"payload,omitempty"`
	Channel    string          `json:"channel,omitempty"`
	Transcript []Entry         `json:"transcript"`
}

// Timestamp writes a time as Chatlayer's examples do.
func Timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000Z") }

// UserText is what a user types, as the feed tells it.
func UserText(session, name, text string, at time.Time) Entry {
	message := encode(object{
		"channelType": "web", "sender": object{"id": session, "firstname": name}, "timestamp": Timestamp(at), "messageType": "text", "text": text,
	})
	return Entry{Actor: "user", Message: message, Timestamp: Timestamp(at)}
}

// BotText is a text of the bot's.
func BotText(text string, at time.Time) Entry {
	return Entry{Actor: "bot", Message: encode(object{"text": text}), Timestamp: Timestamp(at)}
}

// Health asks whether the webhook is there, as Chatlayer does when the operator saves its address.
func (c *Client) Health(ctx context.Context) (Answer, error) { return c.call(ctx, http.MethodGet, nil) }

// Messages posts a messages event.
func (c *Client) Messages(ctx context.Context, event Messages) (Answer, error) {
	event.Event = "messages"
	return c.Post(ctx, encode(event))
}

// Offload posts an offload event.
func (c *Client) Offload(ctx context.Context, event Offload) (Answer, error) {
	event.Event = "offload"
	return c.Post(ctx, encode(event))
}

// Post posts any body.
func (c *Client) Post(ctx context.Context, body []byte) (Answer, error) {
	return c.call(ctx, http.MethodPost, body)
}

func (c *Client) call(ctx context.Context, method string, body []byte) (Answer, error) {
	address, err := url.Parse(c.URL)
	if err != nil {
		return Answer{}, fmt.Errorf("parse the address of the offloading webhook: %w", err)
	}
	query := address.Query()
	query.Set("challenge.verifyToken", c.VerifyToken)
	address.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, address.String(), bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/json")
	}
	client := c.HTTP
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("call the offloading webhook: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return Answer{Status: resp.StatusCode, Body: answer}, err
}
