package fakegraph_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
)

const (
	waba   = "100000000000001"
	number = "200000000000001"
	token  = "EAAtesttoken"
)

// clock stands still until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// bundle is a Graph with one number, behind a server.
type bundle struct {
	*fakegraph.Graph
	clock *clock
	url   string
}

func setup(t *testing.T) bundle {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	g := fakegraph.New(c.read)
	g.AddNumber(waba, number, "+1 555-0100")
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return bundle{Graph: g, clock: c, url: server.URL}
}

// do makes a request with the token and reads its JSON, if it is some.
func (b bundle) do(t *testing.T, method, path string, body []byte) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, b.url+path, bytes.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultTransport.RoundTrip(request)
	require.NoError(t, err)
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var answer map[string]any
	_ = json.Unmarshal(raw, &answer)
	return response.StatusCode, answer
}

func (b bundle) send(t *testing.T, body string) (int, map[string]any) {
	t.Helper()
	return b.do(t, http.MethodPost, "/v24.0/"+number+"/messages", []byte(body))
}
