package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"handoff/internal/testenv"
	"handoff/workflows"
)

// dev is `handoff dev` on a state directory of its own.
type dev struct {
	*testing.T
	dir, listen string
	fakes       []string // where the fakes listen: of the gateway, of the Graph API, of Chatlayer
	env         []string
	process     *process
	info        map[string]any
}

func newDev(t *testing.T) *dev {
	t.Helper()
	d := &dev{T: t, dir: testenv.StateDir(t), listen: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	for range 3 {
		d.fakes = append(d.fakes, fmt.Sprintf("127.0.0.1:%d", freePort(t)))
	}
	d.env = []string{
		"HANDOFF_STATE_DIR=" + d.dir, "HANDOFF_LISTEN=" + d.listen, "HANDOFF_GATEWAY_LISTEN=" + d.fakes[0], "HANDOFF_GRAPH_LISTEN=" + d.fakes[1],
		"HANDOFF_CHATLAYER_LISTEN=" + d.fakes[2], "DATABASE_URL=", "TEMPORAL_ADDRESS=",
	}
	return d
}

// start waits until the stack says that it runs. What it says goes to the process's log.
func (d *dev) start(args ...string) {
	d.Helper()
	d.process = launch(d.T, d.env, append([]string{"dev"}, args...)...)
	until(d.T, 5*time.Minute, "handoff dev is running", func() bool {
		_, gone := d.process.ended()
		require.False(d, gone, "handoff dev ended: %s", d.process.log())
		return strings.Contains(d.process.log(), "Ctrl-C stops everything")
	})
	content, err := os.ReadFile(filepath.Join(d.dir, "dev.json"))
	require.NoError(d, err)
	d.info = nil
	require.NoError(d, json.Unmarshal(content, &d.info))
}

func (d *dev) text(name string) string {
	d.Helper()
	text, ok := d.info[name].(string)
	require.True(d, ok, "dev.json has no %s: %v", name, d.info)
	return text
}

func (d *dev) key(scope string) string {
	d.Helper()
	keys, ok := d.info["keys"].(map[string]any)
	require.True(d, ok)
	return fmt.Sprint(keys[scope])
}

func (d *dev) call(method, path string, body any) answer {
	d.Helper()
	return d.callAs(d.T, method, path, body)
}

func (d *dev) callAs(t *testing.T, method, path string, body any) answer {
	t.Helper()
	url := d.text("api_url") + path
	if method != http.MethodPost {
		return call(t, method, url, d.key("agent"), body)
	}
	content, err := json.Marshal(body)
	require.NoError(t, err)
	if body == nil {
		content = nil
	}
	a, err := followed(t.Context(), method, url, d.key("agent"), string(content))
	require.NoError(t, err)
	requireContract(t, method, url, content, a)
	return a
}

func (d *dev) conversations() []conversation {
	d.Helper()
	return into[list[conversation]](d.T, d.call(http.MethodGet, "/v1/conversations", nil), http.StatusOK).Items
}

// TestDev is a developer's first day: everything starts with one command, is killed, comes back, and leaves nothing.
func TestDev(t *testing.T) {
	t.Parallel()
	d := newDev(t)
	d.start()
	d.requireInfo()
	d.requireCurlWorks()
	d.requireWebhookVerified()
	first := maps.Clone(d.info)
	inboxes := d.requireInboxes()
	for _, page := range d.fakes {
		require.Equal(t, http.StatusOK, call(t, http.MethodGet, "http://"+page+"/", "", nil).status)
	}

	lost := inboxes["Demo native"]
	require.Equal(t, http.StatusNoContent, call(t, http.MethodDelete, d.text("api_url")+"/v1/inboxes/"+lost, d.key("admin"), nil).status)
	d.process.kill()
	release := d.take(d.fakes...)
	d.start()
	release()
	for _, address := range d.fakes {
		require.NotContains(t, d.process.log(), address, "its port is taken")
	}
	again := d.requireInboxes()
	require.NotEqual(t, lost, again["Demo native"], "the lost inbox is made anew")
	again["Demo native"] = lost
	require.Equal(t, inboxes, again, "the inboxes of the first run are found again")
	for _, name := range []string{"account_id", "agent_id", "inbox_id", "keys", "endpoint_secret", "database_url", "temporal_address"} {
		require.Equal(t, first[name], d.info[name], "the second run goes on with the %s of the first", name)
	}
	require.Contains(t, d.process.log(), "Temporal: using the running server")
	require.Contains(t, d.process.log(), "PostgreSQL: using the running server")
	d.requireConversationGoesOn()
	d.requireAlone()
	d.stop()

	defer d.take(append(d.fakes, d.listen)...)()
	d.start("--reset")
	require.NotEqual(t, "http://"+d.listen, d.text("api_url"), "its port is taken")
	require.NotEqual(t, first["account_id"], d.info["account_id"])
	require.Empty(t, d.conversations())
	d.requireCurlWorks()
	d.stop()

	require.NoError(t, os.RemoveAll(d.dir)) // root's cluster lies elsewhere, with secrets that the next key set does not open
	d.start()
	ready := call(t, http.MethodGet, d.text("api_url")+"/readyz", "", nil)
	require.Equal(t, http.StatusOK, ready.status, "%s", ready.body)
	d.stop()
}

// take holds ports that a stack which has ended has let go.
func (d *dev) take(addresses ...string) (release func()) {
	d.Helper()
	var listeners []net.Listener
	for _, address := range addresses {
		listener, err := net.Listen("tcp", address)
		require.NoError(d, err, "the ended stack has let its port go")
		listeners = append(listeners, listener)
	}
	return func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
	}
}

