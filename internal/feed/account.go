package feed

import (
	"sort"
	"time"

	"handoff"
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

// rememberFor is how long an event is kept in memory. What inboxes keep no longer is deleted without an event for each conversation; they
// keep it for a day at least.
const rememberFor = time.Hour

// append keeps e, and forgets the oldest events beyond limit bytes. With a contact who was erased everything before goes: it is read from
// the database again, which has nothing of them.
func (a *account) append(e *Event, limit int) {
	if e.Type == handoff.EventContactErased {
		a.drop(len(a.events))
	}
	a.events = append(a.events, e)
	a.bytes += len(e.Body)
	for a.bytes > limit && len(a.events) > 0 {
		a.drop(1)
	}
}

// drop forgets the n oldest events.
func (a *account) drop(n int) {
	for _, oldest := range a.events[:n] {
		a.floor, a.bytes = oldest.Position, a.bytes-len(oldest.Body)
	}
	clear(a.events[:n])
	a.events = a.events[n:]
}

// dropBefore forgets what happened before a time.
func (a *account) dropBefore(at time.Time) {
	n := 0
	for n < len(a.events) && a.events[n].At.Before(at) {
		n++
	}
	a.drop(n)
}

// after gives at most limit events after p. It is not known what came after a position before the floor.
func (a *account) after(p Position, limit int) (events []*Event, known bool) {
	if !a.live || p.Before(a.floor) {
		return nil, false
	}
	from := sort.Search(len(a.events), func(i int) bool { return p.Before(a.events[i].Position) })
	return a.events[from:min(from+limit, len(a.events))], true
}
