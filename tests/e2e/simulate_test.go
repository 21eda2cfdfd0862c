package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakechatlayer"
	"handoff/internal/fakegateway"
	"handoff/internal/fakegraph"
)

// simulated is what one run of simulate printed, and how it ended.
type simulated struct {
	out  string
	code int
}

// simulate plays a customer who types in.
func (d *dev) simulate(t *testing.T, in string, args ...string) simulated {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"simulate"}, args...)...)
	cmd.Env, cmd.Stdin = append(os.Environ(), d.env...), strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if exit := new(exec.ExitError); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return simulated{string(out), cmd.ProcessState.ExitCode()}
}

// chat is one customer of one protocol, whose last message was answered by Ana.
type chat struct {
	*dev
	t              *testing.T
	protocol, from string
	conversation   conversation
	play           *process
}

// play says hello and is answered, while simulate waits for the answer and prints it.
func (d *dev) play(t *testing.T, protocol, from string) *chat {
	t.Helper()
	c := &chat{dev: d, t: t, protocol: protocol, from: from}
	c.play = launch(t, d.env, "simulate", "--protocol="+protocol, "--from="+from, "--wait=60s", "hello from "+protocol, "anybody there?")
	until(t, readyWithin, "simulate has said everything", func() bool { return strings.Count(c.play.log(), "Jane → Demo ") == 2 })
	until(t, readyWithin, "a conversation of the customer", func() bool {
		found := into[list[conversation]](t, call(t, http.MethodGet, d.text("api_url")+"/v1/conversations?q="+from, d.key("agent"), nil), http.StatusOK)
		if len(found.Items) == 1 {
			c.conversation = found.Items[0]
		}
		return len(found.Items) == 1
	})
	require.Equal(t, "Jane", c.conversation.Contact.Name)
	path := "/v1/conversations/" + c.conversation.ID + "/messages"
	into[message](t, d.callAs(t, http.MethodPost, path, map[string]string{"type": "text", "text": "Hi by " + protocol}), http.StatusCreated)
	until(t, readyWithin, "simulate prints the answer and ends", func() bool { _, gone := c.play.ended(); return gone })
	code, _ := c.play.ended()
	require.Zero(t, code, "%s", c.play.log())
	require.Contains(t, c.play.log(), "Ana: Hi by "+protocol)
	return c
}

func (c *chat) path() string {
	return c.text("api_url") + "/v1/conversations/" + c.conversation.ID + "/messages"
}

func (c *chat) messages() []message {
	return into[list[message]](c.t, call(c.t, http.MethodGet, c.path(), c.key("agent"), nil), http.StatusOK).Items
}

// requireReply waits until Ana's answer has come so far.
func (c *chat) requireReply(status string) {
	c.t.Helper()
	until(c.t, readyWithin, "the answer is "+status, func() bool {
		return slices.ContainsFunc(c.messages(), func(m message) bool { return m.Direction == "outbound" && m.Status == status })
	})
}

// webhooks are those of one protocol that the fake gateway has.
func (d *dev) webhooks(t *testing.T, protocol string) []fakegateway.Webhook {
	t.Helper()
	page := into[struct{ Webhooks []fakegateway.Webhook }](t, call(t, http.MethodGet, d.fake("gateway_url")+"/", "", nil), http.StatusOK)
	return slices.DeleteFunc(page.Webhooks, func(w fakegateway.Webhook) bool { return string(w.Protocol) != protocol })
}

// requireWebhook waits for a webhook with a text in its body, whose signatures are right, and gives it.
func (d *dev) requireWebhook(t *testing.T, protocol, event, text string) fakegateway.Webhook {
	t.Helper()
	var found fakegateway.Webhook
	until(t, readyWithin, event+" at the fake gateway", func() bool {
		return slices.ContainsFunc(d.webhooks(t, protocol), func(w fakegateway.Webhook) bool {
			found = w
			return w.Event == event && w.Verified && strings.Contains(string(w.Body), text)
		})
	})
	return found
}

// sent are the texts that the fake Graph API took for a customer.
func (d *dev) sent(t *testing.T, to string) []string {
	t.Helper()
	page := into[struct{ Sent []fakegraph.Message }](t, call(t, http.MethodGet, d.fake("graph_url")+"/", "", nil), http.StatusOK)
	var texts []string
	for _, m := range page.Sent {
		if m.To == to {
			var body struct{ Text struct{ Body string } }
			require.NoError(t, json.Unmarshal(m.Body, &body))
			texts = append(texts, body.Text.Body)
		}
	}
	return texts
}

