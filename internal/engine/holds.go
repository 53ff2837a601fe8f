package engine

import (
	"sync/atomic"
	"unsafe"

	"go.uber.org/zap/zapcore"
)

// holds counts entries that were kept back and are not accepted. An Engine has
// it from the first of them on. All that keep back write it, so it shares no
// cache line with anything.
type holds struct {
	_       [cacheLine]byte
	held    atomic.Int64 // and neither evicted nor released since
	evicted atomic.Uint64
	_       [cacheLine - 2*unsafe.Sizeof(uint64(0))]byte
}

// Place is where an entry that is kept back now stands among those of its
// millisecond: after all that this goroutine added, before what it adds next.
func (e *Engine) Place() uint32 { return uint32(e.intake.accepted().bytes()) + 1 }

// CountHeld counts an entry that was to be kept back: it was, unless it was too
// large, and had others evicted, or itself.
func (e *Engine) CountHeld(evicted int, kept bool) {
	h := e.holds.Load()
	if h == nil {
		e.holds.CompareAndSwap(nil, new(holds))
		h = e.holds.Load()
	}
	if kept && evicted != 1 {
		h.held.Add(1 - int64(evicted))
	}
	if evicted > 0 {
		h.evicted.Add(uint64(evicted))
	}
}

// AddHeld is Add for an entry that was kept back, at a Place.
func (e *Engine) AddHeld(ms int64, level zapcore.Level, text []byte, place uint32) error {
	defer e.CountReleased()
	return e.add(ms, level, text, &place)
}

// CountReleased counts an entry that was kept back and then added.
func (e *Engine) CountReleased() { e.holds.Load().held.Add(-1) }

// counts is for Stats.
func (h *holds) counts() (held int64, evicted uint64) {
	if h == nil {
		return 0, 0
	}
	return h.held.Load(), h.evicted.Load()
}
