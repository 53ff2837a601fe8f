//go:build race

package zapcw

// raceEnabled tells that the race detector is on. It makes sync.Pool drop
// values at random, so that nothing can be said about allocations.
const raceEnabled = true
