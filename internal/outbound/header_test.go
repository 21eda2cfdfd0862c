package outbound

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheckHeader(t *testing.T) {
	t.Parallel()

	for name, value := range map[string]string{
		"Authorization": "Bearer token", "X-Api-Key": "k", "X-Empty": "", "User-Agent": "me", "Cookie": "a=b",
		"X-Long": strings.Repeat("v", 4096), "X-Text": "žluťoučký",
	} {
		require.NoError(t, CheckHeader(name, value), name)
	}
	for _, tt := range []struct{ name, value, want string }{
		{"", "v", "not valid"},
		{"X Y", "v", "not valid"},
		{"X:Y", "v", "not valid"},
		{"X\r\nY", "v", "not valid"},
		{"Ünicode", "v", "not valid"},
		{"X-A", "canary\r\nX-B: c", "line break"},
		{"X-A", "canary\x00", "line break"},
		{"X-A", "canary\n", "line break"},
		{"X-A", strings.Repeat("v", 4097), "at most 4096"},
		{"Host", "canary", "belongs to the connection"},
		{"connection", "close", "belongs to the connection"},
		{"TE", "trailers", "belongs to the connection"},
		{"Transfer-Encoding", "chunked", "belongs to the connection"},
		{"Proxy-Authorization", "canary", "belongs to the connection"},
		{"Accept-Encoding", "gzip", "belongs to the connection"},
		{"Content-Type", "text/plain", "content- are reserved"},
		{"content-length", "1", "content- are reserved"},
		{"Webhook-Id", "msg_1", "webhook- are reserved"},
		{"WEBHOOK-SIGNATURE", "v1,", "webhook- are reserved"},
		{"X-Amz-Target", "x", "x-amz- are reserved"},
		{"x-goog-meta", "x", "x-goog- are reserved"},
	} {
		err := CheckHeader(tt.name, tt.value)
		require.ErrorContains(t, err, tt.want, tt.name)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestCheckHeaders(t *testing.T) {
	t.Parallel()

	headers := map[string]string{}
	for i := range 20 {
		headers[fmt.Sprintf("X-%d", i)] = "v"
	}
	require.NoError(t, CheckHeaders(nil))
	require.NoError(t, CheckHeaders(headers))

	headers["X-20"] = "v"
	require.ErrorContains(t, CheckHeaders(headers), "21 custom headers: at most 20")

	err := CheckHeaders(map[string]string{"X-A": "1", "x-a": "2", "Host": "h", "Bad Name": ""})
	require.ErrorContains(t, err, "given twice")
	require.ErrorContains(t, err, "header Host cannot be set")
	require.ErrorContains(t, err, `"Bad Name" is not valid`)
}
