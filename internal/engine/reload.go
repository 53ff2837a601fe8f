package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// What follows is how a sender takes back what is on the shelf.

// reloadsLocked tells whether it is the turn of what is on the shelf: nothing else
// is queued. Without memory for it, what is buffered goes first, but only once.
func (s *sender) reloadsLocked(p *plan) bool {
	e := s.engine
	switch {
	case e.shelf.restingLocked(), !p.launch, p.expired > 0, s.expired > 0:
		return false
	case s.next != nil, !s.queue.Empty():
		p.hold = true
		s.flushing = true
		return false
	case e.shelf.fitsLocked():
		e.clearWayLocked()
		p.hold = e.shelf.yielded
		return true
	case e.shelf.yielded && len(s.flying) > 0:
		p.launch = false
	case e.intake.bufferedLocked() > 0:
		e.shelf.yielded = true
		e.intake.retriggerLocked()
		s.flushing = true
	}
	return false
}

// reload takes some puts' worth of chunks from the shelf. New events wait for no
// more than that.
func (s *sender) reload() {
	room := min(s.engine.limits.maxPending/4, s.engine.limits.parallelFrom())
	for ok := true; ok; ok = room > 0 {
		c := s.engine.shelf.unshelve()
		if c == nil {
			break
		}
		room -= c.Len()
		s.queue.add([]*batch.Chunk{c}, time.Now())
	}
	s.flushing = true
}
