package fakechatlayer_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff"
	"handoff/internal/corpora"
	"handoff/internal/fakechatlayer"
	"handoff/internal/protocol"
	"handoff/internal/protocol/chatlayer"
)

const (
	token   = "access"
	actions = "/v1/bots/b/conversations/s/actions?version=LIVE"
	hello   = `{"sendMessages":[{"textMessageTemplate":{"textMessages":[{"text":"Hello"}]}}]}`
)

func start(t *testing.T) (*fakechatlayer.Chatlayer, string) {
	t.Helper()
	fake := fakechatlayer.New(token)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	return fake, server.URL
}

func post(t *testing.T, address, bearer, body string) (int, http.Header, error) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header, err
}

func status(t *testing.T, address, bearer, body string) int {
	t.Helper()
	code, _, err := post(t, address, bearer, body)
	require.NoError(t, err)
	return code
}

func TestItTakesTheVendorsExamples(t *testing.T) {
	t.Parallel()
	fake, url := start(t)
	files, err := filepath.Glob(filepath.Join(corpora.Dir(t), "vendors", "chatlayer-actions", "*Message.json"))
	require.NoError(t, err)
	require.Len(t, files, 6)
	for _, file := range files {
		body := string(corpora.File(t, "vendors", "chatlayer-actions", filepath.Base(file)))
		require.Equal(t, http.StatusOK, status(t, url+actions, token, body), file)
		calls := fake.Calls()
		last := calls[len(calls)-1]
		require.Equal(t, []string{"b", "s", "LIVE", body}, []string{last.BotID, last.SessionID, last.Version, string(last.Body)})
		require.True(t, last.Acted)
	}
	require.Equal(t, http.StatusOK, status(t, url+"/api/webview?access_token="+token, "", `{"botId":"1234","senderId":"s","action":{"nextDialogstate":"12345"}}`))
	calls := fake.Calls()
	require.Equal(t, "/api/webview", calls[len(calls)-1].Path, "the access token is not shown")
}

func TestItRefuses(t *testing.T) {
	t.Parallel()
	fake, url := start(t)
	for _, c := range []struct {
		path, bearer, body string
		want               int
	}{
		{actions, "other", hello, http.StatusUnauthorized},
		{actions + "&access_token=" + token, "", hello, http.StatusUnauthorized},
		{"/v1/bots/b/conversations/s/actions", token, hello, http.StatusBadRequest},
		{actions, token, `[]`, http.StatusBadRequest},
		{actions, token, `{`, http.StatusBadRequest},
		{actions, token, `{"sendMessages":[]}`, http.StatusBadRequest},
		{actions, token, `{"sendMessages":[{"smokeSignal":{}}]}`, http.StatusBadRequest},
		{"/api/webview", token, `{"botId":"b","senderId":"s"}`, http.StatusBadRequest},
		{"/api/webview", token, `{"action":{"nextDialogstate":"1"}}`, http.StatusBadRequest},
		{"/v1/elsewhere", token, hello, http.StatusNotFound},
	} {
		require.Equal(t, c.want, status(t, url+c.path, c.bearer, c.body), "%s %s", c.path, c.body)
	}
	for _, call := range fake.Calls() {
		require.False(t, call.Acted)
	}
	require.Equal(t, http.StatusOK, status(t, url+actions, token, `{"whatever":"resumes the bot"}`), "the key for it is not documented")
}

func TestItsLimit(t *testing.T) {
	t.Parallel()
	fake, url := start(t)
	fake.SetLimit(2)
	for _, want := range []struct {
		status    int
		remaining int
	}{{http.StatusOK, 1}, {http.StatusOK, 0}, {http.StatusTooManyRequests, 0}} {
		code, header, err := post(t, url+actions, token, hello)
		require.NoError(t, err)
		require.Equal(t, want.status, code)
		require.Equal(t, "2", header.Get("x-ratelimit-limit"))
		remaining, reset, ok := chatlayer.RateLimit(header.Get, time.Now())
		require.True(t, ok)
		require.Equal(t, want.remaining, remaining)
		require.WithinDuration(t, time.Now().Add(time.Minute), reset, 30*time.Second)
	}
}

func TestItsFailures(t *testing.T) {
	t.Parallel()
	fake, url := start(t)
	fake.Fail(1, http.StatusServiceUnavailable)
	fake.Refuse(1)
	fake.Hang(1)
	require.Equal(t, http.StatusServiceUnavailable, status(t, url+actions, token, hello))
	_, _, err := post(t, url+actions, token, hello)
	require.Error(t, err)
	_, _, err = post(t, url+actions, token, hello)
	require.Error(t, err)
	require.Equal(t, http.StatusOK, status(t, url+actions, token, hello))
	var acted []bool
	for _, call := range fake.Calls() {
		acted = append(acted, call.Acted)
	}
	require.Equal(t, []bool{false, false, true, true}, acted)
}

// webhook is an offloading webhook that understands what it is told.
type webhook struct {
	mu     sync.Mutex
	bodies [][]byte
	tokens []string
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tokens = append(h.tokens, r.URL.Query().Get(chatlayer.VerifyTokenParameter))
	if r.Method == http.MethodGet {
		_, _ = w.Write(chatlayer.Healthy)
		return
	}
	h.bodies = append(h.bodies, body)
	_, _ = w.Write(chatlayer.OffloadAnswer(true))
}

func (h *webhook) got() [][]byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bodies
}

