package batch

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// A Queue merges sealed chunks by time and hands their events out in batches.
// Events with the same time leave in the order in which they were accepted. The
// zero value is an empty queue. It belongs to one goroutine.
type Queue struct {
	// srcs is ordered by the time of the next event, then by its number.
	srcs []*source
	// held are events that left their source but not the queue: the beginning
	// of a millisecond that did not fit. They precede anything as old as they.
	held  []Event
	bytes int
}

// Add puts a sealed, non-empty chunk into the queue.
func (q *Queue) Add(c *Chunk) {
	q.bytes += len(c.buf)
	q.insert(newSource(c))
}

// Empty tells whether nothing is left.
func (q *Queue) Empty() bool { return len(q.srcs) == 0 && len(q.held) == 0 }

// Bytes is about how much is queued: what the events cost in their chunks.
func (q *Queue) Bytes() int { return q.bytes }

// Cut moves the oldest events into a batch of at most one put, with room left
// for one more event of extra bytes (none if 0). The batch is as full as can be,
// unless whole asks that it ends between milliseconds, so that the next one can
// be in flight with it, see Batch.Apart; that is not to be had where one
// millisecond fills more than a batch.
//
// Texts are taken to be UTF-8: to look costs as much as to send. What is not
// makes the batch larger than it may be, and whoever writes the request halves it.
func (q *Queue) Cut(dst []Event, extra int, whole bool) Batch {
	b := Batch{Events: dst[:0], oldest: math.MaxUint64}
	c := cut{Batch: &b, room: MaxBytes, count: MaxEvents}
	if extra > 0 {
		c.room, c.count = MaxBytes-extra, MaxEvents-1
	}
	for !c.full && !q.Empty() {
		if len(q.held) > 0 && (len(q.srcs) == 0 || q.held[0].Time <= q.srcs[0].time) {
			if c.add(q.held[0]) {
				q.held = q.held[1:]
			}
			continue
		}
		s := q.srcs[0]
		if !c.run(s, q) {
			q.srcs = slices.Delete(q.srcs, 0, 1)
		} else if len(q.srcs) > 1 && q.srcs[1].before(s) {
			q.srcs = slices.Delete(q.srcs, 0, 1)
			q.insert(s)
		}
	}
	if n := len(b.Events); whole && c.split && c.mark > 0 {
		rest := b.Events[c.mark:n]
		for _, e := range rest {
			b.Bytes -= e.Size()
			c.cost -= e.Cost()
		}
		q.held = append(slices.Clone(rest), q.held...)
		b.Events = b.Events[:c.mark]
	}
	q.bytes -= c.cost
	return b
}

// A cut is a batch in the making.
type cut struct {
	*Batch
	room, count int
	cost        int  // in chunks
	mark        int  // where the last millisecond begins
	full        bool // the next event does not fit
	split       bool // it is of the last millisecond
}

// fits tells whether an event goes into the batch.
func (c *cut) fits(ms int64, size int) bool {
	n := len(c.Events)
	if n == 0 {
		return true
	}
	last := c.Events[n-1].Time
	if n == c.count || c.Bytes+size > c.room || !span(c.Events[0].Time, ms) {
		c.full, c.split = true, ms == last
		return false
	}
	if ms != last {
		c.mark = n
	}
	return true
}

// add takes one event, if it fits.
func (c *cut) add(e Event) bool {
	if !c.fits(e.Time, e.Size()) {
		return false
	}
	c.Events = append(c.Events, e)
	c.Bytes += e.Size()
	c.cost += e.Cost()
	c.oldest = min(c.oldest, e.Chunk.ID)
	return true
}

