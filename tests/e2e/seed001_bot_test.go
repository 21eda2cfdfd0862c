package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakechatlayer"
)

const (
	chatlayerBotID       = "ko3123ze"
	chatlayerSession     = "emulator-714a7b79-d674-4a62-a9a9-49581d7451e5"
	chatlayerToken       = "chatlayer-canary-token"
	chatlayerVerifyToken = "verify-canary-token"
)

// The answers to an offload, the first as Chatlayer's page has it.
const (
	pageOffloaded = `{
    "offloadSuccess": true,
    "pauseBot": true
}`
	pageRefused = `{ "offloadSuccess": false, "pauseBot": false }`
)

// chatlayerBot is a bot of Chatlayer's with an inbox of its own: the API that we call, and the calls that it makes to us.
type chatlayerBot struct {
	*stack
	inboxID string
	api     *chatlayerAPI
	calls   *fakechatlayer.Client
	told    *toldEntries
	files   string
	clock   time.Time
	turns   []fakechatlayer.Entry
	took    []time.Duration // the answers to offloads
}

// newChatlayerBot makes the inbox as an operator does, and a Chatlayer that knows its address.
func newChatlayerBot(t *testing.T, s *stack, flags ...string) *chatlayerBot {
	t.Helper()
	b := &chatlayerBot{
		stack: s.in(t), api: &chatlayerAPI{Chatlayer: fakechatlayer.New(chatlayerToken)}, told: &toldEntries{},
		clock: time.Now().Add(-time.Hour).Truncate(time.Millisecond),
	}
	api, files := httptest.NewServer(b.api), httptest.NewServer(http.HandlerFunc(serveFile))
	t.Cleanup(api.Close)
	t.Cleanup(files.Close)
	b.files = files.URL
	t.Cleanup(func() {
		if len(b.took) > 0 { // a machine that other tests keep busy may be slow once
			require.Less(t, slices.Min(b.took), 5*time.Second, "the bot waits for the answer")
		}
	})
	b.inboxID = b.make(append([]string{
		"inbox", "create", "--account=" + s.account, "--name=Bot", "--protocol=chatlayer", "--bot-id=" + chatlayerBotID, "--api-url=" + api.URL,
		"--access-token=" + chatlayerToken, "--verify-token=" + chatlayerVerifyToken,
	}, flags...)...)["id"]
	b.calls = &fakechatlayer.Client{
		URL: s.url + "/v1/chatlayer/" + b.inboxID, VerifyToken: chatlayerVerifyToken, HTTP: &http.Client{Transport: b.told},
	}
	return b
}

// in is the stack as a subtest uses it.
func (s *stack) in(t *testing.T) *stack {
	t.Helper()
	own := *s
	own.T = t
	return &own
}

// turn is a message of a bot or its user, and what an agent sees of it.
type turn struct{ actor, message, seen string }

// entries gives turns their times, one second after the other, as a transcript has them.
func (b *chatlayerBot) entries(turns []turn) []fakechatlayer.Entry {
	entries := make([]fakechatlayer.Entry, 0, len(turns))
	for _, t := range turns {
		message := strings.ReplaceAll(t.message, "FILES", b.files)
		entries = append(entries, fakechatlayer.Entry{Actor: t.actor, Message: json.RawMessage(message), Timestamp: b.next()})
	}
	return entries
}

// next is a time of Chatlayer's.
func (b *chatlayerBot) next() string {
	b.clock = b.clock.Add(time.Second)
	return fakechatlayer.Timestamp(b.clock)
}

// userIn adds what the feed says of a user, and a transcript does not.
func (b *chatlayerBot) userIn(entry fakechatlayer.Entry) fakechatlayer.Entry {
	if entry.Actor == "user" {
		entry.Message = fmt.Appendf(nil, `{"channelType":"web","sender":{"id":%q,"botId":%q,"botType":"web","firstname":"Ann"},"timestamp":%q,"id":%q,%s`,
			chatlayerSession, chatlayerBotID, entry.Timestamp, entry.Timestamp, bytes.TrimPrefix(entry.Message, []byte("{")))
	}
	return entry
}

// tell posts a messages event with one entry.
func (b *chatlayerBot) tell(entry fakechatlayer.Entry) {
	b.Helper()
	answer, err := b.calls.Messages(b.Context(), fakechatlayer.Messages{
		BotID: chatlayerBotID, Version: "LIVE", SessionID: chatlayerSession, Channel: "web", Messages: []fakechatlayer.Entry{entry}, Timestamp: entry.Timestamp,
	})
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.Status, "%s", answer.Body)
	require.True(b, json.Valid(answer.Body), "the page wants JSON")
}

