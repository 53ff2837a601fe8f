package spool

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"example.com/zapcw/internal/batch"
)

// A scan walks the chunks of a mapped segment that somebody left.
type scan struct {
	g       *segment
	ctx     context.Context // once it is done, the scan is not to go on
	found   []Stored
	damaged []batch.Range
}

// read maps the segment for as long as it takes to scan it.
func (s *scan) read() error {
	g := s.g
	mem, err := g.file.mmap(g.avail)
	if err != nil {
		return err
	}
	g.mem = mem
	err = unreadable(batch.CatchFault(s.run))
	g.mem = nil
	if e := munmap(mem); e != nil {
		return errors.Join(err, e)
	}
	return cmp.Or(err, s.ctx.Err())
}

// run finds the chunks with live events, and the damage. The segment's head is
// known, its epoch is not.
func (s *scan) run() {
	g := s.g
	base, ok := s.epoch()
	if !ok {
		return
	}
	end := min(g.end(), len(g.mem))
	allocated, known := s.allocated()
	if allocated > len(g.mem) {
		defer s.note(batch.Range{Start: len(g.mem), End: allocated})
	}
	for off := g.len(); off < end && s.ctx.Err() == nil; {
		size, free, ok := chunkAt(g.mem, base, off, g.end())
		switch {
		case ok && free:
		case ok:
			s.chunk(Ref{segment: g, off: int32(off), size: int32(size)})
		case known && off >= allocated:
			return
		default:
			size = s.gap(off, base, allocated, known)
		}
		off += size
	}
}

// epoch finds the epoch, in the head or in its copy.
func (s *scan) epoch() (base uint64, ok bool) {
	g := s.g
	if len(g.mem) >= g.len() {
		if g.epoch, ok = g.head.epoch(g.mem); !ok {
			s.note(batch.Range{Start: 40, End: 48})
		}
	}
	if !ok && len(g.mem) == int(g.size) {
		g.epoch, ok = g.head.epoch(g.mem[g.end():])
	}
	if !ok {
		s.note(batch.Range{Start: 0, End: len(g.mem)})
	}
	return g.base(g.epoch), ok
}

// allocated is where the last chunk ends.
func (s *scan) allocated() (off int, known bool) {
	off, known = next(s.g.mem)
	if known = known && off >= s.g.len() && off <= s.g.end(); !known {
		s.note(batch.Range{Start: 48, End: 56})
		off = s.g.end()
	}
	return off, known
}

// chunk adds the live events of a chunk.
func (s *scan) chunk(r Ref) {
	c, damaged := s.recover(r)
	for _, d := range damaged {
		s.note(batch.Range{Start: int(r.off) + chunkHead + d.Start, End: int(r.off) + chunkHead + d.End})
	}
	s.add(r, c)
}

// recover reads a chunk. One that the disk does not give is damaged.
func (s *scan) recover(r Ref) (c *batch.Chunk, damaged []batch.Range) {
	b := s.g.backing(r)
	if batch.CatchFault(func() { c, damaged = b.Recover() }) != nil {
		return nil, []batch.Range{{Start: 0, End: len(b.Memory)}}
	}
	return c, damaged
}

// gap adds the live events of chunks whose heads are damaged, from off up to the
// next chunk that has one. It returns how long that is.
func (s *scan) gap(off int, base uint64, allocated int, known bool) (size int) {
	g := s.g
	to := off + unit
	for to < min(allocated, len(g.mem)) {
		if _, _, ok := chunkAt(g.mem, base, to, g.end()); ok {
			break
		}
		to += unit
	}
	to = min(to, allocated)
	bounded := known || to < allocated
	r := Ref{segment: g, off: int32(off), size: int32(to - off), headless: true}
	c, damaged := s.recover(r)
	for _, d := range damaged {
		// Where the chunks end is not known: behind the last record is nothing.
		if bounded || off+d.End < min(to, len(g.mem)) {
			s.note(batch.Range{Start: off + d.Start, End: off + d.End})
		}
	}
	s.add(r, c)
	return to - off
}

func (s *scan) add(r Ref, c *batch.Chunk) {
	if c != nil {
		s.found = append(s.found, Stored{Ref: r, Events: c.Open, Bytes: c.Len(), First: c.First()})
	}
}

// note adds damage. Ranges that touch are one.
func (s *scan) note(d batch.Range) {
	if n := len(s.damaged); n > 0 && s.damaged[n-1].End == d.Start {
		s.damaged[n-1].End = d.End
		return
	}
	s.damaged = append(s.damaged, d)
}

// sortByAge puts first what is to be sent first.
func sortByAge(found []Stored) {
	slices.SortStableFunc(found, func(a, b Stored) int {
		switch {
		case a.First < b.First:
			return -1
		case a.First > b.First:
			return 1
		}
		return int(a.Ref.off) - int(b.Ref.off)
	})
}
