package kapso

import (
	"strconv"
	"strings"
	"time"

	"handoff"
	"handoff/internal/protocol"
)

// errorUnknown is Meta's code for "something went wrong", errorReengagement that of the closed service window (support/error-codes).
const (
	errorUnknown      = 131000
	errorReengagement = 131047
)

// messageV2 is Meta's message with Kapso's own object, in the key order of its samples.
func (t *teller) messageV2(c content, status string) object {
	m := *t.Message
	message := object{
		{"id", externalID(m)}, {"timestamp", unix(t.messageTime())}, {"type", m.Type},
	}
	if c.own != nil && !ownKeys[m.Type] {
		message = message.with(m.Type, c.own)
	}
	message = append(message, c.around...)
	own := object{
		{"direction", m.Direction},
		{"status", status},
		{"processing_status", processing(m)},
		{"origin", c.origin()},
		{"has_media", hasMedia(m)},
		{"content", representation(m)},
	}
	own = append(own, mediaFields(m)...)
	if data := fileData(m); len(data) > 0 {
		own = own.with("message_type_data", data)
	}
	if t.isStatus() {
		own = own.with("statuses", t.statuses())
	}
	return message.with("kapso", own)
}

// messageTime is when the message was written; of a status, when that was reached.
func (t *teller) messageTime() time.Time {
	if t.isStatus() && !t.At.IsZero() {
		return t.At
	}
	return t.Message.At()
}

// statuses has the status that the event is about, in Meta's words. Kapso repeats the earlier ones before it; we tell each once.
func (t *teller) statuses() []object {
	m := *t.Message
	status := object{{"id", externalID(m)}, {"status", t.metaStatus()}, {"timestamp", unix(t.messageTime())}}
	if number := t.phone(); number != "" {
		status = status.with("recipient_id", number)
	} else {
		status = status.withText("recipient_user_id", t.Contact.Identity(handoff.IdentityBSUID))
	}
	if t.Type == handoff.EventMessageFailed {
		status = status.with("errors", []object{metaError(t.failure())})
	}
	return []object{status}
}

// metaStatus differs from Kapso's word for a message that was played.
func (t *teller) metaStatus() string {
	if t.Type == handoff.EventMessagePlayed {
		return string(handoff.MessagePlayed)
	}
	return statusEvents[t.Type].status
}

// metaError is a failure as Meta's statuses tell it: the code is a number. Of our own failures the closed window is the one that Meta
// has a code for. The rest get Meta's for an unknown error, and our code as the title.
func metaError(failure handoff.Failure) object {
	code, err := strconv.Atoi(failure.Code)
	title, message := splitReason(failure.Reason)
	switch {
	case err == nil:
	case failure.Code == handoff.FailureWindowClosed:
		code, title, message = errorReengagement, "Re-engagement message", failure.Reason
	default:
		code, title, message = errorUnknown, failure.Code, failure.Reason
	}
	return object{{"code", code}, {"title", title}, {"message", message}}
}

// conversationV2 has nulls where nothing has been said. A message that belongs to no conversation still says here whose it is.
func (t *teller) conversationV2() object {
	identities := object(nil).withText("phone_number", plus(t.phone())).
		withText("business_scoped_user_id", t.Contact.Identity(handoff.IdentityBSUID)).
		withText("username", t.Contact.Identity(handoff.IdentityUsername))
	if t.Conversation == nil {
		none := append(object{{"id", nil}}, identities...)
		return append(none, object{
			{"status", nil},
			{"last_active_at", nil},
			{"created_at", nil},
			{"updated_at", nil},
			{"metadata", object{}},
			{"phone_number_id", t.Inbox.PhoneNumberID},
			{"kapso", t.summary(protocol.Conversation{})},
		}...)
	}
	c := *t.Conversation
	conversation := append(object{{"id", c.ID}}, identities...)
	return append(conversation, object{
		{"status", t.conversationStatus()},
		{"last_active_at", moment(lastActive(c))},
		{"created_at", moment(c.OpenedAt)},
		{"updated_at", moment(lastActive(c))},
		{"metadata", object{}},
		{"phone_number_id", t.Inbox.PhoneNumberID},
		{"kapso", t.summary(c)},
	}...)
}

// lastActive counts the event's own message, which the conversation's time of its last activity may not do yet.
func lastActive(c protocol.Conversation) time.Time {
	last := c.LastActivityAt
	for _, at := range []*time.Time{c.LastInboundAt, c.LastOutboundAt} {
		if at != nil && at.After(last) {
			last = *at
		}
	}
	return last
}

func (t *teller) conversationStatus() string {
	if t.Type == handoff.EventEnded || t.Conversation.Status == handoff.StatusEnded {
		return "ended"
	}
	return "active"
}

func (t *teller) summary(c protocol.Conversation) object {
	var id, kind, at, text any
	if last := c.LastMessage; last != nil {
		id, kind, at, text = externalID(*last), last.Type, moment(last.At()), orNull(last.Text)
	}
	return object{
		{"contact_name", orNull(t.Contact.Name)},
		{"messages_count", c.MessagesCount},
		{"last_message_id", id},
		{"last_message_type", kind},
		{"last_message_timestamp", at},
		{"last_message_text", text},
		{"last_inbound_at", momentOrNull(c.LastInboundAt)},
		{"last_outbound_at", momentOrNull(c.LastOutboundAt)},
	}
}

// sinceMessage is the message after which nobody wrote any more.
type sinceMessage struct {
	ID         string            `json:"id"`
	ExternalID string            `json:"external_id"`
	Direction  handoff.Direction `json:"direction"`
	CreatedAt  time.Time         `json:"created_at"`
}

// since is null where nobody has written anything.
func (t *teller) since() any {
	since := t.details.SinceMessage
	if since == nil && t.Conversation.LastMessage != nil {
		last := *t.Conversation.LastMessage
		since = &sinceMessage{ID: last.ID.String(), ExternalID: last.ExternalID, Direction: last.Direction, CreatedAt: last.At()}
	}
	if since == nil {
		return nil
	}
	return object{
		{"id", since.ID}, {"whatsapp_message_id", orNull(since.ExternalID)}, {"direction", since.Direction}, {"created_at", moment(since.CreatedAt)},
	}
}

func (c content) origin() string {
	if c.echo {
		return "business_app"
	}
	return "cloud_api"
}

// externalID is the wamid; our own id until it is known.
func externalID(m protocol.Message) string {
	if m.ExternalID != "" {
		return m.ExternalID
	}
	return m.ID.String()
}

// splitReason parts what internal/meta has joined: the error's title, and its message where it says more.
func splitReason(reason string) (title, message string) {
	title, message, found := strings.Cut(reason, ": ")
	if !found {
		return reason, reason
	}
	return title, message
}

func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

func plus(number string) string {
	if number == "" {
		return ""
	}
	return "+" + number
}

// digits leaves out how WhatsApp sets a number for people: +1 (555) 123-4567.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, number)
}
