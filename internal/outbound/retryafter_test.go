package outbound

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRetryAfter(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, " 7 ": 7 * time.Second, "007": 7 * time.Second,
		"120.5": 120500 * time.Millisecond, "0.25": 250 * time.Millisecond,
		"86400": 24 * time.Hour, "86401": 24 * time.Hour, "99999999": 24 * time.Hour, strings.Repeat("9", 400): 24 * time.Hour,
		"Sun, 01 Mar 2026 12:02:00 GMT":  2 * time.Minute,
		"Sunday, 01-Mar-26 12:02:00 GMT": 2 * time.Minute, // RFC 850
		"Sun Mar  1 12:02:00 2026":       2 * time.Minute, // asctime
		"Sun, 01 Mar 2026 11:00:00 GMT":  0,
		"Thu, 01 Jan 1970 00:00:00 GMT":  0,
		"Fri, 01 Jan 2100 00:00:00 GMT":  24 * time.Hour,
	} {
		got, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		require.True(t, ok, value)
		require.Equal(t, want, got, value)
	}
	for _, value := range []string{
		"", " ", "soon", "-1", "+1", "1e3", "0x10", "inf", "NaN", ".", "1.", ".5", "1.2.3", "1,5", "1_000", "７", "7s", "7 8",
		"2026-03-01T12:00:00Z",
	} {
		_, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		require.False(t, ok, value)
	}
	_, ok := RetryAfter(nil, now)
	require.False(t, ok)
}

func FuzzRetryAfter(f *testing.F) {
	for _, value := range []string{"7", "120.5", "Sun, 01 Mar 2026 12:02:00 GMT", "-1", "NaN"} {
		f.Add(value)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, value string) {
		wait, ok := RetryAfter(http.Header{"Retry-After": {value}}, now)
		require.True(t, wait >= 0 && wait <= 24*time.Hour)
		require.True(t, ok || wait == 0)
	})
}
