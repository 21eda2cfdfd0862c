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
	name := string(t)
	return slices.ContainsFunc(eventTypes, func(asked string) bool {
		prefix, family := strings.CutSuffix(asked, ".*")
		return asked == name || asked == "*" || (family && strings.HasPrefix(name, prefix+"."))
	})
}
