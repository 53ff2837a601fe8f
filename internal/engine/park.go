package engine

// What follows is how an Engine starts and ends its sender.

// wakeSenderLocked has the sender look, and makes one if there is none.
func (e *Engine) wakeSenderLocked() {
	if e.sender == nil {
		e.sender = newSender(e)
		go e.sender.run()
		return
	}
	e.sender.wake()
}

// parkedLocked is what the last sender left. It counts as buffered.
func (e *Engine) parkedLocked() tally {
	if e.parked == nil {
		return 0
	}
	return e.parked.tally()
}

// unpark gives a new sender what the last one left.
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

// parkLocked ends the sender, if what it has queued can wait.
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
