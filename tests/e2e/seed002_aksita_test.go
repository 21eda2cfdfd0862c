package e2e_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fixture"
)

const (
	aksitaConversation = "2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc" // the gateway's own id, of the page's example
	aksitaSecret       = "aksita-canary-secret"
)

// pageReply is the page's example, word for word. What is a fact of the vendor's shop is replaced by ours: the ids, the credits that
// are left, the time.
const pageReply = `{
  "response": ["hello"],
  "message_id": "2125",
  "conversation_id": "2a73ddbe-31cd-4a60-83ff-1fc2a1627ccc",
  "credits": 0,
  "remaining_credits": 1234,
  "additional_context": "",
  "source": "human_agent",
  "timestamp": "2026-01-22T15:18:18+07:00"
}`

// TestAksitaPage is the page: what arrives at a gateway's URL when a person replies, and what comes of the gateway's answer.
func TestAksitaPage(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	t.Run("a reply", func(t *testing.T) {
		t.Parallel()
		a := newAksita(t, s, "", "--vendor-secret="+aksitaSecret)
		sent := a.reply("hello")
		hook := a.hook(1)
		require.Equal(t, aksitaBody(t, sent.ID, hook), hook.Body)
		require.Equal(t, "application/json", hook.Header.Get("Content-Type"))
		require.Equal(t, "Aksita-Webhook/1.0", hook.Header.Get("User-Agent"))
		mac := hmac.New(sha256.New, []byte(aksitaSecret))
		mac.Write([]byte(hook.Body))
		require.Equal(t, hex.EncodeToString(mac.Sum(nil)), hook.Header.Get("X-Webhook-Signature"))
		a.becomes(sent.ID, "delivered_to_gateway")
		a.nothingButReplies()
	})
	t.Run("without a secret", func(t *testing.T) {
		t.Parallel()
		a := newAksita(t, s, "")
		sent := a.reply("hello")
		hook := a.hook(1)
		require.Equal(t, aksitaBody(t, sent.ID, hook), hook.Body)
		require.NotContains(t, hook.Header, "X-Webhook-Signature")
	})
	t.Run("no retries, as at the vendor", func(t *testing.T) {
		t.Parallel()
		a := newAksita(t, s, "", "--retry=none")
		a.gateway.Answer(func(int) (int, string) { return http.StatusInternalServerError, "" })
		sent := a.reply("hello")
		failed := a.becomes(sent.ID, "failed")
		require.Contains(t, failed.Failure.Reason, "HTTP 500")
		a.gateway.Answer(func(int) (int, string) { return http.StatusOK, `{"received":true}` })
		a.becomes(a.reply("still there").ID, "delivered_to_gateway")
		require.Len(t, a.gateway.Requests(), 2, "the failed one was attempted once")
		require.Contains(t, a.hook(2).Body, `"response":["still there"]`)
	})
	t.Run("retries, unless they are turned off", func(t *testing.T) {
		t.Parallel()
		a := newAksita(t, s, "", "--vendor-secret="+aksitaSecret)
		a.gateway.Answer(func(n int) (int, string) {
			return map[bool]int{true: http.StatusInternalServerError, false: http.StatusNoContent}[n == 1], ""
		})
		sent := a.reply("hello")
		a.becomes(sent.ID, "delivered_to_gateway")
		require.Equal(t, a.hook(1).Body, a.hook(2).Body)
		require.Equal(t, a.hook(1).Header.Get("X-Webhook-Signature"), a.hook(2).Header.Get("X-Webhook-Signature"))
		require.Len(t, a.gateway.Requests(), 2)
	})
	t.Run("the page's own receiver", func(t *testing.T) {
		t.Parallel()
		receiver := startAksitaReceiver(t, aksitaSecret)
		a := newAksita(t, s, receiver.url, "--vendor-secret="+aksitaSecret)
		a.becomes(a.reply("hello").ID, "delivered_to_gateway")
		require.Equal(t, []string{
			"Human agent replied: hello", "Conversation ID: " + aksitaConversation, "Source: human_agent",
		}, receiver.lines(3))
		require.JSONEq(t, `{"received": true}`, a.attempt().ResponseExcerpt)
		require.Equal(t, http.StatusOK, a.attempt().Status)

		wrong := newAksita(t, s, receiver.url, "--vendor-secret=another", "--retry=none")
		wrong.becomes(wrong.reply("who is this").ID, "failed")
		require.JSONEq(t, `{"error": "Invalid signature"}`, wrong.attempt().ResponseExcerpt)
		require.Equal(t, http.StatusBadRequest, wrong.attempt().Status)
		require.Len(t, receiver.lines(3), 3, "what is not signed is not read")
	})
}

