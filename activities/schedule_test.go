package activities

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"handoff/internal/outbound"
)

func TestTheScheduleSpansThreeDays(t *testing.T) {
	t.Parallel()
	var sum time.Duration
	for step := range 9 {
		wait, again := nextWait(verdictRetry, step+1, 1, outbound.Result{}, time.Now())
		require.True(t, again)
		sum += wait
	}
	require.Equal(t, 75*time.Hour+35*time.Minute+5*time.Second, sum)
	_, again := nextWait(verdictRetry, 10, 1, outbound.Result{}, time.Now())
	require.False(t, again, "the tenth attempt is the last")
}

func TestJitterMovesEachWaitAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, v := range []verdict{verdictRetry, verdictRefused} {
		for step := 1; ; step++ {
			wait, again := nextWait(v, step, 1, outbound.Result{}, time.Now())
			if !again {
				break
			}
			for _, factor := range []float64{0.8, 1.2} {
				moved, again := nextWait(v, step, factor, outbound.Result{}, time.Now())
				require.True(t, again)
				require.InDelta(t, float64(wait)*factor, moved, float64(time.Microsecond))
			}
		}
	}
	asked := outbound.Result{Header: http.Header{"Retry-After": {"600"}}}
	wait, _ := nextWait(verdictRetry, 1, 0.8, asked, time.Now())
	require.Equal(t, 10*time.Minute, wait, "what a gateway asks for is not jittered below it")
}

func TestDelivery_09_JitterIsTwentyPercentToEitherSide(t *testing.T) {
	t.Parallel()
	least, most := 2.0, 0.0
	for range 100_000 {
		factor := Jitter()
		least, most = min(least, factor), max(most, factor)
	}
	require.GreaterOrEqual(t, least, 0.8)
	require.LessOrEqual(t, most, 1.2)
	require.InDelta(t, 0.8, least, 0.01)
	require.InDelta(t, 1.2, most, 0.01)
}

// Of a thousand that fail in one instant, the second retries lie apart. That no second has more than 2 % of them is true of one instant in
// all but one of a hundred cases, and so it is looked at over many instants.
func TestDelivery_10_WhatFailsTogetherDoesNotComeBackTogether(t *testing.T) {
	t.Parallel()
	const deliveries, instants = 1000, 50
	now := time.Now()
	seconds := map[time.Duration]int{}
	for range instants {
		least, most := time.Hour, time.Duration(0)
		for range deliveries {
			wait, again := nextWait(verdictRetry, 2, Jitter(), outbound.Result{}, now)
			require.True(t, again)
			least, most = min(least, wait), max(most, wait)
			seconds[wait.Truncate(time.Second)]++
		}
		require.GreaterOrEqual(t, most-least, 90*time.Second)
		require.GreaterOrEqual(t, least, 4*time.Minute)
		require.LessOrEqual(t, most, 6*time.Minute)
	}
	for second, n := range seconds {
		require.LessOrEqual(t, n, deliveries*instants*2/100, "after %s", second)
	}
}

func TestDelivery_11_AWaitIsTheLongerOfScheduleAndRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for value, asked := range map[string]time.Duration{
		"7": 7 * time.Second, "120.5": 120*time.Second + 500*time.Millisecond, now.Add(20 * time.Minute).Format(http.TimeFormat): 20 * time.Minute,
		now.Add(-time.Hour).Format(http.TimeFormat): 0, "soon": 0, "": 0, "-5": 0, "99999999": 24 * time.Hour,
		now.AddDate(1, 0, 0).Format(http.TimeFormat): 24 * time.Hour,
	} {
		for step, planned := range schedule {
			wait, again := nextWait(verdictRetry, step+1, 1, outbound.Result{Status: 503, Header: http.Header{"Retry-After": {value}}}, now)
			require.True(t, again)
			require.Equal(t, max(planned, asked), wait, "Retry-After: %s after attempt %d", value, step+1)
			require.LessOrEqual(t, wait, 24*time.Hour)
		}
	}
}

func TestWhatAnAnswerMeans(t *testing.T) {
	t.Parallel()
	for status := 100; status < 600; status++ {
		want := verdictRetry
		switch {
		case status >= 200 && status < 300:
			want = verdictDelivered
		case status == 410:
			want = verdictGone
		case status == 408, status == 425, status == 429:
		case status >= 400 && status < 500:
			want = verdictRefused
		}
		require.Equal(t, want, judge(outbound.Result{Status: status}), "HTTP %d", status)
	}
	require.Equal(t, verdictRetry, judge(outbound.Result{Status: 200, Err: http.ErrHandlerTimeout}), "an answer that broke off is none")
}

func TestAnExcerptCanBeStored(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\uFFFDb\uFFFDc", excerptOf([]byte("a\x00b\xffc"), excerptLimit))
	long := make([]byte, 3*excerptLimit)
	for i := range long {
		long[i] = "é"[i%2]
	}
	require.LessOrEqual(t, len(excerptOf(long, excerptLimit)), excerptLimit+2)
}
