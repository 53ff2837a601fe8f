package engine

import (
	"slices"
	"time"

	"example.com/zapcw/internal/delivery"
)

// A wait is one blocked Sync, Flush, Drain or Close.
type wait struct {
	newest  uint64    // the last chunk that it waits for
	until   time.Time // when its caller gives up
	open    int       // chunks up to newest with events that are not settled
	events  int       // those events
	gaveUp  error     // why its caller waits no longer; nil while it does
	failure *failure  // what its caller returns
	done    chan struct{}
}

// waits are the blocked calls, sorted by their newest chunk (invariant 7). All methods
// expect Engine.mu to be held.
type waits struct{ list []*wait }

// addLocked adds a wait for everything that was accepted.
func (ws *waits) addLocked(newest uint64, open, events int, until time.Time, f *failure) *wait {
	w := &wait{newest: newest, until: until, open: open, events: events, failure: f, done: make(chan struct{})}
	ws.list = append(ws.list, w)
	return w
}

// removeLocked ends a wait whose caller gives up, and reports whether it was still
// waiting.
func (ws *waits) removeLocked(w *wait) bool {
	n := len(ws.list)
	ws.list = slices.DeleteFunc(ws.list, func(o *wait) bool { return o == w })
	return len(ws.list) < n
}

// settledLocked counts n events of a chunk that are settled.
func (ws *waits) settledLocked(id uint64, n int) {
	for _, w := range ws.list {
		if id <= w.newest {
			w.events -= n
		}
	}
}

// giveUpLocked has every caller give up, and returns the last chunk that
// somebody waits for.
func (ws *waits) giveUpLocked(why error) (newest uint64, _ error) {
	for _, w := range ws.list {
		w.gaveUp = why
	}
	return ws.lastLocked(), why
}

// expireLocked ends the waits for chunks up to id whose callers gave up: what is not
// settled stays in the spool, where others go on waiting for it (invariant 7).
func (ws *waits) expireLocked(id uint64) {
	ws.list = slices.DeleteFunc(ws.list, func(w *wait) bool {
		if w.gaveUp == nil || w.newest > id {
			return false
		}
		if w.events > 0 {
			w.failure = w.failure.add(delivery.Kept, w.events, w.gaveUp, nil)
		}
		close(w.done)
		return true
	})
}

// chunkClosedLocked counts a chunk whose events are all settled, and ends the waits
// that have no other.
func (ws *waits) chunkClosedLocked(id uint64) {
	ws.list = slices.DeleteFunc(ws.list, func(w *wait) bool {
		if id > w.newest {
			return false
		}
		if w.open--; w.open > 0 {
			return false
		}
		close(w.done)
		return true
	})
}

// noteFailureLocked adds a failure to every wait, and reports whether there is one.
func (ws *waits) noteFailureLocked(fate delivery.Fate, n int, why, fallbackErr error) bool {
	for _, w := range ws.list {
		w.failure = w.failure.add(fate, n, why, fallbackErr)
	}
	return len(ws.list) > 0
}

// anyLocked reports whether somebody waits.
func (ws *waits) anyLocked() bool { return len(ws.list) > 0 }

// firstLocked and lastLocked are the newest chunks of the first and the last wait,
// or 0 if nobody waits.
func (ws *waits) firstLocked() uint64 {
	if len(ws.list) == 0 {
		return 0
	}
	return ws.list[0].newest
}

func (ws *waits) lastLocked() uint64 {
	if len(ws.list) == 0 {
		return 0
	}
	return ws.list[len(ws.list)-1].newest
}

// segmentLocked is the last chunk that may share batches with the oldest buffered
// one: the newest chunk of the next wait. ok is false if nobody waits for the oldest.
// Waits that end within a second of each other count as one, so that a hundred
// goroutines in Sync do not make a hundred puts.
func (ws *waits) segmentLocked(oldest uint64) (upTo uint64, ok bool) {
	i := slices.IndexFunc(ws.list, func(w *wait) bool { return w.newest >= oldest })
	if i < 0 {
		return 0, false
	}
	until := ws.list[i].until
	for _, w := range ws.list[i:] {
		if w.until.Sub(until).Abs() > time.Second {
			break
		}
		upTo = w.newest
	}
	return upTo, true
}
