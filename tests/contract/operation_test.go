package contract_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"handoff"
	"handoff/internal/contract"
)

const (
	// budget bounds the test as a whole; -rapid.checks asks for as many as one likes instead.
	budget = 20 * time.Second
	// leastChecks is what every operation gets on a machine that is too slow for all of them.
	leastChecks = 4
)

// operation is one of the document.
type operation struct {
	*openapi3.Operation
	method, path, scope string
}

func (s *server) operations() []operation {
	var out []operation
	for _, path := range s.document.Paths.InMatchingOrder() {
		for method, op := range s.document.Paths.Value(path).Operations() {
			scope, _ := op.Extensions["x-scope"].(string)
			out = append(out, operation{op, method, path, scope})
		}
	}
	slices.SortFunc(out, func(a, b operation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return out
}

// Whatever is asked, by whomever: the answer is documented, is no failure of the server, and repeats nothing of what it refuses.
func testOperations(t *testing.T, s *server) {
	t.Helper()
	stranger := s.newAccount(t)
	begin := time.Now()
	for _, op := range s.operations() {
		t.Run(op.OperationID, func(t *testing.T) {
			t.Parallel()
			a := s.newAccount(t)
			a.ask(t, "POST", "/v1/conversations/"+a.conversation+"/notes", a.agentKey, map[string]any{"text": "A regular"})
			a.ask(t, "POST", "/v1/conversations/"+a.conversation+"/messages", a.agentKey, map[string]any{"type": "text", "text": "Hi"})
			known := a.collect(t)
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				if n++; n > leastChecks && !thorough && time.Since(begin) > budget {
					return
				}
				g := &generator{T: rt, ids: known, gateway: s.gateway.URL}
				p := g.probe(op, a, stranger)
				p.hold(rt, s, op)
			})
		})
	}
}

// probe is a request, and what is known of it.
type probe struct {
	method, target string
	header         http.Header
	body           []byte
	secret         []string // what the answer may not repeat
	who            string
	foreign        bool // it asks for a thing of another account
}

func (g *generator) probe(op operation, a, stranger *account) probe {
	p := probe{method: op.method, header: http.Header{}}
	keys := map[string]string{
		"admin": a.adminKey, "agent": a.agentKey, "gateway": a.gatewayKey, "nobody": "", "an unknown key": "hk_" + strings.Repeat("x", 40),
		"another account": stranger.adminKey,
	}
	p.who = pick(g, "who", []string{
		op.scope, op.scope, op.scope, op.scope, "admin", "admin", "agent", "gateway", "nobody", "an unknown key", "another account",
	})
	if p.who == "" {
		p.who = "nobody"
	}
	if key := keys[p.who]; key != "" {
		p.header.Set("Authorization", "Bearer "+key)
	}
	p.target = a.url + g.path(op, &p)
	if query := g.query(op); len(query) > 0 {
		p.target += "?" + query.Encode()
	}
	if op.method == http.MethodPost {
		if key := pick(g, "Idempotency-Key", []string{"", "", handoff.NewID().String(), "again", strings.Repeat("k", 256), "é"}); key != "" {
			p.header.Set("Idempotency-Key", key)
		}
	}
	if op.RequestBody != nil {
		g.body(op, &p)
	}
	return p
}

func (g *generator) path(op operation, p *probe) string {
	path := op.path
	for _, ref := range op.Parameters {
		parameter := ref.Value
		if parameter.In != "path" {
			continue
		}
		id := g.ids.of(collectionOf(op.path, parameter.Name), g)
		switch rapid.IntRange(0, 9).Draw(g.T, "which id") {
		case 0:
			id = handoff.NewID().String()
		case 1:
			id = pick(g, "malformed", []string{"x", "0", "%00", "01976b8e-3c00-7000-8000-00000000000g", strings.Repeat("a", 300), "%ff"})
		case 2:
			id = g.ids.any(g)
		default:
			p.foreign = p.who == "another account"
		}
		path = strings.Replace(path, "{"+parameter.Name+"}", id, 1)
	}
	return path
}

func (g *generator) query(op operation) url.Values {
	out := url.Values{}
	for _, ref := range op.Parameters {
		parameter := ref.Value
		if parameter.In != "query" || (!parameter.Required && !g.chance(30, parameter.Name)) {
			continue
		}
		value := g.value(parameter.Schema, parameter.Name, 0)
		if g.chance(25, "break "+parameter.Name) {
			value = pick(g, parameter.Name, brokenValues)
		}
		if list, ok := value.([]any); ok {
			for _, item := range list {
				out.Add(parameter.Name, fmt.Sprint(item))
			}
			continue
		}
		if _, ok := value.(json.RawMessage); ok {
			value = "-"
		}
		text := fmt.Sprint(value)
		out.Set(parameter.Name, text[:min(len(text), 2000)]) // more than the server reads of a request's head is not the API's
	}
	if g.chance(5, "unknown parameter") {
		out.Set("zqunknown", "1")
	}
	return out
}

