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
	ProtocolHitlChat    Protocol = "hitlchat"    // Meta's body in, outbound_message and conversation_resolved out
	ProtocolChatlayer   Protocol = "chatlayer"   // the offloading webhook in, conversation actions out
	ProtocolAksita      Protocol = "aksita"      // the native protocol in, Aksita's human-agent webhook out
	ProtocolKapso       Protocol = "kapso"       // Meta's webhook in, Kapso-style events out; agents' messages go to Meta
	ProtocolPassthrough Protocol = "passthrough" // Meta's webhook in and, as the same bytes, out; no conversations
	ProtocolNative      Protocol = "native"      // our own JSON protocol, for any channel
)

// Protocols lists every protocol.
var Protocols = []Protocol{
	ProtocolHitlChat, ProtocolChatlayer, ProtocolAksita, ProtocolKapso, ProtocolPassthrough, ProtocolNative,
}

// Transport says how a delivery leaves.
type Transport string

// The transports. A webhook arrives at least once; a send of our own leaves once, and is "uncertain" where that cannot be known.
const (
	TransportWebhook   Transport = "webhook"   // to an endpoint of the gateway
	TransportGraph     Transport = "graph"     // to Meta's Graph API
	TransportChatlayer Transport = "chatlayer" // to Chatlayer's conversation actions
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
