package handoff

// GapKind names what the ledger finds missing between what was accepted, what happened and what was sent.
type GapKind string

// The kinds of gaps. docs/doctor.md says of each what is done about it.
const (
	GapNotWoken            GapKind = "not_woken"             // something is accepted and not applied, and nobody comes for it
	GapTimerOverdue        GapKind = "timer_overdue"         // a timer of a conversation is long past
	GapDeliveryOverdue     GapKind = "delivery_overdue"      // a delivery is long due, and nobody sends it
	GapDeliveryMissing     GapKind = "delivery_missing"      // an endpoint asked for an event and has no delivery of it
	GapMessageUnsent       GapKind = "message_unsent"        // an agent's message is queued, and nothing takes it out
	GapEventMissing        GapKind = "event_missing"         // a number of a conversation's sequence has no event
	GapSequenceWrong       GapKind = "sequence_wrong"        // a conversation counts other events than there are
	GapEndNotLast          GapKind = "end_not_last"          // a conversation has ended, and its last event is another one
	GapMessageWithoutEvent GapKind = "message_without_event" // a message stands in a conversation, and no event tells of it
)

// GapKinds are all of them.
var GapKinds = []GapKind{
	GapNotWoken, GapTimerOverdue, GapDeliveryOverdue, GapDeliveryMissing, GapMessageUnsent, GapEventMissing, GapSequenceWrong, GapEndNotLast,
	GapMessageWithoutEvent,
}
