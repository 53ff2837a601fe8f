package spool

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"example.com/zapcw/internal/batch"
)

const (
	// retryAfter is how long memory takes over when the disk is in trouble.
	retryAfter = time.Minute
	// keepEmpty is how long an empty file waits for the next events.
	keepEmpty = 5 * time.Second

	minSegment = 8 << 10
	maxSegment = 4 << 20 // or Max/128, if that is more: each is a descriptor
)

// Options are what a Spool is made with.
type Options struct {
	Dir, Group, Stream string
	// Max is the bytes of all files.
	Max int64
	// Tell hears of trouble, once for each kind until it is over. It is called by
	// a goroutine of its own, with no lock held.
	Tell func(err error)
}

// A Spool keeps the chunks of one Syncer in files of a directory, so that they
// outlive the process. Its methods may be called by any goroutine.
//
// Locks, in their order: alloc, io, mu. I/O is done with alloc or io held, never
// with mu.
type Spool struct {
	Options
	prefix string // of the names of its files

	// alloc is held for a new chunk. Chunks get their heads in the order of their
	// places, so that a place without one is damage.
	alloc sync.Mutex
	// io is held to make a segment, to map one and to unmap it.
	io sync.Mutex

	mu       sync.Mutex
	segments []*segment
	current  *segment   // has the next chunk; nil if there is none
	ready    []*segment // empty, the one that was freed last at the end
	bytes    int64      // of all files
	wanted   int        // size of the last chunk, with its head
	retry    time.Time  // the disk is in trouble, and tried again then; zero if it is not
	closed   bool
	timer    *time.Timer // for files that are empty; nil if there are none
	worker   worker
	teller   teller
}

// New gives a Spool. It does no I/O.
func New(o Options) *Spool {
	if abs, err := filepath.Abs(o.Dir); err == nil {
		o.Dir = abs
	}
	if o.Tell == nil {
		o.Tell = func(error) {}
	}
	return &Spool{Options: o, prefix: filePrefix(o.Group, o.Stream)}
}

// filePrefix is what the names of the files for a stream begin with.
func filePrefix(group, stream string) string {
	sum := sha256.Sum256([]byte(group + "\x00" + stream))
	return fmt.Sprintf("zapcw-%x-", sum[:8])
}

// NewChunk gives an empty chunk as batch.NewChunk does, in a file. If the disk
// gives none, because it is full, or Max is reached, or there is trouble, it is in
// memory of the process. It has no ID yet.
//
// It does I/O if no file is ready, but not while there is trouble: the Spool's
// goroutine looks after a minute whether that is over.
func (s *Spool) NewChunk(n, want int) *batch.Chunk {
	size := roundUp(chunkHead+batch.ChunkSize(n, want), unit)
	need := roundUp(chunkHead+batch.Cost(n), unit)
	s.alloc.Lock()
	defer s.alloc.Unlock()
	// A file may be deleted, in theory each of them.
	for range 3 {
		r, renewed, ok := s.reserve(need, size, size/2)
		if !ok {
			s.grow(need, size)
			r, renewed, ok = s.reserve(need, size, size/2)
		}
		if !ok {
			// Less than was wanted is better than memory.
			if r, renewed, ok = s.reserve(need, size, need); !ok {
				break
			}
		}
		if !r.segment.file.linked() {
			s.lose(r.segment)
			continue
		}
		var c *batch.Chunk
		s.Guard(func() { c = r.begin(s, renewed) })
		return c
	}
	return batch.NewChunk(n, want)
}

// reserve takes room for a chunk of up to size bytes from what there is, if that is
// need and least bytes.
func (s *Spool) reserve(need, size, least int) (r Ref, renewed, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted = size
	if s.closed || !s.currentLocked(max(need, least)) {
		return r, false, false
	}
	r, renewed = s.current.reserve(size)
	if s.current.room() < int(s.current.size)/2 && !s.spareLocked() && s.retry.IsZero() {
		s.worker.spare = true
		s.wakeLocked()
	}
	return r, renewed, true
}

// currentLocked sees to it that the current segment has room for need bytes.
func (s *Spool) currentLocked(need int) bool {
	if s.current != nil && s.current.room() >= need {
		return true
	}
	for i, g := range slices.Backward(s.ready) {
		if g.room() >= need {
			s.ready = slices.Delete(s.ready, i, i+1)
			s.setCurrentLocked(g)
			return true
		}
	}
	return false
}

// spareLocked reports whether there is a segment for the next chunk, if it is as
// large as the last one.
func (s *Spool) spareLocked() bool {
	return slices.ContainsFunc(s.ready, func(g *segment) bool { return g.room() >= s.wanted/2 })
}

// setCurrentLocked makes g the current segment, nil for none.
func (s *Spool) setCurrentLocked(g *segment) {
	old := s.current
	s.current = g
	if g != nil {
		g.reloaded = false
	}
	if old != nil {
		s.vacatedLocked(old)
	}
}

