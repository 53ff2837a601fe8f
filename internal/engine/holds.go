package engine

import "sync/atomic"

// holds counts entries that were kept back and are not accepted. All that keep
// back write it, so it shares no cache line with what others read.
type holds struct {
	_       [cacheLine]byte
	held    atomic.Int64 // and neither evicted nor released since
	evicted atomic.Uint64
	_       [cacheLine]byte
}

// CountHeld counts an entry that was to be kept back: it was, unless it was too
// large, and had others evicted, or itself.
func (e *Engine) CountHeld(evicted int, kept bool) {
	if kept && evicted != 1 {
		e.holds.held.Add(1 - int64(evicted))
	}
	if evicted > 0 {
		e.holds.evicted.Add(uint64(evicted))
	}
}

// CountReleased counts an entry that was kept back and then added.
func (e *Engine) CountReleased() { e.holds.held.Add(-1) }
