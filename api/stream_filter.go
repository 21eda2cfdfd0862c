package api

import (
	"slices"
	"strings"

	"handoff"
	"handoff/internal/feed"
)

// eventCursor is the name of the cursors of GET /v1/events and of its stream: one goes on where the other stopped.
const eventCursor = "events"

// allEventTypes are those that agents may read. Some of them no endpoint is told of.
var allEventTypes = append(slices.Clone(handoff.EventTypes),
	handoff.EventMessageHistory, handoff.EventNoteAdded, handoff.EventContactUpdated, handoff.EventPresenceChanged)

// eventFilter is what a caller may see of what it asks for: a key that is bound to an inbox sees that inbox only.
func eventFilter(k *caller, inbox, conversation handoff.ID, types string) (feed.Filter, error) {
	filter := feed.Filter{InboxID: given(inbox), ConversationID: given(conversation)}
	if k.InboxID != nil {
		if filter.InboxID != nil && *filter.InboxID != *k.InboxID {
			return filter, handoff.Errorf(handoff.CodeForbidden, "this key is bound to another inbox than inbox_id")
		}
		filter.InboxID = k.InboxID
	}
	var err error
	filter.Types, err = expandTypes(types)
	return filter, err
}

// expandTypes gives the event types of a comma list that may hold wildcards. It is nil for all of them.
func expandTypes(text string) ([]string, error) {
	if text == "" {
		return nil, nil
	}
	var types []string
	for pattern := range strings.SplitSeq(text, ",") {
		pattern = strings.TrimSpace(pattern)
		if pattern == "*" {
			return nil, nil
		}
		before := len(types)
		for _, t := range allEventTypes {
			if t.Matches(pattern) {
				types = append(types, string(t))
			}
		}
		if len(types) == before {
			return nil, badParameter("query.types", "there is no such event type: use conversation.claimed, say, or conversation.*, with commas between several")
		}
	}
	return types, nil
}
