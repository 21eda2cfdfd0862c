package fakegraph_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/fakegraph"
)

const text = `{"messaging_product":"whatsapp","to":"16315555555","text":{"body":"b"}}`

// try sends a text, and gives the status and header of the answer.
func (b bundle) try(t *testing.T) (int, http.Header, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url+"/v24.0/"+number+"/messages", strings.NewReader(text))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return 0, nil, err
	}
	return response.StatusCode, response.Header, response.Body.Close()
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault  fakegraph.Fault
		status int // 0 is a connection that closes
		sent   int
	}{
		"code":          {fakegraph.Fault{Code: 131056, RetryAfter: 7 * time.Second}, http.StatusTooManyRequests, 0},
		"code, status":  {fakegraph.Fault{Code: 131047, Status: 418}, 418, 0},
		"status":        {fakegraph.Fault{Status: http.StatusServiceUnavailable}, http.StatusServiceUnavailable, 0},
		"body":          {fakegraph.Fault{Body: "<html>"}, http.StatusBadGateway, 0},
		"redirect":      {fakegraph.Fault{Location: "https://example.com"}, http.StatusFound, 0},
		"before":        {fakegraph.Fault{Before: true}, 0, 0},
		"hang":          {fakegraph.Fault{Hang: true}, 0, 1},
		"slow":          {fakegraph.Fault{Slow: time.Millisecond}, http.StatusOK, 1},
		"other path":    {fakegraph.Fault{Path: "/media", Before: true}, http.StatusOK, 1},
		"other method":  {fakegraph.Fault{Method: http.MethodGet, Before: true}, http.StatusOK, 1},
		"matching path": {fakegraph.Fault{Method: http.MethodPost, Path: "/messages", Hang: true}, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.Fail(tt.fault)
			status, header, err := b.try(t)
			require.Len(t, b.Sent(), tt.sent)
			if tt.status == 0 {
				require.Error(t, err)
			} else {
				require.NoError(t, err)
				require.Equal(t, tt.status, status)
				require.Equal(t, tt.fault.Location, header.Get("Location"))
				require.Equal(t, tt.fault.RetryAfter > 0, header.Get("Retry-After") == "7")
			}
			status, _, err = b.try(t)
			require.NoError(t, err, "the fault was for one request")
			require.Equal(t, http.StatusOK, status)
		})
	}
}

func TestFaultsCount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Fail(fakegraph.Fault{Code: 4, Times: 2})
	b.Fail(fakegraph.Fault{Code: 190, Times: -1})
	for _, want := range []int{429, 429, 401, 401, 401} {
		status, _, err := b.try(t)
		require.NoError(t, err)
		require.Equal(t, want, status)
	}
}
