package outbound

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter keeps a receiver from parking its events for longer than the last step of the schedule.
const maxRetryAfter = 24 * time.Hour

// RetryAfter is how long the receiver asks to be left alone, from 0 to 24 hours, and false where it asks nothing that can be
// understood.
//
// RFC 9110 §10.2.3 has whole seconds and HTTP dates. Decimals ("120.5") are taken too, as rate limiters send them; a date in the
// past is 0.
func RetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if isDecimal(value) {
		// The one error is a number too big for a float; it is then +Inf, and the cap applies.
		seconds, _ := strconv.ParseFloat(value, 64)
		if seconds >= maxRetryAfter.Seconds() {
			return maxRetryAfter, true
		}
		return time.Duration(seconds * float64(time.Second)), true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// isDecimal is stricter than strconv.ParseFloat, which takes "-1", "1e9", "0x1p4", "inf" and "1_000".
func isDecimal(text string) bool {
	whole, fraction, hasPoint := strings.Cut(text, ".")
	return isDigits(whole) && (!hasPoint || isDigits(fraction))
}

func isDigits(text string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool { return r < '0' || r > '9' })
}
