//go:build race

// Package race reports whether the race detector is on. It imports nothing, so that
// the tests inside package zapcw can ask, too.
package race

// Enabled tells that the race detector is on. It makes sync.Pool drop what it
// holds at random, so allocations are not worth counting.
const Enabled = true