// TestSimulate plays a customer of each protocol against one stack.
func TestSimulate(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	d.start()
	t.Cleanup(d.stop)

	t.Run("hitlchat", func(t *testing.T) {
		t.Parallel()
		c := d.play(t, "hitlchat", "447700900201")
		require.Contains(t, c.play.log(), "Jane → Demo WhatsApp: accepted message ")
		d.requireWebhook(t, "hitlchat", "outbound_message", `"contact_number": "447700900201"`)
		require.Equal(t, []string{"Hi by hitlchat"}, d.sent(t, c.from), "the gateway has sent it to Meta, once")
		c.requireReply("read")
	})
	t.Run("kapso", func(t *testing.T) {
		t.Parallel()
		c := d.play(t, "kapso", "447700900202")
		require.Equal(t, []string{"Hi by kapso"}, d.sent(t, c.from))
		c.requireReply("read")
		received := d.requireWebhook(t, "kapso", "whatsapp.message.received", "hello from kapso")
		require.NotEmpty(t, received.Headers["X-Webhook-Signature"])
		require.NotEmpty(t, received.Headers["X-Idempotency-Key"])
		d.requireWebhook(t, "kapso", "whatsapp.message.read", "Hi by kapso")
	})
	t.Run("chatlayer", func(t *testing.T) {
		t.Parallel()
		c := d.play(t, "chatlayer", "447700900203")
		require.Contains(t, c.play.log(), "bot → Demo Chatlayer: accepted offload, the bot pauses")
		var calls struct{ Calls []fakechatlayer.Call }
		until(t, readyWithin, "the bot says it", func() bool {
			calls = into[struct{ Calls []fakechatlayer.Call }](t, call(t, http.MethodGet, d.fake("chatlayer_url")+"/", "", nil), http.StatusOK)
			return slices.ContainsFunc(calls.Calls, func(c fakechatlayer.Call) bool {
				return c.Acted && strings.HasSuffix(c.SessionID, "_447700900203") && strings.Contains(string(c.Body), "Hi by chatlayer")
			})
		})
		until(t, readyWithin, "the bot's feed, which repeats what we sent, says that it was sent and nothing new", func() bool {
			outbound := slices.DeleteFunc(c.messages(), func(m message) bool { return m.Direction != "outbound" })
			return len(outbound) == 1 && outbound[0].Status == "sent" && strings.HasPrefix(outbound[0].ExternalID, "chatlayer:")
		})
		more := d.simulate(t, "", "--protocol=chatlayer", "--from="+c.from, "one more thing")
		require.NotContains(t, more.out, "offload", "a person has it already")
	})
	t.Run("aksita", func(t *testing.T) {
		t.Parallel()
		d.play(t, "aksita", "447700900204")
		hook := d.requireWebhook(t, "aksita", "human_agent", `"Hi by aksita"`)
		require.Contains(t, string(hook.Body), `"conversation_id": "session-447700900204"`)
		require.NotEmpty(t, hook.Headers["X-Webhook-Signature"])
	})
	t.Run("native", func(t *testing.T) {
		t.Parallel()
		d.play(t, "native", "447700900205")
		d.requireWebhook(t, "native", "message.queued", "Hi by native")
		offloaded := d.simulate(t, "", "--protocol=native", "--from=447700900305", "--offload", "a person, please")
		require.Zero(t, offloaded.code, offloaded.out)
		require.Contains(t, offloaded.out, "bot → Demo native: accepted offload, receipt ")
	})
	t.Run("passthrough", func(t *testing.T) {
		t.Parallel()
		d.passthrough(t, "447700900206")
	})
	t.Run("typed", func(t *testing.T) {
		t.Parallel()
		d.typed(t)
	})
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		d.refusals(t)
	})
}

