package activities

import (
	"time"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/outbound"
)

// Outcome is what an attempt came to.
type Outcome string

// The outcomes of an attempt.
const (
	OutcomeDelivered Outcome = "delivered"
	OutcomeRetry     Outcome = "retry"     // it failed, and the delivery goes on as scheduled
	OutcomeFailed    Outcome = "failed"    // the delivery is given up
	OutcomeThrottled Outcome = "throttled" // a vendor's limit, or our own proxy: it does not count
	OutcomeGone      Outcome = "gone"      // the endpoint is disabled
	OutcomeUncertain Outcome = "uncertain" // it may have arrived, and is not sent again
)

// Attempted is one HTTP request of a delivery, as Activities.Observe is told of it. It names no account, contact or address.
type Attempted struct {
	Transport handoff.Transport
	// Trigger is schedule, manual or recovery.
	Trigger string
	Outcome Outcome
	// Status of the answer; 0 where none came, and ErrorClass then says why.
	Status     int
	ErrorClass outbound.ErrorClass
	Duration   time.Duration
	// Latency is how long after its event the delivery arrived; nil unless this attempt was the first that did.
	Latency *time.Duration
}

func (l *lane) observe(d dbsqlc.Delivery, out dbsqlc.AttemptFinishParams, r outbound.Result, ruled ruling) {
	if l.Observe == nil {
		return
	}
	seen := Attempted{
		Transport: l.endpoint.Transport, Trigger: triggerOf(d), Outcome: outcomeOf(d, out, ruled.verdict), ErrorClass: r.ErrorClass, Duration: r.Duration,
	}
	if r.Err == nil {
		seen.Status = r.Status
	}
	if seen.Outcome == OutcomeDelivered && d.State != handoff.DeliveryDelivered {
		latency := l.Now().Sub(d.CreatedAt)
		seen.Latency = &latency
	}
	l.Observe(seen)
}

func outcomeOf(d dbsqlc.Delivery, out dbsqlc.AttemptFinishParams, v verdict) Outcome {
	switch {
	case v == verdictDelivered:
		return OutcomeDelivered
	case v == verdictUncertain:
		return OutcomeUncertain
	case v == verdictGone:
		return OutcomeGone
	case out.State == handoff.DeliveryFailed && d.State != handoff.DeliveryFailed:
		return OutcomeFailed
	case v == verdictThrottled:
		return OutcomeThrottled
	}
	return OutcomeRetry
}
