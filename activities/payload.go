package activities

import (
	"time"

	"handoff"
)

// The payloads of activities carry ids, states and times only: what a contact or an agent wrote stays in Postgres, so that no
// message text and no phone number enters a Temporal history. Fields are only ever added.

// Ref names the contact of an inbox whose conversation a workflow serves.
type Ref struct {
	AccountID handoff.ID `json:"account_id"`
	InboxID   handoff.ID `json:"inbox_id"`
	ContactID handoff.ID `json:"contact_id"`
}

// Snapshot is what the rows say after a write. Every write returns it whole rather than what it changed: a local activity whose
// workflow task fails is run again, and a snapshot cannot lose what the first run did.
type Snapshot struct {
	// Conversation is the open conversation, or else the last one; nil when there has been none.
	Conversation *Conversation `json:"conversation,omitempty"`
	// Lanes are the endpoints that have something to be sent to.
	Lanes []Lane `json:"lanes,omitempty"`
	// Media are files of the contact's messages that are still to be fetched.
	Media []handoff.ID `json:"media,omitempty"`
	// Label is what operators call the inbox, where it was asked for.
	Label *Label `json:"label,omitempty"`
	// More tells that accepted items are left, because a pass applies a limited number.
	More bool `json:"more,omitempty"`
}

// Label is what an operator's page shows of an inbox.
type Label struct {
	Inbox    string           `json:"inbox"`
	Protocol handoff.Protocol `json:"protocol"`
	// URL is where a conversation is shown: {conversation_id} stands for its id. Empty where nobody has said.
	URL string `json:"url,omitempty"`
}

// Conversation is the part of a conversation's row that drives time and control.
type Conversation struct {
	ID        handoff.ID        `json:"id"`
	Status    handoff.Status    `json:"status"`
	EndReason handoff.EndReason `json:"end_reason,omitempty"`
	Assignee  *handoff.AgentRef `json:"assignee,omitempty"`
	// Team is the one in whose line the conversation stands, or stood before somebody took it; nil for none.
	Team *TeamRef `json:"team,omitempty"`
	// ControlSince is since when whoever holds the conversation does so.
	ControlSince *time.Time `json:"control_since,omitempty"`
	// AwaitingSince is since when the contact waits for an answer; nil where nobody owes them one.
	AwaitingSince   *time.Time `json:"awaiting_since,omitempty"`
	Version         int64      `json:"version"`
	OpenedAt        time.Time  `json:"opened_at"`
	LastActivityAt  time.Time  `json:"last_activity_at"`
	WindowExpiresAt *time.Time `json:"window_expires_at,omitempty"`
	// InactiveAt is when inactivity ends the conversation; nil once it has ended.
	InactiveAt *time.Time `json:"inactive_at,omitempty"`
	// NoticeAt is when an endpoint is told of the silence; nil where none asks for it.
	NoticeAt *time.Time `json:"notice_at,omitempty"`
	// Windowless tells that replies may leave at any time: the protocol has no service window.
	Windowless bool `json:"windowless,omitempty"`
	// Offer is to whom control is offered; nil for nobody.
	Offer *handoff.Offer `json:"offer,omitempty"`
	// AnyoneReplies tells that the inbox lets every agent answer.
	AnyoneReplies bool `json:"anyone_replies,omitempty"`
	// Resolving tells that the conversation ends when Next is due, unless somebody undoes it.
	Resolving bool `json:"resolving,omitempty"`
	// SnoozedUntil is nil for a snooze until the contact writes.
	SnoozedUntil *time.Time `json:"snoozed_until,omitempty"`
	// Next is the earliest of the other timers; nil where there is none.
	Next *handoff.Timer `json:"next,omitempty"`
}

// TeamRef names a team.
type TeamRef struct {
	ID   handoff.ID `json:"id"`
	Name string     `json:"name"`
}

// Control is who holds the conversation.
func (c *Conversation) Control() handoff.Control {
	return handoff.Control{
		Status: c.Status, Assignee: c.Assignee, Offer: c.Offer, AnyoneReplies: c.AnyoneReplies, Resolving: c.Resolving,
		WindowExpiresAt: c.WindowExpiresAt, Windowless: c.Windowless,
	}
}

// Open tells whether the conversation goes on.
func (c *Conversation) Open() bool { return c != nil && c.Status != handoff.StatusEnded }