// run takes events from the first source of q while they are due and fit. It
// tells whether the source has more. What is written out here is add for each of
// them: a put has thousands.
func (c *cut) run(s *source, q *Queue) (more bool) {
	// Up to this time the source is alone.
	until := int64(math.MaxInt64)
	if len(q.srcs) > 1 {
		until = q.srcs[1].time
	}
	if len(q.held) > 0 {
		until = min(until, q.held[0].Time)
	}
	evs, bytes, cost, mark := c.Events, c.Bytes, c.cost, c.mark
	last := int64(math.MinInt64)
	if n := len(evs); n > 0 {
		last = evs[n-1].Time
	}
	more = true
	for {
		e := s.chunk.event(s.pos)
		size := e.Size()
		if e.Time != last {
			mark = len(evs)
		}
		if n := len(evs); n > 0 && (n == c.count || bytes+size > c.room || !span(evs[0].Time, e.Time)) {
			c.full, c.split = true, e.Time == last
			break
		}
		last = e.Time
		evs = append(evs, e)
		bytes += size
		cost += e.Cost()
		if !s.next() {
			more = false
			break
		}
		if s.time >= until && (len(q.held) > 0 && q.held[0].Time <= s.time || len(q.srcs) > 1 && q.srcs[1].before(s)) {
			break
		}
	}
	c.Events, c.Bytes, c.cost, c.mark = evs, bytes, cost, mark
	c.oldest = min(c.oldest, s.chunk.ID)
	return more
}

// Until moves every event of the chunks up to id into a queue of its own.
func (q *Queue) Until(id uint64) *Queue {
	old := new(Queue)
	q.srcs = slices.DeleteFunc(q.srcs, func(s *source) bool {
		if s.chunk.ID > id {
			return false
		}
		old.srcs = append(old.srcs, s)
		return true
	})
	q.held = slices.DeleteFunc(q.held, func(e Event) bool {
		if e.Chunk.ID > id {
			return false
		}
		old.held = append(old.held, e)
		return true
	})
	q.bytes, old.bytes = q.count(), old.count()
	return old
}

func (q *Queue) count() int {
	n := 0
	for _, s := range q.srcs {
		n += s.left()
	}
	for _, e := range q.held {
		n += e.Cost()
	}
	return n
}

func (q *Queue) insert(s *source) {
	i := sort.Search(len(q.srcs), func(i int) bool { return s.before(q.srcs[i]) })
	q.srcs = slices.Insert(q.srcs, i, s)
}

// A source walks the records of one chunk by time, stably.
type source struct {
	chunk *Chunk
	time  int64    // of the next record
	pos   uint32   // of the next record
	order []uint32 // records from the next on by time, for a chunk that is not sorted
}

func newSource(c *Chunk) *source {
	s := &source{chunk: c}
	if c.unsorted {
		for off := uint32(0); int(off) < len(c.buf); {
			s.order = append(s.order, off)
			off += uint32(c.event(off).Cost())
		}
		// Clocks of several goroutines interleave by very little, so the
		// records are nearly in order.
		slices.SortStableFunc(s.order, func(a, b uint32) int {
			return cmp.Compare(c.time(a), c.time(b))
		})
		s.pos = s.order[0]
	}
	s.time = c.time(s.pos)
	return s
}

// next moves to the next record and tells whether there is one.
func (s *source) next() bool {
	if s.order != nil {
		if s.order = s.order[1:]; len(s.order) == 0 {
			return false
		}
		s.pos = s.order[0]
	} else if s.pos += uint32(s.chunk.event(s.pos).Cost()); int(s.pos) == len(s.chunk.buf) {
		return false
	}
	s.time = s.chunk.time(s.pos)
	return true
}

// before tells whether s is to be read before t.
func (s *source) before(t *source) bool {
	if s.time != t.time {
		return s.time < t.time
	}
	return newer(t.chunk.number(t.pos), s.chunk.number(s.pos))
}

// left is what the records from the next on cost.
func (s *source) left() int {
	if s.order == nil {
		return len(s.chunk.buf) - int(s.pos)
	}
	n := 0
	for _, off := range s.order {
		n += s.chunk.event(off).Cost()
	}
	return n
}
