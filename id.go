package handoff

import (
	"math/big"

	"github.com/google/uuid"
)

// ID identifies everything of ours. New ones are UUIDv7, so that they sort by the time at which they were made.
type ID = uuid.UUID

// NewID makes an ID.
func NewID() ID { return uuid.Must(uuid.NewV7()) }

// NewWebhookID makes the webhook-id of one event for one endpoint: msg_ and 22 base62 digits.
//
// Standard Webhooks signs "id.timestamp.body", so the id may hold no dot; that is why it is never a wamid or any other
// foreign id.
func NewWebhookID() string {
	id := uuid.New()
	const width = 22 // 62^22 > 2^128
	digits := new(big.Int).SetBytes(id[:]).Text(62)
	for len(digits) < width {
		digits = "0" + digits
	}
	return "msg_" + digits
}
