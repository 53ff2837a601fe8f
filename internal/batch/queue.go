package batch

import (
	"math"
	"slices"
	"sort"
)

// A Queue merges sealed chunks by time and hands their events out in batches.
// Events with the same time leave in the order in which they were accepted. The
// zero value is an empty queue. It belongs to one goroutine.
type Queue struct {
	// srcs is ordered by the time of the next event, then by acceptance.
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
func (q *Queue) Cut(dst []Event, extra int, whole bool) Batch {
	b := Batch{Events: dst[:0], oldest: math.MaxUint64}
	room, count := MaxBytes, MaxEvents
	if extra > 0 {
		room, count = room-extra, count-1
	}
	mark := 0 // where the current millisecond begins
	for {
		e, ok := q.peek()
		if !ok {
			break
		}
		n := len(b.Events)
		size := e.Size()
		if n > 0 && (n == count || b.Bytes+size > room || !span(b.Events[0].Time, e.Time)) {
			if whole && mark > 0 && b.Events[n-1].Time == e.Time {
				q.unread(b.Events[mark:])
				for _, e := range b.Events[mark:] {
					b.Bytes -= e.Size()
				}
				b.Events = b.Events[:mark]
			}
			break
		}
		q.pop()
		if n > 0 && b.Events[n-1].Time != e.Time {
			mark = n
		}
		e.size = uint32(size)
		b.Events = append(b.Events, e)
		b.Bytes += size
		b.oldest = min(b.oldest, e.Chunk.ID)
	}
	return b
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

func (q *Queue) peek() (Event, bool) {
	if len(q.held) > 0 && (len(q.srcs) == 0 || q.held[0].Time <= q.srcs[0].head.Time) {
		return q.held[0], true
	}
	if len(q.srcs) > 0 {
		return q.srcs[0].head, true
	}
	return Event{}, false
}

// pop drops the event that peek gives.
func (q *Queue) pop() {
	if len(q.held) > 0 && (len(q.srcs) == 0 || q.held[0].Time <= q.srcs[0].head.Time) {
		q.bytes -= q.held[0].Cost()
		q.held = q.held[1:]
		return
	}
	s := q.srcs[0]
	q.bytes -= s.head.Cost()
	if !s.next() {
		q.srcs = slices.Delete(q.srcs, 0, 1)
		return
	}
	if len(q.srcs) > 1 && q.srcs[1].before(s) {
		q.srcs = slices.Delete(q.srcs, 0, 1)
		q.insert(s)
	}
}

// unread puts events that pop gave last back to the front.
func (q *Queue) unread(evs []Event) {
	for _, e := range evs {
		q.bytes += e.Cost()
	}
	q.held = append(slices.Clone(evs), q.held...)
}

func (q *Queue) insert(s *source) {
	i := sort.Search(len(q.srcs), func(i int) bool { return s.before(q.srcs[i]) })
	q.srcs = slices.Insert(q.srcs, i, s)
}

// A source walks the records of one chunk by time, stably.
type source struct {
	chunk *Chunk
	head  Event
	pos   uint32   // of the record behind head, while order is nil
	order []uint32 // records behind head by time, for a chunk that is not sorted
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
			ta, tb := c.event(a).Time, c.event(b).Time
			switch {
			case ta < tb:
				return -1
			case ta > tb:
				return 1
			}
			return 0
		})
	}
	s.next()
	return s
}

// next moves to the next record and tells whether there was one.
func (s *source) next() bool {
	if s.chunk.unsorted {
		if len(s.order) == 0 {
			return false
		}
		s.head, s.order = s.chunk.event(s.order[0]), s.order[1:]
		return true
	}
	if int(s.pos) >= len(s.chunk.buf) {
		return false
	}
	s.head = s.chunk.event(s.pos)
	s.pos += uint32(s.head.Cost())
	return true
}

// before tells whether s is to be read before t.
func (s *source) before(t *source) bool {
	if s.head.Time != t.head.Time {
		return s.head.Time < t.head.Time
	}
	return s.chunk.ID < t.chunk.ID
}

// left is what the records from head on cost.
func (s *source) left() int {
	n := s.head.Cost()
	if !s.chunk.unsorted {
		return n + len(s.chunk.buf) - int(s.pos)
	}
	for _, off := range s.order {
		n += s.chunk.event(off).Cost()
	}
	return n
}
