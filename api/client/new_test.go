package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

const id = "01a1fce1-8e03-7a4b-90d0-4d4d38570844"

var conversationID = uuid.MustParse(id)

// server answers with what is next in its script, and keeps what it was asked.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	script   []http.HandlerFunc
	requests []*http.Request
	bodies   []string
}

func newServer(t *testing.T, script ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{script: script}
	s.Server = httptest.NewServer(s)
	// On a connection that is kept, net/http itself would repeat a request that has an Idempotency-Key.
	s.Config.SetKeepAlivesEnabled(false)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP goes on with the script.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests, s.bodies = append(s.requests, r), append(s.bodies, string(body))
	s.script[min(len(s.requests), len(s.script))-1](w, r)
}

func refuse(status int, code ProblemCode, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(Problem{Code: code, Status: int64(status), Detail: "It is so.", RequestID: "r-1"})
	}
}

func done(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"`+id+`","status":"assigned"}`)
}

func hangUp(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// newClient makes a client that does not wait, and tells how long it would have.
func newClient(t *testing.T, s *server) (*ClientWithResponses, *[]time.Duration) {
	t.Helper()
	c, err := New(s.URL, "hk_test", Options{UserAgent: "inbox/2"})
	require.NoError(t, err)
	waits := &[]time.Duration{}
	c.ClientInterface.(*Client).Client.(*doer).wait = func(ctx context.Context, d time.Duration) error {
		*waits = append(*waits, d)
		return ctx.Err()
	}
	return c, waits
}

func claim(c *ClientWithResponses) (*ClaimConversationResponse, error) {
	var params ClaimConversationParams
	return c.ClaimConversationWithResponse(context.Background(), conversationID, &params, ClaimConversationJSONRequestBody{})
}

func TestClientSaysWhoCalls(t *testing.T) {
	t.Parallel()
	s := newServer(t, done)
	c, _ := newClient(t, s)
	response, err := claim(c)
	require.NoError(t, err)
	require.Equal(t, id, response.JSON200.ID.String())
	require.Equal(t, "Bearer hk_test", s.requests[0].Header.Get("Authorization"))
	require.Equal(t, "inbox/2 handoff-go", s.requests[0].Header.Get("User-Agent"))
	require.NotEmpty(t, s.requests[0].Header.Get("Idempotency-Key"))
	_, err = claim(c)
	require.NoError(t, err)
	require.NotEqual(t, s.requests[0].Header.Get("Idempotency-Key"), s.requests[1].Header.Get("Idempotency-Key"), "another call is another effect")
}

func TestClientNeedsAKey(t *testing.T) {
	t.Parallel()
	_, err := New("http://127.0.0.1:8080", "", Options{})
	require.ErrorContains(t, err, "needs an API key")
}

func TestClientRepeatsWithTheSameIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newServer(t, refuse(503, "unavailable", "Retry-After", "7"), hangUp, refuse(429, "rate_limited"), done)
	c, waits := newClient(t, s)
	response, err := claim(c)
	require.NoError(t, err)
	require.NotNil(t, response.JSON200)
	require.Equal(t, []time.Duration{7 * time.Second, 500 * time.Millisecond, time.Second}, *waits)
	require.Len(t, s.requests, 4)
	for i, request := range s.requests {
		require.Equal(t, s.requests[0].Header.Get("Idempotency-Key"), request.Header.Get("Idempotency-Key"))
		require.Equal(t, "{}", s.bodies[i])
	}
}

func TestClientKeepsTheCallersIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newServer(t, done)
	c, _ := newClient(t, s)
	own := "own"
	_, err := c.ClaimConversationWithResponse(t.Context(), conversationID, &ClaimConversationParams{IdempotencyKey: &own}, ClaimConversationJSONRequestBody{})
	require.NoError(t, err)
	require.Equal(t, own, s.requests[0].Header.Get("Idempotency-Key"))
}

func TestClientGivesUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script   http.HandlerFunc
		attempts int
		code     ProblemCode
	}{
		"a conflict is an answer":                {refuse(409, "conflict"), 1, "conflict"},
		"a failure of the server is not a pause": {refuse(500, "internal"), 1, "internal"},
		"busy for all attempts":                  {refuse(503, "unavailable"), 4, "unavailable"},
		"a pause that nobody waits for":          {refuse(503, "unavailable", "Retry-After", "3600"), 1, "unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, c.script)
			client, _ := newClient(t, s)
			_, err := claim(client)
			var refused *Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.code, refused.Code)
			require.ErrorContains(t, err, "It is so. (")
			require.ErrorContains(t, err, "request r-1)")
			require.Len(t, s.requests, c.attempts)
		})
	}
}

func TestClientStopsWithItsContext(t *testing.T) {
	t.Parallel()
	s := newServer(t, refuse(503, "unavailable", "Retry-After", "20"))
	c, err := New(s.URL, "hk_test", Options{})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = c.GetConversationWithResponse(ctx, conversationID, nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Len(t, s.requests, 1)
}

// What a DELETE whose answer was lost has done, a second one would report as not found.
func TestClientDoesNotRepeatADeleteThatMayHaveWorked(t *testing.T) {
	t.Parallel()
	s := newServer(t, hangUp)
	c, _ := newClient(t, s)
	_, err := c.DeleteEndpointWithResponse(t.Context(), conversationID)
	require.Error(t, err)
	require.Len(t, s.requests, 1)
}

// A stream is there once.
func TestClientDoesNotRepeatAStream(t *testing.T) {
	t.Parallel()
	s := newServer(t, refuse(503, "unavailable"))
	c, _ := newClient(t, s)
	var params UploadMediaParams
	_, err := c.UploadMediaWithBodyWithResponse(t.Context(), &params, "image/png", io.NopCloser(http.NoBody))
	var refused *Error
	require.ErrorAs(t, err, &refused)
	require.Len(t, s.requests, 1)
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3*time.Second, retryAfter(http.Header{"Retry-After": {"3"}}))
	require.Zero(t, retryAfter(http.Header{"Retry-After": {"-3"}}))
	require.Zero(t, retryAfter(http.Header{"Retry-After": {"soon"}}))
	later := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	require.InDelta(t, time.Hour.Seconds(), retryAfter(http.Header{"Retry-After": {later}}).Seconds(), 60)
}
