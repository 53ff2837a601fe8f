package batch

import (
	"iter"
	"math"
	"math/bits"
	"slices"
	"sync"
)

const (
	minChunk = 1 << 10
	// maxChunk is small against a put on purpose: a chunk that was sealed half
	// full holds memory that MaxPending does not see, and 64 KiB of it is less
	// than anybody measures.
	maxChunk = 64 << 10
)

// pools holds free chunks by size, 1 KiB to 64 KiB in powers of two.
var pools [7]sync.Pool

// A Chunk is a piece of memory: records one behind the other, appended by
// whoever holds the lock of its lane, read by the sender once it is sealed. The
// memory is of this process, or, with a Backing, outlives it.
type Chunk struct {
	// ID is the chunk's place in the order in which chunks were begun, from 1 on;
	// 0 until its owner sets it.
	ID uint64
	// Open is the number of its events that have no fate yet; the owner of the
	// chunk keeps it.
	Open int
	// Kept is the number of those that were called off and stay in the Backing;
	// the owner of the chunk keeps it, too.
	Kept int

	buf      []byte
	last     int64    // time of the last record
	seq      uint32   // of the last record
	unsorted bool     // some record belongs before the one before it
	backing  *Backing // nil for memory of the process
	live     *liveSet // what Recover found; nil if every record is live
}

// Cost is the memory that an event with n bytes of text takes in a chunk.
func Cost(n int) int { return header + n }

// ChunkSize is the memory, in bytes, of a chunk that is to have about want bytes,
// 1 to 64 KiB, and room for at least one event with n bytes of text.
func ChunkSize(n, want int) int { return max(Cost(n), min(max(want, minChunk), maxChunk)) }

// NewChunk gives an empty chunk of about ChunkSize(n, want) bytes, with memory of
// the process. It has no ID yet.
func NewChunk(n, want int) *Chunk {
	size := ChunkSize(n, want)
	if size > maxChunk {
		return &Chunk{buf: make([]byte, 0, size), last: math.MinInt64}
	}
	k := bits.Len(uint(size-1)) - bits.Len(uint(minChunk-1))
	c, _ := pools[k].Get().(*Chunk)
	if c == nil {
		c = &Chunk{buf: make([]byte, 0, minChunk<<k)}
	}
	c.ID, c.last, c.unsorted, c.Open, c.Kept = 0, math.MinInt64, false, 0, 0
	return c
}

// Free gives the chunk back. Nothing may refer to its events any more.
func (c *Chunk) Free() {
	if c.backing != nil {
		c.backing.Home.Free(c)
		return
	}
	if size := cap(c.buf); size <= maxChunk {
		c.buf = c.buf[:0]
		pools[bits.Len(uint(size-1))-bits.Len(uint(minChunk-1))].Put(c)
	}
}

// Backing is where the chunk lies; nil for memory of the process.
func (c *Chunk) Backing() *Backing { return c.backing }

// Len is the memory that its events take.
func (c *Chunk) Len() int {
	if c.live != nil {
		return c.live.cost
	}
	return len(c.buf)
}

// Cap is the memory that its events may take, Len or more.
func (c *Chunk) Cap() int { return len(c.buf) }

// First is the time of the oldest event that has no fate, of which there must be one.
func (c *Chunk) First() int64 {
	if !c.unsorted {
		return c.time(0)
	}
	first := c.time(0)
	if c.live != nil {
		first = c.time(c.live.offsets[0])
	}
	if c.unsorted {
		for off := range c.offsets() {
			first = min(first, c.time(off))
		}
	}
	return first
}

// Fits reports whether there is room for an event with n bytes of text.
func (c *Chunk) Fits(n int) bool { return cap(c.buf)-len(c.buf) >= header+n }

// Append adds an event, for which there must be room. Its sequence number orders
// events of one millisecond, here and in other chunks; of those with the same
// number the one that was added first is first. It may wrap around, see newer.
func (c *Chunk) Append(ms int64, seq uint32, level int8, text []byte) {
	i := len(c.buf)
	buf := c.buf[:i+header+len(text)]
	// The text first: a record with a valid head is whole.
	copy(buf[i+header:], text)
	r := record(buf[i : i+header])
	r.write(ms, seq, level, len(text))
	if c.backing != nil {
		c.backing.commit(r, i, len(buf))
	}
	// The chunk last: it is as it was if a write to its memory fails.
	c.buf = buf
	c.arrive(ms, seq)
	c.Open++
}

// arrive notes the time and number of the record that comes next.
func (c *Chunk) arrive(ms int64, seq uint32) {
	if ms < c.last || ms == c.last && newer(c.seq, seq) {
		c.unsorted = true
	}
	c.last, c.seq = ms, seq
}

// offsets is where the records are that have no fate.
func (c *Chunk) offsets() iter.Seq[uint32] {
	if c.live != nil {
		return slices.Values(c.live.offsets)
	}
	return func(yield func(uint32) bool) {
		for off := uint32(0); int(off) < len(c.buf); off += uint32(Cost(c.record(off).textLen())) {
			if !yield(off) {
				return
			}
		}
	}
}

// record is the head of the record at off.
func (c *Chunk) record(off uint32) record { return record(c.buf[off : off+header]) }

// time is the time of the record at off.
func (c *Chunk) time(off uint32) int64 { return c.record(off).time() }

// seqAt is the sequence number of the record at off.
func (c *Chunk) seqAt(off uint32) uint32 { return c.record(off).seq() }

// event reads the record at off.
func (c *Chunk) event(off uint32) Event {
	r := c.record(off)
	return Event{Time: r.time(), Chunk: c, off: off + header, n: uint32(r.textLen())}
}

// newer reports whether sequence number a is later than b. They may have wrapped
// around in between, but not so often that half of all numbers lie there.
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// An Event is one event, its text still in its chunk.
type Event struct {
	// Time is in milliseconds since 1970.
	Time  int64
	Chunk *Chunk
	off   uint32 // of the text
	n     uint32
}

// Level is a zapcore.Level.
func (e Event) Level() int8 { return e.Chunk.record(e.off - header).level() }

// Text is valid until the event's chunk is freed.
func (e Event) Text() []byte { return e.Chunk.buf[e.off : e.off+e.n] }

// Cost is the memory that the event takes in its chunk.
func (e Event) Cost() int { return header + int(e.n) }

// size is what the service counts for the event if its text is UTF-8.
func (e Event) size() int { return Overhead + int(e.n) }

func (e Event) run() run { return run{e.Chunk, e.off - header, 1, header + e.n} }
