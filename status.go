package handoff

// Status says who holds a conversation.
type Status string

// The statuses of a conversation. A conversation ends once; StatusEnded is final.
const (
	StatusBot      Status = "bot"      // open, but control was passed back to the bot
	StatusWaiting  Status = "waiting"  // needs a person
	StatusAssigned Status = "assigned" // a person has it
	StatusSnoozed  Status = "snoozed"
	StatusEnded    Status = "ended"
)

// Statuses lists every status in the order in which a conversation usually meets them.
var Statuses = []Status{StatusBot, StatusWaiting, StatusAssigned, StatusSnoozed, StatusEnded}

// EndReason says why a conversation ended.
type EndReason string

// The reasons for which a conversation ends.
const (
	EndResolved   EndReason = "resolved"
	EndInactivity EndReason = "inactivity"
	EndGateway    EndReason = "gateway"
	EndAdmin      EndReason = "admin"
)

// Protocol is the wire dialect that an inbox speaks.
type Protocol string

// The protocols.
const (
	ProtocolHitlChat Protocol = "hitlchat"
)

// Scope is what an API key may do.
type Scope string

// The scopes of API keys.
const (
	ScopeGateway Scope = "gateway"
	ScopeAgent   Scope = "agent"
	ScopeAdmin   Scope = "admin"
)

// EndpointState says whether an endpoint receives webhooks.
type EndpointState string

// The states of an endpoint. Deliveries to a disabled endpoint are held, never dropped.
const (
	EndpointEnabled  EndpointState = "enabled"
	EndpointDisabled EndpointState = "disabled"
)

// DeliveryState is where an event stands on its way to one endpoint.
type DeliveryState string

// The states of a delivery.
const (
	DeliveryPending   DeliveryState = "pending"
	DeliveryDelivered DeliveryState = "delivered"
	DeliveryFailed    DeliveryState = "failed" // dead letter: visible, and can be redelivered
	DeliveryHeld      DeliveryState = "held"   // its endpoint is disabled
)
