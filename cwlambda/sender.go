package cwlambda

import (
	"sync"
	"time"
)

// A sender sends in the background where invocations run side by side and
// nothing is frozen between them. It owns a goroutine from the first invocation
// until all have ended and what they logged was sent.
type sender struct {
	out     *outputs
	timeout time.Duration

	mu      sync.Mutex
	running int           // invocations
	due     bool          // one has ended since the last drain began
	active  chan struct{} // closed when the goroutine has ended; nil if there is none
}

// sendEvery is the age at which events are sent.
const sendEvery = time.Second

func (s *sender) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running++
	if s.active == nil {
		s.active = make(chan struct{})
		go s.run()
	}
}

func (s *sender) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running--
	s.due = true
}

func (s *sender) run() {
	for s.more() {
		time.Sleep(sendEvery)
		s.mu.Lock()
		s.due = false
		s.mu.Unlock()
		s.out.drain(s.timeout)
	}
}

// more reports whether there may be something to send. If not, the sender ends.
func (s *sender) more() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running > 0 || s.due {
		return true
	}
	close(s.active)
	s.active = nil
	return false
}
