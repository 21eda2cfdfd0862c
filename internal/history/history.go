// Package history folds the events of a conversation into what they made of it. Events are given in the order of their numbers; those
// without one, which happened after the end, come after them in the order in which they were written.
//
// It is pure, and holds no more than the state: a conversation of any length is folded page by page.
package history

import (
	"encoding/json"
	"fmt"
	"time"

	"handoff"
)

// Event is one event as its row has it.
type Event struct {
	Seq       *int64 // nil after the end
	Type      handoff.EventType
	ActorType handoff.AuthorType
	MessageID *handoff.ID
	Data      json.RawMessage
	At        time.Time
}

// State is a conversation as of its latest event. Timers that nobody sets by hand stand in no event, and so not here.
type State struct {
	Seq         int64 // of the last event that has a number
	Status      handoff.Status
	EndReason   handoff.EndReason
	Disposition string
	Assignee    *handoff.AgentRef
	Offer       *handoff.Offer
	TeamID      *handoff.ID
	Priority    handoff.Priority
	Skills      []string
	Tags        []string
	Attributes  map[string]string
	QueuedAt    *time.Time
	// ControlSince and ControlReason tell since when and why whoever holds it does so.
	ControlSince  time.Time
	ControlReason string
	SnoozedUntil  *time.Time
	ResolveAt     *time.Time
	PreviousID    *handoff.ID
	OpenedAt      time.Time
	EndedAt       *time.Time
	// LastActivityAt is when the last message was taken into the conversation, which is a moment after it was accepted.
	LastActivityAt time.Time
	UnreadCount    int32
	LastMessageID  *handoff.ID
	// LastMessageStatus is how far that message had come; empty for one that came from the contact.
	LastMessageStatus handoff.MessageStatus
}

// Begin is a conversation of which nothing has been told yet: it waits. What was said before the hand-over comes before the event that
// opens it, so the time at which it was opened is given.
func Begin(openedAt time.Time) State {
	return State{
		Status: handoff.StatusWaiting, Priority: handoff.PriorityNormal, Skills: []string{}, Tags: []string{}, Attributes: map[string]string{},
		OpenedAt: openedAt, QueuedAt: &openedAt, ControlSince: openedAt, ControlReason: reasonOpened, LastActivityAt: openedAt,
	}
}

const (
	reasonOpened   = "opened"
	reasonClaimed  = "claimed"
	reasonReleased = "released"
	reasonEnded    = "ended"
	toBot          = "bot"
)

// data is what events say of a conversation, of all types together.
type data struct {
	Reason      string             `json:"reason"`
	Control     string             `json:"control"` // the reason of the row, where Reason is somebody's own words
	Assignee    *handoff.AgentRef  `json:"assignee"`
	Agent       *handoff.AgentRef  `json:"agent"`
	To          string             `json:"to"`
	ExpiresAt   *time.Time         `json:"expires_at"`
	TeamID      *handoff.ID        `json:"team_id"`
	Priority    *string            `json:"priority"`
	Skills      *[]string          `json:"skills"`
	Tags        *[]string          `json:"tags"`
	Attributes  *map[string]string `json:"attributes"`
	Until       *time.Time         `json:"until"`
	At          *time.Time         `json:"at"`
	Disposition string             `json:"disposition"`
	Status      handoff.Status     `json:"status"`
	Kind        handoff.TimerKind  `json:"kind"`
	DueAt       *time.Time         `json:"due_at"`
	OpenedAt    *time.Time         `json:"opened_at"`
	PreviousID  *handoff.ID        `json:"previous_id"`
	UnreadCount *int32             `json:"unread_count"`
	ScheduledID *handoff.ID        `json:"scheduled_id"`
}

// Apply brings the state to what it is after e.
func (s *State) Apply(e Event) error {
	var d data
	// What an offload carries is the gateway's own, whatever its keys.
	if e.Type != handoff.EventOffloaded {
		if err := json.Unmarshal(e.Data, &d); err != nil {
			return fmt.Errorf("read the data of event %s: %w", e.Type, err)
		}
	}
	if e.Seq != nil {
		s.Seq = *e.Seq
	}
	if s.message(e, d) {
		return nil
	}
	s.control(e, d)
	s.timed(e, d)
	return s.describe(e, d)
}

// describe takes whole new values of fields, which only these events have.
func (s *State) describe(e Event, d data) error {
	switch e.Type {
	case handoff.EventOpened, handoff.EventQueued, handoff.EventUpdated, handoff.EventRead, handoff.EventTransferred:
	default:
		return nil
	}
	if d.TeamID != nil {
		s.TeamID = d.TeamID
	}
	if d.Priority != nil {
		priority, err := handoff.ParsePriority(*d.Priority)
		if err != nil {
			return err
		}
		s.Priority = priority
	}
	if d.Skills != nil {
		s.Skills = *d.Skills
	}
	if d.Tags != nil {
		s.Tags = *d.Tags
	}
	if d.Attributes != nil {
		s.Attributes = *d.Attributes
	}
	if d.UnreadCount != nil {
		s.UnreadCount = *d.UnreadCount
	}
	return nil
}