// requireInboxes finds one inbox for each protocol, each pointed at the fakes as they listen now, and gives their ids by name.
func (d *dev) requireInboxes() map[string]string {
	d.Helper()
	type inbox struct {
		ID       string `json:"id"`
		Name     string `json:"name"`
		Protocol string `json:"protocol"`
		APIURL   string `json:"api_url"`
	}
	type endpoint struct {
		URL string `json:"url"`
	}
	ids, protocols := map[string]string{}, map[string]string{}
	path := d.text("api_url") + "/v1/inboxes"
	for _, found := range pages[inbox](d.T, path, d.key("admin")) {
		ids[found.Name], protocols[found.Name] = found.ID, found.Protocol
		endpoints := into[list[endpoint]](d.T, call(d.T, http.MethodGet, path+"/"+found.ID+"/endpoints", d.key("admin"), nil), http.StatusOK).Items
		here := d.fake("gateway_url") + "/webhooks"
		if found.Protocol == "chatlayer" {
			here = d.fake("chatlayer_url")
			require.Equal(d, here, found.APIURL)
		}
		require.True(d, slices.ContainsFunc(endpoints, func(e endpoint) bool { return strings.HasPrefix(e.URL, here) }), "%s: %v", found.Name, endpoints)
	}
	require.Equal(d, map[string]string{
		"Demo WhatsApp": "hitlchat", "Demo Chatlayer": "chatlayer", "Demo Aksita": "aksita", "Demo Kapso": "kapso",
		"Demo passthrough": "passthrough", "Demo native": "native",
	}, protocols)
	require.Equal(d, d.text("inbox_id"), ids["Demo WhatsApp"])
	return ids
}

// fake is the address of one of the fakes.
func (d *dev) fake(name string) string {
	d.Helper()
	content, err := os.ReadFile(filepath.Join(d.dir, "fakes.json"))
	require.NoError(d, err)
	var fakes map[string]string
	require.NoError(d, json.Unmarshal(content, &fakes))
	require.NotEmpty(d, fakes[name])
	return fakes[name]
}

func (d *dev) requireInfo() {
	d.Helper()
	require.Equal(d, []string{
		"account_id", "agent_id", "api_url", "database_url", "endpoint_id", "endpoint_secret", "endpoint_url", "inbox_id", "keys",
		"phone_number_id", "temporal_address", "temporal_ui_url", "waba_id",
	}, slices.Sorted(maps.Keys(d.info)))
	keys, _ := d.info["keys"].(map[string]any)
	require.Equal(d, []string{"admin", "agent", "gateway"}, slices.Sorted(maps.Keys(keys)))
	require.Equal(d, "http://"+d.listen, d.text("api_url"))
	ui := call(d.T, http.MethodGet, d.text("temporal_ui_url"), "", nil)
	require.Equal(d, http.StatusOK, ui.status)
}