// passthrough has no agents: the bytes go to the program behind the number, and its answer leaves through us.
func (d *dev) passthrough(t *testing.T, from string) {
	t.Helper()
	play := launch(t, d.env, "simulate", "--protocol=passthrough", "--from="+from, "--wait=60s", "hello from passthrough")
	hook := d.requireWebhook(t, "passthrough", "meta", "hello from passthrough")
	require.Contains(t, hook.Headers["X-Hub-Signature-256"], "sha256=")
	said := fmt.Sprintf(`{"messaging_product":"whatsapp","to":"%s","type":"text","text":{"body":"Hi by passthrough"}}`, from)
	inbox := d.requireInboxes()["Demo passthrough"]
	var a answer
	until(t, readyWithin, "it is settled", func() bool {
		a = call(t, http.MethodPost, d.text("api_url")+"/v1/passthrough/"+inbox+"/messages", d.key("gateway"), []byte(said), "Idempotency-Key", "passed")
		return !unsettled(a)
	})
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
	require.Equal(t, []string{"Hi by passthrough"}, d.sent(t, from))
	until(t, readyWithin, "simulate prints the answer and ends", func() bool { _, gone := play.ended(); return gone })
	require.Contains(t, play.log(), "Demo passthrough: Hi by passthrough")
	d.requireWebhook(t, "passthrough", "meta", `"status": "read"`)
}

// typed gives simulate lines, files among them, which the stack fetches from the fake Graph API, or from simulate itself.
func (d *dev) typed(t *testing.T) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "dot.png")
	require.NoError(t, os.WriteFile(image, []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"), 0o600))
	for i, protocol := range []string{"hitlchat", "kapso", "chatlayer", "native"} {
		from := fmt.Sprintf("44770090040%d", i)
		played := d.simulate(t, "hello\n\n/image "+image+"\n/location\n/quit\nnever said\n", "--protocol="+protocol, "--from="+from, "--name=Bob")
		require.Zero(t, played.code, played.out)
		require.Equal(t, 3, strings.Count(played.out, "Bob → Demo "), played.out)
		var messages []message
		until(t, readyWithin, protocol+": the file is there", func() bool {
			found := into[list[conversation]](t, call(t, http.MethodGet, d.text("api_url")+"/v1/conversations?q="+from, d.key("agent"), nil), http.StatusOK)
			if len(found.Items) != 1 {
				return false
			}
			path := d.text("api_url") + "/v1/conversations/" + found.Items[0].ID + "/messages"
			messages = into[list[message]](t, call(t, http.MethodGet, path, d.key("agent"), nil), http.StatusOK).Items
			messages = slices.DeleteFunc(messages, func(m message) bool { return m.Author.Type != "contact" })
			return len(messages) == 3 && messages[1].Media != nil && messages[1].Media.State == "ready"
		})
		require.Equal(t, []string{"text", "image", "location"}, []string{messages[0].Type, messages[1].Type, messages[2].Type})
	}
}

func (d *dev) refusals(t *testing.T) {
	t.Helper()
	for name, c := range map[string]struct {
		args []string
		in   string
		want string
	}{
		"no number":         {args: []string{"--from=Jane", "hello"}, want: `--from "Jane" is no phone number`},
		"no such inbox":     {args: []string{"--inbox=01a1fe89-9a6a-76b3-bda2-595412c7cab5", "hello"}, want: "refused with 404: "},
		"no stack":          {args: []string{"--state-dir=" + t.TempDir(), "hello"}, want: "start `handoff dev`, or give --state-dir, or --api with keys"},
		"nothing there":     {args: []string{"--api=http://127.0.0.1:1", "--admin-key=k", "hello"}, want: "nothing answers at http://127.0.0.1:1"},
		"no key":            {args: []string{"--api=http://127.0.0.1:1", "hello"}, want: "give --admin-key"},
		"wrong signature":   {args: []string{"--protocol=kapso", "--app-secret=wrong", "hello"}, want: "refused with 401: "},
		"wrong token":       {args: []string{"--protocol=chatlayer", "--verify-token=wrong", "hello"}, want: "refused with 401: "},
		"no offload":        {in: "/offload vip\n", want: "hitlchat knows no offload"},
		"unknown command":   {in: "/dance\n", want: "there is no /dance"},
		"file not there":    {in: "/image /nowhere.png\n", want: "no such file"},
		"another API's key": {args: []string{"--gateway-key=hk_wrong", "hello"}, want: "refused with 401: "},
	} {
		got := d.simulate(t, c.in, append([]string{"--from=447700900501"}, c.args...)...)
		require.Equal(t, 1, got.code, "%s: %s", name, got.out)
		require.Contains(t, got.out, "handoff: error: ", name)
		require.Contains(t, got.out, c.want, name)
		require.NotContains(t, got.out, "hk_", name)
	}
}
