// Package fakegateway is a gateway for newcomers and tests: it takes webhooks, verifies their signatures, and shows what arrived. With
// SendThrough it sends agents' messages to Meta as a real gateway does, and with Forward it passes Meta's own webhooks on.
package fakegateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"handoff"
	"handoff/internal/signature"
)

const (
	// Path is where webhooks are taken; what follows it, such as /webhooks/kapso, makes no difference.
	Path = "/webhooks"
	// kept is how many webhooks are remembered; older ones are forgotten.
	kept    = 200
	maxBody = 4 << 20 // Meta's webhooks have up to 3 MB
)

// Sender is an endpoint whose webhooks arrive here.
type Sender struct {
	Inbox    string
	Protocol handoff.Protocol
	Secret   signature.Secret
	// VendorSecret is that of X-Webhook-Signature; empty where the endpoint has none.
	VendorSecret string
}

// Webhook is one webhook as it arrived.
type Webhook struct {
	ReceivedAt time.Time         `json:"received_at"`
	Event      string            `json:"event"`
	Inbox      string            `json:"inbox,omitempty"`
	Protocol   handoff.Protocol  `json:"protocol,omitempty"`
	Verified   bool              `json:"verified"`
	Problem    string            `json:"problem,omitempty"`
	Headers    map[string]string `json:"headers"`
	Body       json.RawMessage   `json:"body"`

	sent *answer // what was answered after the message in it went to Meta
}

// answer is what a webhook is answered with.
type answer struct {
	status int
	body   []byte
}

// Gateway is an http.Handler: POST /webhooks takes a webhook, POST /meta one of Meta's, GET / shows the latest first.
type Gateway struct {
	show func(Webhook)
	http *http.Client

	mu       sync.Mutex
	senders  []Sender
	webhooks []Webhook
	meta     *metaAPI
	forwards map[string]Target
}

// New makes a Gateway; show is called for every webhook that arrives.
func New(show func(Webhook)) *Gateway {
	// Connections are not kept: nobody closes a Gateway.
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return &Gateway{show: show, http: client, forwards: map[string]Target{}}
}

// Expect adds endpoints whose signatures are accepted.
func (g *Gateway) Expect(senders ...Sender) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.senders = append(g.senders, senders...)
}

// ServeHTTP takes and shows webhooks.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case (r.URL.Path == Path || strings.HasPrefix(r.URL.Path, Path+"/")) && r.Method == http.MethodPost:
		g.take(w, r)
	case r.URL.Path == MetaPath && r.Method == http.MethodPost:
		g.forward(w, r)
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
	sender, err := g.verify(r.Header, body)
	hook.Inbox, hook.Protocol, hook.Verified = sender.Inbox, sender.Protocol, err == nil
	if err != nil {
		hook.Problem = err.Error()
	}
	out := answer{http.StatusOK, []byte(`{}`)}
	if hook.Verified && hook.Event == "outbound_message" {
		out = g.send(r.Context(), &hook)
	}
	g.remember(hook)
	g.show(hook)
	if !hook.Verified {
		http.Error(w, hook.Problem, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(out.status)
	_, _ = w.Write(out.body)
}

// verify finds the endpoint that signed a webhook.
func (g *Gateway) verify(header http.Header, body []byte) (Sender, error) {
	g.mu.Lock()
	senders := g.senders
	g.mu.Unlock()
	problem := errors.New("no endpoint is known whose webhooks are expected here")
	for _, sender := range senders {
		err := signature.Verify(header, body, time.Now(), sender.Secret)
		if err != nil {
			problem = err
			continue
		}
		if sender.VendorSecret == "" {
			return sender, nil
		}
		if err := signature.VerifyHex(sender.VendorSecret, body, header.Get(signature.HeaderHex)); err != nil {
			return sender, fmt.Errorf("%s: %w", signature.HeaderHex, err)
		}
		return sender, nil
	}
	return Sender{}, problem
}

func (g *Gateway) remember(hook Webhook) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.webhooks = append(g.webhooks, hook)
	if len(g.webhooks) > kept {
		g.webhooks = g.webhooks[len(g.webhooks)-kept:]
	}
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