// requireCurlWorks runs the curl as it is printed, twice, and finds what it said in the inbox.
func (d *dev) requireCurlWorks() {
	d.Helper()
	curl := regexp.MustCompile(`(?s)curl -sS .*?\n  }'`).FindString(d.process.log())
	require.NotEmpty(d, curl)
	for range 2 {
		out, err := exec.Command("sh", "-c", curl).CombinedOutput()
		require.NoError(d, err, "%s", out)
		var accepted receipt
		require.NoError(d, json.Unmarshal(out, &accepted), "%s", out)
		require.Len(d, accepted.Items, 1, "%s", out)
		require.False(d, accepted.Items[0].Duplicate)
	}
	until(d.T, readyWithin, "one conversation with both messages", func() bool {
		all := d.conversations()
		return len(all) == 1 && all[0].UnreadCount == 2
	})
}

// requireWebhookVerified answers, and looks at what the fake gateway shows.
func (d *dev) requireWebhookVerified() {
	d.Helper()
	id := d.conversations()[0].ID
	into[message](d.T, d.call(http.MethodPost, "/v1/conversations/"+id+"/messages", map[string]string{"type": "text", "text": "Hi"}), http.StatusCreated)
	type shown struct {
		Webhooks []struct {
			Event    string `json:"event"`
			Verified bool   `json:"verified"`
		} `json:"webhooks"`
	}
	until(d.T, readyWithin, "a verified webhook at the fake gateway", func() bool {
		page := strings.TrimSuffix(d.text("endpoint_url"), "/webhooks") + "/"
		got := into[shown](d.T, call(d.T, http.MethodGet, page, "", nil), http.StatusOK)
		return len(got.Webhooks) == 1 && got.Webhooks[0].Event == "outbound_message" && got.Webhooks[0].Verified
	})
	until(d.T, readyWithin, "the gateway has sent it to the fake of Meta, and passed on that it was read", func() bool {
		messages := into[list[message]](d.T, d.call(http.MethodGet, "/v1/conversations/"+id+"/messages?order=desc", nil), http.StatusOK).Items
		return messages[0].Status == "read" && strings.HasPrefix(messages[0].ExternalID, "wamid.")
	})
}

// requireConversationGoesOn finds the conversation of the killed stack as it was: it takes commands, and its timer is set.
func (d *dev) requireConversationGoesOn() {
	d.Helper()
	conv := d.conversations()[0]
	require.Equal(d, "assigned", conv.Status, "the reply has claimed it")
	path := "/v1/conversations/" + conv.ID
	require.Equal(d, "waiting", into[conversation](d.T, d.call(http.MethodPost, path+"/release", nil), http.StatusOK).Status)
	require.Equal(d, "assigned", into[conversation](d.T, d.call(http.MethodPost, path+"/claim", nil), http.StatusOK).Status)

	ctx, cancel := context.WithTimeout(d.Context(), time.Minute)
	defer cancel()
	temporal, err := client.Dial(client.Options{HostPort: d.text("temporal_address")})
	require.NoError(d, err)
	defer temporal.Close()
	value, err := temporal.QueryWorkflow(ctx, "conversation:"+conv.InboxID+":"+conv.Contact.ID, "", workflows.StateQuery)
	require.NoError(d, err)
	var state workflows.State
	require.NoError(d, value.Get(&state))
	require.NotNil(d, state.InactiveAt)
	require.WithinDuration(d, *conv.InactiveAt, *state.InactiveAt, 10*time.Second)
}

// requireAlone starts a second stack on the same directory, which is refused.
func (d *dev) requireAlone() {
	d.Helper()
	second := launch(d.T, d.env, "dev")
	until(d.T, readyWithin, "the second stack ends", func() bool { _, gone := second.ended(); return gone })
	code, _ := second.ended()
	require.Equal(d, 1, code)
	require.Contains(d, second.log(), "another `handoff dev` runs on "+d.dir)
}

// stop presses Ctrl-C, and looks for what is left.
func (d *dev) stop() {
	d.Helper()
	require.True(d, d.process.signal(syscall.SIGINT, 45*time.Second), "handoff dev ends")
	code, _ := d.process.ended()
	require.Zero(d, code, "%s", tail(d.process.log()))
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(d, err)
	for _, file := range files {
		line, _ := os.ReadFile(file) // a process may be gone by now
		require.NotContains(d, string(line), d.dir, "left behind")
	}
	address := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(d.text("database_url"))
	require.NotEmpty(d, address)
	for _, address := range []string{address, d.text("temporal_address")} {
		_, err := net.DialTimeout("tcp", address, time.Second)
		require.Error(d, err, "nothing listens on %s any more", address)
	}
}
