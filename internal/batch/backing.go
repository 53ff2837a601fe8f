package batch

import "math"

// A Backing is memory for the records of a chunk that outlives the process: what
// Append had finished when the process died, Recover finds.
//
// Each record has a check of its head and of its place, under a seed that no
// other use of the memory has. So a reader tells records from what was there
// before, from a record half written, and from damage, without the memory being
// cleared. Texts have no check: the death of a process does not damage them.
type Backing struct {
	Memory []byte
	// Seed is of this use of the memory. See record.sum.
	Seed uint64
	// Length is a Length of the whole records. It lies in memory that outlives
	// the process, too, and is stored last. Nobody else reads it while the process
	// lives, so the store need not be atomic.
	Length *uint64
	// Home takes the chunk back.
	Home Home
}

// A Home is where the memory of a chunk came from.
type Home interface {
	// Free takes a chunk back whose events all have their fate.
	Free(*Chunk)
	// Survive has the memory work again that failed, with all that was written to it,
	// or panics.
	Survive(Fault)
}

// Length is n bytes as a Backing stores them: in the lower half, and the complement
// in the upper one, so that zeros are none.
func Length(n int) uint64 { return uint64(^uint32(n))<<32 | uint64(uint32(n)) }

// Halves are the two lengths that a Length tells of. A process of 32 bits may have
// died between them; then they are of the last record and of the one before. Other
// differences are damage.
func Halves(length uint64) (low, high uint32) { return uint32(length), ^uint32(length >> 32) }

// length is the bytes of whole records, all of the memory if that is not known: what
// is no record is found out.
func (b *Backing) length() int {
	low, high := Halves(*b.Length)
	if n := max(low, high); uint64(n) <= uint64(len(b.Memory)) {
		return int(n)
	}
	return len(b.Memory)
}

// A liveSet is the records of a chunk that have no fate yet, if some have.
type liveSet struct {
	offsets []uint32
	cost    int
}

// NewChunk gives an empty chunk in b. It has no ID yet.
func (b *Backing) NewChunk() *Chunk {
	*b.Length = Length(0)
	return &Chunk{buf: b.Memory[:0:len(b.Memory)], last: math.MinInt64, backing: b}
}

// commit makes the record at off valid, which ends at end.
func (b *Backing) commit(r record, off, end int) {
	r.setCheck(r.sum(b.Seed, off))
	*b.Length = Length(end)
}

// settle marks a record as one that has its fate. To do it twice does no harm.
func (b *Backing) settle(r record, off int) { r.setCheck(^r.sum(b.Seed, off)) }

// A Range is bytes of a chunk's memory, from Start up to and without End.
type Range struct{ Start, End int }

// Recover reads what a chunk left in b. It returns a chunk of the events that
// have no fate, nil if there are none, and the parts of the memory that hold
// something else than records: what was damaged.
func (b *Backing) Recover() (c *Chunk, damaged []Range) {
	c = &Chunk{buf: b.Memory, last: math.MinInt64, backing: b}
	length := b.length()
	live := new(liveSet)
	whole := true // every record is live
	off := 0
	for {
		r, settled, ok := b.read(off)
		if !ok {
			// Behind length that is the end: a record that was never finished.
			if off >= length {
				break
			}
			next := b.next(off+1, length)
			damaged = append(damaged, Range{off, next})
			off, whole = next, false
			continue
		}
		if settled {
			whole = false
		} else {
			live.offsets = append(live.offsets, uint32(off))
			live.cost += Cost(r.textLen())
			c.arrive(r.time(), r.seq())
		}
		off += Cost(r.textLen())
	}
	if len(live.offsets) == 0 {
		return nil, damaged
	}
	c.Open = len(live.offsets)
	c.buf = b.Memory[:off:off]
	if !whole {
		c.live, c.unsorted = live, true
	}
	return c, damaged
}

// read reads the record at off; ok is false if there is none.
func (b *Backing) read(off int) (r record, settled, ok bool) {
	if off > len(b.Memory)-header {
		return nil, false, false
	}
	r = record(b.Memory[off : off+header])
	sum := r.sum(b.Seed, off)
	settled = r.check() == ^sum
	return r, settled, (settled || r.check() == sum) && r.textLen() <= len(b.Memory)-header-off
}

// next is where the first record from off on begins, end if there is none before
// that.
func (b *Backing) next(off, end int) int {
	for ; off < end; off++ {
		if _, _, ok := b.read(off); ok {
			return off
		}
	}
	return end
}
