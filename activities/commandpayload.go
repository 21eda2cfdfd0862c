package activities

import (
	"time"

	"handoff"
)

// Why is why somebody does something: a code or a few words. It stands in events and in the Temporal history.
type Why struct {
	Reason string `json:"reason,omitempty"`
}

// ReleaseCommand gives a conversation back to the queue.
type ReleaseCommand struct {
	Command
	Why
}

// Transfer says where to: to an agent, or into a team's queue. With both the agent gets it, in the name of the team.
type Transfer struct {
	AgentID *handoff.ID `json:"agent_id,omitempty"`
	TeamID  *handoff.ID `json:"team_id,omitempty"`
	Why
}

// TransferCommand gives a conversation to another agent or team.
type TransferCommand struct {
	Command
	Transfer
}

// TakeOverCommand takes a conversation from whoever has it.
type TakeOverCommand struct {
	Command
	Why
}

// PassCommand gives control to the bot.
type PassCommand struct {
	Command
	Why
}

// Offer says to whom control is offered, and for how long.
type Offer struct {
	AgentID *handoff.ID `json:"agent_id,omitempty"` // nil for the bot
	Seconds int         `json:"seconds"`
}

// OfferCommand offers control.
type OfferCommand struct {
	Command
	Offer
}

// DeclineCommand declines it.
type DeclineCommand struct {
	Command
	Why
}

// Snooze says until when; nil until the contact writes.
type Snooze struct {
	Until *time.Time `json:"until,omitempty"`
	Why
}

// SnoozeCommand puts a conversation aside.
type SnoozeCommand struct {
	Command
	Snooze
}

// MoveTimer says to when; nil to cancel it.
type MoveTimer struct {
	Kind handoff.TimerKind `json:"kind"`
	At   *time.Time        `json:"at,omitempty"`
	Why
}

// MoveTimerCommand moves or cancels a timer.
type MoveTimerCommand struct {
	Command
	MoveTimer
}

// Schedule names messages whose content is rows already.
type Schedule struct {
	ScheduledID handoff.ID `json:"scheduled_id"`
	// MessageID leaves when the contact writes; nil where only the time counts.
	MessageID *handoff.ID `json:"message_id,omitempty"`
	// OtherwiseID leaves at DueAt, if the other has not.
	OtherwiseID *handoff.ID `json:"otherwise_id,omitempty"`
	DueAt       *time.Time  `json:"due_at,omitempty"`
}

// ScheduleCommand promises a message for later.
type ScheduleCommand struct {
	Command
	Schedule
}

// UnscheduleCommand takes such a promise back.
type UnscheduleCommand struct {
	Command
	ScheduledID handoff.ID `json:"scheduled_id"`
}

// ReplyCommand sends a message whose content is a row already.
type ReplyCommand struct {
	Command
	MessageID handoff.ID `json:"message_id"`
	Type      string     `json:"type"`
}

// EndCommand ends a conversation.
type EndCommand struct {
	Command
	Reason      handoff.EndReason `json:"reason"`
	Disposition string            `json:"disposition,omitempty"`
	// UndoSeconds is for how long it can be undone; 0 ends it at once.
	UndoSeconds int `json:"undo_seconds,omitempty"`
}

// StartCommand opens a conversation by an agent: a new one, or one that goes on from an ended one.
type StartCommand struct {
	Command
	// MessageID is the template that opens it; nil where it goes on without a word.
	MessageID *handoff.ID `json:"message_id,omitempty"`
	Type      string      `json:"type,omitempty"`
	// PreviousID is the conversation that it goes on from; nil for none.
	PreviousID *handoff.ID `json:"previous_id,omitempty"`
}