func listen(t *testing.T) (*webhook, *fakechatlayer.Client) {
	t.Helper()
	h := &webhook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return h, &fakechatlayer.Client{URL: server.URL + "/v1/chatlayer/inbox?x=1", VerifyToken: "verify&me"}
}

func TestItTellsWhatWeSent(t *testing.T) {
	t.Parallel()
	fake, url := start(t)
	hook, client := listen(t)
	fake.Tell(client)
	for i, m := range []handoff.OutboundMessage{
		{Type: "text", Content: json.RawMessage(`{"body":" Hello <b>\n& good  morning "}`)},
		{Type: "image", Content: json.RawMessage(`{"link":"https://x.example.com/a.png?a=1&b=2","caption":"Look"}`)},
		{Type: "document", Content: json.RawMessage(`{"link":"https://x.example.com/a.pdf","filename":"a.pdf"}`)},
		{Type: "interactive", Content: json.RawMessage(`{"type":"button","body":{"text":"Which?"},"action":{"buttons":[{"reply":{"id":"1","title":"This"}}]}}`)},
		{Type: "interactive", Content: json.RawMessage(`{"type":"list","body":{"text":"Which?"},"action":{"sections":[{"rows":[{"id":"1","title":"This"}]}]}}`)},
		{Type: "interactive", Content: json.RawMessage(`{"type":"cta_url","body":{"text":"Go"},"action":{"parameters":{"display_text":"x","url":"https://y"}}}`)},
		{Type: "location", Content: json.RawMessage(`{"latitude":51.05,"longitude":3.72}`)},
	} {
		to := protocol.Contact{Identities: []handoff.Identity{{Kind: handoff.IdentitySession, Value: "s/1"}}}
		call, err := chatlayer.Protocol.Send(protocol.Inbox{BotID: "b", BotVersion: "DRAFT"}, to, m)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, status(t, url+call.Path, token, string(call.Body)))
		fake.Wait()
		require.Len(t, hook.got(), i+1)
		in, err := chatlayer.Parse(hook.got()[i])
		require.NoError(t, err)
		require.Equal(t, []string{"messages", "s/1", "b", "DRAFT"}, []string{in.Event, in.SessionID, in.BotID, in.Version})
		var keys []string
		for _, item := range in.Items {
			require.Equal(t, handoff.AuthorBot, item.Message.Author)
			keys = append(keys, chatlayer.EchoKey(*item.Message))
		}
		require.Equal(t, chatlayer.SentKeys(m), keys, "%s", m.Content)
	}
	require.Equal(t, "verify&me", hook.tokens[0])
	fake.Fail(1, http.StatusInternalServerError)
	require.Equal(t, http.StatusInternalServerError, status(t, url+actions, token, hello))
	fake.Hang(1)
	_, _, err := post(t, url+actions, token, hello)
	require.Error(t, err)
	fake.Wait()
	require.Len(t, hook.got(), 8, "what failed is not told, what nobody could know of is")
	fake.Tell(nil)
	require.Equal(t, http.StatusOK, status(t, url+actions, token, hello))
	fake.Wait()
	require.Len(t, hook.got(), 8)
}

func TestItCallsTheWebhookAsChatlayerDoes(t *testing.T) {
	t.Parallel()
	hook, client := listen(t)
	answer, err := client.Health(context.Background())
	require.NoError(t, err)
	require.Equal(t, fakechatlayer.Answer{Status: http.StatusOK, Body: []byte(`{"status":"ok"}`)}, answer)

	at := time.Date(2021, 11, 15, 8, 36, 11, 991e6, time.UTC)
	entries := []fakechatlayer.Entry{fakechatlayer.BotText("Hi Welcome", at), fakechatlayer.UserText("s", "Guest", "a person, please", at)}
	_, err = client.Messages(context.Background(), fakechatlayer.Messages{BotID: "b", Version: "LIVE", SessionID: "s", Messages: entries})
	require.NoError(t, err)
	answer, err = client.Offload(context.Background(), fakechatlayer.Offload{
		BotID: "b", Version: "LIVE", SessionID: "s", Timestamp: fakechatlayer.Timestamp(at), Payload: json.RawMessage(`{"reason":"vip"}`), Transcript: entries,
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"offloadSuccess":true,"pauseBot":true}`, string(answer.Body))

	feed, err := chatlayer.Parse(hook.got()[0])
	require.NoError(t, err)
	offload, err := chatlayer.Parse(hook.got()[1])
	require.NoError(t, err)
	require.Equal(t, "vip", offload.Items[0].Offload.Reason)
	require.Equal(t, "Guest", feed.Items[1].Contact.Name)
	for i, turn := range offload.Items[0].Offload.Transcript {
		require.Equal(t, feed.Items[i].ExternalID, turn.ExternalID)
		require.Equal(t, at, turn.At)
	}
	require.Equal(t, []string{"verify&me", "verify&me", "verify&me"}, hook.tokens)

	client.URL = "http://127.0.0.1:0/"
	_, err = client.Health(context.Background())
	require.Error(t, err)
}

func TestItShowsTheLatestCallFirst(t *testing.T) {
	t.Parallel()
	_, url := start(t)
	require.Equal(t, http.StatusOK, status(t, url+actions, token, hello))
	require.Equal(t, http.StatusBadRequest, status(t, url+actions, token, `nonsense <&>`))
	resp, err := http.Get(url + "/")
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	var shown struct{ Calls []fakechatlayer.Call }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&shown))
	require.Len(t, shown.Calls, 2)
	require.JSONEq(t, `"nonsense <&>"`, string(shown.Calls[0].Body))
	require.JSONEq(t, hello, string(shown.Calls[1].Body))
}
