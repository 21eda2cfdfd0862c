package admin

import (
	"slices"
	"strings"

	"handoff"
	"handoff/internal/protocol"
)

// KnownEventTypes lists what an endpoint of a protocol may subscribe to: its vendor's events, our own, and wildcards over our own.
func KnownEventTypes(p protocol.Protocol) []string {
	if p.Name == handoff.ProtocolPassthrough {
		return p.Events
	}
	known := slices.Clone(p.Events)
	for t := range ownEventTypes() {
		known = append(known, t)
	}
	return sorted(known)
}

func ownEventTypes() map[string]bool {
	own := map[string]bool{"*": true}
	for _, t := range handoff.EventTypes {
		family, _, _ := strings.Cut(string(t), ".")
		own[string(t)], own[family+".*"] = true, true
	}
	return own
}

func sorted(types []string) []string {
	out := slices.Clone(types)
	slices.Sort(out)
	return slices.Compact(out)
}

func (c *check) eventTypes(types, known []string) []string {
	if len(types) == 0 {
		c.fault("event_types", "event_types is empty: leave it out for the default, or use some of %s", strings.Join(known, ", "))
	}
	for _, t := range types {
		if !slices.Contains(known, t) {
			c.fault("event_types", "there is no event type %.60q: use some of %s", t, strings.Join(known, ", "))
		}
	}
	return sorted(types)
}
