package spool

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"example.com/zapcw/internal/batch"
)

// A segment is a file of a Spool. What changes is touched with the
// Spool's mutex held, or by whoever has one of its chunks in use.
type segment struct {
	head
	name  string
	file  file
	avail int64 // as much of it as there is, for one that was truncated

	mem    []byte // nil if it is not mapped
	epoch  uint32
	next   int       // where the next chunk begins
	inUse  int       // chunks that somebody may write to
	stored int       // chunks that wait for Load
	freed  time.Time // when the last chunk was freed
	// reloaded: it was mapped again, for Load. Once it is empty it goes at once if
	// another waits for the next events: those that wait are memory.
	reloaded bool
	sealed   bool // takes no new chunks: a dead owner left it, or something is wrong
	lost     bool // somebody deleted the file
	detached bool // its memory is the process's own, see Spool.survive
	faults   int  // how often writes to it failed; guarded by Spool.io
	bad      bool // it is damaged
}

// A Ref is the place of a chunk in the files of a Spool.
type Ref struct {
	segment *segment
	off     int32
	size    int32 // with the head
	// headless: the head of the chunk is damaged; there are records nevertheless.
	headless bool
}

// A place is a Ref in memory.
type place struct {
	batch.Backing
	Ref
	spool *Spool
}

var _ batch.Home = (*place)(nil)

// Free implements batch.Home.
func (p *place) Free(*batch.Chunk) { p.spool.free(p.Ref) }

// Survive implements batch.Home.
func (p *place) Survive(hit batch.Fault) { p.spool.survive(hit) }

// end is where the copy of the head begins.
func (g *segment) end() int { return int(g.size) - g.len() }

// empty reports whether no event of the segment is without a fate.
func (g *segment) empty() bool { return g.inUse+g.stored == 0 }

// room is what the segment has for the next chunk.
func (g *segment) room() int {
	if g.empty() {
		return g.end() - g.len()
	}
	return g.end() - g.next
}

// reserve takes room for a chunk. renewed is true if the segment has its next epoch
// for it.
func (g *segment) reserve(size int) (r Ref, renewed bool) {
	if g.empty() && g.next != g.len() {
		g.epoch++
		g.next = g.len()
		renewed = true
	}
	r = Ref{segment: g, off: int32(g.next), size: int32(min(size, g.room()))}
	g.next += int(r.size)
	g.inUse++
	return r, renewed
}

// begin writes the head of the chunk that was taken last.
func (r Ref) begin(s *Spool, renewed bool) *batch.Chunk {
	g, off := r.segment, int(r.off)
	if renewed {
		// No chunk is live, so that it does not matter which of these is the
		// last one that the process lived to write.
		setNext(g.mem, off)
		g.setEpoch(g.mem[g.end():], g.epoch)
		g.setEpoch(g.mem, g.epoch)
	}
	writeChunk(g.mem, g.base(g.epoch), off, int(r.size))
	setNext(g.mem, off+int(r.size))
	return r.place(s).NewChunk()
}

// place is where the chunk lies while its segment is mapped.
func (r Ref) place(s *Spool) *place {
	p := &place{Backing: r.segment.backing(r), Ref: r, spool: s}
	p.Home = p
	return p
}

// backing is the memory of a chunk, as far as the file has it.
func (g *segment) backing(r Ref) batch.Backing {
	off, end := int(r.off), min(int(r.off)+int(r.size), len(g.mem))
	if r.headless {
		all := batch.Length(end - off)
		return batch.Backing{Memory: g.mem[off:end:end], Seed: g.base(g.epoch) + uint64(off), Length: &all}
	}
	return batch.Backing{
		Memory: g.mem[off+chunkHead : end : end],
		Seed:   g.base(g.epoch) + uint64(off+chunkHead),
		Length: word(g.mem, off+16),
	}
}

// nameOf is the part of a segment's name that comes of its key. So a copy under
// another name is told from the original: its events would be sent twice.
func nameOf(key uint64) string {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, key))
	return fmt.Sprintf("%x", sum[:8])
}

// touch has the disk give every page now, and not where nobody is prepared for an
// error: texts are read later. In line the compiler would leave it out.
//
//go:noinline
func touch(mem []byte) (sum byte) {
	for i := 0; i < len(mem); i += page {
		sum += mem[i]
	}
	return sum
}
