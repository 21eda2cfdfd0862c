package admin

import (
	"slices"
	"strings"

	"handoff"
	"handoff/db/dbsqlc"
	"handoff/internal/protocol"
	"handoff/internal/protocol/kapso"
	"handoff/internal/protocol/passthrough"
)

// What an endpoint gets: events, or Meta's webhooks as they came.
const (
	PayloadEvents = "events"
	PayloadMeta   = "meta"
)

// How an endpoint's webhooks are repeated: over three days, or not at all.
const (
	RetryDurable = "durable"
	RetryNone    = "none"
)

// What kind of key is generated to sign an endpoint's webhooks: a shared secret, or one of which the receiver has the public half only.
const (
	KeyHMAC    = "hmac"
	KeyEd25519 = "ed25519"
)

// In which order an endpoint gets its webhooks: a failed one holds up those behind it, or does not.
const (
	OrderingStrict     = "strict"
	OrderingBestEffort = "best_effort"
)

const (
	eventMeta      = passthrough.EventMeta
	defaultVersion = kapso.V2
	maxSecret      = 500

	maxRateLimit       = 1000
	maxMaxInFlight     = 1000
	defaultMaxInFlight = 10
)

// EndpointFields is what an endpoint is given. In a new endpoint an absent field has its default; in a change it stays as it is.
type EndpointFields struct {
	URL        *string
	EventTypes *[]string
	Headers    *map[string]string
	State      *handoff.EndpointState
	// Secret signs the webhooks: whsec_… or whsk_…, of a new endpoint only. One is generated if it is absent.
	Secret *string
	// KeyType is what is generated, KeyHMAC or KeyEd25519; the former if it is absent. Of a new endpoint only.
	KeyType *string
	// Payload is PayloadEvents or PayloadMeta.
	Payload *string
	// PayloadVersion is v1 or v2 of Kapso's events.
	PayloadVersion *string
	// VendorSecret signs the webhooks as the inbox's vendor does; empty removes it.
	VendorSecret *string
	Retry        *string
	Buffer       *Buffer
	// Ordering is OrderingStrict or OrderingBestEffort.
	Ordering *string
	// RateLimit is how many attempts a second leave for it, over all workers; 0 is no limit.
	RateLimit *int
	// MaxInFlight is how many attempts each worker process makes at once.
	MaxInFlight *int
	// InactivityMinutes is after how long a silence the endpoint is told; 0 is never.
	InactivityMinutes *int

	// Unchecked saves without trying the URL.
	Unchecked bool
}

// Buffer says that webhooks of one conversation are held back and sent together. A zero field has Kapso's default.
type Buffer struct {
	WindowSeconds *int // 0 is no buffer
	Max           int
	Events        []string
}

// Which protocols' endpoints take what.
var (
	metaPayload   = []handoff.Protocol{handoff.ProtocolKapso, handoff.ProtocolPassthrough}
	vendorSecrets = []handoff.Protocol{handoff.ProtocolAksita, handoff.ProtocolKapso}
	onlyKapso     = []handoff.Protocol{handoff.ProtocolKapso}
)

func takesMeta(p handoff.Protocol) bool         { return slices.Contains(metaPayload, p) }
func takesVendorSecret(p handoff.Protocol) bool { return slices.Contains(vendorSecrets, p) }
func takesBuffer(p handoff.Protocol) bool       { return slices.Contains(onlyKapso, p) }
func takesVersion(p handoff.Protocol) bool      { return slices.Contains(onlyKapso, p) }

// newEndpoint has the defaults of a protocol.
func newEndpoint(p protocol.Protocol) dbsqlc.Endpoint {
	row := dbsqlc.Endpoint{
		EventTypes: p.Defaults, State: handoff.EndpointEnabled, Transport: handoff.TransportWebhook, Payload: PayloadEvents,
		PayloadVersion: defaultVersion, Retry: RetryDurable, BufferEvents: []string{}, Ordering: OrderingStrict, MaxInFlight: defaultMaxInFlight,
	}
	if len(row.EventTypes) == 0 {
		row.EventTypes = []string{"*"} // the vendor itself gets no webhooks: whoever else asks, asks for our events
	}
	if p.Name == handoff.ProtocolPassthrough {
		row.Payload = PayloadMeta
	}
	return row
}

