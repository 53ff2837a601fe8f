package zapcw

import (
	"slices"
	"time"
)

// A wait is somebody in Sync.
type wait struct {
	id     uint64 // the newest chunk that matters
	until  time.Time
	left   int // chunks up to it whose events have no fate
	failed *failure
	done   chan struct{}
}

// wait has all that was accepted sent, until then. The caller holds all locks.
func (s *Syncer) wait(until time.Time) *wait {
	s.seal()
	w := &wait{id: s.ids, until: until, left: s.live, done: make(chan struct{})}
	s.waits = append(s.waits, w)
	s.kick(true)
	return w
}

// expire ends a wait: what it waits for is spilled.
func (s *Syncer) expire(w *wait, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.left > 0 && w.id >= s.late {
		s.late, s.lateWhy = w.id, why
		s.kick(true)
	}
}

// finish counts a chunk, all of whose events have their fate, for those who
// wait. The caller holds mu.
func (s *Syncer) finish(id uint64) {
	s.live--
	s.waits = slices.DeleteFunc(s.waits, func(w *wait) bool {
		if id > w.id {
			return false
		}
		if w.left--; w.left > 0 {
			return false
		}
		close(w.done)
		return true
	})
}
