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

// Timer is something that is due at a time.
type Timer struct {
	Kind TimerKind `json:"kind"`
	At   time.Time `json:"at"`
}
