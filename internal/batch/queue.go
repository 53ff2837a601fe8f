package batch

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// A Queue merges sealed chunks by time and hands their events out in batches.
// Events with the same time leave in the order of their sequence numbers. The
// zero value is an empty queue. It belongs to one goroutine.
type Queue struct {
	// Daily has batches end at midnight UTC.
	Daily bool

	// srcs is ordered by the time of the next event, then by its sequence number.
	srcs []*source
	// held are events that left their source but not the queue: the beginning
	// of a millisecond that did not fit. They precede anything as old as they.
	held  List
	n     int
	bytes int
}

// Add puts sealed, non-empty chunks into the queue.
func (q *Queue) Add(chunks ...*Chunk) {
	q.srcs = slices.Grow(q.srcs, len(chunks))
	srcs := make([]source, len(chunks))
	for i, c := range chunks {
		q.n += c.Open
		q.bytes += c.Len()
		srcs[i].open(c)
		q.insert(&srcs[i])
	}
}

// Empty reports whether nothing is left.
func (q *Queue) Empty() bool { return len(q.srcs) == 0 && q.held.n == 0 }

// Len is the number of events.
func (q *Queue) Len() int { return q.n }

// Bytes is what the events cost in their chunks.
func (q *Queue) Bytes() int { return q.bytes }

// First is the time of the oldest event. The queue is not empty.
func (q *Queue) First() int64 {
	if len(q.srcs) == 0 || q.held.n > 0 && q.held.First() < q.srcs[0].time {
		return q.held.First()
	}
	return q.srcs[0].time
}

// Full reports whether there is enough for a full put.
func (q *Queue) Full() bool { return Fills(q.n, q.bytes) }

// Cut moves the oldest events into a batch of at most one put, with room left
// for one more event of extra bytes (none if 0). The batch is as full as can be,
// unless whole asks that it ends between milliseconds, so that the next one can
// be in flight with it, see Batch.Apart; that is not to be had where one
// millisecond fills more than a batch.
//
// Texts are taken to be UTF-8: validating costs as much as everything else. What is not
// makes the batch larger than it may be, and whoever writes the request halves it.
func (q *Queue) Cut(extra int, whole bool) *Batch {
	b := batches.Get().(*Batch)
	b.oldest = math.MaxUint64
	c := cut{Batch: b, room: MaxBytes, count: MaxEvents, daily: q.Daily}
	if extra > 0 {
		c.room, c.count = MaxBytes-extra, MaxEvents-1
	}
	for !c.full && !q.Empty() {
		if q.held.n > 0 && (len(q.srcs) == 0 || q.held.First() <= q.srcs[0].time) {
			c.resume(q)
			continue
		}
		s := q.srcs[0]
		if !c.run(s, q) {
			s.chunk = nil // its neighbours live on
			q.srcs = slices.Delete(q.srcs, 0, 1)
		} else if len(q.srcs) > 1 && q.srcs[1].before(s) {
			q.srcs = slices.Delete(q.srcs, 0, 1)
			q.insert(s)
		}
	}
	if whole && c.split {
		if mark := b.since(c.last); mark > 0 {
			rest := b.Slice(mark, b.n)
			for _, r := range q.held.runs {
				rest.add(r)
			}
			q.held = rest
			b.List = b.Slice(0, mark)
			b.last = b.List.Last()
		}
	}
	q.n -= b.n
	q.bytes -= b.cost
	return b
}

// since is the place of the first event that is not older than ms.
func (l List) since(ms int64) int {
	i := 0
	for e := range l.All() {
		if e.Time >= ms {
			break
		}
		i++
	}
	return i
}

// A cut is a batch in the making.
type cut struct {
	*Batch
	room, count int
	daily       bool // it ends at midnight
	full        bool // the next event does not fit
	split       bool // it is of the last millisecond
}

// fits reports whether n more events of these times, which count size bytes, go
// into the batch. One always does.
func (c *cut) fits(first, last int64, n, size int) bool {
	if c.n > 0 {
		first = c.first
	} else if n == 1 {
		return true
	}
	return c.n+n <= c.count && c.Size()+size <= c.room && span(first, last) &&
		(!c.daily || Day(first) == Day(last))
}

