package engine

import "time"

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
// last. And each takes memory for its body, which is not there when events take the
// most, unless that is what makes room soonest.
func (s *sender) parallelLocked(waiting bool) bool {
	in := &s.engine.intake
	switch {
	case !waiting && s.queue.Bytes()+in.bufferedLocked().bytes() < s.engine.limits.parallelFrom():
		return false
	case s.engine.shelf != nil && in.roomToSendLocked() < 0:
		return false
	}
	return !in.tightLocked() || s.latency.long(len(s.flying))
}
