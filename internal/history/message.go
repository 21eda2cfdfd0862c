package history

import (
	"strings"

	"handoff"
)

const messageEvents = "message."

// Arrives tells whether an event puts its message into the conversation. A message that somebody sent on the phone arrives as sent; the
// same event of the system's says how far one of ours has come.
func Arrives(e Event) bool {
	switch e.Type {
	case handoff.EventMessageHistory, handoff.EventMessageReceived, handoff.EventMessageQueued:
		return true
	case handoff.EventMessageSent:
		return e.ActorType != handoff.AuthorSystem
	default:
		return false
	}
}

// message applies events of messages, and tells whether e is one.
func (s *State) message(e Event, d data) bool {
	if e.Type == handoff.EventOffloaded {
		s.offloaded(e)
		return true
	}
	status, ok := strings.CutPrefix(string(e.Type), messageEvents)
	if !ok {
		return false
	}
	if !Arrives(e) {
		if e.MessageID != nil && s.LastMessageID != nil && *e.MessageID == *s.LastMessageID {
			s.LastMessageStatus = handoff.MessageStatus(status)
		}
		return true
	}
	s.LastMessageID, s.LastMessageStatus = e.MessageID, ""
	if e.Type == handoff.EventMessageHistory {
		return true
	}
	if e.ActorType != handoff.AuthorSystem || e.Type == handoff.EventMessageQueued {
		s.LastActivityAt = e.At
	}
	switch {
	case e.Type == handoff.EventMessageReceived:
		s.UnreadCount++
		return true
	case e.ActorType == handoff.AuthorAgent && e.Type == handoff.EventMessageQueued && d.ScheduledID == nil:
		s.UnreadCount = 0 // whoever answers has read; what leaves by itself has read nothing
	}
	s.LastMessageStatus = handoff.MessageStatus(status)
	return true
}

// offloaded counts as unread. A list shows it only where nothing was said.
func (s *State) offloaded(e Event) {
	s.UnreadCount++
	s.LastActivityAt = e.At
	if s.LastMessageID == nil {
		s.LastMessageID = e.MessageID
	}
}
