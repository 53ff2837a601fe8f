package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// What follows is how a sender takes back what is on the shelf.

// planReloadLocked plans what is taken from the shelf. Its turn is when nothing else is
// queued, and there is memory for its oldest chunk. If there is none, what is buffered
// is sent first, but only once.
func (s *sender) planReloadLocked(p *plan) {
	e := s.engine
	switch {
	case e.shelf.restingLocked(), !p.launch, p.expired > 0, s.expired > 0:
	case s.next != nil, !s.queue.Empty():
		p.shelfFirst = true // it has its turn when these are sent
		s.flushing = true
	case e.shelf.fitsLocked():
		if e.shelf.crowdedOutLocked() {
			e.shelveLocked()
		}
		p.shelfFirst = e.shelf.hasYieldedLocked()
		p.reload = true
	case e.shelf.hasYieldedLocked() && len(s.flying) > 0:
		p.launch = false // their memory is what it waits for
	case e.intake.bufferedLocked() > 0:
		e.shelf.yieldLocked()
		e.intake.retriggerLocked()
		s.flushing = true
	}
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
