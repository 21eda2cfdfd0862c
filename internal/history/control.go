package history

import (
	"cmp"
	"time"

	"handoff"
)

// control applies what changes who holds the conversation.
func (s *State) control(e Event, d data) {
	switch e.Type {
	case handoff.EventOpened:
		s.opened(e, d)
	case handoff.EventQueued, handoff.EventRequeued:
		s.lineUp(e.At, d.Reason)
	case handoff.EventReleased:
		s.lineUp(e.At, reasonReleased)
	case handoff.EventClaimed:
		s.holdBy(e.At, d.Assignee, cmp.Or(d.Reason, reasonClaimed))
	case handoff.EventTransferred:
		if d.Assignee == nil {
			s.lineUp(e.At, cmp.Or(d.Control, d.Reason))
			return
		}
		s.holdBy(e.At, d.Assignee, cmp.Or(d.Control, d.Reason))
	case handoff.EventPassed:
		s.moved(e.At, cmp.Or(d.Control, d.Reason))
		s.Status, s.Assignee, s.QueuedAt = handoff.StatusBot, nil, nil
	case handoff.EventEnded:
		s.ended(e, d)
	default:
	}
}

func (s *State) opened(e Event, d data) {
	if d.OpenedAt != nil {
		s.OpenedAt, s.QueuedAt = *d.OpenedAt, d.OpenedAt
	}
	s.PreviousID = d.PreviousID
	s.moved(e.At, cmp.Or(d.Reason, reasonOpened))
}

func (s *State) holdBy(at time.Time, agent *handoff.AgentRef, reason string) {
	s.moved(at, reason)
	s.Status, s.Assignee = handoff.StatusAssigned, agent
}

// lineUp puts the conversation into the line: at its old place, if it had one.
func (s *State) lineUp(at time.Time, reason string) {
	s.moved(at, reason)
	s.Status, s.Assignee = handoff.StatusWaiting, nil
	if s.QueuedAt == nil {
		s.QueuedAt = &at
	}
}

func (s *State) moved(at time.Time, reason string) {
	s.Offer, s.SnoozedUntil, s.ControlSince, s.ControlReason = nil, nil, at, reason
}

func (s *State) ended(e Event, d data) {
	s.moved(e.At, reasonEnded)
	s.Status, s.EndReason, s.EndedAt = handoff.StatusEnded, handoff.EndReason(d.Reason), &e.At
	s.ResolveAt, s.QueuedAt = nil, nil
	s.Disposition = cmp.Or(d.Disposition, s.Disposition)
}

// timed applies what is over at a time that somebody gave.
func (s *State) timed(e Event, d data) {
	switch e.Type {
	case handoff.EventOffered:
		s.Offer = &handoff.Offer{}
		if d.To != toBot {
			s.Offer.Agent = d.Agent
		}
		if d.ExpiresAt != nil {
			s.Offer.ExpiresAt = *d.ExpiresAt
		}
	case handoff.EventOfferDeclined, handoff.EventOfferExpired:
		s.Offer = nil
	case handoff.EventSnoozed:
		s.Offer, s.Status, s.SnoozedUntil = nil, handoff.StatusSnoozed, d.Until
	case handoff.EventWoken:
		s.SnoozedUntil, s.Status = nil, d.Status
		if d.Status == handoff.StatusWaiting {
			s.lineUp(e.At, d.Reason)
		}
	case handoff.EventResolving:
		s.ResolveAt, s.Disposition = d.At, d.Disposition
	case handoff.EventResolveUndone:
		s.ResolveAt, s.Disposition = nil, ""
	case handoff.EventTimerMoved:
		s.timerMoved(d)
	default:
	}
}

// timerMoved follows the timers that are part of the state. One that is cancelled has its own event beside this, an offer apart.
func (s *State) timerMoved(d data) {
	switch {
	case d.Kind == handoff.TimerOffer && d.DueAt == nil:
		s.Offer = nil
	case d.Kind == handoff.TimerOffer && s.Offer != nil:
		s.Offer = &handoff.Offer{Agent: s.Offer.Agent, ExpiresAt: *d.DueAt}
	case d.Kind == handoff.TimerSnooze && d.DueAt != nil:
		s.SnoozedUntil = d.DueAt
	case d.Kind == handoff.TimerResolve && d.DueAt != nil:
		s.ResolveAt = d.DueAt
	}
}
