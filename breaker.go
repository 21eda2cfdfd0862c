package handoff

import "time"

// BreakerState is the state of an endpoint's circuit breaker.
type BreakerState string

// The states of a circuit breaker.
const (
	BreakerClosed   BreakerState = "closed"
	BreakerOpen     BreakerState = "open"      // nothing is sent
	BreakerHalfOpen BreakerState = "half_open" // the next attempt decides
)

// BreakerAt is the state at a time, by the time until which the breaker is open; nil while it is closed.
func BreakerAt(openUntil *time.Time, now time.Time) BreakerState {
	switch {
	case openUntil == nil:
		return BreakerClosed
	case now.Before(*openUntil):
		return BreakerOpen
	}
	return BreakerHalfOpen
}