func (g *generator) body(op operation, p *probe) {
	media := op.RequestBody.Value.Content.Get("application/json")
	p.header.Set("Content-Type", "application/json")
	if media == nil || g.chance(3, "content type") {
		p.header.Set("Content-Type", pick(g, "content type", []string{"text/plain", "image/png", "multipart/form-data", "multipart/form-data; boundary=x", "", "a/b/c"}))
	}
	if media == nil || g.chance(8, "no JSON") {
		p.body = []byte(pick(g, "bytes", brokenBodies))
		return
	}
	value := g.value(media.Schema, "body", 0)
	if example := media.Example; example != nil && g.chance(40, "example") {
		value = example
	}
	for range rapid.IntRange(0, 2).Draw(g.T, "faults") {
		value = g.broken(value)
	}
	p.body, p.secret = encoded(value), texts(value, "", op.scope == "admin")
}

func (p *probe) String() string {
	body := p.body
	return fmt.Sprintf("%s, as %s: %s %s %v %.600q", "request", p.who, p.method, p.target, p.header, body)
}

// send makes the request, again while the server is busy, as it asks for.
func (p *probe) send() (*http.Request, contract.Answer, error) {
	for n := 0; ; n++ {
		request, err := http.NewRequestWithContext(context.Background(), p.method, p.target, bytes.NewReader(p.body))
		if err != nil {
			return nil, contract.Answer{}, err
		}
		request.Header = p.header
		response, err := (&http.Client{Timeout: patience}).Do(request)
		if err != nil {
			return request, contract.Answer{}, err
		}
		answer := contract.Answer{Status: response.StatusCode, Header: response.Header}
		if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
			answer.Body, err = io.ReadAll(response.Body)
		}
		_ = response.Body.Close()
		if answer.Status != http.StatusServiceUnavailable || n == 3 || err != nil {
			return request, answer, err
		}
		<-time.After(time.Second)
	}
}

// hold sends the request and holds the answer to what every answer is held to.
func (p *probe) hold(t *rapid.T, s *server, op operation) {
	request, answer, err := p.send()
	require.NoError(t, err, p)
	require.NoError(t, s.document.Check(request, answer), p)
	require.Less(t, answer.Status, 500, "%s\n%s", p, answer.Body)
	switch {
	case op.Security == nil || len(*op.Security) == 0:
	case p.who == "nobody" || p.who == "an unknown key":
		require.Equal(t, http.StatusUnauthorized, answer.Status, "%s\n%s", p, answer.Body)
	case op.scope == "admin" && (p.who == "agent" || p.who == "gateway"):
		require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound, http.StatusUnauthorized}, answer.Status, "%s\n%s", p, answer.Body)
	case p.foreign:
		require.GreaterOrEqual(t, answer.Status, 400, "another account's admin got it: %s\n%s", p, answer.Body)
	}
	if answer.Status >= 400 {
		p.holdRefusal(t, op, answer)
		return
	}
	if op.RequestBody != nil && op.RequestBody.Value.Content.Get("application/json") != nil {
		// JSON is read whatever it is called: curl calls it a form.
		request.Header = request.Header.Clone()
		request.Header.Set("Content-Type", "application/json")
	}
	query := request.URL.Query()
	maps.DeleteFunc(query, func(_ string, values []string) bool { return len(values) == 1 && values[0] == "" }) // which is taken for none
	request.URL.RawQuery = query.Encode()
	if err := s.document.CheckRequest(request, withoutNulls(p.body)); err != nil && !errors.Is(err, contract.ErrUnknown) {
		require.Fail(t, "what the document forbids was accepted", "%.500s\n%s\n%d %s", err, p, answer.Status, answer.Body)
	}
}

// withoutNulls is a body without the properties that are null: Huma takes them for absent, which is kinder than the document.
func withoutNulls(body []byte) []byte {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value map[string]any
	if decoder.Decode(&value) != nil {
		return body
	}
	return encoded(pruned(value))
}

func pruned(v any) any {
	switch node := v.(type) {
	case map[string]any:
		for key, value := range node {
			if value == nil {
				delete(node, key)
				continue
			}
			node[key] = pruned(value)
		}
	case []any:
		for i := range node {
			node[i] = pruned(node[i])
		}
	}
	return v
}

func (p *probe) holdRefusal(t *rapid.T, op operation, answer contract.Answer) {
	for _, text := range p.secret {
		require.NotContains(t, string(answer.Body), text, "the refusal repeats the body: %s", p)
	}
	if op.method == http.MethodHead || answer.Header.Get("Content-Type") != "application/problem+json" {
		return // a vendor's own form of a refusal, which the document has
	}
	var problem struct {
		Code      string `json:"code"`
		Detail    string `json:"detail"`
		RequestID string `json:"request_id"`
	}
	require.NoError(t, json.Unmarshal(answer.Body, &problem), p)
	require.NotEmpty(t, problem.Code, p)
	require.NotEmpty(t, problem.Detail, p)
	require.Equal(t, answer.Header.Get("X-Request-Id"), problem.RequestID, p)
}
