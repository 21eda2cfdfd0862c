// Package native speaks our own protocol, for any channel: JSON bodies in, our own events out. It is pure: bytes in, items out;
// event in, bytes out.
//
//	POST /v1/inboxes/{id}/messages   ── ParseMessages ──▶ what was said, by the contact or to the contact
//	POST /v1/inboxes/{id}/statuses   ── ParseStatuses ──▶ how far agents' messages have come
//	POST /v1/inboxes/{id}/offloads   ── ParseOffload  ──▶ the request for a person
//	POST /v1/inboxes/{id}/ends       ── ParseEnd      ──▶ the gateway says that it is over
//
// The bodies are ours, so a mistake in them is told and not guessed at: unknown fields and wrong types are refused, with their
// place. Of a list, one bad element does not spoil the others; a list with bad elements only is refused.
package native

import (
	"handoff"
	"handoff/internal/protocol"
)

// Protocol is our own dialect. Its events are those of handoff.EventTypes under their own names, and wildcards over them.
var Protocol = protocol.Protocol{
	Name:      handoff.ProtocolNative,
	Events:    eventNames(),
	Defaults:  []string{"*"},
	Carrier:   string(handoff.EventMessageQueued),
	Transport: handoff.TransportWebhook,
	Tells:     handoff.EventTypes,
	Webhooks:  Webhooks,
}

func eventNames() []string {
	var names []string
	for _, eventType := range handoff.EventTypes {
		names = append(names, string(eventType))
	}
	return names
}
