// Package ring keeps the newest log entries that fit a bound, in one block of
// memory.
package ring

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"sync"
)

// A Ring is a queue of entries, oldest first, that makes room for a new one by
// dropping the oldest. The zero value is empty and owns no memory: the block
// comes with the first entry and doubles as entries need it. A Ring is not safe
// for concurrent use.
type Ring struct {
	block   *block
	head    int // where the oldest entry begins in the block
	size    int // bytes that entries take, from head on and around the end
	dropped Dropped
}

// Dropped is a number of entries, and the times of the oldest and the newest of
// them in milliseconds since 1970.
type Dropped struct {
	Count       uint64
	First, Last int64
}

// An Entry is one that is kept.
type Entry struct {
	Time  int64 // milliseconds since 1970
	Level int8
	Place uint32 // among entries elsewhere; what it means is up to the caller
	Text  []byte // valid until the next step of the iteration
}

// Overhead is what an entry takes beside its text: time, length, place, level.
const Overhead = 8 + 4 + 4 + 1

// Push adds an entry and drops the oldest until all of them take limit bytes at
// most. It returns how many that were. An entry that is larger than limit is
// itself the one that is dropped, and the others stay; kept is false then.
func (r *Ring) Push(limit int, ms int64, place uint32, level int8, text []byte) (dropped int, kept bool) {
	need := Overhead + len(text)
	if need > limit {
		r.dropped.add(ms)
		return 1, false
	}
	for r.size+need > limit {
		r.drop()
		dropped++
	}
	if r.size+need > r.cap() {
		r.grow(r.size+need, limit)
	}
	var head [Overhead]byte
	binary.LittleEndian.PutUint64(head[:], uint64(ms))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(text)))
	binary.LittleEndian.PutUint32(head[12:], place)
	head[16] = byte(level)
	r.write(r.size, head[:])
	r.write(r.size+Overhead, text)
	r.size += need
	return dropped, true
}

// All gives the entries, oldest first.
func (r *Ring) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		var around []byte // a text that goes around the end of the block
		for at := 0; at < r.size; {
			e, n := r.header(at)
			e.Text = r.bytes(at+Overhead, n, &around)
			if !yield(e) {
				return
			}
			at += Overhead + n
		}
	}
}

// Dropped tells of the entries that had to make room since the beginning.
func (r *Ring) Dropped() Dropped { return r.dropped }

// Free takes out all entries and gives the block to those who need one next.
func (r *Ring) Free() {
	if r.block != nil {
		r.block.free()
	}
	*r = Ring{dropped: r.dropped}
}

func (r *Ring) cap() int {
	if r.block == nil {
		return 0
	}
	return len(r.block.bytes)
}

// drop drops the oldest entry.
func (r *Ring) drop() {
	e, n := r.header(0)
	r.dropped.add(e.Time)
	r.head = r.index(Overhead + n)
	r.size -= Overhead + n
}

// grow moves the entries to a block of need bytes or more, limit at most. It is
// twice the old one at least, so that an entry is moved once on average.
func (r *Ring) grow(need, limit int) {
	b := newBlock(max(need, 2*r.cap(), minBlock), limit)
	if r.block != nil {
		n := copy(b.bytes, r.block.bytes[r.head:min(r.head+r.size, r.cap())])
		copy(b.bytes[n:], r.block.bytes[:r.size-n])
		r.block.free()
	}
	r.block, r.head = b, 0
}

// index is where the byte lies that is so many after the head.
func (r *Ring) index(at int) int {
	if at += r.head; at >= r.cap() {
		at -= r.cap()
	}
	return at
}

func (r *Ring) write(at int, p []byte) {
	n := copy(r.block.bytes[r.index(at):], p)
	copy(r.block.bytes, p[n:])
}

// header is an entry without its text, which has n bytes.
func (r *Ring) header(at int) (e Entry, n int) {
	var head [Overhead]byte
	k := copy(head[:], r.block.bytes[r.index(at):])
	copy(head[k:], r.block.bytes)
	e.Time, e.Place, e.Level = int64(binary.LittleEndian.Uint64(head[:])), binary.LittleEndian.Uint32(head[12:]), int8(head[16])
	return e, int(binary.LittleEndian.Uint32(head[8:]))
}

// bytes gives n bytes; around is used for those that do not lie in one piece.
func (r *Ring) bytes(at, n int, around *[]byte) []byte {
	i := r.index(at)
	if i+n <= r.cap() {
		return r.block.bytes[i : i+n]
	}
	*around = append((*around)[:0], r.block.bytes[i:]...)
	*around = append(*around, r.block.bytes[:n-len(*around)]...)
	return *around
}

func (d *Dropped) add(ms int64) {
	if d.Count == 0 {
		d.First, d.Last = ms, ms
	}
	d.Count++
	d.First, d.Last = min(d.First, ms), max(d.Last, ms)
}

// A block is the memory of a ring.
type block struct{ bytes []byte }

const (
	minBlock = 512
	maxBlock = 64 << 10
)

// blocks holds free blocks by size, from 512 bytes to 64 KiB in powers of two.
var blocks [8]sync.Pool

// newBlock gives a block of n bytes or more, and limit at most.
func newBlock(n, limit int) *block {
	if n > maxBlock {
		return &block{make([]byte, min(n, limit))}
	}
	k := class(n)
	if minBlock<<k > limit {
		return &block{make([]byte, limit)}
	}
	if b, ok := blocks[k].Get().(*block); ok {
		return b
	}
	return &block{make([]byte, minBlock<<k)}
}

// free gives the block to those who need one next, if its size is one that they
// look for.
func (b *block) free() {
	if n := len(b.bytes); n <= maxBlock && n == minBlock<<class(n) {
		blocks[class(n)].Put(b)
	}
}

// class is the index of the smallest size that has n bytes.
func class(n int) int {
	return max(0, bits.Len(uint(n-1))-bits.Len(uint(minBlock-1)))
}
