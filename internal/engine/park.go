package engine

// What follows is how an Engine starts and ends its sender.

// wakeSenderLocked wakes the sender, and starts one if there is none.
func (e *Engine) wakeSenderLocked() {
	if e.sender == nil {
		e.sender = newSender(e)
		go e.sender.run()
		return
	}
	e.sender.wake()
}

// parkedLocked counts the events that the last sender left in its queue. They count
// as buffered.
func (e *Engine) parkedLocked() tally {
	if e.parked == nil {
		return 0
	}
	return e.parked.tally()
}

// unpark returns the queue that the last sender left, for a new one.
func (e *Engine) unpark() *queue {
	e.intake.lockAll()
	defer e.intake.unlockAll()
	q := e.parked
	if q == nil {
		q = new(queue)
		q.Daily = e.streams.daily()
		return q
	}
	e.parked = nil
	e.intake.unparkLocked(q.tally())
	return q
}

// parkLocked ends the sender if the events in its queue can wait, and reports whether
// it did.
func (e *Engine) parkLocked(q *queue) bool {
	if !e.intake.parkLocked(q.tally(), q.since) {
		return false
	}
	if !q.Empty() {
		e.parked = q
	}
	e.sender = nil
	return true
}
