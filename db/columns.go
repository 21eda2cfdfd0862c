package db

import (
	"encoding/json"
	"time"

	"handoff"
)

// OffloadColumn is what the offload column of a conversation and the content of an offload's turn hold.
type OffloadColumn struct {
	Reason  string                `json:"reason,omitempty"`
	Payload json.RawMessage       `json:"payload,omitempty"`
	Source  handoff.OffloadSource `json:"source,omitempty"`
	// BotVersion is where an offload of Chatlayer's came from.
	BotVersion string `json:"bot_version,omitempty"`
}

// WindowStart is the moment from which a contact's message opens the 24-hour service window: the vendor's time of the message,
// unless it cannot be one, and then the time at which we accepted it.
func WindowStart(sent, accepted time.Time) time.Time {
	if sent.IsZero() || sent.After(accepted) || accepted.Sub(sent) > oldestSentAt {
		return accepted
	}
	return sent
}

// StatusColumn is what the status column of a receipt item holds.
type StatusColumn struct {
	Status  handoff.MessageStatus `json:"status"`
	At      time.Time             `json:"at"`
	Failure *handoff.Failure      `json:"failure,omitempty"`
}

// Meta repeats a webhook for at most 7 days; an older time stamp is no customer's (it stands in a sample, say).
const oldestSentAt = 7 * 24 * time.Hour
