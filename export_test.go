package zapcw

import "time"

// NoJitter makes the Syncer wait exactly as long as its back-off says.
func (s *Syncer) NoJitter() {
	s.started().SetJitter(func(d time.Duration) time.Duration { return d })
}

// RaceEnabled tells whether the tests were built with -race.
const RaceEnabled = raceEnabled

// Widen gives the Syncer its lanes, as goroutines that meet would.
func (s *Syncer) Widen() { s.started().Widen() }
