package native

import (
	"strings"

	"github.com/google/uuid"

	"handoff"
)

const (
	maxFailureCode   = 100
	maxFailureReason = 1000
)

// ParseStatuses reads a StatusBody or a StatusesBody. Our own id of the message comes out as Status.CallbackData; ExternalID is
// empty where the gateway gives no id of its own. The errors are malformed, invalid and too_large.
func ParseStatuses(body []byte) ([]handoff.Item, error) {
	return readMany(body, "statuses", readStatus)
}

func readStatus(f *fields) handoff.Item {
	item := handoff.Item{Kind: handoff.ItemStatus, ExternalID: f.id("external_id")}
	if f.has("contact") {
		item.Contact = readContact(f)
	}
	if !f.has("status") {
		f.fault("status", "is missing: give sent, delivered, read, played or failed")
	}
	s := &handoff.ItemStatusBody{
		Status: handoff.MessageStatus(f.choice("status", string(handoff.MessageSent), string(handoff.MessageDelivered), string(handoff.MessageRead),
			string(handoff.MessagePlayed), string(handoff.MessageFailed))),
		At: f.timestamp(), CallbackData: readMessageID(f),
	}
	if !f.has("message_id") && !f.has("external_id") {
		f.fault("message_id", "is missing: say which message, by our id of it, or by yours as external_id")
	}
	s.Failure = readFailure(f, s.Status)
	item.Status = s
	return item
}

func readMessageID(f *fields) string {
	written := f.text("message_id", maxID)
	if written == "" && !f.has("message_id") {
		return ""
	}
	id, err := uuid.Parse(written)
	if err != nil {
		f.fault("message_id", "has to be our id of the message, such as 01980000-0000-7000-8000-000000000001")
		return ""
	}
	return id.String()
}

// readFailure gives every failed message a code and a reason.
func readFailure(f *fields, status handoff.MessageStatus) *handoff.Failure {
	failure := handoff.Failure{}
	if o := f.object("failure"); o != nil {
		failure.Code, failure.Reason = strings.TrimSpace(o.text("code", maxFailureCode)), strings.TrimSpace(o.text("reason", maxFailureReason))
		o.done()
		if status != handoff.MessageFailed && !f.faulty("status") {
			f.fault("failure", "belongs to the status failed")
		}
	}
	if status != handoff.MessageFailed {
		return nil
	}
	if failure.Code == "" {
		failure.Code = "unknown"
	}
	if failure.Reason == "" {
		failure.Reason = "the gateway gave no reason"
	}
	return &failure
}
