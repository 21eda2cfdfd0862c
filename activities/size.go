package activities

import (
	"fmt"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol/native"
)

// How large webhooks may be. Our own events say less where they would be larger, and where the rest can be read; the vendors' forms have no
// field for that, so the messages in them are limited where they come in (db.MaxContent). What is larger all the same never leaves, and
// shows as a failed delivery. Meta's webhooks that are passed on as their bytes are exempt: the bytes are the contract, up to the 4 MiB
// that intake takes.
const (
	maxWebhook = native.MaxBody
	// batchEnvelope is more than a batch adds to its parts.
	batchEnvelope = 1 << 10
)

// fit makes a failed delivery of one whose body is too large to leave. An agent's message is refused instead: the agent is there to hear it.
func (l *locked) fit(row *dbsqlc.DeliveryInsertParams) error {
	limit := maxWebhook
	if row.Buffered {
		limit -= batchEnvelope
	}
	size := len(row.Body)
	if size <= limit {
		return nil
	}
	if row.MessageID != nil {
		return handoff.Errorf(handoff.CodeInvalid, "the message is too large: its webhook would have %d bytes, and %d is the most that is sent", size, limit)
	}
	reason := fmt.Sprintf("not sent: its body would have %d bytes, and %d is the most that is sent. Read it by the API", size, limit)
	row.Body, row.Headers, row.Buffered = []byte{}, nil, false
	row.State, row.NextAttemptAt, row.Failure, row.FinishedAt = handoff.DeliveryFailed, nil, &reason, &l.now
	return nil
}
