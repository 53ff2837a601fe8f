package spool

import (
	"errors"
	"fmt"
	"slices"
	"unsafe"

	"example.com/zapcw/internal/batch"
)

// Guard calls f, which writes to chunks that are in use, and again if a disk does not
// take that: see survive. So f is to do no harm when it is called twice
// (invariant 16).
func (s *Spool) Guard(f func()) {
	for {
		hit := batch.CatchFault(f)
		if hit == nil {
			return
		}
		s.survive(hit)
	}
}

// survive gives a segment up as a file whose disk does not take what is written to it
// any more, or which became one to be read only. Its memory stays where it is, with all
// that was written to it, but is the process's own: its events are sent, and die with
// the process.
//
// If the memory is not to be had the process ends, as it would without this: of a file
// that somebody truncated, events are missing, and who goes on would invent some.
func (s *Spool) survive(hit batch.Fault) {
	s.io.Lock()
	defer s.io.Unlock()
	g := s.segmentAt(hit.Addr())
	if g == nil {
		panic(hit) // it is none of ours
	}
	if g.faults++; g.faults > 3 {
		die(fmt.Errorf("spool %s: %w at address %#x", s.path(g), hit, hit.Addr()))
	}
	if g.detached {
		return // by somebody else, at the same time
	}
	if err := g.file.detach(g.mem); err != nil {
		die(fmt.Errorf("spool %s: the file got shorter, or its disk is gone: %w", s.path(g), err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.detached = true
	s.sealLocked(g)
	s.tellLocked(ofFile+g.name, fmt.Errorf("spool %s: the disk does not take what is written to it any more: its events are kept in memory, and are lost if the process dies before they are sent", s.path(g)))
}

// die ends the process. A panic here could be recovered by a caller, whose goroutine
// holds locks.
func die(err error) {
	go panic(err)
	select {}
}

// segmentAt is the segment whose memory is there, nil if there is none. The caller
// holds io, so that it stays mapped.
func (s *Spool) segmentAt(addr uintptr) *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.segments, func(g *segment) bool {
		if len(g.mem) == 0 {
			return false
		}
		begin := uintptr(unsafe.Pointer(&g.mem[0]))
		return addr >= begin && addr-begin < uintptr(len(g.mem))
	})
	if i < 0 {
		return nil
	}
	return s.segments[i]
}

// sealLocked has a segment take no new chunks.
func (s *Spool) sealLocked(g *segment) {
	g.sealed = true
	s.ready = slices.DeleteFunc(s.ready, func(other *segment) bool { return other == g })
	if s.current == g {
		s.setCurrentLocked(nil)
	}
}

// ErrUnreadable is the error of a Load that need not be tried again: the disk does
// not give what was stored, or somebody truncated the file, which is kept.
var ErrUnreadable = errors.New("what was stored cannot be read any more")

// unreadable makes an error of what a disk does not give. The Fault's own text would
// read like a fault of this program.
func unreadable(hit batch.Fault) error {
	if hit == nil {
		return nil
	}
	return ErrUnreadable
}
