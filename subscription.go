package handoff

import (
	"slices"
	"strings"
)

// Subscribed tells whether an endpoint that asks for these event types is told of an event of ours: by its name, or by a wildcard over
// it, "*" or "conversation.*". Notes never leave, whatever an endpoint asks for.
func Subscribed(eventTypes []string, t EventType) bool {
	if !slices.Contains(EventTypes, t) {
		return false
	}
	return slices.ContainsFunc(eventTypes, t.Matches)
}

// Matches tells whether a pattern means t: its name, "*", or a wildcard over its family such as "conversation.*".
func (t EventType) Matches(pattern string) bool {
	family, wildcard := strings.CutSuffix(pattern, "*")
	return pattern == string(t) || pattern == "*" || (wildcard && strings.HasSuffix(family, ".") && strings.HasPrefix(string(t), family))
}