// applyEndpoint writes the fields into the row, the sealed ones apart, and says what is wrong with what comes out.
func (a Admin) applyEndpoint(row *dbsqlc.Endpoint, p protocol.Protocol, f EndpointFields) error {
	var c check
	set(&row.URL, f.URL)
	if err := a.CheckURL(row.URL); err != nil {
		c.fault("url", "%v", err)
	}
	if f.Headers != nil {
		if err := a.CheckHeaders(*f.Headers); err != nil {
			c.fault("headers", "%v", err)
		}
	}
	told := !row.CreatedAt.IsZero() && slices.Contains(row.EventTypes, kapso.EventConversationInactive)
	c.payload(row, p, f)
	c.vendor(row, p, f)
	if f.Retry != nil {
		row.Retry = c.choice("retry", *f.Retry, RetryDurable, RetryNone)
	}
	c.limits(row, f)
	c.buffer(row, p, f.Buffer)
	c.inactivity(row, f.InactivityMinutes, told)
	if f.State != nil && *f.State != row.State {
		c.state(row, *f.State)
	}
	return c.err()
}

func (c *check) choice(field, given string, known ...string) string {
	if !slices.Contains(known, given) {
		c.fault(field, "there is no %s %.60q: use %s", field, given, strings.Join(known, " or "))
	}
	return given
}

// limits settles in which order webhooks are sent, how fast, and how many at once.
func (c *check) limits(row *dbsqlc.Endpoint, f EndpointFields) {
	if f.Ordering != nil {
		row.Ordering = c.choice("ordering", *f.Ordering, OrderingStrict, OrderingBestEffort)
	}
	if f.RateLimit != nil {
		if *f.RateLimit < 0 || *f.RateLimit > maxRateLimit {
			c.fault("rate_limit", "rate_limit is %d: it must be 1 to %d attempts a second, or 0 for no limit", *f.RateLimit, maxRateLimit)
		}
		limit := int32(min(max(*f.RateLimit, 0), maxRateLimit))
		if row.RateLimit = &limit; limit == 0 {
			row.RateLimit = nil
		}
	}
	if f.MaxInFlight != nil {
		c.within("max_in_flight", *f.MaxInFlight, 1, maxMaxInFlight)
		row.MaxInFlight = int32(min(max(*f.MaxInFlight, 1), maxMaxInFlight))
	}
}

// payload settles what the endpoint gets, and of what kind.
func (c *check) payload(row *dbsqlc.Endpoint, p protocol.Protocol, f EndpointFields) {
	was := row.Payload
	if f.Payload != nil {
		row.Payload = c.choice("payload", *f.Payload, PayloadEvents, PayloadMeta)
	}
	switch {
	case row.Payload == PayloadMeta && !takesMeta(p.Name):
		c.fault("payload", "the payload meta belongs to inboxes of %s, and this one speaks %s: leave payload out", listed(metaPayload), p.Name)
		return
	case row.Payload == PayloadEvents && p.Name == handoff.ProtocolPassthrough:
		c.fault("payload", "an inbox of passthrough has no events: its endpoints get Meta's webhooks as they came; leave payload out")
		return
	case row.Payload == PayloadMeta:
		if f.EventTypes != nil && !slices.Equal(*f.EventTypes, []string{eventMeta}) {
			c.fault("event_types", "an endpoint with the payload meta gets every webhook of Meta's, and has the event type meta: leave event_types out")
		}
		row.EventTypes = []string{eventMeta}
		return
	case was == PayloadMeta:
		row.EventTypes = p.Defaults
	}
	set(&row.EventTypes, f.EventTypes)
	row.EventTypes = c.eventTypes(row.EventTypes, KnownEventTypes(p))
}

