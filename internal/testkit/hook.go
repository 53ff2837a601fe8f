package testkit

import "example.com/zapcw"

// NoJitter makes s wait exactly as long as its back-off says.
func NoJitter(s *zapcw.Syncer) { zapcw.NoJitter(s) }

// Widen gives s all of its lanes, as goroutines that collide would.
func Widen(s *zapcw.Syncer) { zapcw.Widen(s) }
