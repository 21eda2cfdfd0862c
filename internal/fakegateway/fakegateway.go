// Package fakegateway is a gateway for newcomers and tests: it takes webhooks, verifies their signatures, and shows what arrived.
package fakegateway

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"handoff"
	"handoff/internal/signature"
)

const (
	// Path is where webhooks are taken.
	Path = "/webhooks"
	// kept is how many webhooks are remembered; older ones are forgotten.
	kept    = 200
	maxBody = 1 << 20
)

// Webhook is one webhook as it arrived.
type Webhook struct {
	ReceivedAt time.Time         `json:"received_at"`
	Event      string            `json:"event"`
	Verified   bool              `json:"verified"`
	Problem    string            `json:"problem,omitempty"`
	Headers    map[string]string `json:"headers"`
	Body       json.RawMessage   `json:"body"`
}

// Gateway is an http.Handler: POST /webhooks takes a webhook, GET / shows the latest first.
type Gateway struct {
	show func(Webhook)

	mu       sync.Mutex
	secret   signature.Secret
	webhooks []Webhook
}

// New makes a Gateway; show is called for every webhook that arrives.
func New(show func(Webhook)) *Gateway { return &Gateway{show: show} }

// Expect sets the secret that signatures are verified with.
func (g *Gateway) Expect(secret signature.Secret) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.secret = secret
}

// ServeHTTP takes and shows webhooks.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == Path && r.Method == http.MethodPost:
		g.take(w, r)
	case r.URL.Path == "/" && r.Method == http.MethodGet:
		g.list(w)
	default:
		http.Error(w, "POST webhooks to "+Path+"; GET / shows them", http.StatusNotFound)
	}
}

func (g *Gateway) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	hook := Webhook{ReceivedAt: time.Now().UTC(), Event: r.Header.Get("Handoff-Event"), Headers: map[string]string{}, Body: body}
	for name := range r.Header {
		hook.Headers[name] = r.Header.Get(name)
	}
	if !json.Valid(body) {
		hook.Body, _ = json.Marshal(string(body))
	}
	g.mu.Lock()
	err = signature.Verify(r.Header, body, time.Now(), g.secret)
	hook.Verified = err == nil
	if err != nil {
		hook.Problem = err.Error()
	}
	g.webhooks = append(g.webhooks, hook)
	if len(g.webhooks) > kept {
		g.webhooks = g.webhooks[len(g.webhooks)-kept:]
	}
	g.mu.Unlock()
	g.show(hook)
	if !hook.Verified {
		http.Error(w, hook.Problem, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if hook.Event == "outbound_message" {
		// A real gateway passes on what Meta answers when it sends the message; the wamid in it lets statuses find the message.
		_, _ = fmt.Fprintf(w, `{"messaging_product":"whatsapp","messages":[{"id":"wamid.fake.%s"}]}`, handoff.NewID())
		return
	}
	_, _ = io.WriteString(w, `{}`)
}

func (g *Gateway) list(w http.ResponseWriter) {
	g.mu.Lock()
	latest := make([]Webhook, 0, len(g.webhooks))
	for i := len(g.webhooks) - 1; i >= 0; i-- {
		latest = append(latest, g.webhooks[i])
	}
	g.mu.Unlock()
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(map[string]any{"webhooks": latest})
}
