package chatlayer

import (
	"strconv"
	"strings"
	"time"
)

// longestReset is how far away the reset of a rate limit is believed. The documented limit of 1,200 calls is one of minutes.
const longestReset = 24 * time.Hour

// RateLimit reads x-ratelimit-remaining and x-ratelimit-reset of an answer, by its header's Get: how many calls are left, and when
// there are 1,200 (x-ratelimit-limit) again. The documentation says that the reset is in seconds since 1970 and shows one in
// milliseconds, so its size decides. ok is false where the answer says nothing that can be believed.
func RateLimit(get func(name string) string, now time.Time) (remaining int, reset time.Time, ok bool) {
	remaining, err := strconv.Atoi(strings.TrimSpace(get("x-ratelimit-remaining")))
	if err != nil {
		return 0, time.Time{}, false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(get("x-ratelimit-reset")), 64)
	if err != nil {
		return 0, time.Time{}, false
	}
	reset = epoch(number)
	if reset.IsZero() || reset.Sub(now).Abs() > longestReset {
		return 0, time.Time{}, false
	}
	return max(remaining, 0), reset, true
}
