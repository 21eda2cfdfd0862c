package workflows

import (
	"handoff"
	"handoff/activities"
)

// Input is the payload of an update.
type Input interface {
	UpdateName() string
	Common() CommandInput
}

// CommandInput is what every update carries. CommandID makes the command idempotent beyond the run: the same id has the same
// outcome for eight days.
type CommandInput struct {
	CommandID      string        `json:"command_id"`
	ConversationID handoff.ID    `json:"conversation_id"`
	Actor          handoff.Actor `json:"actor"`
	// Expect is the version of the conversation that the command is for; 0 for any.
	Expect int64 `json:"expect,omitempty"`
}

// Common is what the update shares with the others.
func (in CommandInput) Common() CommandInput { return in }

// ClaimInput is the payload of ClaimUpdate. The actor's agent becomes the assignee.
type ClaimInput struct{ CommandInput }

// TakeOverInput is the payload of TakeOverUpdate. An admin makes an agent the assignee, whoever it was before.
type TakeOverInput struct {
	CommandInput
	activities.Why
}

// ReleaseInput is the payload of ReleaseUpdate. The conversation goes back to the queue.
type ReleaseInput struct {
	CommandInput
	activities.Why
}

// TransferInput is the payload of TransferUpdate. It goes to another agent or team.
type TransferInput struct {
	CommandInput
	activities.Transfer
}

// OfferInput is the payload of OfferUpdate. Control is offered to an agent or to the bot.
type OfferInput struct {
	CommandInput
	activities.Offer
}

// AcceptInput is the payload of AcceptUpdate. The actor, an agent or the bot, takes what is offered.
type AcceptInput struct{ CommandInput }

// DeclineInput is the payload of DeclineUpdate. The actor does not take it.
type DeclineInput struct {
	CommandInput
	activities.Why
}

// PassInput is the payload of PassUpdate. The bot gets control.
type PassInput struct {
	CommandInput
	activities.Why
}

// ScheduleInput is the payload of ScheduleUpdate. A message is promised for later.
type ScheduleInput struct {
	CommandInput
	activities.Schedule
}

// SnoozeInput is the payload of SnoozeUpdate. The conversation is put aside.
type SnoozeInput struct {
	CommandInput
	activities.Snooze
}

// WakeInput is the payload of WakeUpdate. It comes back.
type WakeInput struct{ CommandInput }

// MoveTimerInput is the payload of MoveTimerUpdate. A timer is moved or cancelled.
type MoveTimerInput struct {
	CommandInput
	activities.MoveTimer
}

// UndoResolveInput is the payload of UndoResolveUpdate. The conversation does not end.
type UndoResolveInput struct{ CommandInput }

// ReplyInput is the payload of ReplyUpdate. The content of the message is a row before the update is sent.
type ReplyInput struct {
	CommandInput
	MessageID handoff.ID `json:"message_id"`
	Type      string     `json:"type"`
}

// UnscheduleInput is the payload of UnscheduleUpdate. The promise is taken back.
type UnscheduleInput struct {
	CommandInput
	ScheduledID handoff.ID `json:"scheduled_id"`
}

// ResolveInput is the payload of ResolveUpdate and of ResolveSignal. In the signal every field may be absent: it then ends
// whatever conversation is open, with the reason "admin".
type ResolveInput struct {
	CommandInput
	Disposition string `json:"disposition,omitempty"`
	// UndoSeconds is for how long it can be undone; 0 ends it at once.
	UndoSeconds int `json:"undo_seconds,omitempty"`
	// By and Reason are an operator's own words, in the signal only.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// Operated is what every signal of an operator's may carry: who sends it and why, in their own words, and an id under which it is
// carried out once however often it is sent.
type Operated struct {
	By        string `json:"by,omitempty"`
	Reason    string `json:"reason,omitempty"`
	CommandID string `json:"command_id,omitempty"`
}

// DeliverySignal is the payload of SkipDeliverySignal and RetryDeliverySignal. Without DeliveryID, the first delivery of every lane that
// fails is meant.
type DeliverySignal struct {
	Operated
	DeliveryID string `json:"delivery_id,omitempty"`
}

// ReassignInput is the payload of ReassignSignal. Without an agent and a team, the conversation goes back to the line.
type ReassignInput struct {
	Operated
	AgentID string `json:"agent_id,omitempty"`
	TeamID  string `json:"team_id,omitempty"`
}

// SkipInput is the payload of SkipUpdate. It needs no ConversationID.
type SkipInput struct {
	CommandInput
	DeliveryID handoff.ID `json:"delivery_id"`
}

// StartInput is the payload of StartUpdate. An agent opens a conversation; there is no ConversationID yet.
type StartInput struct {
	CommandInput
	MessageID  *handoff.ID `json:"message_id,omitempty"`
	Type       string      `json:"type,omitempty"`
	PreviousID *handoff.ID `json:"previous_id,omitempty"`
}

// UpdateName is ClaimUpdate.
func (ClaimInput) UpdateName() string { return ClaimUpdate }

// UpdateName is TakeOverUpdate.
func (TakeOverInput) UpdateName() string { return TakeOverUpdate }

// UpdateName is ReleaseUpdate.
func (ReleaseInput) UpdateName() string { return ReleaseUpdate }

// UpdateName is TransferUpdate.
func (TransferInput) UpdateName() string { return TransferUpdate }

// UpdateName is OfferUpdate.
func (OfferInput) UpdateName() string { return OfferUpdate }

// UpdateName is AcceptUpdate.
func (AcceptInput) UpdateName() string { return AcceptUpdate }

// UpdateName is DeclineUpdate.
func (DeclineInput) UpdateName() string { return DeclineUpdate }

// UpdateName is PassUpdate.
func (PassInput) UpdateName() string { return PassUpdate }

// UpdateName is ScheduleUpdate.
func (ScheduleInput) UpdateName() string { return ScheduleUpdate }

// UpdateName is SnoozeUpdate.
func (SnoozeInput) UpdateName() string { return SnoozeUpdate }

// UpdateName is WakeUpdate.
func (WakeInput) UpdateName() string { return WakeUpdate }

// UpdateName is MoveTimerUpdate.
func (MoveTimerInput) UpdateName() string { return MoveTimerUpdate }

// UpdateName is UndoResolveUpdate.
func (UndoResolveInput) UpdateName() string { return UndoResolveUpdate }

// UpdateName is ReplyUpdate.
func (ReplyInput) UpdateName() string { return ReplyUpdate }

// UpdateName is UnscheduleUpdate.
func (UnscheduleInput) UpdateName() string { return UnscheduleUpdate }

// UpdateName is ResolveUpdate.
func (ResolveInput) UpdateName() string { return ResolveUpdate }

// UpdateName is StartUpdate.
func (StartInput) UpdateName() string { return StartUpdate }

// UpdateName is SkipUpdate.
func (SkipInput) UpdateName() string { return SkipUpdate }
