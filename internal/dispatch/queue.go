package dispatch

import (
	"sync"

	"handoff/db"
)

// queue holds wakes that wait for their signal, each conversation once: one that waits long is found by every sweep again.
type queue struct {
	wakes chan db.Wake

	mu      sync.Mutex
	waiting map[wakeKey]bool
}

func newQueue() *queue {
	return &queue{wakes: make(chan db.Wake, queueLength), waiting: map[wakeKey]bool{}}
}

// offer queues a wake, unless it waits already, and tells whether it now waits.
func (q *queue) offer(w db.Wake) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	key := wakeKey{w.InboxID, w.ContactID}
	if q.waiting[key] {
		return true
	}
	select {
	case q.wakes <- w:
		q.waiting[key] = true
		return true
	default:
		return false
	}
}

// taken forgets a wake that was received: what is accepted from now on needs a signal of its own.
func (q *queue) taken(w db.Wake) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, wakeKey{w.InboxID, w.ContactID})
}
