package spool

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A worker is what is to be done for a Spool off the path of its callers, by at
// most one goroutine, which ends when nothing is left. The Spool's mutex guards it.
type worker struct {
	done   chan struct{} // closed when the goroutine ends; nil if there is none
	empty  []*segment    // to be removed
	unused []*segment    // to be unmapped
	kept   []*segment    // to be left to the next owner
	spare  bool          // a segment is to be made
}

// await waits until there is no goroutine.
func (w *worker) await(mu *sync.Mutex) {
	mu.Lock()
	done := w.done
	mu.Unlock()
	if done != nil {
		<-done
	}
}

// wakeLocked starts the worker if there is none.
func (s *Spool) wakeLocked() {
	if s.worker.done == nil {
		s.worker.done = make(chan struct{})
		go s.work()
	}
}

func (s *Spool) work() {
	for {
		s.mu.Lock()
		job := s.jobLocked()
		if job == nil {
			close(s.worker.done)
			s.worker.done = nil
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		job()
	}
}

// jobLocked is what is to be done next, nil if nothing is.
func (s *Spool) jobLocked() func() {
	w := &s.worker
	switch {
	case len(w.empty) > 0:
		g := w.empty[0]
		w.empty = slices.Delete(w.empty, 0, 1)
		return func() { s.discard(g) }
	case len(w.kept) > 0:
		g := w.kept[0]
		w.kept = slices.Delete(w.kept, 0, 1)
		return g.close
	case len(w.unused) > 0:
		g := w.unused[0]
		w.unused = slices.Delete(w.unused, 0, 1)
		return func() { s.unmapUnused(g) }
	case w.spare && !s.closed:
		w.spare = false
		return s.makeSpare
	}
	return nil
}

// expire removes the segments that have been empty for some seconds.
func (s *Spool) expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer = nil
	if s.closed {
		return
	}
	now := time.Now()
	var wait time.Duration
	old := func(g *segment) bool {
		left := g.freed.Add(keepEmpty).Sub(now)
		if left > 0 {
			wait = max(wait, left)
		}
		return left <= 0
	}
	if g := s.current; g != nil && g.empty() && old(g) {
		s.current = nil
		s.dropLocked(g)
	}
	s.ready = slices.DeleteFunc(s.ready, func(g *segment) bool {
		if old(g) {
			s.dropLocked(g)
			return true
		}
		return false
	})
	if wait > 0 {
		s.timer = time.AfterFunc(wait, s.expire)
	}
}

// makeSpare makes a segment before it is needed.
func (s *Spool) makeSpare() {
	s.io.Lock()
	defer s.io.Unlock()
	s.mu.Lock()
	needed, wanted := !s.spareLocked() && !s.closed, s.wanted
	s.mu.Unlock()
	if needed {
		if g, _ := s.addSegment(unit, wanted); g != nil {
			_ = populate(g.mem) // nobody but this goroutine unmaps it
		}
	}
}

// discard removes the file of a segment in which nothing is live, or sets it aside
// if it is damaged.
func (s *Spool) discard(g *segment) {
	err := s.removeFile(g)
	g.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= g.size
	if err != nil {
		s.tellLocked("remove", fmt.Errorf("spool %s: %w", s.Dir, err))
	}
}

func (s *Spool) removeFile(g *segment) error {
	if g.lost {
		return nil
	}
	d, err := openDirectory(s.Dir, false)
	if err != nil {
		return err
	}
	defer d.Close()
	if g.bad {
		return d.setAside(g.name, g.file)
	}
	return d.remove(g.name, g.file)
}

// unmapUnused unmaps a segment whose chunks all wait for Load.
func (s *Spool) unmapUnused(g *segment) {
	mem := s.takeUnused(g)
	if mem == nil {
		return
	}
	if err := munmap(mem); err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.tellLocked("munmap", fmt.Errorf("spool %s: %w", s.path(g), err))
	}
}

// takeUnused takes the memory of a segment, if nobody uses it.
func (s *Spool) takeUnused(g *segment) (mem []byte) {
	s.io.Lock()
	defer s.io.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if g.inUse == 0 && g.stored > 0 && g != s.current && !s.closed && !g.detached {
		mem, g.mem = g.mem, nil
	}
	return mem
}
