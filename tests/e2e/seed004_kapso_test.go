package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/corpora"
	"handoff/internal/fixture"
	"handoff/internal/signature"
)

const (
	kapsoSecret = "kapso-vendor-secret-0123"
	// kapsoEvents is every event that Kapso's webhooks know of a conversation and of its hand-off.
	kapsoEvents = "--event-types=whatsapp.message.received,whatsapp.message.sent,whatsapp.message.delivered,whatsapp.message.read," +
		"whatsapp.message.failed,whatsapp.conversation.created,whatsapp.conversation.ended,workflow.execution.handoff," +
		"workflow.execution.failed,agent_execution_started,agent_execution_ended,agent_execution_failed,agent_execution_handoff"
	kapsoCustomer = "15551234567"
)

// kapsoLine is an inbox that speaks Kapso's webhooks to programs of four kinds.
type kapsoLine struct {
	*line
	v2, v1, batches, raw *receiver
}

// TestKapso is a customer's conversation with an agent as a program written for Kapso sees it.
func TestKapso(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	l := s.line("kapso", "123456789012345")
	vendor := "--vendor-secret=" + kapsoSecret
	k := kapsoLine{
		line: l,
		v2:   l.receiver(vendor, kapsoEvents),
		v1:   l.receiver(vendor, "--payload-version=v1", "--event-types=whatsapp.message.received,whatsapp.conversation.ended"),
		batches: l.receiver(vendor, "--buffer-window=1", "--buffer-max=3",
			"--event-types=whatsapp.message.received,whatsapp.conversation.ended"),
		raw: l.receiver(vendor, "--payload=meta"),
	}
	s.graph.Notify(l.address(), metaAppSecret, "")
	k.v2.failsOnce("whatsapp.message.received")

	conv := k.hello()
	k.retry()
	k.answer(conv)
	k.failure(conv)
	k.batch()
	k.resolve(conv)
	k.bytes()
	k.v1Payloads(conv)
	for _, r := range []*receiver{k.v2, k.v1, k.batches} {
		k.headers(r)
	}
	k.nothingLeaks(conv, "Hello", "On my way", "John Doe", kapsoCustomer, kapsoSecret, metaAppSecret)
}

