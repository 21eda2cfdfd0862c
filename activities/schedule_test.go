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
