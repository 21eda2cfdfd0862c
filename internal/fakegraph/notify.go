package fakegraph

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"handoff/internal/signature"
)

// target is where webhooks go.
type target struct {
	url, appSecret, wabaID string
	http                   *http.Client
}

// Notify sets where webhooks go, and with what they are signed; an empty appSecret leaves them unsigned. wabaID replaces the account
// of the numbers, if it is not empty. From then on each accepted send is followed by its statuses, one after the other.
func (g *Graph) Notify(url, appSecret, wabaID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// Connections are not kept: nobody closes a Graph.
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	g.target = &target{url: url, appSecret: appSecret, wabaID: wabaID, http: client}
}

// Statuses sets which statuses follow a send; sent, delivered and read unless it is called.
func (g *Graph) Statuses(names ...string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.statuses = slices.Clone(names)
}

// Wait returns when all webhooks that follow the sends so far have been posted.
func (g *Graph) Wait() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.posting {
		g.idle.Wait()
	}
}

// Posted is a webhook that was posted.
type Posted struct {
	ID     string // of the message in it, if it has one
	Status int    // of HTTP; 0 where no answer came
	Body   []byte // the bytes that were posted
}

// Status posts a status of a message that was sent, such as failed with code 131047; 0 is no error.
func (g *Graph) Status(wamid, status string, code int) (Posted, error) {
	g.mu.Lock()
	i := slices.IndexFunc(g.sent, func(m Message) bool { return m.ID == wamid })
	if i < 0 || g.target == nil {
		g.mu.Unlock()
		return Posted{}, fmt.Errorf("post a status: no message %q was sent, or Notify was not called", wamid)
	}
	body, to := g.statusBody(g.sent[i], status, code), g.target
	g.mu.Unlock()
	return to.post(wamid, body)
}

// Post posts a webhook with any field and value for a phone number. The metadata of the number is added where value has none.
func (g *Graph) Post(phoneNumberID, field string, value map[string]any) (Posted, error) {
	g.mu.Lock()
	to := g.target
	if to == nil || g.number(phoneNumberID) == nil {
		g.mu.Unlock()
		return Posted{}, fmt.Errorf("post a webhook: there is no number %q, or Notify was not called", phoneNumberID)
	}
	body := g.envelope(phoneNumberID, field, value)
	g.mu.Unlock()
	return to.post("", body)
}

// notify is called with the lock held.
func (g *Graph) notify(m Message) {
	if g.target == nil {
		return
	}
	for _, status := range g.statuses {
		g.queue = append(g.queue, g.statusBody(m, status, 0))
	}
	if !g.posting && len(g.queue) > 0 {
		g.posting = true
		go g.work()
	}
}

// work posts what is queued, one after the other, and ends when nothing is left.
func (g *Graph) work() {
	for {
		g.mu.Lock()
		if len(g.queue) == 0 {
			g.posting = false
			g.idle.Broadcast()
			g.mu.Unlock()
			return
		}
		body, to := g.queue[0], g.target
		g.queue = g.queue[1:]
		g.mu.Unlock()
		problem := to.insist(body)
		g.mu.Lock()
		g.problem = problem
		g.mu.Unlock()
	}
}

const tries = 5

// insist posts until a 2xx comes, five times at most; Meta goes on for days. It tells why it gave up.
func (t *target) insist(body []byte) (problem string) {
	for try := range tries {
		if try > 0 {
			<-time.After(100 * time.Millisecond << try)
		}
		posted, err := t.post("", body)
		switch {
		case err != nil:
			problem = err.Error()
		case posted.Status >= 300:
			problem = "HTTP " + strconv.Itoa(posted.Status)
		default:
			return ""
		}
	}
	return problem
}

func (t *target) post(id string, body []byte) (Posted, error) {
	posted := Posted{ID: id, Body: body}
	request, err := http.NewRequest(http.MethodPost, t.url, bytes.NewReader(body))
	if err != nil {
		return posted, fmt.Errorf("post a webhook: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "facebookexternalua")
	if t.appSecret != "" {
		value, err := signature.SignMeta(t.appSecret, body)
		if err != nil {
			return posted, fmt.Errorf("sign a webhook: %w", err)
		}
		request.Header.Set(signature.HeaderMeta, value)
	}
	response, err := t.http.Do(request)
	if err != nil {
		return posted, fmt.Errorf("post a webhook: %w", err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20))
	posted.Status = response.StatusCode
	return posted, nil
}

// envelope is called with the lock held, for a number that is known.
func (g *Graph) envelope(phoneNumberID, field string, value map[string]any) []byte {
	n := g.number(phoneNumberID)
	account := n.wabaID
	if g.target.wabaID != "" {
		account = g.target.wabaID
	}
	if _, given := value["metadata"]; !given && field != "messaging_handovers" {
		value["metadata"] = map[string]any{"display_phone_number": digits(n.display), "phone_number_id": n.id}
	}
	value["messaging_product"] = "whatsapp"
	change := map[string]any{"field": field, "value": value}
	return marshal(map[string]any{
		"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": account, "changes": []any{change}}},
	})
}

// statusBody is called with the lock held.
func (g *Graph) statusBody(m Message, name string, code int) []byte {
	status := map[string]any{"id": m.ID, "status": name, "timestamp": g.timestamp(), "recipient_id": m.To}
	if m.isBSUID {
		status["recipient_id"], status["recipient_user_id"] = "", m.To
	}
	if m.CallbackData != "" {
		status["biz_opaque_callback_data"] = m.CallbackData
	}
	if code != 0 {
		status["errors"] = []any{map[string]any{
			"code": code, "title": "Message failed", "message": "Message failed",
			"error_data": map[string]any{"details": fmt.Sprintf("The message failed with %d.", code)},
		}}
	} else {
		status["pricing"] = map[string]any{"billable": false, "pricing_model": "PMP", "type": "free_customer_service", "category": "service"}
	}
	return g.envelope(m.PhoneNumberID, "messages", map[string]any{"statuses": []any{status}})
}

func (g *Graph) timestamp() string { return strconv.FormatInt(g.now().Unix(), 10) }