func (c *cut) take(r run, first, last int64) {
	if c.n == 0 {
		c.first = first
	}
	c.last = last
	c.oldest = min(c.oldest, r.chunk.ID)
	c.add(r)
}

// one takes an event, if it fits.
func (c *cut) one(e Event) bool {
	if !c.fits(e.Time, e.Time, 1, e.size()) {
		c.full, c.split = true, e.Time == c.last
		return false
	}
	c.take(e.run(), e.Time, e.Time)
	return true
}

// resume takes what the queue holds of the last cut.
func (c *cut) resume(q *Queue) {
	n := 0
	for e := range q.held.All() {
		if len(q.srcs) > 0 && q.srcs[0].time < e.Time || !c.one(e) {
			break
		}
		n++
	}
	q.held = q.held.Slice(n, q.held.n)
}

// run takes events from the first source of q while they are due and fit. It
// reports whether the source has more.
func (c *cut) run(s *source, q *Queue) (more bool) {
	// From this time on others may come first.
	until := int64(math.MaxInt64)
	if len(q.srcs) > 1 {
		until = q.srcs[1].time
	}
	if q.held.n > 0 {
		until = min(until, q.held.First())
	}
	// What is left of a chunk in order may go as a whole.
	if r := s.rest(); s.order == nil && (s.chunk.last < until || !q.first(s.chunk.last, s.chunk.seq)) &&
		c.fits(s.time, s.chunk.last, int(r.n), counted(int(r.n), int(r.cost))) {
		c.take(r, s.time, s.chunk.last)
		return false
	}
	for {
		if !c.one(s.chunk.event(s.pos)) {
			return true
		}
		if !s.next() {
			return false
		}
		if s.time >= until && q.first(s.time, s.chunk.seqAt(s.pos)) {
			return true
		}
	}
}

// first reports whether something else than the first source goes before an event
// of this time and sequence number.
func (q *Queue) first(ms int64, seq uint32) bool {
	if q.held.n > 0 && q.held.First() <= ms {
		return true
	}
	return len(q.srcs) > 1 && q.srcs[1].ahead(ms, seq)
}

// Until moves every event of the chunks up to id into a queue of its own.
func (q *Queue) Until(id uint64) *Queue {
	old := &Queue{Daily: q.Daily}
	q.srcs = slices.DeleteFunc(q.srcs, func(s *source) bool {
		if s.chunk.ID > id {
			return false
		}
		old.srcs = append(old.srcs, s)
		return true
	})
	var held List
	for _, r := range q.held.runs {
		if r.chunk.ID > id {
			held.add(r)
		} else {
			old.held.add(r)
		}
	}
	q.held = held
	q.n, q.bytes = q.count()
	old.n, old.bytes = old.count()
	return old
}

func (q *Queue) count() (n, bytes int) {
	n, bytes = q.held.n, q.held.cost
	for _, s := range q.srcs {
		n += int(s.n)
		bytes += s.left()
	}
	return n, bytes
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
	n     uint32   // how many there are from it on
	order []uint32 // records from the next on by time, for a chunk that is not sorted
}

// open begins at the oldest record of a chunk.
func (s *source) open(c *Chunk) {
	s.chunk, s.n = c, uint32(c.Open)
	if c.unsorted {
		s.order = slices.AppendSeq(make([]uint32, 0, c.Open), c.offsets())
		// Clocks of several goroutines interleave by very little, so the
		// records are nearly in order.
		slices.SortStableFunc(s.order, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(c.time(a), c.time(b)), int(int32(c.seqAt(a)-c.seqAt(b))))
		})
		s.pos = s.order[0]
	}
	s.time = c.time(s.pos)
}

// next moves to the next record and reports whether there is one.
func (s *source) next() bool {
	s.n--
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

// before reports whether s is to be read before t.
func (s *source) before(t *source) bool { return s.ahead(t.time, t.chunk.seqAt(t.pos)) }

// ahead reports whether s is to be read before an event of this time and sequence number.
func (s *source) ahead(ms int64, seq uint32) bool {
	if s.time != ms {
		return s.time < ms
	}
	return newer(seq, s.chunk.seqAt(s.pos))
}

// rest is the records from the next on, of a chunk in order.
func (s *source) rest() run {
	return run{s.chunk, s.pos, s.n, uint32(len(s.chunk.buf)) - s.pos}
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
