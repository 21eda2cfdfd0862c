package fakegateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"handoff"
	"handoff/internal/signature"
)

// MetaPath is where Meta's webhooks are taken, to be passed on as they came.
const MetaPath = "/meta"

// metaAPI is the Graph API that messages are sent to.
type metaAPI struct{ url, token string }

// Target is where the webhooks of a phone number are passed on to.
type Target struct {
	URL    string
	Header http.Header // added to each request, such as the gateway's key
}

// SendThrough makes the gateway post the meta_payload of each outbound_message to a Graph API, whose address has its version in it,
// and answer with what Meta answered. Without it the gateway makes a wamid up.
func (g *Gateway) SendThrough(graphURL, token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.meta = &metaAPI{graphURL, token}
}

// Forward sets where Meta's webhooks for a phone number are passed on to.
func (g *Gateway) Forward(phoneNumberID string, to Target) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.forwards[phoneNumberID] = to
}

// send sends the message of a webhook to Meta, once for each webhook-id.
func (g *Gateway) send(ctx context.Context, hook *Webhook) answer {
	g.mu.Lock()
	meta := g.meta
	for _, earlier := range g.webhooks {
		if earlier.sent != nil && earlier.Headers["Webhook-Id"] == hook.Headers["Webhook-Id"] {
			hook.sent = earlier.sent
		}
	}
	g.mu.Unlock()
	if hook.sent != nil {
		return *hook.sent
	}
	if meta == nil {
		// What Meta would answer: the wamid in it lets statuses find the message.
		return answer{http.StatusOK, fmt.Appendf(nil, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.fake.%s"}]}`, handoff.NewID())}
	}
	var message struct {
		PhoneNumberID string          `json:"phone_number_id"`
		MetaPayload   json.RawMessage `json:"meta_payload"`
	}
	if err := json.Unmarshal(hook.Body, &message); err != nil {
		return failed(err)
	}
	header := http.Header{"Authorization": {"Bearer " + meta.token}}
	out := g.post(ctx, meta.url+"/"+url.PathEscape(message.PhoneNumberID)+"/messages", header, message.MetaPayload)
	if out.status < 300 {
		hook.sent = &out
	}
	return out
}

// forward passes a webhook of Meta's on, and answers what its target answers: Meta repeats it where that is no 2xx. Statuses of a
// number that nobody waits for are taken and dropped.
func (g *Gateway) forward(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	g.mu.Lock()
	to, known := g.forwards[numberOf(body)]
	g.mu.Unlock()
	if !known {
		return
	}
	header := http.Header{}
	maps.Copy(header, to.Header)
	if value := r.Header.Get(signature.HeaderMeta); value != "" {
		header.Set(signature.HeaderMeta, value)
	}
	out := g.post(r.Context(), to.URL, header, body)
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body)
}

// numberOf is the phone number id that the first change of a webhook is for. A hand-over names it as its recipient.
func numberOf(body []byte) string {
	type number struct {
		PhoneNumberID string `json:"phone_number_id"`
	}
	var hook struct {
		Entry []struct {
			Changes []struct {
				Value struct {
					Metadata  number `json:"metadata"`
					Recipient number `json:"recipient"`
				} `json:"value"`
			} `json:"changes"`
		} `json:"entry"`
	}
	if json.Unmarshal(body, &hook) != nil || len(hook.Entry) == 0 || len(hook.Entry[0].Changes) == 0 {
		return ""
	}
	value := hook.Entry[0].Changes[0].Value
	if value.Metadata.PhoneNumberID != "" {
		return value.Metadata.PhoneNumberID
	}
	return value.Recipient.PhoneNumberID
}

func (g *Gateway) post(ctx context.Context, address string, header http.Header, body []byte) answer {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return failed(err)
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	response, err := g.http.Do(request)
	if err != nil {
		return failed(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxBody))
	if err != nil {
		return failed(err)
	}
	return answer{response.StatusCode, content}
}

func failed(err error) answer {
	body, _ := json.Marshal(map[string]string{"error": err.Error()})
	return answer{http.StatusBadGateway, body}
}
