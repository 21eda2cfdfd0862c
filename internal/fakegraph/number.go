package fakegraph

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

type number struct {
	wabaID, id, display string
	canSend, reason     string
}

// AddNumber adds a phone number to a WhatsApp account.
func (g *Graph) AddNumber(wabaID, phoneNumberID, display string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.numbers = append(g.numbers, &number{wabaID: wabaID, id: phoneNumberID, display: display, canSend: "AVAILABLE"})
}

// Health sets what the health status of a number says: AVAILABLE, LIMITED or BLOCKED, and why.
func (g *Graph) Health(phoneNumberID, canSend, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.number(phoneNumberID); n != nil {
		n.canSend, n.reason = canSend, reason
	}
}

// number is called with the lock held.
func (g *Graph) number(id string) *number {
	i := slices.IndexFunc(g.numbers, func(n *number) bool { return n.id == id })
	if i < 0 {
		return nil
	}
	return g.numbers[i]
}

// TokenInfo is what the Graph knows of an access token.
type TokenInfo struct {
	Valid     bool
	ExpiresAt time.Time // zero is never
	Scopes    []string
}

// Token makes an access token known, with both scopes of WhatsApp. While none is known, every token is valid.
func (g *Graph) Token(token string, valid bool) {
	g.SetToken(token, TokenInfo{Valid: valid, Scopes: []string{"whatsapp_business_management", "whatsapp_business_messaging"}})
}

// SetToken makes an access token known.
func (g *Graph) SetToken(token string, info TokenInfo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokens[token] = info
}

// authorize is the token of a request, or why it is refused.
func (g *Graph) authorize(r *http.Request) (string, *refusal) {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		token = r.URL.Query().Get("access_token")
	}
	if token == "" {
		return "", &refusal{code: 190, message: "An access token is required to request this resource."}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	info, known := g.tokens[token]
	switch {
	case len(g.tokens) == 0:
		return token, nil
	case !known: // Meta repeats a token that it cannot read
		return "", &refusal{code: 190, message: "Malformed access token " + token}
	case !info.Valid:
		return "", &refusal{code: 190, subcode: 460, message: "Error validating access token: The session has been invalidated."}
	case info.expired(g.now()):
		return "", &refusal{
			code: 190, subcode: 463, message: "Error validating access token: Session has expired on " + info.ExpiresAt.Format(time.RFC1123) + ".",
		}
	}
	return token, nil
}

func (i TokenInfo) expired(now time.Time) bool {
	return !i.ExpiresAt.IsZero() && !now.Before(i.ExpiresAt)
}

// debugToken is GET /debug_token.
func (g *Graph) debugToken(token string) *answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	info, known := g.tokens[token]
	if len(g.tokens) == 0 {
		known, info = true, TokenInfo{Valid: true, Scopes: []string{"whatsapp_business_management", "whatsapp_business_messaging"}}
	}
	data := map[string]any{
		"app_id": "1000000000000001", "type": "SYSTEM_USER", "is_valid": known && info.Valid && !info.expired(g.now()),
		"expires_at": 0, "data_access_expires_at": 0, "scopes": append([]string{}, info.Scopes...),
	}
	if !info.ExpiresAt.IsZero() {
		data["expires_at"] = info.ExpiresAt.Unix()
	}
	if !known {
		data["error"] = map[string]any{"code": 190, "message": "Invalid OAuth access token - Cannot parse access token"}
	}
	return ok(map[string]any{"data": data})
}

// object is GET /{id}, of a number or a file.
func (g *Graph) object(r *http.Request, id string) *answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.number(id); n != nil {
		return ok(n.fields(strings.Split(r.URL.Query().Get("fields"), ",")))
	}
	if m, found := g.find(id); found {
		return g.mediaObject(r, id, m)
	}
	return noObject(http.MethodGet, id).answer()
}

func (n *number) fields(names []string) map[string]any {
	entity := map[string]any{"entity_type": "PHONE_NUMBER", "id": n.id, "can_send_message": n.canSend}
	if n.reason != "" {
		entity["errors"] = []any{map[string]any{"error_code": 141000, "error_description": n.reason, "possible_solution": "See WhatsApp Manager."}}
	}
	all := map[string]any{
		"id": n.id, "display_phone_number": n.display, "verified_name": "Fake business", "quality_rating": "GREEN",
		"name_status": "APPROVED", "code_verification_status": "VERIFIED", "platform_type": "CLOUD_API",
		"throughput":    map[string]any{"level": "STANDARD"},
		"health_status": map[string]any{"can_send_message": n.canSend, "entities": []any{entity}},
	}
	if len(names) == 1 && names[0] == "" {
		names = []string{"id", "display_phone_number", "verified_name", "quality_rating", "code_verification_status", "platform_type", "throughput"}
	}
	chosen := map[string]any{"id": n.id}
	for _, name := range names {
		if value, known := all[name]; known {
			chosen[name] = value
		}
	}
	return chosen
}

// phoneNumbers is GET /{waba-id}/phone_numbers. Like Meta's, the address of the next page has the access token in it.
func (g *Graph) phoneNumbers(r *http.Request, token, wabaID string) *answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("limit"))
	if err != nil || limit < 1 || limit > 100 {
		limit = 25
	}
	after, _ := strconv.Atoi(query.Get("after")) // the cursor is the number of the first one; none is 0
	var all []*number
	for _, n := range g.numbers {
		if n.wabaID == wabaID {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		return noObject(http.MethodGet, wabaID).answer()
	}
	start := min(max(after, 0), len(all))
	end := min(start+limit, len(all))
	data := []any{}
	for _, n := range all[start:end] {
		data = append(data, n.fields(strings.Split(query.Get("fields"), ",")))
	}
	paging := map[string]any{"cursors": map[string]any{"before": strconv.Itoa(start), "after": strconv.Itoa(end)}}
	if end < len(all) {
		next := url.Values{"access_token": {token}, "limit": {strconv.Itoa(limit)}, "after": {strconv.Itoa(end)}, "fields": {query.Get("fields")}}
		paging["next"] = baseOf(r) + r.URL.Path + "?" + next.Encode()
	}
	return ok(map[string]any{"data": data, "paging": paging})
}
