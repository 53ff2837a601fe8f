package zapcw

import "time"

// NoJitter makes the Syncer wait exactly as long as its back-off says.
func (s *Syncer) NoJitter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.init()
	s.set.stream.SetJitter(func(d time.Duration) time.Duration { return d })
}

// RaceEnabled tells whether the tests were built with -race.
const RaceEnabled = raceEnabled
