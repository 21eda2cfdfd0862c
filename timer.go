package handoff

import "time"

// TimerKind names what is due at a time.
type TimerKind string

// The timers of a conversation.
const (
	TimerInactivity TimerKind = "inactivity" // the conversation ends, unless somebody writes
	TimerSilence    TimerKind = "silence"    // endpoints that asked for it are told that nobody writes
	TimerWindow     TimerKind = "window"     // WhatsApp's service window closes
	TimerSnooze     TimerKind = "snooze"     // the conversation comes back
	TimerResponse   TimerKind = "response"   // the contact should have an answer
	TimerOffer      TimerKind = "offer"      // nobody has accepted
	TimerSilent     TimerKind = "silent"     // the assignee leaves the contact unanswered: the conversation goes back to the queue
	TimerResolve    TimerKind = "resolve"    // the conversation ends, unless somebody undoes it
	TimerScheduled  TimerKind = "scheduled"  // a scheduled message leaves
)

// MovableTimers lists the timers that can be moved and cancelled by hand.
var MovableTimers = []TimerKind{TimerInactivity, TimerSnooze, TimerResponse, TimerOffer, TimerSilent, TimerResolve}

// farthest is how far ahead a timer can be set. JSON, and most clocks, know no years beyond 9999; nobody waits for more than one.
const farthest = 366 * 24 * time.Hour

// CheckDue tells whether a timer can be set to a time. name is the field that it was given in.
func CheckDue(name string, at, now time.Time) error {
	switch {
	case !at.After(now):
		return Errorf(CodeInvalid, "%s is in the past: give a time to come", name)
	case at.Sub(now) > farthest:
		return Errorf(CodeInvalid, "%s is more than a year ahead: give an earlier time", name)
	}
	return nil
}

// Timer is something that is due at a time.
type Timer struct {
	Kind TimerKind `json:"kind"`
	At   time.Time `json:"at"`
}