// failsOnce makes the receiver refuse the first webhook of an event, once.
func (r *receiver) failsOnce(event string) {
	failed := false
	r.AnswerTo(func(body string) int {
		if !failed && strings.Contains(body, `"is_new_conversation":true`) && event == "whatsapp.message.received" {
			failed = true
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
}

// of waits for the nth webhook of an event, from 1, not counting refused ones.
func (r *receiver) of(t *testing.T, event string, n int) fixture.Request {
	t.Helper()
	var found []fixture.Request
	until(t, readyWithin, fmt.Sprintf("%s %d", event, n), func() bool {
		found = slices.DeleteFunc(r.hooks(), func(q fixture.Request) bool {
			return q.Header.Get("X-Webhook-Event") != event || q.Status != http.StatusOK
		})
		return len(found) >= n
	})
	return found[n-1]
}

// events are the types of what was taken, in order.
func (r *receiver) events() []string {
	var types []string
	for _, hook := range r.hooks() {
		if hook.Status == http.StatusOK {
			types = append(types, hook.Header.Get("X-Webhook-Event"))
		}
	}
	return types
}

// hello is the first message. It opens a conversation, which the webhooks tell before it.
func (k kapsoLine) hello() conversation {
	k.Helper()
	posted := requirePosted(k.T)(k.graph.Customer(kapsoCustomer, "John Doe").To(k.number).Text("Hello"))
	conv := k.open()
	received := k.v2.of(k.T, "whatsapp.message.received", 1)
	require.Equal(k, []string{
		"whatsapp.conversation.created", "workflow.execution.handoff", "agent_execution_handoff", "whatsapp.message.received",
	}, k.v2.events())
	created, handoff := k.v2.of(k.T, "whatsapp.conversation.created", 1), k.v2.of(k.T, "workflow.execution.handoff", 1)
	k.sample("08-whatsapp.conversation.created.json", created.Body)
	k.sample("02-workflow.execution.handoff.json", handoff.Body)
	k.sample("04-whatsapp.message.received.json", received.Body)

	body := k.decode(received)
	require.Equal(k, posted.ID, body.Message.ID)
	require.Equal(k, "text", body.Message.Type)
	require.JSONEq(k, `{"body":"Hello"}`, string(body.Message.Text))
	require.Equal(k, kapsoMessage{
		Direction: "inbound", Status: "received", ProcessingStatus: "pending", Origin: "cloud_api", Content: "Hello",
	}, body.Message.Kapso)
	require.Equal(k, conv.ID, body.Conversation.ID)
	require.Equal(k, "+"+kapsoCustomer, body.Conversation.PhoneNumber)
	require.Equal(k, "active", body.Conversation.Status)
	require.Equal(k, "John Doe", body.Conversation.Kapso.ContactName)
	require.Equal(k, 1, body.Conversation.Kapso.MessagesCount)
	require.Equal(k, posted.ID, body.Conversation.Kapso.LastMessageID)
	require.True(k, body.IsNew)
	require.Equal(k, k.number, body.PhoneNumberID)
	require.Contains(k, handoff.Body, `"workflow_execution_id":"`+conv.ID+`"`)
	require.Contains(k, handoff.Body, `"status":"handoff"`)
	return conv
}

type kapsoMessage struct {
	Direction        string `json:"direction"`
	Status           string `json:"status"`
	ProcessingStatus string `json:"processing_status"`
	Origin           string `json:"origin"`
	HasMedia         bool   `json:"has_media"`
	Content          string `json:"content"`
}

type kapsoBody struct {
	Message struct {
		ID        string          `json:"id"`
		Timestamp string          `json:"timestamp"`
		Type      string          `json:"type"`
		Text      json.RawMessage `json:"text"`
		Kapso     kapsoMessage    `json:"kapso"`
	} `json:"message"`
	Conversation struct {
		ID          string `json:"id"`
		PhoneNumber string `json:"phone_number"`
		Status      string `json:"status"`
		Kapso       struct {
			ContactName   string `json:"contact_name"`
			MessagesCount int    `json:"messages_count"`
			LastMessageID string `json:"last_message_id"`
		} `json:"kapso"`
	} `json:"conversation"`
	IsNew         bool   `json:"is_new_conversation"`
	PhoneNumberID string `json:"phone_number_id"`
}

func (k kapsoLine) decode(hook fixture.Request) kapsoBody {
	k.Helper()
	var body kapsoBody
	require.NoError(k, json.Unmarshal([]byte(hook.Body), &body))
	return body
}

// retry is the webhook that was refused: the second attempt has the same bytes and the same key.
func (k kapsoLine) retry() {
	k.Helper()
	hooks := k.v2.hooks()
	i := slices.IndexFunc(hooks, func(q fixture.Request) bool { return q.Status == http.StatusInternalServerError })
	require.GreaterOrEqual(k, i, 0)
	refused, taken := hooks[i], hooks[i+1]
	require.Equal(k, refused.Body, taken.Body)
	require.Equal(k, refused.Header.Get("X-Idempotency-Key"), taken.Header.Get("X-Idempotency-Key"))
	require.Equal(k, refused.Header.Get("X-Webhook-Signature"), taken.Header.Get("X-Webhook-Signature"))
}

// answer is an agent's reply. It leaves through Meta, whose statuses are told one by one.
func (k kapsoLine) answer(conv conversation) {
	k.Helper()
	into[conversation](k.T, k.command(k.anaKey, conv.ID, "claim", nil), http.StatusOK)
	into[message](k.T, k.command(k.anaKey, conv.ID, "messages", map[string]string{"type": "text", "text": "On my way"}), http.StatusCreated)
	until(k.T, readyWithin, "Meta has the reply", func() bool { return len(k.sent()) == 1 })
	sent := k.sent()[0]
	require.Equal(k, kapsoCustomer, sent.To)
	for i, c := range []struct{ event, status, sample string }{
		{"whatsapp.message.sent", "sent", "05-whatsapp.message.sent.json"},
		{"whatsapp.message.delivered", "delivered", "06-whatsapp.message.delivered.json"},
		{"whatsapp.message.read", "read", "06-whatsapp.message.delivered.json"},
	} {
		hook := k.v2.of(k.T, c.event, 1)
		k.sample(c.sample, hook.Body)
		body := k.decode(hook)
		require.Equal(k, sent.ID, body.Message.ID)
		require.Equal(k, "outbound", body.Message.Kapso.Direction)
		require.Equal(k, c.status, body.Message.Kapso.Status, "%d", i)
		require.JSONEq(k, `{"body":"On my way"}`, string(body.Message.Text))
		require.False(k, body.IsNew)
	}
	until(k.T, readyWithin, "the agent sees that it was read", func() bool { return k.nth(conv.ID, 2).Status == "read" })
	types := k.v2.events()[4:]
	require.Equal(k, []string{
		"agent_execution_started", "whatsapp.message.sent", "whatsapp.message.delivered", "whatsapp.message.read",
	}, types)
}

// failure is a message that WhatsApp does not deliver.
func (k kapsoLine) failure(conv conversation) {
	k.Helper()
	k.graph.Statuses("sent")
	into[message](k.T, k.command(k.anaKey, conv.ID, "messages", map[string]string{"type": "text", "text": "This message failed"}), http.StatusCreated)
	k.v2.of(k.T, "whatsapp.message.sent", 2)
	failed := k.sent()[1]
	requirePosted(k.T)(k.graph.Status(failed.ID, "failed", 131026))
	hook := k.v2.of(k.T, "whatsapp.message.failed", 1)
	k.sample("07-whatsapp.message.failed.json", hook.Body)
	require.Equal(k, failed.ID, k.decode(hook).Message.ID)
	require.Contains(k, hook.Body, `"code":131026`)
	k.v2.of(k.T, "agent_execution_failed", 1)
	require.Equal(k, "failed", k.nth(conv.ID, 3).Status)
	require.Equal(k, "assigned", k.conversation(conv.ID).Status, "the hand-off goes on")
}

// kapsoBatch is what is sent where webhooks are held back.
type kapsoBatch struct {
	Type  string `json:"type"`
	Batch bool   `json:"batch"`
	Info  struct {
		Size     int   `json:"size"`
		WindowMS int   `json:"window_ms"`
		First    int64 `json:"first_sequence"`
		Last     int64 `json:"last_sequence"`
	} `json:"batch_info"`
	Data []kapsoBody `json:"data"`
}

func (k kapsoLine) batchOf(n, size int) kapsoBatch {
	k.Helper()
	hook := k.batches.of(k.T, "whatsapp.message.received", n)
	require.Regexp(k, `^\{"type":"whatsapp.message.received","batch":true,"batch_info":\{"size":\d+,"window_ms":1000,"first_sequence":\d+,`+
		`"last_sequence":\d+\},"data":\[`, hook.Body)
	require.Equal(k, "true", hook.Header.Get("X-Webhook-Batch"))
	require.Equal(k, fmt.Sprint(size), hook.Header.Get("X-Batch-Size"))
	var batch kapsoBatch
	require.NoError(k, json.Unmarshal([]byte(hook.Body), &batch))
	require.Equal(k, size, batch.Info.Size)
	require.Len(k, batch.Data, size)
	return batch
}

// batch is one webhook for what comes quickly: the hello alone, once its window was over, then three at once.
func (k kapsoLine) batch() {
	k.Helper()
	first := k.batchOf(1, 1)
	require.Equal(k, "Hello", first.Data[0].Message.Kapso.Content)
	require.Equal(k, first.Info.First, first.Info.Last)
	var three []string
	for i := range 3 {
		three = append(three, fmt.Sprintf(`{"from":%q,"id":"wamid.Q%d","timestamp":"%d","type":"text","text":{"body":"Quick %d"}}`,
			kapsoCustomer, i, time.Now().Unix(), i))
	}
	into[receipt](k.T, k.meta(k.line.webhook("messages", `"contacts":[{"profile":{"name":"John Doe"},"wa_id":"`+kapsoCustomer+`"}],"messages":[`+
		strings.Join(three, ",")+`]`)), http.StatusOK)
	second := k.batchOf(2, 3)
	require.Greater(k, second.Info.First, first.Info.Last)
	require.Greater(k, second.Info.Last, second.Info.First)
	for i, body := range second.Data {
		require.Equal(k, fmt.Sprintf("wamid.Q%d", i), body.Message.ID)
		require.False(k, body.IsNew)
	}
}

// resolve ends the conversation. What was held back leaves before its end.
func (k kapsoLine) resolve(conv conversation) {
	k.Helper()
	requirePosted(k.T)(k.graph.Customer(kapsoCustomer, "John Doe").To(k.number).Text("Thanks!"))
	k.nth(conv.ID, 7)
	into[conversation](k.T, k.command(k.anaKey, conv.ID, "resolve", nil), http.StatusOK)
	ended := k.batches.of(k.T, "whatsapp.conversation.ended", 1)
	require.Equal(k, []string{
		"whatsapp.message.received", "whatsapp.message.received", "whatsapp.message.received", "whatsapp.conversation.ended",
	}, k.batches.events())
	require.Equal(k, "Thanks!", k.batchOf(3, 1).Data[0].Message.Kapso.Content)
	require.Empty(k, ended.Header.Get("X-Webhook-Batch"), "only what is held back comes as a batch")

	hook := k.v2.of(k.T, "whatsapp.conversation.ended", 1)
	k.sample("09-whatsapp.conversation.ended.json", hook.Body)
	body := k.decode(hook)
	require.Equal(k, conv.ID, body.Conversation.ID)
	require.Equal(k, "ended", body.Conversation.Status)
	require.Equal(k, 7, body.Conversation.Kapso.MessagesCount)
	k.v2.of(k.T, "agent_execution_ended", 1)
	types := k.v2.events()
	require.Equal(k, []string{"whatsapp.conversation.ended", "agent_execution_ended"}, types[len(types)-2:], "nothing comes after the end")
}

// bytes are Meta's own, for the program that asked for those.
func (k kapsoLine) bytes() {
	k.Helper()
	k.graph.Wait()
	// hello, three statuses, sent and failed, three at once, thanks
	until(k.T, readyWithin, "eight bodies of Meta's", func() bool { return len(k.raw.hooks()) >= 8 })
	require.Len(k, k.raw.hooks(), 8)
	for i, hook := range k.raw.hooks() {
		k.raw.hook(k.T, i+1)
		require.NoError(k, signature.VerifyMeta(metaAppSecret, []byte(hook.Body), hook.Header.Get(signature.HeaderMeta)))
		require.NoError(k, signature.VerifyHex(kapsoSecret, []byte(hook.Body), hook.Header.Get(signature.HeaderHex)))
		sum := sha256.Sum256([]byte(hook.Body))
		require.Equal(k, hex.EncodeToString(sum[:]), hook.Header.Get("X-Idempotency-Key"), "of kind meta it is the payload's hash")
	}
	require.Contains(k, k.raw.hooks()[0].Body, `"text":{"body":"Hello"}`)
}

// v1Payloads are the same events in the older form.
func (k kapsoLine) v1Payloads(conv conversation) {
	k.Helper()
	hook := k.v1.of(k.T, "whatsapp.message.received", 1)
	var body struct {
		Message struct {
			MessageType string `json:"message_type"`
			Content     string `json:"content"`
			Direction   string `json:"direction"`
			Origin      string `json:"origin"`
		} `json:"message"`
		Conversation struct {
			ID       string `json:"id"`
			ConfigID string `json:"whatsapp_config_id"`
		} `json:"conversation"`
		IsNew  bool `json:"is_new_conversation"`
		Config struct {
			ID            string `json:"id"`
			PhoneNumberID string `json:"phone_number_id"`
		} `json:"whatsapp_config"`
	}
	require.NoError(k, json.Unmarshal([]byte(hook.Body), &body))
	require.Equal(k, []string{"text", "Hello", "inbound", "cloud_api"},
		[]string{body.Message.MessageType, body.Message.Content, body.Message.Direction, body.Message.Origin})
	require.Equal(k, []string{conv.ID, k.line.inbox}, []string{body.Conversation.ID, body.Conversation.ConfigID})
	require.Equal(k, []string{k.line.inbox, k.number}, []string{body.Config.ID, body.Config.PhoneNumberID})
	require.True(k, body.IsNew)
	k.v1.of(k.T, "whatsapp.conversation.ended", 1)
	require.Len(k, k.v1.events(), 6, "hello, three at once one by one, thanks, the end")
}

// headers are what each webhook of Kapso's carries. The signature is computed here as Kapso's documents show it.
func (k kapsoLine) headers(r *receiver) {
	k.Helper()
	version := "v2"
	if r == k.v1 {
		version = "v1"
	}
	keys := map[string]string{}
	for i, hook := range r.hooks() {
		r.hook(k.T, i+1) // ours beside theirs
		mac := hmac.New(sha256.New, []byte(kapsoSecret))
		mac.Write([]byte(hook.Body))
		require.Equal(k, hex.EncodeToString(mac.Sum(nil)), hook.Header.Get("X-Webhook-Signature"))
		require.NotEmpty(k, hook.Header.Get("X-Webhook-Event"))
		require.Equal(k, version, hook.Header.Get("X-Webhook-Payload-Version"))
		require.Equal(k, "application/json", hook.Header.Get("Content-Type"))
		key := hook.Header.Get("X-Idempotency-Key")
		require.Regexp(k, `^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`, key)
		if said, known := keys[key]; known {
			require.Equal(k, said, hook.Body, "one key, one webhook")
		}
		keys[key] = hook.Body
	}
}

// sample checks that a body has every key of one of Kapso's own, in its order.
func (k kapsoLine) sample(file, body string) {
	k.Helper()
	want := keysOf(k.T, corpora.File(k.T, "vendors", "kapso-webhooks", file))
	have := keysOf(k.T, []byte(body))
	next := 0
	for _, key := range have {
		if next < len(want) && want[next] == key {
			next++
		}
	}
	require.Equal(k, len(want), next, "of %s these are missing, or out of order: %v; the body has %v", file, want[next:], have)
}

// keysOf lists the paths of all keys in the order in which they stand, each once; elements of a list share a path.
func keysOf(t *testing.T, raw []byte) []string {
	t.Helper()
	var out []string
	decoder := json.NewDecoder(bytes.NewReader(raw))
	var value func(path string)
	value = func(path string) {
		token, err := decoder.Token()
		require.NoError(t, err)
		delim, nested := token.(json.Delim)
		for nested && decoder.More() {
			inner := path + "[]"
			if delim == '{' {
				key, err := decoder.Token()
				require.NoError(t, err)
				inner = path + "." + key.(string)
				if !slices.Contains(out, inner) {
					out = append(out, inner)
				}
			}
			value(inner)
		}
		if nested {
			_, err = decoder.Token()
			require.NoError(t, err)
		}
	}
	value("")
	return out
}
