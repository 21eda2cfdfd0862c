package contract_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbtest"
	"handoff/internal/contract"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

// patience is long, because it is used up only where something is broken.
const patience = 60 * time.Second

// server is the product as one process, with a database and a Temporal namespace of its own, and fakes of all that it calls.
type server struct {
	url      string
	env      []string
	document *contract.Document
	client   *http.Client
	gateway  *fixture.Gateway
	graph    *fakegraph.Graph
}

func newServer(t *testing.T) *server {
	t.Helper()
	document, err := contract.Shared()
	require.NoError(t, err)
	document.Every = true
	s := &server{document: document, gateway: fixture.NewGateway(t), graph: fakegraph.New(time.Now)}
	s.client = &http.Client{Timeout: patience, Transport: contract.Transport{Base: &http.Transport{MaxIdleConnsPerHost: 16}, Document: document}}
	graph := httptest.NewServer(s.graph)
	t.Cleanup(graph.Close)
	id, address := handoff.NewID(), freeAddress(t)
	s.url = "http://" + address
	s.env = []string{
		"DATABASE_URL=" + dbtest.URL(t), "TEMPORAL_ADDRESS=" + testenv.Temporal(t), "TEMPORAL_NAMESPACE=contract-" + hex.EncodeToString(id[10:]),
		"HANDOFF_KEYSET=" + strings.TrimSpace(string(command(t, nil, "keyset"))), "HANDOFF_ALLOW_LOOPBACK=1", "HANDOFF_DB_CONNECTIONS=8",
		"HANDOFF_MEDIA_URL=file://" + t.TempDir(), "HANDOFF_PUBLIC_URL=" + s.url, "HANDOFF_GRAPH_URL=" + graph.URL,
		"HANDOFF_LISTEN=" + address, "HANDOFF_METRICS_LISTEN=127.0.0.1:0",
		// It is asked as fast as it answers, and very often without a key.
		"HANDOFF_RATE_LIMIT_AGENT=0", "HANDOFF_RATE_LIMIT_ADMIN=0", "HANDOFF_RATE_LIMIT_FAILURES=0",
	}
	command(t, s.env, "migrate")
	s.start(t)
	return s
}

// start runs the process until the test ends, and shows the end of its log if that fails.
func (s *server) start(t *testing.T) {
	t.Helper()
	binary, err := buildOnce()
	require.NoError(t, err)
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	cmd := exec.Command(binary, "serve", "--with-worker")
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = append(os.Environ(), s.env...), log, log, attributes()
	started, exited := make(chan error), make(chan struct{})
	go func() {
		defer close(exited)
		// The kernel takes the end of the thread that started a process for the end of its parent.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	require.NoError(t, <-started)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); t.Failed() && err == nil {
			lines := strings.Split(string(text), "\n")
			t.Logf("the server's log:\n%s", strings.Join(lines[max(0, len(lines)-15):], "\n"))
		}
	})
	until(t, "the server is ready", func() bool {
		select {
		case <-exited:
			t.Fatal("the server has ended")
		default:
		}
		response, err := http.Get(s.url + "/readyz")
		if err != nil {
			return false
		}
		defer func() { _ = response.Body.Close() }()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode == http.StatusOK && bytes.Contains(body, []byte(`"status":"ok"`))
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("not within %s: %s", patience, what)
		case <-tick.C:
		}
	}
}

// ask makes a request that has to succeed, and gives the answer's fields.
func (s *server) ask(t *testing.T, method, path, key string, body any) map[string]any {
	t.Helper()
	content, err := json.Marshal(body)
	require.NoError(t, err)
	request, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(content))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+key)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.client.Do(request)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Less(t, response.StatusCode, 300, "%s %s: %s", method, path, answer)
	var out map[string]any
	require.NoError(t, json.Unmarshal(answer, &out), "%s", answer)
	return out
}

// account is one with an inbox, an endpoint, an agent, keys of every scope, and a conversation.
type account struct {
	*server
	inbox, agent, conversation        string
	waba, phone                       string
	gatewayKey, agentKey, adminKey    string
	gatewayKeyID, agentKeyID, adminID string
}

func (s *server) newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{server: s}
	made := func(out []byte) (text map[string]string) {
		require.NoError(t, json.Unmarshal(out, &text), "%s", out)
		return text
	}
	id := made(command(t, s.env, "account", "create", "Acme"))["id"]
	var admin map[string]any
	require.NoError(t, json.Unmarshal(command(t, s.env, "key", "create", "--account="+id, "--name=test", "--scope=admin"), &admin))
	a.adminKey, a.adminID = admin["key"].(string), admin["id"].(string)
	text := func(v any) string { out, _ := v.(string); return out }

	number := time.Now().UnixNano()
	a.waba, a.phone = fmt.Sprint(number), fmt.Sprint(number+1)
	s.graph.AddNumber(a.waba, a.phone, "+34 910 00 00 00")
	s.graph.Token("EAAcontract", true)
	a.inbox = text(s.ask(t, "POST", "/v1/inboxes", a.adminKey, map[string]any{
		"name": "Support", "waba_id": a.waba, "phone_number_id": a.phone, "access_token": "EAAcontract",
	})["id"])
	s.ask(t, "POST", "/v1/inboxes/"+a.inbox+"/endpoints", a.adminKey, map[string]any{"url": s.gateway.URL})
	a.agent = text(s.ask(t, "POST", "/v1/agents", a.adminKey, map[string]any{"name": "Ana"})["id"])
	key := s.ask(t, "POST", "/v1/api-keys", a.adminKey, map[string]any{"name": "gateway", "scope": "gateway"})
	a.gatewayKey, a.gatewayKeyID = text(key["key"]), text(key["id"])
	key = s.ask(t, "POST", "/v1/api-keys", a.adminKey, map[string]any{"name": "agent", "scope": "agent", "agent_id": a.agent})
	a.agentKey, a.agentKeyID = text(key["key"]), text(key["id"])
	a.conversation = a.opens(t, "447700900123")
	return a
}

// opens has a customer write, and gives the conversation.
func (a *account) opens(t *testing.T, from string) string {
	t.Helper()
	a.ask(t, "POST", "/v1/public/inbound", a.gatewayKey, map[string]any{
		"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": a.waba, "changes": []any{map[string]any{
			"field": "messages", "value": map[string]any{
				"messaging_product": "whatsapp", "metadata": map[string]any{"phone_number_id": a.phone},
				"contacts": []any{map[string]any{"profile": map[string]any{"name": "John"}, "wa_id": from}},
				"messages": []any{map[string]any{
					"from": from, "id": "wamid." + handoff.NewID().String(), "timestamp": fmt.Sprint(time.Now().Unix()), "type": "text",
					"text": map[string]any{"body": "I need to speak to a human"},
				}},
			},
		}}}},
	})
	var id string
	until(t, "the message has opened a conversation", func() bool {
		items, _ := a.ask(t, "GET", "/v1/conversations?q="+from, a.agentKey, nil)["items"].([]any)
		if len(items) > 0 {
			id, _ = items[0].(map[string]any)["id"].(string)
		}
		return id != ""
	})
	return id
}
