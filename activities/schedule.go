package activities

import (
	"math/rand/v2"
	"net/http"
	"time"

	"handoff/internal/outbound"
)

// schedule is the wait after the first, second, … counted attempt: ten attempts over three days, as Standard Webhooks proposes.
var schedule = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour, 14 * time.Hour, 20 * time.Hour,
	24 * time.Hour,
}

// Jitter is a factor of 0.8 to 1.2 for every wait between attempts, so that what failed together does not come back together.
func Jitter() float64 { return 0.8 + 0.4*rand.Float64() }

// refusalSchedule is for an answer such as 400 that says "never": three more attempts within two minutes outlast a deploy of the
// gateway, and more would hold the conversation's lane for nothing.
var refusalSchedule = []time.Duration{5 * time.Second, 30 * time.Second, 75 * time.Second}

const (
	// laneHold is how long one delivery that alone keeps failing may hold those behind it.
	laneHold = 15 * time.Minute
	// laneRecheck is how often a lane that is held looks whether its endpoint takes others by now.
	laneRecheck = 5 * time.Minute
)

// verdict is what an attempt means for its delivery.
type verdict int

const (
	verdictDelivered verdict = iota
	verdictRetry
	verdictRefused   // retried a few times only
	verdictGone      // the endpoint asks for no more, or nothing can be sent until somebody changes something
	verdictThrottled // later, and it does not count
	verdictFailed    // never
	verdictUncertain // it may have arrived, and may not be sent again
)

// throttledFor is how long a delivery may be put off by a vendor's limits before its attempts count.
const throttledFor = 72 * time.Hour

// judge reads an attempt. A redirect is a failure like any other: following it would send the body where nobody checked.
func judge(r outbound.Result) verdict {
	switch {
	case r.Err != nil:
		return verdictRetry
	case r.Status >= 200 && r.Status < 300:
		return verdictDelivered
	case r.Status == http.StatusGone:
		return verdictGone
	case r.Status == http.StatusRequestTimeout, r.Status == http.StatusTooEarly, r.Status == http.StatusTooManyRequests:
		return verdictRetry
	case r.Status >= 400 && r.Status < 500:
		return verdictRefused
	}
	return verdictRetry
}

// nextWait is the time until the next attempt after the given number of counted attempts; false means that there is none.
func nextWait(v verdict, counted int, jitter float64, r outbound.Result, now time.Time) (time.Duration, bool) {
	waits := schedule
	switch v {
	case verdictRefused:
		waits = refusalSchedule
	case verdictFailed, verdictUncertain:
		return 0, false
	default:
	}
	if counted > len(waits) {
		return 0, false
	}
	wait := time.Duration(float64(waits[counted-1]) * jitter)
	if asked, ok := outbound.RetryAfter(r.Header, now); ok && asked > wait {
		wait = asked
	}
	return wait, true
}
