package spool

import (
	"maps"
	"strings"
	"sync"
)

// A teller tells of trouble, of each kind once until it is over. It has a goroutine
// of its own, which ends when nothing is left to tell: whoever listens may take long,
// and nothing waits for that. The Spool's mutex guards it.
type teller struct {
	told  map[string]bool
	queue []error
	done  chan struct{} // closed when the goroutine ends; nil if there is none
}

// ofFile begins the kinds of trouble that end with a file, and not with the next one
// that can be made.
const ofFile = "file "

// tellLocked tells of trouble, unless it did.
func (s *Spool) tellLocked(kind string, err error) {
	t := &s.teller
	if t.told[kind] {
		return
	}
	if t.told == nil {
		t.told = make(map[string]bool)
	}
	t.told[kind] = true
	t.queue = append(t.queue, err)
	if t.done == nil {
		t.done = make(chan struct{})
		go s.tellAll()
	}
}

// Report tells of what Adopt or Load returned, once.
func (s *Spool) Report(err error) {
	if err == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tellLocked(ofFile+err.Error(), err)
}

// workingLocked notes that the disk does what it should.
func (t *teller) workingLocked() {
	maps.DeleteFunc(t.told, func(kind string, _ bool) bool { return !strings.HasPrefix(kind, ofFile) })
}

func (s *Spool) tellAll() {
	for {
		err := s.nextTold()
		if err == nil {
			return
		}
		s.Tell(err)
	}
}

// nextTold is what is to be told next; nil ends the goroutine.
func (s *Spool) nextTold() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.teller
	if len(t.queue) == 0 {
		close(t.done)
		t.done, t.queue = nil, nil
		return nil
	}
	err := t.queue[0]
	t.queue = t.queue[1:]
	return err
}

// telling gives a channel that is closed once everything is told; nil if it is.
func (t *teller) telling(mu *sync.Mutex) <-chan struct{} {
	mu.Lock()
	defer mu.Unlock()
	return t.done
}
