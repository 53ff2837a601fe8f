package zapcw

import (
	"cmp"
	"math"
	"slices"
	"time"

	"example.com/zapcw/internal/batch"
	"example.com/zapcw/internal/delivery"
)

// A queue is what the sender took and did not send yet.
type queue struct {
	batch.Queue
	since time.Time // when it was last empty
}

// ready tells whether to cut a batch: all is to go, or there is enough, or it is
// time.
func (q *queue) ready(all bool, set *settings) bool {
	return !q.Empty() && (all || q.Full() || time.Since(q.since) >= set.maxAge)
}

func (q *queue) load() load { return loadOf(q.Len(), q.Bytes()) }

// send is the sender: the one goroutine that takes the buffer, cuts batches and
// starts puts. It ends when nothing is left that is due. What gathers in the
// buffer while a put is under way goes with the next, and what is too much for a
// full put, while nothing asks for it, waits for the one that it will fill.
func (s *Syncer) send(wake <-chan struct{}) {
	var (
		set   = s.set.Load()
		queue = new(queue)
		all   bool      // what is queued goes, however little it is
		next  *flight   // cut, but not to be in flight with the others
		up    []*flight // in flight
		ended []*flight // called off, their events not spilled yet
		lost  uint64    // chunks up to this one are given up, because of
		why   error
		done  = make(chan *flight)
	)
	s.lock()
	if s.queue != nil {
		queue, s.queue = s.queue, nil
		s.base += queue.load()
	}
	s.unlock()
	for {
		s.lock()
		// Puts side by side are for when somebody waits or a lot has gathered;
		// otherwise the next put is fuller if it waits for the last. And each
		// takes memory for its body, which is not there when the rest is full.
		many := (len(s.waits) > 0 || queue.Bytes()+s.buffered().bytes() >= set.deep()) && s.held() <= set.maxPending/2
		free := len(up) == 0 || many && len(up) < set.concurrency
		late, cause := s.late, s.lateWhy
		s.late = 0
		if n := len(s.waits); late == 0 && n > 0 && set.stream.Hopeless() {
			// Unless all that is waited for is being written to the fallback.
			if id := s.waits[n-1].id; len(up) > 0 || next != nil || !queue.Empty() || s.oldest() <= id {
				late, cause = id, delivery.ErrHopeless
			}
		}
		var (
			taken []*batch.Chunk
			whole bool // all that was taken goes
			since = s.since
		)
		switch {
		case !s.due.Load():
		case late > 0:
			taken, whole = s.take(late)
		case free && len(s.waits) == 0:
			taken, whole = s.take(math.MaxUint64)
		case free && next == nil && (queue.Empty() || s.waits[0].id >= s.oldest()):
			// What one waits for does not share a batch with what came after:
			// it may have to be spilled, and that has time.
			taken, whole = s.take(s.segment())
		}
		all = all || whole
		waited := len(s.waits) > 0
		if !s.due.Load() && len(taken) == 0 && !queue.ready(all || waited, set) && next == nil && len(up) == 0 && lost == 0 && s.rest(queue) {
			s.wake = nil
			s.unlock()
			return
		}
		s.unlock()

		if queue.Empty() {
			queue.since = since
		}
		queue.Add(taken...)
		if late > 0 {
			lost, why = max(lost, late), cause
			for _, f := range up {
				if f.batch.Before(late) {
					f.cancel(why)
				}
			}
		}
		// The fallback gets what is older first.
		if lost > 0 && !slices.ContainsFunc(up, func(f *flight) bool { return f.batch.Before(lost) }) {
			slices.SortStableFunc(ended, func(f, g *flight) int { return cmp.Compare(f.batch.First(), g.batch.First()) })
			for _, f := range ended {
				for _, spill := range f.spills {
					spill()
				}
				f.batch.Free()
			}
			ended = nil
			if next != nil && next.batch.Before(lost) {
				fate, err := set.stream.GiveUp(why)
				s.settle(next, next.batch.List, fate, err)
				next = nil
			}
			s.giveUp(queue.Until(lost), why)
			lost = 0
		}
		if queue.Empty() {
			all = false
		}
		if free && lost == 0 && next == nil && queue.ready(all || waited, set) {
			// With answers that take long the next put may want to go beside
			// this one.
			next = s.cut(&queue.Queue, many || set.stream.Took() >= longAnswer)
		}
		if free && lost == 0 && next != nil && !slices.ContainsFunc(up, func(f *flight) bool { return !f.batch.Apart(next.batch) }) {
			if len(up) > 0 || next.batch.Size() > batch.MaxBytes/4 {
				s.reserve(next)
			}
			s.launch(next, done)
			up, next = append(up, next), nil
			continue
		}
		if len(up) == 0 {
			continue
		}
		select {
		case f := <-done:
			up = slices.DeleteFunc(up, func(g *flight) bool { return g == f })
			s.unreserve(f)
			if len(f.spills) > 0 {
				ended = append(ended, f)
			} else {
				f.batch.Free()
			}
		case <-wake:
		}
	}
}