// offload asks for a person and wants the page's answer.
func (b *chatlayerBot) offload(offload fakechatlayer.Offload, want string) {
	b.Helper()
	began := time.Now()
	answer, err := b.calls.Offload(b.Context(), offload)
	require.NoError(b, err)
	require.Equal(b, http.StatusOK, answer.Status, "%s", answer.Body)
	require.Equal(b, compacted(b.T, want), string(answer.Body))
	b.took = append(b.took, time.Since(began))
}

// conversations are those of the bot's inbox.
func (b *chatlayerBot) conversations(query string) []conversation {
	b.Helper()
	if query == "" {
		query = "?limit=100"
	}
	return into[list[conversation]](b.T, b.get("/v1/conversations"+query+"&inbox_id="+b.inboxID), http.StatusOK).Items
}

func (b *chatlayerBot) onlyOpen() conversation {
	b.Helper()
	var found []conversation
	until(b.T, readyWithin, "one open conversation of the bot's", func() bool {
		found = b.conversations("?status=waiting,assigned")
		return len(found) == 1
	})
	return found[0]
}

// toldEntries are the entries of all messages events, whoever posts them, as they go to the offloading webhook.
type toldEntries struct {
	mu      sync.Mutex
	entries []fakechatlayer.Entry
}

// RoundTrip makes the request.
func (told *toldEntries) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	var event fakechatlayer.Messages
	if json.Unmarshal(body, &event) == nil {
		told.mu.Lock()
		told.entries = append(told.entries, event.Messages...)
		told.mu.Unlock()
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return http.DefaultTransport.RoundTrip(r)
}

func (told *toldEntries) all() []fakechatlayer.Entry {
	told.mu.Lock()
	defer told.mu.Unlock()
	return append([]fakechatlayer.Entry(nil), told.entries...)
}

// chatlayerAPI is Chatlayer's API, with the headers that the fake does not keep, and a rate limit that ends soon.
type chatlayerAPI struct {
	*fakechatlayer.Chatlayer

	mu       sync.Mutex
	requests []apiRequest
	limited  time.Duration
}

type apiRequest struct {
	line, body string
	header     http.Header
	status     int
	at, reset  time.Time
}

// limit refuses the next call until a time from then.
func (c *chatlayerAPI) limit(until time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limited = until
}

// ServeHTTP takes a call and remembers it.
func (c *chatlayerAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	request := apiRequest{line: r.Method + " " + r.URL.RequestURI(), body: string(body), header: r.Header.Clone(), at: time.Now()}
	c.mu.Lock()
	limited := c.limited
	c.limited = 0
	c.mu.Unlock()
	answer := httptest.NewRecorder()
	if limited > 0 {
		request.reset = request.at.Add(limited).Truncate(time.Millisecond)
		answer.Header().Set("x-ratelimit-limit", strconv.Itoa(fakechatlayer.DefaultLimit))
		answer.Header().Set("x-ratelimit-remaining", "0")
		answer.Header().Set("x-ratelimit-reset", strconv.FormatInt(request.reset.UnixMilli(), 10))
		answer.WriteHeader(http.StatusTooManyRequests)
	} else {
		c.Chatlayer.ServeHTTP(answer, r)
	}
	request.status = answer.Code
	c.mu.Lock()
	c.requests = append(c.requests, request)
	c.mu.Unlock()
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

func (c *chatlayerAPI) seen() []apiRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]apiRequest(nil), c.requests...)
}

// request waits for the nth call, from 1.
func (c *chatlayerAPI) request(t *testing.T, n int) apiRequest {
	t.Helper()
	until(t, readyWithin, fmt.Sprintf("call %d of Chatlayer's API", n), func() bool { return len(c.seen()) >= n })
	return c.seen()[n-1]
}

// serveFile gives files that are what their names say, as far as their first bytes go.
func serveFile(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, ".mp4") {
		_, _ = io.WriteString(w, "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom")
		return
	}
	_, _ = io.WriteString(w, "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")
}

// seen is what an agent sees of messages: author, type and text.
func seen(messages []message) []string {
	lines := make([]string, 0, len(messages))
	for _, m := range messages {
		lines = append(lines, m.Author.Type+" "+m.Type+" "+m.Text)
	}
	return lines
}

func compacted(t *testing.T, example string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, json.Compact(&out, []byte(strings.TrimSpace(example))))
	return out.String()
}
