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

	EventQueued         EventType = "conversation.queued"      // it waits for a person of a team, by a routing rule or the inbox's default
	EventTransferred    EventType = "conversation.transferred" // to an agent or to a team
	EventRequeued       EventType = "conversation.requeued"    // its assignee was silent or away: it is back at its place in line
	EventOffered        EventType = "conversation.offered"     // to an agent, or to the bot, who may accept
	EventOfferDeclined  EventType = "conversation.offer_declined"
	EventOfferExpired   EventType = "conversation.offer_expired"
	EventPassed         EventType = "conversation.passed" // the bot holds control
	EventSnoozed        EventType = "conversation.snoozed"
	EventWoken          EventType = "conversation.woken"     // the snooze is over
	EventResolving      EventType = "conversation.resolving" // it ends in a few seconds, unless somebody undoes it
	EventResolveUndone  EventType = "conversation.resolve_undone"
	EventResponseDue    EventType = "conversation.response_due"    // a response will be late soon
	EventResponseMissed EventType = "conversation.response_missed" // it is late
	EventWindowClosing  EventType = "conversation.window_closing"
	EventWindowClosed   EventType = "conversation.window_closed"
	EventTimerMoved     EventType = "conversation.timer_moved"
	EventUpdated        EventType = "conversation.updated" // tags, attributes or priority
	EventRead           EventType = "conversation.read"    // an agent has read what the contact wrote
	EventRated          EventType = "conversation.rated"   // by the contact

	EventMessageScheduled   EventType = "message.scheduled"
	EventMessageUnscheduled EventType = "message.unscheduled" // it was cancelled, or could not leave

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

	EventContactUpdated  EventType = "contact.updated"
	EventContactErased   EventType = "contact.erased"
	EventPresenceChanged EventType = "agent.presence_changed"

	EventEndpointDisabled EventType = "endpoint.disabled"

	EventGapFound    EventType = "ledger.gap_found"    // something is missing, or was and is mended
	EventGapRepaired EventType = "ledger.gap_repaired" // a gap that was found before is gone
)

// EventTypes lists every event type that an endpoint may subscribe to. EventNoteAdded is missing on purpose: notes never leave.
var EventTypes = []EventType{
	EventOpened, EventOffloaded, EventInactive, EventClaimed, EventReleased, EventEnded,
	EventQueued, EventTransferred, EventRequeued, EventOffered, EventOfferDeclined, EventOfferExpired, EventPassed, EventSnoozed, EventWoken,
	EventResolving, EventResolveUndone, EventResponseDue, EventResponseMissed, EventWindowClosing, EventWindowClosed, EventTimerMoved,
	EventUpdated, EventRead, EventRated, EventMessageScheduled, EventMessageUnscheduled,
	EventMessageReceived, EventMessageQueued, EventMessageDeliveredToGateway, EventMessageSent, EventMessageDelivered,
	EventMessageRead, EventMessagePlayed, EventMessageFailed, EventMessageUncertain, EventMediaReady, EventMediaFailed, EventContactErased, EventEndpointDisabled,
	EventGapFound, EventGapRepaired,
}

// MessageEvent is the event that says that a message reached status s.
func MessageEvent(s MessageStatus) EventType { return EventType("message." + string(s)) }