// longAnswer is worth puts side by side, which then end between milliseconds and
// are not quite as full.
const longAnswer = 10 * time.Millisecond

// rest gives what is queued back to the buffer, as it were, and tells whether the
// sender may end. The caller holds all locks.
func (s *Syncer) rest(q *queue) bool {
	if q.Empty() {
		return true
	}
	if all := s.buffered() + q.load(); s.buffered() > 0 && s.full(all) {
		s.all = s.all || all.events() >= s.set.Load().maxEvents
		s.due.Store(true)
		return false
	}
	s.queue = q
	s.base -= q.load()
	s.arm(s.set.Load().maxAge - time.Since(q.since))
	return true
}

// full tells whether so much starts a send.
func (s *Syncer) full(l load) bool {
	events := l.events()
	return events >= s.set.Load().maxEvents || batch.Fills(events, l.bytes())
}

// arm starts the timer for MaxAge. The caller holds mu.
func (s *Syncer) arm(d time.Duration) {
	if s.maxAge == nil {
		s.maxAge = time.AfterFunc(d, func() {
			s.mu.Lock()
			if s.buffered() > 0 {
				s.kick(true)
			}
			s.mu.Unlock()
		})
		return
	}
	s.maxAge.Reset(d)
}

// kick makes the sender look; all says that what is there is to go, even if it
// does not fill a put. The caller holds mu.
func (s *Syncer) kick(all bool) {
	s.all = s.all || all
	s.due.Store(true)
	s.deep.Store(s.buffered().bytes() >= s.set.Load().deep())
	if s.wake == nil {
		s.wake = make(chan struct{}, 1)
		go s.send(s.wake)
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// letIn wakes whoever waits for room.
func (s *Syncer) letIn() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}

// take gives the chunks of the buffer up to id, and tells whether all of it is to
// go. The caller holds all locks.
func (s *Syncer) take(id uint64) (taken []*batch.Chunk, all bool) {
	all = s.all
	set := s.set.Load()
	size := s.buffered().bytes() / 8
	s.seal()
	s.one.size = size
	wide := s.wide()
	for i := range wide {
		wide[i].size = size / lanes
	}
	taken = s.sealed
	s.sealed = nil
	var rest load
	if slices.ContainsFunc(taken, func(c *batch.Chunk) bool { return c.ID > id }) {
		both := taken
		taken = nil
		for _, c := range both {
			if c.ID <= id {
				taken = append(taken, c)
				continue
			}
			s.sealed = append(s.sealed, c)
			rest += loadOf(c.Open, c.Len())
		}
	}
	s.base = load(s.in.Load()) - rest
	s.deep.Store(rest.bytes() >= set.deep())
	s.due.Store(s.full(rest))
	s.all = rest.events() >= set.maxEvents
	if rest == 0 {
		if s.maxAge != nil {
			s.maxAge.Stop()
			s.maxAge = nil // an idle Syncer keeps little
		}
		return taken, all
	}
	if len(s.waits) > 0 && s.waits[len(s.waits)-1].id > id {
		s.due.Store(true) // somebody waits for a part of the rest
	}
	s.arm(set.maxAge - time.Since(s.since)) // of the oldest that was there: early, not late
	return taken, all
}

// segment is the newest chunk up to which the buffer may go together: what the
// next wait is for, or what nobody waits for. Waits that end about the same time
// are one: a hundred goroutines in Sync do not make a hundred puts.
func (s *Syncer) segment() uint64 {
	oldest := s.oldest()
	i := slices.IndexFunc(s.waits, func(w *wait) bool { return w.id >= oldest })
	if i < 0 {
		return math.MaxUint64
	}
	id, until := s.waits[i].id, s.waits[i].until
	for _, w := range s.waits[i:] {
		if w.until.Sub(until).Abs() > time.Second {
			break
		}
		id = w.id
	}
	return id
}

// oldest is the first chunk of the buffer, the largest number if there is none.
// The caller holds all locks.
func (s *Syncer) oldest() uint64 {
	id := uint64(math.MaxUint64)
	for _, c := range s.sealed {
		id = min(id, c.ID)
	}
	look := func(l *lane) {
		if l.chunk != nil {
			id = min(id, l.chunk.ID)
		}
	}
	look(&s.one)
	wide := s.wide()
	for i := range wide {
		look(&wide[i].lane)
	}
	return id
}
