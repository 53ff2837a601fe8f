package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// What follows is the part of sender that says whether puts go side by side.

// A latency is how long puts took of late. It falls at once and rises by degrees: a
// put that found the processors busy says nothing about the service.
type latency time.Duration

// note takes the latency of one more put.
func (l *latency) note(last time.Duration) {
	if *l > 0 {
		last = min(last, time.Duration(*l)*5/4)
	}
	*l = latency(last)
}

// long reports whether one more put beside so many would spend its time waiting for
// its answer. Puts that compete for the processors take longer, too, but each no
// more than a short one for every other.
func (l latency) long(flying int) bool {
	return time.Duration(l) >= longLatency*time.Duration(flying+1)
}

// longLatency is worth puts side by side, which then end between milliseconds
// and are not quite as full.
const longLatency = 10 * time.Millisecond

// parallelLocked reports whether puts may go side by side. That is for when somebody
// waits or a lot has gathered: otherwise the next put is fuller if it waits for the
// last. And each takes memory for its body. When events take the most, one goes beside
// others if there is that memory, and if it spends its time waiting for its answer: that
// makes room soonest.
func (s *sender) parallelLocked(waiting bool) bool {
	in := &s.engine.intake
	switch {
	case !waiting && s.queue.Bytes()+in.bufferedLocked().bytes() < s.engine.limits.parallelFrom():
		return false
	case s.engine.shelf != nil && in.roomToSendLocked() < 0:
		return false
	}
	return !in.tightLocked() || s.latency.long(len(s.flying)) &&
		in.memory.pendingLocked().bytes()+requestBytes(batch.MaxBytes)-s.spare <= s.engine.limits.maxPending
}

// requestBytes is the memory of a request whose events have so many bytes.
func requestBytes(size int) int { return size * 5 / 4 }

// reserveRequest takes memory for a request, which may be under way for long while
// callers fill what is left. What the last ones had is taken over: a caller would fill
// it meanwhile. It is no more than an eighth of all, or a small MaxPending would be
// nothing but requests.
func (s *sender) reserveRequest(size int) (bytes int) {
	bytes = min(requestBytes(size), s.engine.limits.maxPending/8)
	over := min(s.spare, bytes)
	s.spare -= over
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.engine.intake.memory.reserveLocked(bytes - over)
	return bytes
}

// freeSpare gives back what no request takes over. Mostly that is nothing, and worth no
// lock.
func (s *sender) freeSpare() {
	if s.spare == 0 {
		return
	}
	s.engine.mu.Lock()
	defer s.engine.mu.Unlock()
	s.freeSpareLocked()
}

// freeSpareLocked wakes callers only if there is something for them: they would wake
// the sender again, and so on.
func (s *sender) freeSpareLocked() {
	if s.spare > 0 {
		s.engine.intake.memory.unreserveLocked(s.spare)
		s.spare = 0
	}
}
