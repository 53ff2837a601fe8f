package zapcw

import "time"

// NoJitter makes the Syncer wait exactly as long as its back-off says.
func (s *Syncer) NoJitter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init().stream.SetJitter(func(d time.Duration) time.Duration { return d })
}

// RaceEnabled tells whether the tests were built with -race.
const RaceEnabled = raceEnabled

// Widen gives the Syncer its lanes, as goroutines that meet would.
func (s *Syncer) Widen() {
	s.one.mu.Lock()
	defer s.one.mu.Unlock()
	if s.more.Load() == nil {
		s.more.Store(new([lanes]wideLane))
	}
}
