package db

import (
	"fmt"

	"handoff"
)

// MaxContent is how much one message may say, in bytes, where it is told in a vendor's form: no vendor's form can say that something was
// left out. Our own can, and a passthrough's bytes go on as they are.
const MaxContent = 200 << 10

// checkSizes refuses a body with a message that is too large. Of a sender who repeats what is refused, and with it everything else in the
// body, only the message is put aside: its bytes are kept, and its item says why.
func (a *acceptance) checkSizes() error {
	refusal := &handoff.Error{Code: handoff.CodeTooLarge}
	for _, s := range a.slots {
		m := s.item.Message
		if m == nil || s.inbox == nil || s.inbox.Protocol == handoff.ProtocolNative || s.inbox.Protocol == handoff.ProtocolPassthrough {
			continue
		}
		size := max(len(m.Content), len(m.Text))
		if size <= MaxContent {
			continue
		}
		reason := fmt.Sprintf("the message %q is too large: it has %d bytes, and %d is the most that is taken", s.item.ExternalID, size, MaxContent)
		if a.receipt.Insistent {
			s.item.Kind, s.item.Message = handoff.ItemEvent, nil
			s.Kind, s.Outcome, s.Reason = handoff.ItemEvent, OutcomeRecorded, reason
			continue
		}
		if refusal.Message == "" {
			refusal.Message = reason
		}
		refusal.Details = append(refusal.Details, handoff.ErrorDetail{Location: s.item.Location, Message: reason})
	}
	if refusal.Message != "" {
		return refusal
	}
	return nil
}
