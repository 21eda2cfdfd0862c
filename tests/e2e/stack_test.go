package e2e_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/db/dbtest"
	"handoff/internal/fakegraph"
	"handoff/internal/fixture"
	"handoff/internal/testenv"
)

const (
	waba  = "102290129340398"
	phone = "106540352242922"
	// readyWithin allows for a machine that other tests keep busy.
	readyWithin = 60 * time.Second
)

// stack is the product as an operator runs it: an API and a worker as processes, with a database and a Temporal namespace of
// their own, and one account that was set up by commands.
type stack struct {
	*testing.T
	databaseURL, temporalAddress, namespace string
	env                                     []string
	url                                     string
	serve, worker                           *process
	gateway                                 *fixture.Gateway
	graph                                   *fakegraph.Graph // Meta, with the stack's number and token

	account, inbox, endpoint, secret, ana                      string
	gatewayKey, anaKey, benKey, adminKey, metaToken, keysetKey string
}

// newStack starts a stack on the Temporal server of the test run.
func newStack(t *testing.T, eventTypes ...string) *stack {
	t.Helper()
	return newStackOn(t, testenv.Temporal(t), eventTypes...)
}

func newStackOn(t *testing.T, temporalAddress string, eventTypes ...string) *stack {
	t.Helper()
	return newStackWith(t, dbtest.URL(t), temporalAddress, eventTypes...)
}

func newStackWith(t *testing.T, databaseURL, temporalAddress string, eventTypes ...string) *stack {
	t.Helper()
	return newStackSet(t, databaseURL, temporalAddress, nil, eventTypes...)
}

// newStackSet starts a stack with settings of the test's own.
func newStackSet(t *testing.T, databaseURL, temporalAddress string, settings []string, eventTypes ...string) *stack {
	t.Helper()
	s := prepareStack(t, databaseURL, temporalAddress, strings.TrimSpace(string(command(t, nil, "keyset"))), settings...)
	s.setUp(eventTypes)
	s.run()
	return s
}

// prepareStack migrates, and starts nothing.
func prepareStack(t *testing.T, databaseURL, temporalAddress, keyset string, settings ...string) *stack {
	t.Helper()
	id := handoff.NewID()
	s := &stack{
		T: t, databaseURL: databaseURL, temporalAddress: temporalAddress, namespace: "e2e-" + hex.EncodeToString(id[10:]),
		gateway: fixture.NewGateway(t), keysetKey: keyset, metaToken: "EAAcanarytoken",
	}
	apiPort, workerPort := freePort(t), freePort(t)
	s.url = fmt.Sprintf("http://127.0.0.1:%d", apiPort)
	s.env = []string{
		"DATABASE_URL=" + s.databaseURL, "TEMPORAL_ADDRESS=" + s.temporalAddress, "TEMPORAL_NAMESPACE=" + s.namespace,
		"HANDOFF_KEYSET=" + s.keysetKey, "HANDOFF_ALLOW_LOOPBACK=1", "HANDOFF_LOG_LEVEL=debug",
		// Test packages run side by side against one PostgreSQL server with a limited number of connections.
		"HANDOFF_DB_CONNECTIONS=6",
		"HANDOFF_MEDIA_URL=file://" + t.TempDir(), "HANDOFF_PUBLIC_URL=" + s.url, "HANDOFF_GRAPH_URL=" + s.startGraph(),
		fmt.Sprintf("HANDOFF_LISTEN=127.0.0.1:%d", apiPort), fmt.Sprintf("HANDOFF_WORKER_LISTEN=127.0.0.1:%d", workerPort),
		"HANDOFF_METRICS_LISTEN=127.0.0.1:0",
		// One key plays hundreds of agents.
		"HANDOFF_RATE_LIMIT_AGENT=0", "HANDOFF_RATE_LIMIT_ADMIN=0",
	}
	s.env = append(s.env, settings...)
	command(t, s.env, "migrate")
	return s
}

// run starts the processes.
func (s *stack) run() {
	s.Helper()
	s.serve, s.worker = launch(s.T, s.env, "serve"), launch(s.T, s.env, "worker")
	s.ready(s.url)
	s.ready(s.workerURL())
}

// startGraph starts a fake of Meta's Graph API that knows the stack's number, and gives its address.
func (s *stack) startGraph() string {
	s.Helper()
	s.graph = fakegraph.New(time.Now)
	s.graph.AddNumber(waba, phone, "+34 910 00 00 00")
	s.graph.Token(s.metaToken, true)
	server := httptest.NewServer(s.graph)
	s.Cleanup(server.Close)
	return server.URL
}

func (s *stack) ready(url string) {
	s.Helper()
	until(s.T, readyWithin, url+"/readyz says that all is well", func() bool {
		a, err := send(http.MethodGet, url+"/readyz", "", nil)
		return err == nil && a.status == http.StatusOK && strings.Contains(string(a.body), `"status":"ok"`)
	})
}