// aksitaBody is the page's example for a message of ours. Its time is that of the webhook, which has to be now, in Jakarta.
func aksitaBody(t *testing.T, messageID string, hook fixture.Request) string {
	t.Helper()
	var got struct {
		Timestamp string `json:"timestamp"`
	}
	require.NoError(t, json.Unmarshal([]byte(hook.Body), &got))
	require.Regexp(t, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+07:00$`, got.Timestamp)
	at, err := time.Parse(time.RFC3339, got.Timestamp)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), at, time.Minute)
	return strings.NewReplacer("2125", messageID, "1234", "0", "2026-01-22T15:18:18+07:00", got.Timestamp).Replace(compacted(t, pageReply))
}

// aksita is a gateway that was built for Aksita, with an inbox of its own and one conversation that Ana has.
type aksita struct {
	*stack
	gateway              *fixture.Gateway
	inboxID, id, channel string
}

// newAksita makes the inbox, and hands a conversation over as the gateway does. Without a url the gateway is one that remembers.
func newAksita(t *testing.T, s *stack, url string, flags ...string) *aksita {
	t.Helper()
	a := &aksita{stack: s.in(t), gateway: fixture.NewGateway(t)}
	if url == "" {
		// That one counts its requests, of which the look whether anything answers at the URL would be the first.
		url, flags = a.gateway.URL, append(flags, "--no-validate")
	}
	account := "--account=" + s.account
	a.inboxID = a.make("inbox", "create", account, "--name=Shop", "--protocol=aksita", "--time-zone=Asia/Jakarta")["id"]
	a.channel = a.make(append([]string{"endpoint", "create", account, "--inbox=" + a.inboxID, "--url=" + url}, flags...)...)["id"]

	a.tell("messages", `{"contact":{"id":"`+aksitaConversation+`","name":"Budi"},"id":"`+a.inboxID+`-1","text":"halo","opens":false}`)
	handed := a.tell("offloads", `{"contact":{"id":"`+aksitaConversation+`"},"id":"1","reason":"wants a person"}`)
	require.Equal(t, true, handed["accepted"])
	until(t, readyWithin, "the conversation", func() bool {
		found := into[list[conversation]](t, a.get("/v1/conversations?status=waiting&inbox_id="+a.inboxID), http.StatusOK).Items
		if len(found) == 1 {
			a.id = found[0].ID
		}
		return len(found) == 1
	})
	require.Equal(t, []string{"contact text halo", "system offload wants a person"}, seen(a.messages(a.id)))
	into[conversation](t, a.command(a.anaKey, a.id, "claim", nil), http.StatusOK)
	return a
}

// tell posts to one of the inbox's own routes.
func (a *aksita) tell(route, body string) map[string]any {
	a.Helper()
	return into[map[string]any](a.T, call(a.T, http.MethodPost, a.url+"/v1/inboxes/"+a.inboxID+"/"+route, a.gatewayKey, []byte(body)), http.StatusOK)
}

func (a *aksita) reply(text string) message {
	a.Helper()
	body := map[string]string{"type": "text", "text": text}
	return into[message](a.T, a.command(a.anaKey, a.id, "messages", body), http.StatusCreated)
}

func (a *aksita) hook(n int) fixture.Request {
	a.Helper()
	until(a.T, readyWithin, fmt.Sprintf("webhook %d", n), func() bool { return len(a.gateway.Requests()) >= n })
	return a.gateway.Requests()[n-1]
}

type failedMessage struct {
	message
	Failure struct{ Code, Reason string } `json:"failure"`
}

// becomes waits for a message's status.
func (a *aksita) becomes(id, status string) failedMessage {
	a.Helper()
	var found failedMessage
	until(a.T, readyWithin, "the reply is "+status, func() bool {
		all := into[list[failedMessage]](a.T, a.get("/v1/conversations/"+a.id+"/messages?limit=100"), http.StatusOK)
		for _, m := range all.Items {
			if m.ID == id {
				found = m
			}
		}
		return found.Status == status
	})
	return found
}

// nothingButReplies resolves the conversation, of which the page knows no webhook.
func (a *aksita) nothingButReplies() {
	a.Helper()
	into[conversation](a.T, a.command(a.anaKey, a.id, "resolve", map[string]string{"note": "parcel found"}), http.StatusOK)
	deliveries := into[list[map[string]any]](a.T, call(a.T, http.MethodGet, a.url+"/v1/deliveries?endpoint_id="+a.channel, a.adminKey, nil), http.StatusOK)
	require.Len(a, deliveries.Items, 1)
	require.Equal(a, "human_agent", deliveries.Items[0]["event_type"])
	require.Len(a, a.gateway.Requests(), 1)
	own := *a.stack
	own.inbox = a.inboxID
	own.nothingLeaks(a.conversation(a.id), "hello", "halo", "wants a person", "parcel", aksitaConversation, aksitaSecret, "Budi")
}

type attempt struct {
	Status          int    `json:"status"`
	ResponseExcerpt string `json:"response_excerpt"`
}

// attempt is the one attempt of the inbox's one delivery.
func (a *aksita) attempt() attempt {
	a.Helper()
	type delivery struct {
		Attempts []attempt `json:"attempts"`
	}
	all := into[list[delivery]](a.T, call(a.T, http.MethodGet, a.url+"/v1/deliveries?endpoint_id="+a.channel, a.adminKey, nil), http.StatusOK)
	require.Len(a, all.Items, 1)
	require.Len(a, all.Items[0].Attempts, 1)
	return all.Items[0].Attempts[0]
}

// aksitaReceiver is the program of the page, as a process.
type aksitaReceiver struct {
	*testing.T
	*process
	url string
}

// startAksitaReceiver runs the page's program, whose port alone is another one, with the Express that it requires.
func startAksitaReceiver(t *testing.T, secret string) aksitaReceiver {
	t.Helper()
	dir := t.TempDir()
	node := installExpress(t, dir)
	page, err := os.ReadFile(filepath.Join("testdata", "aksita-receiver.js"))
	require.NoError(t, err)
	port := strconv.Itoa(freePort(t))
	require.Equal(t, 1, strings.Count(string(page), "3000"))
	program := filepath.Join(dir, "receiver.js")
	require.NoError(t, os.WriteFile(program, []byte(strings.Replace(string(page), "3000", port, 1)), 0o600))

	r := aksitaReceiver{T: t, url: "http://127.0.0.1:" + port + "/webhook", process: &process{
		path: node, args: []string{program}, env: []string{"WEBHOOK_SECRET=" + secret}, dir: dir, logFile: filepath.Join(dir, "output"),
	}}
	require.NoError(t, r.start())
	t.Cleanup(r.kill)
	until(t, readyWithin, "the page's receiver listens", func() bool {
		conn, err := net.DialTimeout("tcp", "127.0.0.1:"+port, time.Second)
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return r
}

// lines waits for n lines of output and gives all that there are.
func (r aksitaReceiver) lines(n int) []string {
	r.Helper()
	var lines []string
	until(r.T, readyWithin, fmt.Sprintf("%d lines of the page's receiver", n), func() bool {
		lines = strings.Split(strings.TrimSuffix(r.log(), "\n"), "\n")
		return len(lines) >= n
	})
	return lines
}

// installExpress installs what the page's program requires. It is the one test that asks the network for something, and it does
// without where there is none.
func installExpress(t *testing.T, dir string) (node string) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the page's receiver is a program for Node and Express")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed: the page's receiver is a program for Node and Express")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	install := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline",
		"--fetch-retries=0", "express@4")
	install.Dir, install.WaitDelay = dir, time.Second
	if out, err := install.CombinedOutput(); err != nil {
		t.Skipf("npm could not install express@4 for the page's receiver: %v\n%s", err, tail(string(out)))
	}
	return node
}
