package workflows

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/temporal"

	"handoff"
	"handoff/activities"
)

// The names below are contract: they stand in recorded histories, in operators' scripts and in the Temporal UI. They are never
// changed, and fields of payloads are only ever added.

// TaskQueue is the one task queue of workflows and activities. They share it so that an activity can start eagerly on the worker
// that asked for it, which saves a webhook about 7 ms.
const TaskQueue = "handoff"

// The workflow types.
const (
	ConversationName = "Conversation"
	ErasureName      = "Erasure"
	RetentionName    = "Retention"
	WebhookTestName  = "WebhookTest"
	LedgerName       = "Ledger" // by its schedule
)

// The signals, updates and queries of Conversation.
const (
	InboundSignal = "Inbound" // InboundInput: something was accepted; what is applied is what the rows hold
	// For operators, in the Temporal UI. Every field of these payloads may be absent, and so may the payload.
	ResolveSignal       = "Resolve"       // ResolveInput
	SkipDeliverySignal  = "SkipDelivery"  // DeliverySignal
	RetryDeliverySignal = "RetryDelivery" // DeliverySignal
	ReassignSignal      = "Reassign"      // ReassignInput

	// Every update takes the input of its name and gives an Outcome.
	ClaimUpdate       = "Claim"
	TakeOverUpdate    = "TakeOver"
	ReleaseUpdate     = "Release"
	TransferUpdate    = "Transfer"
	OfferUpdate       = "Offer"
	AcceptUpdate      = "Accept"
	DeclineUpdate     = "Decline"
	PassUpdate        = "Pass"
	ReplyUpdate       = "Reply"
	ScheduleUpdate    = "Schedule"
	UnscheduleUpdate  = "Unschedule"
	SnoozeUpdate      = "Snooze"
	WakeUpdate        = "Wake"
	MoveTimerUpdate   = "MoveTimer"
	ResolveUpdate     = "Resolve"
	UndoResolveUpdate = "UndoResolve"
	StartUpdate       = "Start"
	SkipUpdate        = "SkipDelivery"

	StateQuery = "State" // → State
)

// The search attributes of Conversation. They are written when a status changes and not for each message, because every upsert is
// an event and a write to the visibility store. None may hold personal data: they are not encrypted.
var (
	AccountAttribute      = temporal.NewSearchAttributeKeyKeyword("HandoffAccount")
	InboxAttribute        = temporal.NewSearchAttributeKeyKeyword("HandoffInbox")
	StatusAttribute       = temporal.NewSearchAttributeKeyKeyword("HandoffStatus")
	AssigneeAttribute     = temporal.NewSearchAttributeKeyKeyword("HandoffAssignee")
	TeamAttribute         = temporal.NewSearchAttributeKeyKeyword("HandoffTeam")
	LastActivityAttribute = temporal.NewSearchAttributeKeyTime("HandoffLastActivity")
	// TroubleAttribute names the hosts of the endpoints at which a conversation's webhooks are stuck.
	TroubleAttribute = temporal.NewSearchAttributeKeyKeywordList("HandoffTrouble")
)

// ConversationID is the workflow id of a contact's conversations in an inbox. It holds our ids only: a phone number would be
// shown in the Temporal UI and could not be erased.
func ConversationID(inbox, contact handoff.ID) string {
	return "conversation:" + inbox.String() + ":" + contact.String()
}

// WebhookTestID is the workflow id of a test event.
func WebhookTestID(delivery handoff.ID) string { return "webhook-test:" + delivery.String() }

// ConversationInput starts a run of Conversation.
type ConversationInput struct {
	activities.Ref
}

// InboundInput is the payload of InboundSignal. It names what was accepted for the reader of the history.
type InboundInput struct {
	Items []InboundItem `json:"items"`
}

// InboundItem names one accepted item.
type InboundItem struct {
	Kind string     `json:"kind"`
	ID   handoff.ID `json:"id"`
}

// Outcome is what an update returns.
type Outcome struct {
	Conversation activities.Conversation `json:"conversation"`
}

// State is what StateQuery returns.
type State struct {
	Conversation *activities.Conversation `json:"conversation,omitempty"`
	Lanes        []LaneState              `json:"lanes"`
	InactiveAt   *time.Time               `json:"inactive_at,omitempty"`
	// Details are the current details of the Temporal UI, in Markdown.
	Details string `json:"details,omitempty"`
}

// LaneState is one lane in State.
type LaneState struct {
	EndpointID handoff.ID `json:"endpoint_id"`
	Pending    int64      `json:"pending"`
	InFlight   bool       `json:"in_flight"`
	// LastFailure is how the latest activity of the lane failed, in the words of the operator's page.
	LastFailure string `json:"last_failure,omitempty"`
}

// WebhookTestInput starts WebhookTest.
type WebhookTestInput struct {
	activities.TestDeliveryInput
}

// NewWebhookTestInput names a delivery that belongs to no conversation.
func NewWebhookTestInput(account, delivery handoff.ID) WebhookTestInput {
	return WebhookTestInput{activities.TestDeliveryInput{AccountID: account, DeliveryID: delivery}}
}

// NewConversationInput names the contact of an inbox whose conversation a command or signal is for.
func NewConversationInput(account, inbox, contact handoff.ID) ConversationInput {
	return ConversationInput{Ref: activities.Ref{AccountID: account, InboxID: inbox, ContactID: contact}}
}

// ErasureID is the workflow id of the erasure of a contact.
func ErasureID(contact handoff.ID) string { return "erasure:" + contact.String() }

// ErasureInput starts Erasure.
type ErasureInput struct {
	activities.ErasureInput
}

// NewErasureInput names a contact and its row in the list of erasures.
func NewErasureInput(account, erasure, contact handoff.ID) ErasureInput {
	return ErasureInput{activities.ErasureInput{AccountID: account, ErasureID: erasure, ContactID: contact}}
}

// ErasureState is what ErasureQuery returns.
type ErasureState struct {
	Step   string `json:"step"`
	Rounds int    `json:"rounds"`
}

// RetentionResult is what Retention returns.
type RetentionResult struct {
	Summary string            `json:"summary"`
	Inboxes int               `json:"inboxes"`
	Deleted activities.Counts `json:"deleted"`
}

// words says it in a sentence.
func (r RetentionResult) words() string {
	if r.Inboxes == 0 {
		return "No inbox has retention_days: nothing is ever deleted."
	}
	if len(r.Deleted) == 0 {
		return fmt.Sprintf("Nothing is past its time in %d inboxes.", r.Inboxes)
	}
	parts := make([]string, 0, len(r.Deleted))
	kinds := slices.Sorted(maps.Keys(r.Deleted)) //workflowcheck:ignore
	for _, kind := range kinds {
		parts = append(parts, fmt.Sprintf("%d %s", r.Deleted[kind], strings.ReplaceAll(kind, "_", " ")))
	}
	return fmt.Sprintf("Deleted from %d inboxes: %s.", r.Inboxes, strings.Join(parts, ", "))
}
