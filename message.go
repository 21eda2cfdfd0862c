package handoff

import "time"

// Direction of a message, seen from us: inbound comes from the contact.
type Direction string

// The directions.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// AuthorType says who wrote a message.
type AuthorType string

// The authors. They are also the actors of events.
const (
	AuthorContact AuthorType = "contact"
	AuthorBot     AuthorType = "bot"
	AuthorAgent   AuthorType = "agent"
	AuthorSystem  AuthorType = "system"
)

// MessageStatus is how far an outbound message has come. Inbound messages have none.
type MessageStatus string

// The states of an outbound message.
const (
	MessageQueued             MessageStatus = "queued"
	MessageDeliveredToGateway MessageStatus = "delivered_to_gateway"
	MessageSent               MessageStatus = "sent"
	MessageDelivered          MessageStatus = "delivered"
	MessageRead               MessageStatus = "read"
	MessagePlayed             MessageStatus = "played"
	MessageFailed             MessageStatus = "failed"
	MessageUncertain          MessageStatus = "uncertain"
)

var messageRank = map[MessageStatus]int{
	MessageQueued: 1, MessageDeliveredToGateway: 2, MessageSent: 3, MessageDelivered: 4, MessageRead: 5, MessagePlayed: 5,
}

// CanBecome tells whether a message may move from status s to next.
//
// Meta does not promise the order of its status webhooks, and "delivered" may never come when "read" does, so a message only
// ever climbs. A failure counts until the message is known to have been delivered; proof of a later state lifts a failure.
func (s MessageStatus) CanBecome(next MessageStatus) bool {
	rank, nextRank := messageRank[s], messageRank[next]
	if s == MessageFailed || s == MessageUncertain {
		return nextRank >= messageRank[MessageSent] || (s == MessageUncertain && next == MessageFailed)
	}
	if next == MessageFailed || next == MessageUncertain {
		return rank < messageRank[MessageDelivered]
	}
	return nextRank > rank
}

// FailureWindowClosed is the failure code of a free-form reply whose service window closed before it could leave.
const FailureWindowClosed = "window_closed"

// MediaState says where the file of a media message stands.
type MediaState string

// The states of media.
const (
	MediaPending MediaState = "pending"
	MediaReady   MediaState = "ready"
	MediaFailed  MediaState = "failed"
)

// FailureNoToken is the failure code of a file that its inbox had no access token to fetch with. It ends when one is saved.
const FailureNoToken = "no_access_token"

// MediaKept is how long Meta keeps a file that a customer sent (business-phone-numbers/media).
const MediaKept = 7 * 24 * time.Hour