// setUp makes an account as an operator does.
func (s *stack) setUp(eventTypes []string) {
	s.Helper()
	s.account = s.make("account", "create", "Acme")["id"]
	account := "--account=" + s.account
	s.inbox = s.make("inbox", "create", account, "--name=Support", "--waba-id="+waba, "--phone-number-id="+phone,
		"--access-token="+s.metaToken)["id"]
	endpoint := []string{"endpoint", "create", account, "--inbox=" + s.inbox, "--url=" + s.gateway.URL}
	if len(eventTypes) > 0 {
		endpoint = append(endpoint, "--event-types="+strings.Join(eventTypes, ","))
	}
	made := s.make(endpoint...)
	s.endpoint, s.secret = made["id"], made["secret"]
	s.ana = s.make("agent", "create", account, "--name=Ana")["id"]
	ben := s.make("agent", "create", account, "--name=Ben")["id"]
	key := []string{"key", "create", account, "--name=test"}
	s.gatewayKey = s.make(append(key, "--scope=gateway")...)["key"]
	s.anaKey = s.make(append(key, "--scope=agent", "--agent="+s.ana)...)["key"]
	s.benKey = s.make(append(key, "--scope=agent", "--agent="+ben)...)["key"]
	s.adminKey = s.make(append(key, "--scope=admin")...)["key"]
}

// make runs a set-up command and gives the texts that it prints.
func (s *stack) make(args ...string) map[string]string {
	s.Helper()
	var values map[string]any
	out := command(s.T, s.env, args...)
	require.NoError(s, json.Unmarshal(out, &values), "%s", out)
	texts := map[string]string{}
	for name, value := range values {
		if text, ok := value.(string); ok {
			texts[name] = text
		}
	}
	return texts
}

// post sends a gateway's body.
func (s *stack) post(body string) answer {
	s.Helper()
	return call(s.T, http.MethodPost, s.url+"/v1/public/inbound", s.gatewayKey, []byte(body))
}

func (s *stack) get(path string) answer {
	s.Helper()
	return call(s.T, http.MethodGet, s.url+path, s.anaKey, nil)
}

func (s *stack) conversation(id string) conversation {
	s.Helper()
	return into[conversation](s.T, s.get("/v1/conversations/"+id), http.StatusOK)
}

// open waits for the one conversation that is not over.
func (s *stack) open() conversation {
	s.Helper()
	var found list[conversation]
	until(s.T, readyWithin, "one open conversation", func() bool {
		found = into[list[conversation]](s.T, s.get("/v1/conversations?status=waiting,assigned"), http.StatusOK)
		return len(found.Items) == 1
	})
	return found.Items[0]
}

func (s *stack) messages(conversation string) []message {
	s.Helper()
	return into[list[message]](s.T, s.get("/v1/conversations/"+conversation+"/messages?limit=100"), http.StatusOK).Items
}

// command is what an agent does to a conversation. As the answer asks for, it is tried again with its Idempotency-Key where Temporal takes
// longer than an agent may wait, as it does on a machine that other tests keep busy.
func (s *stack) command(key, conversation, verb string, body any, header ...string) answer {
	s.Helper()
	content := encoded(s.T, body)
	url := s.url + "/v1/conversations/" + conversation + "/" + verb
	a, err := followed(s.Context(), http.MethodPost, url, key, string(content), header...)
	require.NoError(s, err)
	requireContract(s.T, http.MethodPost, url, content, a)
	return a
}

// commandOnce shows what there is to see of a command that cannot be carried out just now.
func (s *stack) commandOnce(key, conversation, verb string, body any, header ...string) answer {
	s.Helper()
	return call(s.T, http.MethodPost, s.url+"/v1/conversations/"+conversation+"/"+verb, key, body, header...)
}

// webhook waits for the nth webhook, from 1, and verifies its signature with the library that receivers use.
func (s *stack) webhook(n int) fixture.Request {
	s.Helper()
	until(s.T, readyWithin, fmt.Sprintf("webhook %d", n), func() bool { return len(s.gateway.Requests()) >= n })
	request := s.gateway.Requests()[n-1]
	s.verify(request)
	return request
}

func (s *stack) verify(request fixture.Request) {
	s.Helper()
	verifier, err := standardwebhooks.NewWebhook(s.secret)
	require.NoError(s, err)
	require.NoError(s, verifier.Verify([]byte(request.Body), request.Header))
	require.Regexp(s, `^msg_[0-9A-Za-z]{20,}$`, request.Header.Get("webhook-id"))
	require.Equal(s, "application/json", request.Header.Get("Content-Type"))
}

// text is a webhook of Meta with one text message.
func text(from, wamid, body string) string {
	content, _ := json.Marshal(body)
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},"contacts":[{"profile":{"name":"John"},"wa_id":%q}],`+
		`"messages":[{"from":%q,"id":%q,"timestamp":"%d","type":"text","text":{"body":%s}}]}}]}]}`,
		waba, phone, from, from, wamid, time.Now().Unix(), content)
}

// status is a webhook of Meta with one status.
func status(wamid, state string) string {
	return fmt.Sprintf(`{"object":"whatsapp_business_account","entry":[{"id":%q,"changes":[{"field":"messages","value":{`+
		`"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},`+
		`"statuses":[{"id":%q,"status":%q,"timestamp":"%d","recipient_id":"447700900123"}]}}]}]}`,
		waba, phone, wamid, state, time.Now().Unix())
}
