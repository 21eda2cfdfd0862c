package handoff

// EventType names what happened. Types are dotted, so that an endpoint can ask for "conversation.*".
type EventType string

// The events of a conversation. EventEnded is always the last of its sequence.
const (
	EventOpened    EventType = "conversation.opened"
	EventOffloaded EventType = "conversation.offloaded"
	EventInactive  EventType = "conversation.inactive" // nobody wrote for the time that an endpoint asked to be told of
	EventClaimed   EventType = "conversation.claimed"
	EventReleased  EventType = "conversation.released"
	EventEnded     EventType = "conversation.ended"

	EventMessageHistory            EventType = "message.history" // said before the hand-over
	EventMessageReceived           EventType = "message.received"
	EventMessageQueued             EventType = "message.queued"
	EventMessageDeliveredToGateway EventType = "message.delivered_to_gateway"
	EventMessageSent               EventType = "message.sent"
	EventMessageDelivered          EventType = "message.delivered"
	EventMessageRead               EventType = "message.read"
	EventMessagePlayed             EventType = "message.played"
	EventMessageFailed             EventType = "message.failed"
	EventMessageUncertain          EventType = "message.uncertain"

	EventMediaReady  EventType = "media.ready"
	EventMediaFailed EventType = "media.failed"

	EventNoteAdded EventType = "note.added"

	EventEndpointDisabled EventType = "endpoint.disabled"
)

// EventTypes lists every event type that an endpoint may subscribe to. EventNoteAdded is missing on purpose: notes never leave.
var EventTypes = []EventType{
	EventOpened, EventOffloaded, EventInactive, EventClaimed, EventReleased, EventEnded,
	EventMessageReceived, EventMessageQueued, EventMessageDeliveredToGateway, EventMessageSent, EventMessageDelivered,
	EventMessageRead, EventMessagePlayed, EventMessageFailed, EventMessageUncertain, EventMediaReady, EventMediaFailed, EventEndpointDisabled,
}

// MessageEvent is the event that says that a message reached status s.
func MessageEvent(s MessageStatus) EventType { return EventType("message." + string(s)) }