// vacatedLocked looks after a segment of which less is in use than before.
func (s *Spool) vacatedLocked(g *segment) {
	switch {
	case g.inUse > 0:
	case g.stored > 0:
		if s.closed { // Close has left the others to the next owner
			s.worker.kept = append(s.worker.kept, g)
			s.wakeLocked()
		} else if g != s.current && g.mem != nil {
			s.worker.unused = append(s.worker.unused, g)
			s.wakeLocked()
		}
	case g.sealed || g.lost || s.closed, g.reloaded && s.spareLocked():
		s.dropLocked(g)
	default:
		if g != s.current && !slices.Contains(s.ready, g) {
			s.ready = append(s.ready, g)
		}
		if s.timer == nil {
			s.timer = time.AfterFunc(keepEmpty, s.expire)
		}
	}
}

// dropLocked has the worker remove a segment that is empty.
func (s *Spool) dropLocked(g *segment) {
	if i := slices.Index(s.segments, g); i >= 0 {
		s.segments = slices.Delete(s.segments, i, i+1)
		s.worker.empty = append(s.worker.empty, g)
		s.wakeLocked()
	}
}

// free gives the place of a chunk back, which is in use: its events have their
// fate.
func (s *Spool) free(r Ref) {
	if !r.headless {
		s.Guard(func() { freeChunk(r.segment.mem, int(r.off)) })
	}
	s.release(r)
}

// release counts a chunk as no longer in use.
func (s *Spool) release(r Ref) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := r.segment
	g.inUse--
	if g.empty() {
		g.freed = time.Now()
	}
	s.vacatedLocked(g)
}

// Store leaves the live events of a chunk, which came from NewChunk or Load, in
// its file. Nobody may refer to the chunk any more: its memory is unmapped soon.
// It does no I/O.
func (s *Spool) Store(c *batch.Chunk) Ref {
	r := c.Backing().Home.(*place).Ref
	s.mu.Lock()
	defer s.mu.Unlock()
	r.segment.inUse--
	r.segment.stored++
	s.vacatedLocked(r.segment)
	return r
}

// Load gives the chunk of the events that are live at r, nil if there are none.
// They are fewer than were stored if somebody wrote into the file, which is told.
// If it fails, it may be tried again, unless the error is ErrUnreadable; otherwise
// r is used up.
func (s *Spool) Load(r Ref) (*batch.Chunk, error) {
	g := r.segment
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, fmt.Errorf("spool %s: load: %w", s.Dir, fs.ErrClosed)
	}
	g.stored--
	g.inUse++ // it stays mapped
	s.mu.Unlock()
	c, damaged, err := s.load(r)
	switch {
	case errors.Is(err, ErrUnreadable):
		s.spoil(g, fmt.Errorf("spool %s: %w: the events in it are lost, and it is kept as %s.bad", s.path(g), err, g.name))
		s.release(r)
	case err != nil:
		s.mu.Lock()
		g.inUse--
		g.stored++
		s.vacatedLocked(g)
		s.mu.Unlock()
	case damaged:
		s.spoil(g, fmt.Errorf("spool %s: somebody wrote into it: every whole event is sent, and it is kept as %s.bad", s.path(g), g.name))
	}
	if err != nil {
		return nil, fmt.Errorf("spool %s: %w", s.path(g), err)
	}
	if c == nil {
		s.free(r)
	}
	return c, nil
}

// spoil notes that a segment is damaged, and tells of it unless Adopt did: it takes no
// new chunks, and is kept.
func (s *Spool) spoil(g *segment, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !g.bad {
		s.tellLocked(ofFile+g.name, err)
	}
	g.bad = true
	s.sealLocked(g)
}

// load reads what is at r, whose segment is in use.
func (s *Spool) load(r Ref) (c *batch.Chunk, damaged bool, err error) {
	if err := s.mapSegment(r.segment); err != nil {
		return nil, false, err
	}
	err = unreadable(batch.CatchFault(func() {
		p := r.place(s)
		chunk, ranges := p.Recover()
		c, damaged = chunk, len(ranges) > 0
		touch(p.Memory)
	}))
	return c, damaged, err
}

// Close removes the files that hold nothing live and leaves the others to the next
// owner. No chunk may be in use any more. It waits for the Spool's goroutines, until
// ctx is done for Tell; after it NewChunk gives memory of the process.
func (s *Spool) Close(ctx context.Context) error {
	kept, inUse := s.stop()
	s.worker.await(&s.mu)
	for _, g := range kept {
		g.close()
	}
	if telling := s.teller.telling(&s.mu); telling != nil {
		select {
		case <-telling:
		case <-ctx.Done():
		}
	}
	if inUse > 0 {
		return fmt.Errorf("spool %s: closed while %d chunks were in use", s.Dir, inUse)
	}
	return nil
}

// stop ends everything but the worker, which removes the empty segments. It
// returns those that are kept, and how many chunks are in use in others.
func (s *Spool) stop() (kept []*segment, inUse int) {
	s.alloc.Lock()
	defer s.alloc.Unlock()
	s.io.Lock()
	defer s.io.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
		s.timer = nil
	}
	s.current, s.ready, s.worker.unused = nil, nil, nil
	for _, g := range slices.Clone(s.segments) {
		switch inUse += g.inUse; {
		case g.inUse > 0:
		case g.stored > 0:
			kept = append(kept, g)
			s.segments = slices.DeleteFunc(s.segments, func(other *segment) bool { return other == g })
		default:
			s.dropLocked(g)
		}
	}
	return kept, inUse
}

// path is where a segment is.
func (s *Spool) path(g *segment) string { return filepath.Join(s.Dir, g.name) }
