package engine

import (
	"time"

	"example.com/zapcw/internal/batch"
)

// What follows is the part of intake that says when a send starts.

// belowTriggers reports whether the last parts of a lane certainly fire no trigger.
// Half of MaxBytes: the service counts 26 bytes an event and a chunk spends 20,
// so no put is full below that.
func (in *intake) belowTriggers(l *lane, parts int) bool {
	t := l.since(in.taken)
	n := t.events()
	return n > parts && t.bytes() < batch.MaxBytes/2 &&
		(n < in.engine.limits.triggerFrom() || n < batch.MaxEvents && in.urgency.load() >= smallPut)
}

// fireTriggers starts what the last n events of a lane are to start: the timer,
// or the sender.
func (in *intake) fireTriggers(l *lane, n int) {
	t := l.since(in.taken)
	first := t.events() <= n
	u := in.engine.limits.urgencyOf(t)
	if !first && u <= in.urgency.load() {
		return
	}
	in.engine.mu.Lock()
	defer in.engine.mu.Unlock()
	if first {
		in.bufferedSince = time.Now()
		in.armLocked(0)
	}
	if u <= in.urgency.load() {
		return
	}
	in.urgency.store(u)
	if u == smallPut {
		if wait := in.engine.smallPutWaitLocked(time.Now()); wait > 0 {
			in.armLocked(wait)
			return
		}
	}
	in.engine.wakeSenderLocked()
}

// triggerLocked has what is buffered sent. With flush the last, partial batch
// goes, too.
func (in *intake) triggerLocked(flush bool) {
	in.flushing = in.flushing || flush
	in.retriggerLocked()
	in.engine.wakeSenderLocked()
}

// armLocked starts the timer: for MaxAge, or for a token that will be there after
// wait, if that is not 0 and earlier; but not before small puts may go.
func (in *intake) armLocked(wait time.Duration) {
	d := in.engine.limits.maxAge - time.Since(in.bufferedSince)
	if wait > 0 {
		d = min(d, wait)
	}
	d = max(d, in.engine.streams.waitLocked(time.Now()))
	if in.timer != nil {
		in.timer.Reset(d)
		return
	}
	in.timer = time.AfterFunc(d, func() {
		in.engine.mu.Lock()
		defer in.engine.mu.Unlock()
		switch wait := in.engine.streams.waitLocked(time.Now()); {
		case in.bufferedLocked() == 0:
		case wait > 0: // it is midnight meanwhile
			in.armLocked(wait)
		case time.Since(in.bufferedSince) >= in.engine.limits.maxAge:
			in.triggerLocked(true)
		default:
			in.engine.wakeSenderLocked()
		}
	})
}

// isTriggered reports whether what is buffered is to be sent now.
func (in *intake) isTriggered() bool { return in.urgency.load() >= sendNow }

// retriggerLocked has the sender come back for what it did not take.
func (in *intake) retriggerLocked() {
	in.urgency.store(max(sendNow, in.engine.limits.urgencyOf(in.bufferedLocked())))
}
