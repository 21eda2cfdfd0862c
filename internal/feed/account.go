package feed

import (
	"sort"
	"time"
)

// account is what is kept of an account that has, or lately had, subscriptions.
type account struct {
	subscriptions int
	left          time.Time // when the last subscription ended
	// live accounts are read by follow. A new one is so after the next look.
	live bool
	// floor is where the memory begins: every event after it, up to the head, is in events.
	floor   Position
	events  []*Event // the oldest first
	bytes   int
	changed chan struct{} // closed, and replaced, when there is something new
}

// append keeps e, and forgets the oldest events beyond limit bytes.
func (a *account) append(e *Event, limit int) {
	a.events = append(a.events, e)
	a.bytes += len(e.Body)
	for a.bytes > limit && len(a.events) > 0 {
		oldest := a.events[0]
		a.floor, a.bytes = oldest.Position, a.bytes-len(oldest.Body)
		a.events[0] = nil
		a.events = a.events[1:]
	}
}

// after gives at most limit events after p. It is not known what came after a position before the floor.
func (a *account) after(p Position, limit int) (events []*Event, known bool) {
	if !a.live || p.Before(a.floor) {
		return nil, false
	}
	from := sort.Search(len(a.events), func(i int) bool { return p.Before(a.events[i].Position) })
	return a.events[from:min(from+limit, len(a.events))], true
}
