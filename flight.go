package zapcw

import (
	"context"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// A flight is a batch on its way.
type flight struct {
	batch  *batch.Batch
	gap    gap // what its first event tells, if that is our own
	cancel context.CancelCauseFunc
	body   int      // memory for its request, if that is worth counting
	spills []func() // what is to be done about it after it was called off
}

// cut makes the next flight. If the stream has a gap, its first event says so.
func (s *Syncer) cut(q *batch.Queue, whole bool) *flight {
	f := new(flight)
	s.mu.Lock()
	if s.gap != nil {
		f.gap, s.gap = *s.gap, nil
	}
	s.mu.Unlock()
	if f.gap.count == 0 {
		f.batch = q.Cut(0, whole)
		return f
	}
	text := f.gap.text()
	size := batch.Size([]byte(text))
	f.batch = q.Cut(size, whole)
	if f.batch.Size()+size > batch.MaxBytes {
		// One event fills the put: the next one tells.
		s.mu.Lock()
		s.hole().merge(f.gap)
		s.mu.Unlock()
		f.gap = gap{}
		return f
	}
	f.batch.List = f.batch.Prepend(batch.OwnEvent(f.batch.First(), text))
	return f
}

// reserve takes memory for the request of a flight, which may be under way for
// long while writers fill what is left; no more than an eighth, or a small
// MaxPending would be nothing but requests.
func (s *Syncer) reserve(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.body = min(f.batch.Size()*5/4, s.set.Load().maxPending/8)
	s.bodies += f.body
	s.out.Add(uint64(-loadOf(0, f.body)))
}

func (s *Syncer) unreserve(f *flight) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies -= f.body
	s.out.Add(uint64(loadOf(0, f.body)))
	s.letIn()
}

// launch delivers a flight and gives it back through done.
func (s *Syncer) launch(f *flight, done chan<- *flight) {
	ctx, cancel := context.WithCancelCause(context.Background())
	f.cancel = cancel
	go func() {
		s.set.Load().stream.Deliver(ctx, f.batch.List, func(evs batch.List, fate delivery.Fate, err error) {
			if ctx.Err() != nil && fate.Spilled() {
				// Others that were called off may be older.
				f.spills = append(f.spills, func() { s.settle(f, evs, fate, err) })
				return
			}
			s.settle(f, evs, fate, err)
		})
		cancel(nil)
		done <- f
	}()
}

// giveUp spills what is queued.
func (s *Syncer) giveUp(q *batch.Queue, why error) {
	for !q.Empty() {
		f := &flight{batch: q.Cut(0, false)}
		fate, err := s.set.Load().stream.GiveUp(why)
		s.settle(f, f.batch.List, fate, err)
		f.batch.Free()
	}
}

// settle gives events of a flight their fate.
func (s *Syncer) settle(f *flight, evs batch.List, fate delivery.Fate, why error) {
	var (
		lost   error
		hole   gap
		events = evs.Len()
		cost   = evs.Cost()
	)
	if fate != delivery.Delivered {
		lost = s.set.Load().fallback.events(evs, fate, why)
		for e := range evs.All() {
			switch {
			case e.Own():
				hole.merge(f.gap)
			case fate.Spilled():
				hole.add(e.Time, e.Level(), fate)
			}
		}
	}

	for c, n := range evs.Chunks() {
		if c.Own() {
			events -= n
			cost -= c.Len()
		}
	}

	var some [32]*batch.Chunk
	free := some[:0]
	s.mu.Lock()
	s.out.Add(uint64(loadOf(events, cost)))
	s.fates[fate] += uint64(events)
	if fate != delivery.Delivered && events > 0 {
		s.fail(fate, uint64(events), why, lost)
	}
	if hole.count > 0 {
		s.hole().merge(hole)
	}
	for c, n := range evs.Chunks() {
		if c.Own() {
			continue
		}
		if c.Open -= n; c.Open == 0 {
			s.finish(c.ID)
			free = append(free, c)
		}
	}
	s.letIn()
	tight := s.held() > s.set.Load().maxPending/2
	s.mu.Unlock()
	if tight {
		return // free chunks would be memory too
	}
	for _, c := range free {
		c.Free()
	}
}