// vendor checks what only some vendors' webhooks have.
func (c *check) vendor(row *dbsqlc.Endpoint, p protocol.Protocol, f EndpointFields) {
	c.belongs("vendor_secret", f.VendorSecret != nil, p.Name, vendorSecrets)
	if f.VendorSecret != nil {
		c.text("vendor_secret", *f.VendorSecret, maxSecret)
	}
	c.belongs("payload_version", f.PayloadVersion != nil, p.Name, onlyKapso)
	if f.PayloadVersion != nil {
		row.PayloadVersion = c.choice("payload_version", *f.PayloadVersion, kapso.V1, kapso.V2)
	}
}

// buffer settles what is held back and sent together.
func (c *check) buffer(row *dbsqlc.Endpoint, p protocol.Protocol, b *Buffer) {
	if row.Payload == PayloadMeta {
		row.BufferSeconds, row.BufferSize, row.BufferEvents = nil, nil, []string{}
	}
	if b == nil {
		return
	}
	c.belongs("buffer", true, p.Name, onlyKapso)
	if row.Payload == PayloadMeta {
		c.fault("buffer", "Meta's webhooks are passed on as they come and never buffered: leave buffer out")
		return
	}
	window, size, events := int(kapso.DefaultBufferWindow.Seconds()), kapso.DefaultBufferSize, []string{kapso.EventMessageReceived}
	set(&window, b.WindowSeconds)
	if window == 0 {
		row.BufferSeconds, row.BufferSize, row.BufferEvents = nil, nil, []string{}
		return
	}
	if b.Max != 0 {
		size = b.Max
	}
	if len(b.Events) > 0 {
		events = sorted(b.Events)
	}
	c.within("buffer.window_seconds", window, int(kapso.MinBufferWindow.Seconds()), int(kapso.MaxBufferWindow.Seconds()))
	c.within("buffer.max", size, kapso.MinBufferSize, kapso.MaxBufferSize)
	for _, event := range events {
		if !kapso.Bufferable(event) {
			c.fault("buffer.events", "webhooks of %.60q are not buffered: use %s and %s", event, kapso.EventMessageReceived, kapso.EventMessageSent)
		}
	}
	seconds, most := int32(min(max(window, 0), 3600)), int32(min(max(size, 0), 3600))
	row.BufferSeconds, row.BufferSize, row.BufferEvents = &seconds, &most, events
}

func toldOfSilence(row *dbsqlc.Endpoint) bool {
	return slices.ContainsFunc(row.EventTypes, func(t string) bool {
		return t == kapso.EventConversationInactive || t == string(handoff.EventInactive) || t == "*" || t == "conversation.*"
	})
}

// inactivity settles after how long a silence the endpoint is told. told says that it was told already, or was not to be.
func (c *check) inactivity(row *dbsqlc.Endpoint, minutes *int, told bool) {
	if minutes == nil {
		fitInactivity(row, told)
		return
	}
	if !toldOfSilence(row) {
		c.fault("inactivity_minutes", "inactivity_minutes belongs to endpoints that subscribe to %s or %s: add it to event_types, or leave it out",
			kapso.EventConversationInactive, handoff.EventInactive)
		return
	}
	c.within("inactivity_minutes", *minutes, 0, kapso.MaxInactivityMinutes)
	given := int32(min(max(*minutes, 0), kapso.MaxInactivityMinutes))
	if row.InactivityMinutes = &given; given == 0 {
		row.InactivityMinutes = nil
	}
}

// fitInactivity ends what an endpoint cannot be told of any more, and gives one that has newly subscribed to Kapso's event Kapso's time.
func fitInactivity(row *dbsqlc.Endpoint, told bool) {
	if !toldOfSilence(row) {
		row.InactivityMinutes = nil
		return
	}
	if row.InactivityMinutes == nil && !told && slices.Contains(row.EventTypes, kapso.EventConversationInactive) {
		minutes := int32(kapso.DefaultInactivityMinutes)
		row.InactivityMinutes = &minutes
	}
}