// Lane is one endpoint that has something to be sent to, in order.
type Lane struct {
	EndpointID handoff.ID `json:"endpoint_id"`
	Pending    int64      `json:"pending"`
	// Last is the highest position in the lane: an activity that has come this far has left nothing behind.
	Last int64 `json:"last"`
	// Urgent tells that somebody asked for an attempt now, back-off or not.
	Urgent bool `json:"urgent,omitempty"`
	// Host is where the endpoint's URL points to. The rest of the URL is confidential.
	Host string `json:"host,omitempty"`
	// Fast tells that the endpoint answers so fast that first attempts may be made within the workflow task.
	Fast bool `json:"fast,omitempty"`
	// Trouble is how the latest attempt failed, in words; empty while all goes well.
	Trouble string `json:"trouble,omitempty"`
	// Stuck tells that the first delivery has failed more than once: a retry has not helped.
	Stuck bool `json:"stuck,omitempty"`
	// FailingSince and NextAt are of the first delivery while it fails: when it was tried first, and when it is tried next.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	NextAt       *time.Time `json:"next_at,omitempty"`
}

// ApplyInboundInput asks for what is accepted and not yet applied.
type ApplyInboundInput struct {
	Ref
	Now time.Time `json:"now"`
	// Label asks for Snapshot.Label.
	Label bool `json:"label,omitempty"`
}

// Command is what every change of a conversation by hand or by a timer carries.
type Command struct {
	Ref
	// ID is made of kind and cause (the update's id, the timer's deadline), so that the same command, run again, is known.
	ID             string        `json:"id"`
	ConversationID handoff.ID    `json:"conversation_id"`
	Version        int64         `json:"version"`
	Actor          handoff.Actor `json:"actor"`
	Now            time.Time     `json:"now"`
	// Expect is the version that whoever gives the command has seen; 0 for any.
	Expect int64 `json:"expect,omitempty"`
	// Operator is set where an operator gave the command from the Temporal UI. It is kept in the audit log then.
	Operator *Operator `json:"operator,omitempty"`
}

// Operator is who gave a command from the Temporal UI, and why, in words of their own.
type Operator struct {
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Action is what the audit log calls the command.
	Action string `json:"action"`
}

// Result is what became of a command.
type Result struct {
	Snapshot
	// Stale tells that the conversation had moved on from the command's version: nothing was written.
	Stale bool `json:"stale,omitempty"`
	// Refused tells that the row does not allow the command: nothing was written.
	Refused *Refusal `json:"refused,omitempty"`
	// Deliveries counts those that a command for lanes was carried out on; 0 where it was carried out before.
	Deliveries int `json:"deliveries,omitempty"`
}

// Refusal is a refused command, in the error vocabulary.
type Refusal struct {
	Code     handoff.Code      `json:"code"`
	Message  string            `json:"message"`
	Assignee *handoff.AgentRef `json:"assignee,omitempty"`
}

// DeliverInput asks for a lane's next deliveries to be sent.
type DeliverInput struct {
	Ref
	EndpointID handoff.ID `json:"endpoint_id"`
	// Max is how many are sent by one activity at most.
	Max int `json:"max"`
	// Last is the highest position that the workflow knows of.
	Last int64 `json:"last"`
	// BusyUntil is until when a first attempt may be under way that a workflow task did not wait for; zero for none.
	BusyUntil time.Time `json:"busy_until,omitzero"`
	// Tell asks to return when an attempt has failed that was not the first, rather than to wait for the next one.
	Tell bool `json:"tell,omitempty"`
}

// DeliverResult tells how far a lane has come.
type DeliverResult struct {
	// Finished counts the deliveries that need no further attempt.
	Finished int `json:"finished"`
	// Last is the highest position that it has seen.
	Last int64 `json:"last"`
	// Lanes are the contact's lanes that have something to be sent, after this.
	Lanes []Lane `json:"lanes,omitempty"`
	// Left tells that first attempts did not do: the lane goes on with a regular activity.
	Left bool `json:"left,omitempty"`
	// BusyUntil is until when a first attempt may be under way; zero for none.
	BusyUntil time.Time `json:"busy_until,omitzero"`
}

// TestDeliveryInput asks for one delivery outside any conversation.
type TestDeliveryInput struct {
	AccountID  handoff.ID `json:"account_id"`
	DeliveryID handoff.ID `json:"delivery_id"`
}

// MediaInput asks for one file to be fetched.
type MediaInput struct {
	Ref
	MediaID handoff.ID `json:"media_id"`
}
