package zapcw

import "time"

// NoJitter makes a Syncer wait exactly as long as its back-off says. Only
// internal/testkit calls it.
func NoJitter(s *Syncer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init().stream.SetJitter(func(d time.Duration) time.Duration { return d })
}

// Widen gives a Syncer its lanes, as goroutines that meet would. Only
// internal/testkit calls it.
func Widen(s *Syncer) {
	s.one.mu.Lock()
	defer s.one.mu.Unlock()
	if s.more.Load() == nil {
		s.more.Store(new([lanes]wideLane))
	}
}
