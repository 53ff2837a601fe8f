package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"path/filepath"
	"time"

	"example.com/zapcw/internal/batch"
)

// grow makes a segment for a chunk of size bytes, which takes need bytes at least.
// While there is trouble it leaves that to the worker. The caller holds alloc.
func (s *Spool) grow(need, size int) {
	s.io.Lock()
	defer s.io.Unlock()
	s.mu.Lock()
	done := s.closed || s.currentLocked(max(need, size/2)) // by the worker, meanwhile
	if !done && !s.retry.IsZero() {
		done = true
		if !time.Now().Before(s.retry) {
			s.worker.spare = true
			s.wakeLocked()
		}
	}
	s.mu.Unlock()
	if done {
		return
	}
	if _, allowed := s.addSegment(need, size); !allowed {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tellLocked("max", fmt.Errorf("spool %s: its files have %d bytes, and %d are allowed: new events are kept in memory, and are lost with the process, until there is room again", s.Dir, s.bytes, s.Max))
	}
}

// addSegment makes a segment with room for a chunk of need bytes, if possible for one
// of want bytes. It reports whether Max allows that; what the disk says is told
// already, and then g is nil. The caller holds io.
func (s *Spool) addSegment(need, want int) (g *segment, allowed bool) {
	s.mu.Lock()
	size := s.sizeLocked(need, want)
	if size == 0 {
		s.mu.Unlock()
		return nil, false
	}
	s.bytes += size
	s.mu.Unlock()
	g, err := s.create(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.bytes -= size
		s.troubleLocked(err)
		return nil, true
	}
	s.retry = time.Time{}
	s.teller.workingLocked()
	g.freed = time.Now()
	s.segments = append(s.segments, g)
	s.ready = append(s.ready, g)
	if s.timer == nil {
		s.timer = time.AfterFunc(keepEmpty, s.expire)
	}
	return g, true
}

// troubleLocked has memory take over for a while from a disk that gives no segment.
func (s *Spool) troubleLocked(err error) {
	s.retry = time.Now().Add(retryAfter)
	cause := err // without names of files, which have random parts
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		cause = inner
	}
	s.tellLocked(cause.Error(), fmt.Errorf("spool %s: %w: new events are kept in memory, and are lost with the process, until the spool works again, which is tried every minute", s.Dir, err))
}

// sizeLocked is how large the next segment is: as much as is in use, so that a
// small Syncer has small files and a large one few. It is 0 if Max does not allow
// one.
func (s *Spool) sizeLocked(need, want int) int64 {
	inUse := s.bytes
	for _, g := range s.ready {
		inUse -= g.size
	}
	largest := min(max(maxSegment, s.Max/128), maxSize/4)
	size := min(int64(1)<<bits.Len64(uint64(max(inUse, minSegment)-1)), largest)
	h := head{group: s.Group, stream: s.Stream}
	size = max(size, int64(roundUp(want+2*h.len(), page)))
	least := int64(roundUp(need+2*h.len(), page))
	room := (s.Max - s.bytes) &^ (page - 1)
	if room < least {
		return 0
	}
	return min(size, room)
}

// create makes a segment.
func (s *Spool) create(size int64) (g *segment, err error) {
	// Somebody may delete the directory meanwhile, or take a file that is not
	// locked yet for one of a dead owner.
	for range 3 {
		if g, err = s.createOnce(size); !errors.Is(err, errHeld) && !errors.Is(err, fs.ErrNotExist) {
			break
		}
	}
	return g, err
}

// createOnce makes a segment, or gives an error that may be due to somebody else.
func (s *Spool) createOnce(size int64) (*segment, error) {
	d, err := openDirectory(s.Dir, true)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var random [8 + 4]byte
	rand.Read(random[:])
	g := &segment{
		head:  head{key: binary.LittleEndian.Uint64(random[:]), size: size, created: time.Now().UnixMilli(), group: s.Group, stream: s.Stream},
		epoch: binary.LittleEndian.Uint32(random[8:]),
		avail: size,
	}
	if n := g.len(); n > maxHead {
		return nil, fmt.Errorf("the names of group and stream have %d bytes, and %d fit", len(s.Group)+len(s.Stream), maxHead-fixedHead)
	}
	base := s.prefix + nameOf(g.key)
	temporary := base + unfinished
	g.name = base + ".spool"
	if g.file, err = d.create(temporary, size); err != nil {
		return nil, err
	}
	if g.mem, err = g.file.mmap(size); err == nil {
		g.next = g.len()
		if hit := batch.CatchFault(func() { g.head.write(g.mem, g.epoch) }); hit != nil {
			err = fmt.Errorf("write to %s: the disk does not take it", filepath.Join(s.Dir, temporary))
		}
	}
	if err == nil {
		err = d.rename(g.file, temporary, g.name)
	}
	if err != nil {
		_ = d.remove(temporary, g.file)
		g.close()
		return nil, err
	}
	return g, nil
}

// close unmaps the segment and unlocks its file.
func (g *segment) close() {
	if g.mem != nil {
		_ = munmap(g.mem)
		g.mem = nil
	}
	g.file.close()
}

// lose gives up a segment whose file somebody deleted, and the place in it that
// was taken last.
func (s *Spool) lose(g *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g.lost = true
	g.inUse--
	s.tellLocked("deleted", fmt.Errorf("spool %s: somebody deleted it: the events in it are lost if the process dies before they are sent", s.path(g)))
	s.setCurrentLocked(nil)
}

// mapSegment maps a segment that is in use, if it is not mapped.
func (s *Spool) mapSegment(g *segment) error {
	s.io.Lock()
	defer s.io.Unlock()
	if g.mem != nil {
		return nil
	}
	mem, err := g.file.mmap(g.avail)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	g.mem, g.reloaded = mem, true
	return nil
}
