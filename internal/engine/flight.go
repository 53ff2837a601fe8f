package engine

import (
	"context"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// A flight is a batch on its way to the service.
type flight struct {
	stream *delivery.Stream
	batch  *batch.Batch
	gap    gap    // what its notice reports
	notice string // sent before the events; empty if there is no gap
	cancel context.CancelCauseFunc
	memory int // bytes reserved for its request, 0 if that is not worth counting
	// deferred are the settlements of an aborted flight: older batches go to the
	// fallback first (invariant 7).
	deferred []func()
}

// newFlight cuts a batch that begins with a notice of the open gap, if there is one.
// With apart it ends between milliseconds, so that the next flight may start before
// this one has landed.
func newFlight(q *batch.Queue, e *Engine, apart bool) *flight {
	f := &flight{stream: e.streams.take(q.First()), gap: e.ledger.takeGap()}
	if f.gap.count == 0 {
		f.batch = q.Cut(0, apart)
		return f
	}
	f.notice = f.gap.notice(e.streams.place(f.gap.first, f.gap.last, q.First()))
	size := batch.Size([]byte(f.notice))
	f.batch = q.Cut(size, apart)
	if f.batch.Size()+size > batch.MaxBytes {
		// One event fills the put, so the next put has the notice (invariant 8).
		e.ledger.giveGapBack(f.gap)
		f.gap, f.notice = gap{}, ""
	}
	return f
}

// apart reports whether two flights may be in the air together: they share no
// millisecond, within which the service keeps the order of arrival (invariant 6).
func (f *flight) apart(g *flight) bool { return f.batch.Apart(g.batch) }

// before reports whether any event of the flight came in a chunk up to id.
func (f *flight) before(id uint64) bool { return f.batch.Before(id) }

// callOff aborts the attempts to deliver it.
func (f *flight) callOff(why error) { f.cancel(why) }

// deliver sends the batch to the service, and settles its events.
func (f *flight) deliver(ctx context.Context, e *Engine) {
	f.stream.Deliver(ctx, f.batch.List, f.notice, func(evs batch.List, notice bool, fate delivery.Fate, why error) {
		var g gap
		if notice && fate != delivery.Delivered {
			g = f.gap // the next batch has the notice
		}
		if ctx.Err() != nil && fate.Spilled() {
			f.deferred = append(f.deferred, func() { e.settle(evs, g, fate, why) })
			return
		}
		e.settle(evs, g, fate, why)
	})
	f.cancel(nil)
}

// land ends a flight that is delivered or was called off, and reports whether
// settlements are deferred.
func (f *flight) land() (deferred bool) {
	if len(f.deferred) > 0 {
		return true
	}
	f.batch.Free()
	return false
}

// spill carries out the deferred settlements.
func (f *flight) spill() {
	for _, settle := range f.deferred {
		settle()
	}
	f.batch.Free()
}

// first is the time of its oldest event, in milliseconds since 1970.
func (f *flight) first() int64 { return f.batch.First() }

// size is what the service counts for its events.
func (f *flight) size() int { return f.batch.Size() }
